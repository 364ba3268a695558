//! Folders of a disk as the trees that the engines read, and results written where they belong and nowhere else.

mod export;
mod folder;
mod store;
mod write;

pub use export::export;
pub use folder::Folder;
pub use store::FolderStore;
pub use write::{WriteError, write_below};
