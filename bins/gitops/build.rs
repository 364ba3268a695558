//! Links the command line at a fixed address where that is known to work. A program that may be loaded anywhere begins
//! with rewriting some forty thousand pointers, a quarter of the time that a small build takes; Go's programs are linked so too.

use std::env::var;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let target = |part: &str| var(format!("CARGO_CFG_TARGET_{part}")).unwrap_or_default();
    if target("OS") == "linux"
        && target("ENV") == "gnu"
        && matches!(target("ARCH").as_str(), "x86_64" | "aarch64")
    {
        println!("cargo:rustc-link-arg-bins=-no-pie");
    }
}
