//! Artifacts: packed the same every time, read within bounds, and bad archives refused.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use gitops_core::artifact::{ArtifactErrorKind, pack, unpack};
use gitops_core::tree::{IgnoreRules, Limits, MemTree, Source};
use tar::{Builder, EntryType, Header};

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// An archive with one entry whose name is written as it is.
fn archive(kind: EntryType, name: &str, size: u64, content: &[u8]) -> Vec<u8> {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(0o600);
    header.set_size(size);
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.set_cksum();
    let mut tar = Builder::new(Vec::new());
    tar.append(&header, content).unwrap();
    gzip(&tar.into_inner().unwrap())
}

#[track_caller]
fn refused(archive: &[u8], kind: ArtifactErrorKind) -> String {
    let error = unpack(archive, Limits::default()).map(|tree| tree.files().len()).unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    error.to_string()
}

fn sample() -> MemTree {
    let mut tree = MemTree::new();
    tree.add_file("a.yaml", "a").unwrap();
    tree.add_file("apps/web.yaml", "web").unwrap();
    tree.add_file("apps/logo.png", "png").unwrap();
    tree.add_link("apps/link", "web.yaml").unwrap();
    tree.add_link("dangling", "nowhere").unwrap();
    tree.add_file(&format!("{}/x.yaml", "long-name".repeat(20)), "long").unwrap();
    tree.add_file("überall/ä.yaml", "umlaut").unwrap();
    tree
}

#[test]
fn entries_are_those_of_flux() {
    let rules = IgnoreRules::load(&sample(), None).unwrap();
    let artifact = pack(&sample(), Some(&rules)).unwrap();
    assert_eq!(artifact.files, 4, "links and pictures stay out");
    let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(&artifact.content[..]));
    let entries: Vec<String> = tar
        .entries()
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let header = entry.header();
            assert_eq!((header.mtime().unwrap(), header.uid().unwrap(), header.gid().unwrap()), (0, 0, 0));
            let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            format!("{:o} {}", header.mode().unwrap(), path.replace(&"long-name".repeat(20), "LONG"))
        })
        .collect();
    let wanted = [
        "750 .",
        "600 a.yaml",
        "750 apps",
        "600 apps/web.yaml",
        "750 LONG",
        "600 LONG/x.yaml",
        "750 überall",
        "600 überall/ä.yaml",
    ];
    assert_eq!(entries, wanted);
}

#[test]
fn what_was_packed_is_read_back_and_the_digest_is_the_contents_own() {
    let artifact = pack(&sample(), None).unwrap();
    let tree = unpack(&artifact.content, Limits::default()).unwrap();
    assert_eq!(tree.files(), unpack(&pack(&tree, None).unwrap().content, Limits::default()).unwrap().files());
    assert_eq!(tree.read("überall/ä.yaml").unwrap().as_ref(), "umlaut".as_bytes());
    assert_eq!(pack(&tree, None).unwrap().digest, artifact.digest, "links change nothing");
    let mut other = tree.clone();
    other.add_file("a.yaml", "b").unwrap();
    assert_ne!(pack(&other, None).unwrap().digest, artifact.digest);
}

#[test]
fn paths_that_leave_the_tree_and_odd_entries_are_refused() {
    for name in ["../evil", "a/../../evil", "/etc/passwd", "a\\..\\b", "a/.."] {
        refused(&archive(EntryType::Regular, name, 1, b"x"), ArtifactErrorKind::Refused);
    }
    refused(&archive(EntryType::Link, "hard", 0, b""), ArtifactErrorKind::Refused);
    refused(&archive(EntryType::Char, "device", 0, b""), ArtifactErrorKind::Refused);
    let linked = unpack(&archive(EntryType::Symlink, "link", 0, b""), Limits::default()).unwrap();
    assert!(linked.files().is_empty() && !linked.is_file("link"));
}

#[test]
fn a_file_over_a_directory_is_refused() {
    let mut tar = Builder::new(Vec::new());
    for name in ["a/b", "a"] {
        let mut header = Header::new_ustar();
        header.set_size(1);
        header.set_entry_type(EntryType::Regular);
        tar.append_data(&mut header, name, &b"x"[..]).unwrap();
    }
    refused(&gzip(&tar.into_inner().unwrap()), ArtifactErrorKind::Damaged);
}

#[test]
fn bombs_end_at_their_limits() {
    // 20 MB of zeros in some 20 kB: below every limit but the ratio's.
    let zeros = vec![0; 20 << 20];
    let bomb = archive(EntryType::Regular, "zeros", zeros.len() as u64, &zeros);
    refused(&bomb, ArtifactErrorKind::TooLarge);
    // A long name is read into memory before anything else.
    let name = archive(EntryType::GNULongName, "././@LongLink", 8 << 20, &zeros[..8 << 20]);
    refused(&name, ArtifactErrorKind::TooLarge);
    let extended = archive(EntryType::XHeader, "pax", 8 << 20, &zeros[..8 << 20]);
    refused(&extended, ArtifactErrorKind::TooLarge);
    // A header that promises more than comes.
    refused(&archive(EntryType::Regular, "short", 4 << 10, b"x"), ArtifactErrorKind::Damaged);
    let mut limits = Limits::default();
    limits.entries = 3;
    let many = pack(&sample(), None).unwrap();
    let error = unpack(&many.content, limits).unwrap_err();
    assert_eq!(error.kind(), ArtifactErrorKind::TooLarge, "{error}");
}

#[test]
fn damaged_archives_never_pass_for_whole_ones() {
    let whole = pack(&sample(), None).unwrap().content;
    for cut in 0..whole.len() {
        assert!(unpack(&whole[..cut], Limits::default()).is_err(), "cut at {cut}");
    }
    for at in 10..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x40;
        // Never a panic; the checksum finds what the format does not.
        let _ = unpack(&flipped, Limits::default());
    }
    refused(b"PK\x03\x04", ArtifactErrorKind::Damaged);
}

#[test]
fn programs_stay_programs() {
    use gitops_core::tree::FileMode;
    let mut tree = MemTree::new();
    tree.add_shared("run.sh", b"#!/bin/sh\n".as_slice().into(), FileMode::Executable).unwrap();
    tree.add_file("run.yaml", "a: 1\n").unwrap();
    let packed = pack(&tree, None).unwrap();
    let again = unpack(&packed.content, Limits::default()).unwrap();
    assert_eq!(again.mode("run.sh"), Ok(FileMode::Executable));
    assert_eq!(again.mode("run.yaml"), Ok(FileMode::Plain));
    tree.add_file("run.sh", "#!/bin/sh\n").unwrap();
    assert_ne!(pack(&tree, None).unwrap().digest, packed.digest);
}
