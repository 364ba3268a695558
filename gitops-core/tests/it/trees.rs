//! One test for each class of advisory about the peers that a tree of strangers' files could belong to.

use gitops_core::tree::{ErrorKind, MemTree, Source, clean, join};

/// Flux CVE-2022-24877, Argo CD CVE-2022-24348: paths.
#[test]
fn no_path_leaves_a_tree() {
    let mut tree = MemTree::new();
    tree.add_file("a/b.yaml", "x").unwrap();
    for path in ["..", "../x", "a/../../x", "a/b/../../../x", "./../x", "a/./../../x", "//..//x"] {
        assert_eq!(clean(path).unwrap_err().kind(), ErrorKind::LeavesTree, "{path}");
        assert!(join("a", &format!("../{path}")).is_err(), "{path}");
        for error in [
            tree.read(path).unwrap_err(),
            tree.kind(path).unwrap_err(),
            tree.list(path).unwrap_err(),
            tree.resolve(path).unwrap_err(),
            tree.add_file(path, "x").unwrap_err(),
            tree.add_link(path, "x").unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::LeavesTree, "{path}");
        }
    }
    // A slash in front is that of the tree, and a name that only looks like a way up is a name.
    assert_eq!(tree.read("/a//b.yaml").unwrap().as_ref(), b"x");
    tree.add_file("...", "y").unwrap();
    tree.add_file("a/..b", "y").unwrap();
    assert_eq!(tree.resolve("a/..b").unwrap(), "a/..b");
}

/// Flux CVE-2022-24877, Argo CD CVE-2022-24731: links, one after the other, of directories too.
#[test]
fn no_link_leaves_a_tree() {
    let mut tree = MemTree::new();
    tree.add_file("secret", "hunter2").unwrap();
    let mut inner = MemTree::new();
    inner.add_file("sub/file", "x").unwrap();
    for (link, target) in [
        ("up", "../secret"),
        ("root", "/"),
        ("absolute", "/secret"),
        ("sub/far", "../../secret"),
        ("chain", "up"),
        ("directory", ".."),
    ] {
        inner.add_link(link, target).unwrap();
    }
    tree.mount("repo", &inner).unwrap();
    for path in ["up", "absolute", "sub/far", "chain", "directory/secret", "root/secret"] {
        assert!(inner.read(path).is_err(), "{path}");
        assert!(tree.read(&format!("repo/{path}")).is_err(), "{path}");
    }
}

/// Flux CVE-2022-24878: what is cyclic or giant ends in an error.
#[test]
fn circles_and_giants_are_refused() {
    let mut tree = MemTree::new();
    tree.add_link("a", "b").unwrap();
    tree.add_link("b", "a").unwrap();
    tree.add_link("here", ".").unwrap();
    tree.add_link("deeper", "deeper/deeper").unwrap();
    for path in ["a", "deeper", &"here/".repeat(1_000)] {
        assert!(tree.read(path).is_err());
        assert!(tree.resolve(path).is_err());
    }
    let giant = "x/".repeat(100_000);
    assert!(tree.add_file(&giant, "").is_err());
    assert!(tree.read(&giant).is_err());
    assert!(tree.read(&"x".repeat(10_000_000)).is_err());
    assert_eq!(tree.add_file("large", vec![0; (64 << 20) + 1]).unwrap_err().kind(), ErrorKind::TooLarge);
}
