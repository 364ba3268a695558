//! A folder of the disk as a source: what it shows, and what it keeps to itself.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::PathBuf;

use gitops_core::tree::{EntryKind, ErrorKind, Source};
use gitops_fs::Folder;

/// A folder of its own that goes away with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("gitops-fs-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(path.join("inside/base")).expect("a folder");
        std::fs::write(path.join("inside/base/deployment.yaml"), "kind: Deployment\n").expect("a file");
        std::fs::write(path.join("secret"), "hidden").expect("a file");
        Self(path)
    }

    fn folder(&self) -> Folder {
        Folder::new(self.0.join("inside")).expect("a folder")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What one that remembers shows, asked once and again, is what one that does not shows.
fn both(folder: &Folder) -> [Folder; 3] {
    let remembering = folder.clone().remembering();
    [folder.clone(), remembering.clone(), remembering]
}

#[test]
fn shows_files_and_directories_below_it() {
    let scratch = Scratch::new("shows");
    both(&scratch.folder()).iter().for_each(shows);
}

#[track_caller]
fn shows(folder: &Folder) {
    assert!(
        folder.is_file("base/deployment.yaml") && folder.is_directory("base") && folder.is_directory(".")
    );
    assert!(!folder.is_file("base") && !folder.is_directory("none") && !folder.is_file("../secret"));
    assert_eq!(folder.read("base/../base//deployment.yaml").unwrap().as_ref(), b"kind: Deployment\n");
    assert_eq!(folder.kind("base"), Ok(EntryKind::Directory));
    assert_eq!(folder.list("base").unwrap(), ["deployment.yaml"]);
    assert_eq!(folder.resolve("./base/").unwrap(), "base");
    assert_eq!(folder.read("base").unwrap_err().kind(), ErrorKind::IsDirectory);
    let error = folder.read("base/deploymnet.yaml").unwrap_err();
    assert_eq!(error.suggestion(), Some("base/deployment.yaml"));
}

#[cfg(unix)]
#[test]
fn links_are_followed_inside_and_refused_outside() {
    use std::os::unix::fs::symlink;
    let scratch = Scratch::new("links");
    let inside = scratch.0.join("inside");
    symlink("base", inside.join("same")).expect("a link");
    symlink("../secret", inside.join("out")).expect("a link");
    symlink("/", inside.join("root")).expect("a link");
    symlink("round", inside.join("round")).expect("a link");
    both(&scratch.folder()).iter().for_each(refuses);
}

#[cfg(unix)]
#[track_caller]
fn refuses(folder: &Folder) {
    assert!(folder.is_file("same/deployment.yaml") && !folder.is_file("out") && !folder.is_directory("root"));
    assert_eq!(folder.resolve("same").unwrap(), "base");
    assert_eq!(folder.resolve("same/deployment.yaml").unwrap(), "base/deployment.yaml");
    assert_eq!(folder.read("out").unwrap_err().kind(), ErrorKind::LeavesTree);
    assert_eq!(folder.kind("root").unwrap_err().kind(), ErrorKind::LeavesTree);
    assert_eq!(folder.list("root/etc").unwrap_err().kind(), ErrorKind::LeavesTree);
    assert_eq!(folder.read("../secret").unwrap_err().kind(), ErrorKind::LeavesTree);
    folder.read("round").unwrap_err();
}

#[test]
fn the_root_of_the_disk_holds_everything() {
    let scratch = Scratch::new("root");
    let root = Folder::new("/").expect("the root");
    let file = scratch.0.join("inside/base/deployment.yaml");
    let path = file.to_str().expect("UTF-8");
    for folder in both(&root) {
        assert_eq!(folder.read(path).unwrap().as_ref(), b"kind: Deployment\n");
        assert!(folder.is_file(path) && !folder.is_directory(path));
        assert_eq!(folder.read(&format!("{path}.gone")).unwrap_err().kind(), ErrorKind::NotFound);
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_that_nobody_writes_to_is_refused_at_once() {
    let scratch = Scratch::new("pipe");
    let pipe = scratch.0.join("inside/pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for folder in both(&Folder::new(scratch.0.join("inside")).unwrap()) {
        let error = folder.read("pipe").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreadable, "{error}");
    }
}

#[cfg(unix)]
#[test]
fn programs_are_told_from_other_files() {
    use gitops_core::tree::FileMode;
    use std::os::unix::fs::PermissionsExt as _;
    let folder = std::env::temp_dir().join(format!("gitops-fs-mode-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for (name, mode) in [("run", 0o755), ("read", 0o644)] {
        std::fs::write(folder.join(name), "").unwrap();
        std::fs::set_permissions(folder.join(name), std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let source = Folder::new(&folder).unwrap();
    assert_eq!(source.mode("run"), Ok(FileMode::Executable));
    assert_eq!((source.mode("read"), source.mode(".")), (Ok(FileMode::Plain), Ok(FileMode::Plain)));
    assert!(source.mode("none").is_err());
    std::fs::remove_dir_all(&folder).unwrap();
}

#[cfg(unix)]
#[test]
fn what_is_exported_is_its_owners_and_goes_through_no_link() {
    use gitops_core::tree::{FileMode, MemTree};
    use std::os::unix::fs::PermissionsExt as _;
    let scratch = Scratch::new("export");
    let out = scratch.0.join("out");
    let mut tree = MemTree::new();
    tree.add_file("a/read", "1").unwrap();
    tree.add_shared("run", (*b"2").into(), FileMode::Executable).unwrap();
    tree.add_link("link", "a/read").unwrap();
    std::fs::create_dir_all(&out).unwrap();
    std::fs::write(out.join("run"), "old and longer").unwrap();
    std::fs::set_permissions(out.join("run"), std::fs::Permissions::from_mode(0o666)).unwrap();
    gitops_fs::export(&tree, &out).unwrap();
    let mode = |path: &str| std::fs::symlink_metadata(out.join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("a/read"), mode("run")), (0o600, 0o700));
    assert_eq!(std::fs::read(out.join("run")).unwrap(), b"2");
    assert!(!out.join("link").exists());
    let victim = scratch.0.join("secret");
    std::fs::remove_file(out.join("run")).unwrap();
    std::os::unix::fs::symlink(&victim, out.join("run")).unwrap();
    assert!(gitops_fs::export(&tree, &out).is_err());
    assert_eq!(std::fs::read(&victim).unwrap(), b"hidden");
}
