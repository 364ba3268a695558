//! Images: tags are listed, one is chosen, and the choice is committed.

pub(crate) mod automation;
pub(crate) mod policy;
pub(crate) mod repository;
