//! The command line: flags are read, the engine is called, the result is printed.

fn main() {}
