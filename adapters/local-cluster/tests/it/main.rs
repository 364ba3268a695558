//! The embedded cluster, through its port and over HTTP.

mod port;
mod fidelity;
