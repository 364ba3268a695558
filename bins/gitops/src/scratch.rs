//! A folder for as long as a command runs, which nobody else may read.

use crate::Failure;
use std::path::{Path, PathBuf};

/// A folder that is removed with all in it when this is dropped.
pub(crate) struct ScratchFolder(PathBuf);

impl ScratchFolder {
    /// Makes a folder `gitops-NAME-…` where temporary files belong.
    pub(crate) fn new(name: &str) -> Result<Self, Failure> {
        let mut bytes = [0_u8; 8];
        getrandom::fill(&mut bytes).map_err(|why| why.to_string())?;
        let path = std::env::temp_dir().join(format!("gitops-{name}-{:016x}", u64::from_le_bytes(bytes)));
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        {
            use std::os::unix::fs::DirBuilderExt;
            builder.mode(0o700);
        }
        builder.create(&path)?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for ScratchFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
