//! Threads that share the work of a render.

use gitops_controllers::fleet::Workers;
use std::sync::atomic::{AtomicUsize, Ordering};

/// As many threads as the machine has processors.
pub(crate) struct Threads(usize);

/// Charts nest, and so do their templates.
const STACK: usize = 16 << 20;

impl Threads {
    pub(crate) fn new(count: Option<usize>) -> Self {
        let processors = || std::thread::available_parallelism().map_or(1, Into::into);
        Self(count.unwrap_or_else(processors).max(1))
    }
}

impl Workers for Threads {
    fn run(&self, count: usize, job: &(dyn Fn(usize) + Sync)) {
        let next = AtomicUsize::new(0);
        let work = || {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= count {
                    break;
                }
                job(index);
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..self.0.min(count) {
                // Where the system gives no more threads, those that are there do the work.
                let _ = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work);
            }
        });
        work();
    }
}
