//! Any bytes are unpacked and loaded as a chart, or refused.
//!
//! Bytes alone rarely get past gzip's and tar's checksums. So an input that is text counts as the files of an archive as well: a line
//! `=== path` starts each of them.
#![no_main]

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use helm_rs::chart::Chart;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = Chart::load_archive(data, &mut Vec::new());
    let _ = Chart::load_archive(&compressed(data), &mut Vec::new());
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = Chart::load_archive(&compressed(&archive(text)), &mut Vec::new());
    }
});

fn compressed(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
    encoder.write_all(data).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}

fn archive(text: &str) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for part in text.split("=== ").skip(1) {
        let (path, content) = part.split_once('\n').unwrap_or((part, ""));
        let mut header = tar::Header::new_gnu();
        // The field is written as it is: `set_path` would refuse the paths that matter here.
        let field = &mut header.as_old_mut().name;
        let length = path.len().min(field.len());
        field[..length].copy_from_slice(&path.as_bytes()[..length]);
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append(&header, content.as_bytes()).expect("memory takes all");
    }
    builder.into_inner().expect("memory takes all")
}
