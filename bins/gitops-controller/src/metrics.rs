//! Figures for Prometheus, under the names that dashboards for Flux ask for.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicI64, AtomicU64};
use std::time::Duration;

use gitops_controllers::{Key, Next};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// The type of what [`Metrics::text`] returns.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Object {
    kind: String,
    name: String,
    namespace: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Ending {
    controller: String,
    result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Controller {
    controller: String,
}

/// What was measured since the start.
///
/// - `gotk_reconcile_duration_seconds{kind,name,namespace}`: a histogram; the series of an object that is gone go with it.
/// - `controller_runtime_reconcile_total{controller,result}`: `success` where nothing is left to do, `requeue_after` where a
///   time was given, `error` where it is tried again.
/// - `controller_runtime_active_workers{controller}`.
/// - `process_resident_memory_bytes`, `process_cpu_seconds_total`, where the system tells.
#[derive(Debug)]
pub struct Metrics {
    registry: Mutex<Registry>,
    durations: Family<Object, Histogram, fn() -> Histogram>,
    endings: Family<Ending, Counter>,
    active: Family<Controller, Gauge>,
    memory: Gauge<i64, AtomicI64>,
    cpu: Counter<f64, AtomicU64>,
}

fn durations() -> Histogram {
    Histogram::new(exponential_buckets(10e-9, 10.0, 10))
}

fn object(key: &Key) -> Object {
    Object { kind: key.kind.name().into(), name: key.name.to_string(), namespace: key.namespace.to_string() }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        let metrics = Self {
            registry: Mutex::default(),
            durations: Family::new_with_constructor(durations),
            endings: Family::default(),
            active: Family::default(),
            memory: Gauge::default(),
            cpu: Counter::default(),
        };
        registry.register(
            "gotk_reconcile_duration_seconds",
            "How long the reconciliations of an object took",
            metrics.durations.clone(),
        );
        registry.register(
            "controller_runtime_reconcile",
            "How reconciliations ended",
            metrics.endings.clone(),
        );
        registry.register(
            "controller_runtime_active_workers",
            "How many objects are reconciled now",
            metrics.active.clone(),
        );
        registry.register_with_unit(
            "process_resident_memory",
            "Memory that the process holds",
            Unit::Bytes,
            metrics.memory.clone(),
        );
        registry.register_with_unit(
            "process_cpu",
            "Processor time that the process took",
            Unit::Seconds,
            metrics.cpu.clone(),
        );
        *metrics.registry.lock().unwrap_or_else(PoisonError::into_inner) = registry;
        metrics
    }
}

impl Metrics {
    /// Notes that a reconciliation begins.
    pub fn started(&self, key: &Key) {
        self.active.get_or_create(&Controller { controller: key.kind.name().to_lowercase() }).inc();
    }

    /// Notes that a reconciliation has ended.
    pub fn ended(&self, key: &Key, took: Duration, next: Next) {
        self.durations.get_or_create(&object(key)).observe(took.as_secs_f64());
        let controller = key.kind.name().to_lowercase();
        self.active.get_or_create(&Controller { controller: controller.clone() }).dec();
        let result = match next {
            Next::After(_) => "requeue_after",
            Next::Backoff | Next::Soon(_) => "error",
            Next::OnChange => "success",
        };
        self.endings.get_or_create(&Ending { controller, result }).inc();
    }

    /// Forgets an object that is gone.
    pub fn gone(&self, key: &Key) {
        self.durations.remove(&object(key));
    }

    /// Returns all figures as text in the form of OpenMetrics.
    #[must_use]
    pub fn text(&self) -> String {
        if let Some(process) = Process::read() {
            self.memory.set(process.memory);
            let spent = process.cpu - self.cpu.get();
            if spent > 0.0 {
                self.cpu.inc_by(spent);
            }
        }
        let mut text = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        if encode(&mut text, &registry).is_err() {
            // Writing to memory does not fail; half of the figures would mislead.
            text.clear();
        }
        text
    }
}

/// What Linux tells of this process.
struct Process {
    memory: i64,
    cpu: f64,
}

impl Process {
    /// Reads `/proc`; `None` on systems without.
    fn read() -> Option<Self> {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let kibibytes: i64 = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))?
            .split_whitespace()
            .next()?
            .parse()
            .ok()?;
        // Nanoseconds on a processor, of all threads that still run and have run.
        let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
        // The name before may hold spaces; it ends with the last parenthesis.
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
        let user: f64 = fields.next()?.parse().ok()?;
        let system: f64 = fields.next()?.parse().ok()?;
        // Linux reports these in hundredths of a second to programs on every architecture.
        Some(Self { memory: kibibytes.checked_mul(1024)?, cpu: (user + system) / 100.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_controllers::Kind;

    #[test]
    fn an_object_that_is_gone_leaves_no_series() {
        let metrics = Metrics::default();
        let key = Key::new(Kind::Kustomization, "flux-system", "apps");
        metrics.started(&key);
        metrics.ended(&key, Duration::from_millis(20), Next::OnChange);
        let text = metrics.text();
        let count = r#"gotk_reconcile_duration_seconds_count{kind="Kustomization",name="apps",namespace="flux-system"} 1"#;
        assert!(text.contains(count), "{text}");
        let ending = r#"controller_runtime_reconcile_total{controller="kustomization",result="success"} 1"#;
        assert!(text.contains(ending), "{text}");
        assert!(
            text.contains(r#"controller_runtime_active_workers{controller="kustomization"} 0"#),
            "{text}"
        );
        metrics.gone(&key);
        let text = metrics.text();
        assert!(!text.contains("gotk_reconcile_duration_seconds_count"), "{text}");
        assert!(text.contains(ending), "{text}");
    }
}
