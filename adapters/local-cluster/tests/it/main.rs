//! The embedded cluster, through its port and over HTTP.

mod fidelity;
mod port;
