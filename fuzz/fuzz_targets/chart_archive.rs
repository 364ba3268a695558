//! Any bytes are unpacked and loaded as a chart, or refused.
#![no_main]

use helm_rs::chart::Chart;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = Chart::load_archive(data, &mut Vec::new());
});
