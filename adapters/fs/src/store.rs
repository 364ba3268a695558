//! Artifacts in a folder: each written whole or not at all, so that a process that dies leaves nothing half.

use crate::write::{WriteError, write_below};
use gitops_core::ports::{ArtifactStore, PortError};
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What the names of unfinished files end with.
const UNFINISHED: &str = ".unfinished";

/// A folder that keeps artifacts by names such as `gitrepository/apps/podinfo/0a1b.tar.gz`.
///
/// ```
/// use gitops_core::ports::ArtifactStore;
/// # use std::{future::Future, pin::pin, task::{Context, Poll, Waker}};
/// # fn wait<T>(f: impl Future<Output = T>) -> T {
/// #     match pin!(f).poll(&mut Context::from_waker(Waker::noop())) { Poll::Ready(v) => v, Poll::Pending => panic!() }
/// # }
/// # let folder = std::env::temp_dir().join(format!("gitops-store-{}", std::process::id()));
/// let store = gitops_fs::FolderStore::open(&folder)?;
/// wait(store.put("gitrepository/apps/podinfo/0a1b.tar.gz", b"archive".as_slice().into()))?;
/// let kept = wait(store.get("gitrepository/apps/podinfo/0a1b.tar.gz"))?;
/// assert_eq!(kept.as_deref(), Some(b"archive".as_slice()));
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct FolderStore {
    folder: PathBuf,
    writes: AtomicU64,
}

impl FolderStore {
    /// Opens a folder, which is made where there is none, and sweeps out what a process before did not finish.
    ///
    /// # Errors
    /// Where the folder can't be made or read.
    pub fn open(folder: impl Into<PathBuf>) -> std::io::Result<Self> {
        let folder = folder.into();
        std::fs::create_dir_all(&folder)?;
        sweep(&folder)?;
        Ok(Self { folder, writes: AtomicU64::new(0) })
    }

    fn place(&self, name: &str) -> Result<PathBuf, PortError> {
        let inside = Path::new(name);
        if name.is_empty() || inside.components().any(|part| !matches!(part, Component::Normal(_))) {
            return Err(PortError::stalled(format!("{name}: the path leaves the folder of artifacts")));
        }
        Ok(self.folder.join(inside))
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<(), PortError> {
        let place = self.place(name)?;
        let number = self.writes.fetch_add(1, Ordering::Relaxed);
        let draft = format!("{name}.{}.{number}{UNFINISHED}", std::process::id());
        let written = write_below(&self.folder, Path::new(&draft), content).map_err(|error| match error {
            WriteError::Io(..) => PortError::retry(error.to_string()),
            WriteError::Leaves(_) | WriteError::Link(_) => PortError::stalled(error.to_string()),
        })?;
        let ended = std::fs::File::open(&written)
            .and_then(|file| file.sync_all())
            .and_then(|()| std::fs::rename(&written, &place));
        ended.map_err(|error| {
            // What stays behind is swept at the next start.
            drop(std::fs::remove_file(&written));
            PortError::retry(format!("{}: {error}", place.display()))
        })
    }
}

impl ArtifactStore for FolderStore {
    async fn put(&self, name: &str, content: Arc<[u8]>) -> Result<(), PortError> {
        self.write(name, &content)
    }

    async fn get(&self, name: &str) -> Result<Option<Arc<[u8]>>, PortError> {
        let place = self.place(name)?;
        match std::fs::read(&place) {
            Ok(content) => Ok(Some(content.into())),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(PortError::retry(format!("{}: {error}", place.display()))),
        }
    }

    async fn remove(&self, name: &str) -> Result<(), PortError> {
        let place = self.place(name)?;
        match std::fs::remove_file(&place) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(PortError::retry(format!("{}: {error}", place.display())));
            }
            _ => {}
        }
        // Folders that became empty go with their last file; one that is not empty refuses, which ends the walk.
        let mut above = place.parent();
        while let Some(folder) = above.filter(|folder| *folder != self.folder) {
            if std::fs::remove_dir(folder).is_err() {
                break;
            }
            above = folder.parent();
        }
        Ok(())
    }
}

fn sweep(folder: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            sweep(&entry.path())?;
        } else if kind.is_file() && entry.file_name().to_string_lossy().ends_with(UNFINISHED) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
