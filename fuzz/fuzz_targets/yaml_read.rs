//! Any bytes are read or refused in both dialects, and what was read is printed and read again.
#![no_main]

use gitops_yaml::{Dialect, FileId, PrintOptions, ReadOptions, print_v3, read_kyaml, read_stream};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    for options in [ReadOptions::v3(), ReadOptions::yaml11()] {
        let Ok(documents) = read_stream(data, FileId::NONE, &options) else { continue };
        for document in documents {
            let _ = gitops_yaml::print_sigs(&document.root, Dialect::Yaml11);
            if let Ok(text) = print_v3(&document.root, &PrintOptions::v3()) {
                let _ = read_stream(text.as_bytes(), FileId::NONE, &options);
            }
        }
    }
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(documents) = read_kyaml(text, FileId::NONE)
    {
        let _ = gitops_yaml::print_kyaml(&documents);
    }
});
