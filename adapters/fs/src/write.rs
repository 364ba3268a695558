//! Writing below a folder: no path leaves it, and no link is written through.

use std::fmt;
use std::path::{Component, Path, PathBuf};

/// Why a file was not written.
#[derive(Debug)]
pub enum WriteError {
    /// The path is absolute or has `..` in it.
    Leaves(PathBuf),
    /// A link stands where a folder or file should be.
    Link(PathBuf),
    /// The disk says no.
    Io(PathBuf, std::io::Error),
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Leaves(path) => write!(f, "{}: the path leaves the folder that is written", path.display()),
            Self::Link(path) => write!(f, "{}: a link is not written through", path.display()),
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for WriteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(_, error) => Some(error),
            _ => None,
        }
    }
}

/// Writes a file below a folder, and the folders that lead to it.
///
/// # Errors
/// When the path leaves the folder, a link is in the way, or the disk says no. The folder itself may be reached by links:
/// the caller named it.
pub fn write_below(folder: &Path, inside: &Path, content: &[u8]) -> Result<PathBuf, WriteError> {
    let path = place_below(folder, inside)?;
    std::fs::write(&path, content).map_err(|error| WriteError::Io(path.clone(), error))?;
    Ok(path)
}

/// Returns where a file below a folder is written, and makes the folders that lead there.
pub(crate) fn place_below(folder: &Path, inside: &Path) -> Result<PathBuf, WriteError> {
    let mut path = folder.to_owned();
    let parts: Vec<Component<'_>> = inside.components().filter(|part| *part != Component::CurDir).collect();
    let Some((name, directories)) = parts.split_last() else {
        return Err(WriteError::Leaves(inside.to_owned()));
    };
    std::fs::create_dir_all(folder).map_err(|error| WriteError::Io(folder.to_owned(), error))?;
    for part in directories {
        path.push(normal(part, inside)?);
        refuse_link(&path)?;
        match std::fs::create_dir(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(WriteError::Io(path, error));
            }
            _ => {}
        }
    }
    path.push(normal(name, inside)?);
    refuse_link(&path)?;
    Ok(path)
}

fn normal<'p>(part: &Component<'p>, inside: &Path) -> Result<&'p std::ffi::OsStr, WriteError> {
    match part {
        Component::Normal(name) => Ok(name),
        _ => Err(WriteError::Leaves(inside.to_owned())),
    }
}

fn refuse_link(path: &Path) -> Result<(), WriteError> {
    match std::fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() => Err(WriteError::Link(path.to_owned())),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_written_outside_or_through_a_link() {
        let folder = std::env::temp_dir().join(format!("gitops-fs-{}", std::process::id()));
        let (inner, outer) = (folder.join("inner"), folder.join("outer"));
        std::fs::create_dir_all(&inner).unwrap();
        std::fs::create_dir_all(&outer).unwrap();
        assert!(matches!(write_below(&inner, Path::new("../x"), b""), Err(WriteError::Leaves(_))));
        assert!(matches!(write_below(&inner, Path::new("/x"), b""), Err(WriteError::Leaves(_))));
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(&outer, inner.join("link")).unwrap();
            assert!(matches!(write_below(&inner, Path::new("link/x"), b""), Err(WriteError::Link(_))));
        }
        assert_eq!(write_below(&inner, Path::new("a/b"), b"c").unwrap(), inner.join("a/b"));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
