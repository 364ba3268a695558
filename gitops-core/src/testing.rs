//! A world in memory for tests: every port, with faults on demand (feature `testing`).
//!
//! A [`Faults`] list is shared by a test and its fakes; each call of a port takes the next fault that is meant for it.
//!
//! ```
//! use gitops_core::testing::{Fault, FakeRegistry};
//! use gitops_core::ports::Registry;
//! # use std::{future::Future, pin::pin, task::{Context, Poll, Waker}};
//! # fn ready<T>(f: impl Future<Output = T>) -> T {
//! #     match pin!(f).poll(&mut Context::from_waker(Waker::noop())) { Poll::Ready(v) => v, Poll::Pending => panic!() }
//! # }
//! let registry = FakeRegistry::default();
//! registry.set_tags("registry.example.org/echo", ["1.0.0", "1.1.0"]);
//! registry.faults.push("tags", Fault::Error("503 from the registry".into()));
//! assert!(ready(registry.tags("registry.example.org/echo")).unwrap_err().can_retry());
//! assert_eq!(ready(registry.tags("registry.example.org/echo"))?, ["1.0.0", "1.1.0"]);
//! # Ok::<(), gitops_core::ports::PortError>(())
//! ```

mod charts;
mod cluster;
mod faults;
mod git;
mod registry;
mod store;

pub use charts::FakeCharts;
pub use cluster::{FakeCluster, FakeWatch};
pub use faults::{Fault, Faults};
pub use git::FakeGit;
pub use registry::FakeRegistry;
pub use store::{FakeNotify, FakeStore, FixedClock};
