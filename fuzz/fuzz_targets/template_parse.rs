//! Any text is parsed as a template or refused.
#![no_main]

use gitops_template::{Templates, sprig};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut templates = Templates::new(sprig());
    let _ = templates.parse("fuzz", text);
});
