//! The reference controller.
fn main() {}
