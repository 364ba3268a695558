//! Any file is updated or left alone; a second update finds nothing to do, and what was YAML stays YAML.
#![no_main]

use gitops_yaml::{FileId, ReadOptions, read_stream};
use image_policy::{Limits, Mode, Policies, Setters, Updater};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut policies = Policies::default();
    policies.choose("a:b=ghcr.io/org/app:2.1".parse().expect("a valid policy")).expect("one policy");
    Setters::default().add("a.yaml", text.as_bytes(), Limits::default());
    for mode in [Mode::Minimal, Mode::Flux] {
        let mut updater = Updater::new(&policies).mode(mode);
        if updater.file("a.yaml", text.as_bytes()).is_err() {
            continue;
        }
        let update = updater.finish();
        if mode == Mode::Flux {
            continue;
        }
        for (file, new) in update.files() {
            assert!(read_stream(new.as_bytes(), FileId::NONE, &ReadOptions::v3()).is_ok(), "{new}");
            let mut again = Updater::new(&policies);
            again.file(file, new.as_bytes()).expect("no conflict came in");
            assert!(again.finish().files().next().is_none(), "{new}");
        }
    }
});
