//! What rendering needs of the world, as small traits: charts from elsewhere, and hands to work with.

use std::sync::{Mutex, PoisonError};

use helm_rs::chart::Chart;

/// A chart that is not in the repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct RemoteChart {
    /// The URL of the HelmRepository or OCIRepository: `https://charts.example.org`, `oci://registry.example.org/charts/web`.
    pub url: String,
    /// The chart's name; empty where the URL names it.
    pub name: String,
    /// The wanted version or range; empty for the newest. For an OCIRepository its tag, range or digest.
    pub version: String,
}

/// Where charts come from that are not in the repository.
pub trait Charts: Sync {
    /// Returns a chart.
    ///
    /// # Errors
    /// Says in words for the user why there is none, and what would help.
    fn chart(&self, chart: &RemoteChart) -> Result<Chart, String>;
}

/// No charts from elsewhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCharts;

impl Charts for NoCharts {
    fn chart(&self, chart: &RemoteChart) -> Result<Chart, String> {
        Err(format!("chart {} of {} is not in the repository", chart.name, chart.url))
    }
}

/// Hands that do independent jobs, in any order, on as many threads as they like.
pub trait Workers: Sync {
    /// Calls `job` once with each number below `count`, and returns when all are done.
    fn run(&self, count: usize, job: &(dyn Fn(usize) + Sync));
}

/// Does one job after the other.
#[derive(Clone, Copy, Debug, Default)]
pub struct OneByOne;

impl Workers for OneByOne {
    fn run(&self, count: usize, job: &(dyn Fn(usize) + Sync)) {
        (0..count).for_each(job);
    }
}

/// Turns each item into another, by the workers; the order is kept.
pub(crate) fn map<T: Sync, R: Send>(
    workers: &dyn Workers,
    items: &[T],
    turn: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let slots: Vec<Mutex<Option<R>>> = items.iter().map(|_| Mutex::new(None)).collect();
    workers.run(items.len(), &|index| {
        if let (Some(item), Some(slot)) = (items.get(index), slots.get(index)) {
            let made = turn(item);
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(made);
        }
    });
    slots.into_iter().filter_map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
}
