//! Writes a tree of strangers' files to a folder.

use crate::WriteError;
use crate::write::place_below;
use gitops_core::tree::{FileMode, MemTree, Source as _};
use std::io::Write as _;
use std::path::Path;

/// Writes a tree's files below a folder. Links of the tree are not made, links of the disk not followed; files can be read and
/// written by their owner alone, and programs run by it, whatever an archive said of them.
///
/// ```
/// let mut tree = gitops_core::tree::MemTree::new();
/// tree.add_file("apps/web.yaml", "kind: Deployment\n")?;
/// let folder = std::env::temp_dir().join(format!("gitops-export-{}", std::process::id()));
/// gitops_fs::export(&tree, &folder)?;
/// assert_eq!(std::fs::read(folder.join("apps/web.yaml"))?, b"kind: Deployment\n");
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`write_below`](crate::write_below).
pub fn export(tree: &MemTree, folder: &Path) -> Result<(), WriteError> {
    std::fs::create_dir_all(folder).map_err(|error| WriteError::Io(folder.to_owned(), error))?;
    for (path, content) in tree.files() {
        let place = place_below(folder, Path::new(&path))?;
        let mode = tree.mode(&path).unwrap_or(FileMode::Plain);
        let written = open(&place, mode).and_then(|mut file| file.write_all(content));
        written.map_err(|error| WriteError::Io(place, error))?;
    }
    Ok(())
}

#[cfg(unix)]
fn open(place: &Path, mode: FileMode) -> std::io::Result<std::fs::File> {
    use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
    let mode = if mode == FileMode::Executable { 0o700 } else { 0o600 };
    let file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(place)?;
    // A file that was there keeps its mode otherwise.
    file.set_permissions(std::fs::Permissions::from_mode(mode))?;
    Ok(file)
}

#[cfg(not(unix))]
fn open(place: &Path, _: FileMode) -> std::io::Result<std::fs::File> {
    std::fs::File::create(place)
}
