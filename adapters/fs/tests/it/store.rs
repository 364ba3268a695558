use gitops_core::ports::ArtifactStore;
use gitops_fs::FolderStore;

#[tokio::test]
async fn keeps_what_was_put_across_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let store = FolderStore::open(folder.path()).unwrap();
    store.put("gitrepository/apps/one/a.tar.gz", b"first".as_slice().into()).await.unwrap();
    store.put("gitrepository/apps/one/a.tar.gz", b"second".as_slice().into()).await.unwrap();
    drop(store);
    let store = FolderStore::open(folder.path()).unwrap();
    let kept = store.get("gitrepository/apps/one/a.tar.gz").await.unwrap().unwrap();
    assert_eq!(&*kept, b"second");
    store.remove("gitrepository/apps/one/a.tar.gz").await.unwrap();
    assert!(store.get("gitrepository/apps/one/a.tar.gz").await.unwrap().is_none());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "empty folders go");
    store.remove("gitrepository/apps/one/a.tar.gz").await.unwrap();
}

#[tokio::test]
async fn sweeps_what_a_process_did_not_finish() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("apps")).unwrap();
    std::fs::write(folder.path().join("apps/a.tar.gz.1.0.unfinished"), "half").unwrap();
    std::fs::write(folder.path().join("apps/a.tar.gz"), "whole").unwrap();
    let store = FolderStore::open(folder.path()).unwrap();
    let names: Vec<_> = std::fs::read_dir(folder.path().join("apps"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["a.tar.gz"]);
    assert_eq!(&*store.get("apps/a.tar.gz").await.unwrap().unwrap(), b"whole");
}

#[tokio::test]
async fn stays_in_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let store = FolderStore::open(folder.path()).unwrap();
    for name in ["", "../a", "/etc/a", "a/../../b"] {
        let error = store.put(name, b"x".as_slice().into()).await.unwrap_err();
        assert!(!error.can_retry(), "{name}: {error}");
        assert!(store.get(name).await.is_err(), "{name}");
        assert!(store.remove(name).await.is_err(), "{name}");
    }
    std::os::unix::fs::symlink(outside.path(), folder.path().join("apps")).unwrap();
    store.put("apps/a", b"x".as_slice().into()).await.unwrap_err();
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
}
