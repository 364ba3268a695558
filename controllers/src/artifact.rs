//! Artifacts between sources and those who build from them: kept as archives, and the latest as trees.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use gitops_core::tree::MemTree;

/// Trees of artifacts by their digests, the least recently used of which go when there are too many bytes.
#[derive(Debug)]
pub struct Trees {
    inner: Mutex<Inner>,
    limit: usize,
}

#[derive(Debug, Default)]
struct Inner {
    trees: HashMap<String, Kept>,
    bytes: usize,
    uses: u64,
}

#[derive(Debug)]
struct Kept {
    tree: Arc<MemTree>,
    bytes: usize,
    used: u64,
}

impl Trees {
    /// Makes a store of at most `limit` bytes of files.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { inner: Mutex::default(), limit }
    }

    /// Returns a tree.
    #[must_use]
    pub fn get(&self, digest: &str) -> Option<Arc<MemTree>> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.uses += 1;
        let uses = inner.uses;
        let kept = inner.trees.get_mut(digest)?;
        kept.used = uses;
        Some(Arc::clone(&kept.tree))
    }

    /// Keeps a tree; one that is larger than the limit by itself is not kept.
    pub fn put(&self, digest: &str, tree: Arc<MemTree>) {
        let bytes = tree.files().iter().map(|(path, content)| path.len() + content.len()).sum::<usize>();
        if bytes > self.limit {
            return;
        }
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.uses += 1;
        let used = inner.uses;
        if let Some(before) = inner.trees.insert(digest.to_owned(), Kept { tree, bytes, used }) {
            inner.bytes -= before.bytes;
        }
        inner.bytes += bytes;
        while inner.bytes > self.limit {
            let oldest =
                inner.trees.iter().min_by_key(|(_, kept)| kept.used).map(|(digest, _)| digest.clone());
            let Some(gone) = oldest.and_then(|digest| inner.trees.remove(&digest)) else { break };
            inner.bytes -= gone.bytes;
        }
    }

    /// Forgets a tree.
    pub fn remove(&self, digest: &str) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(gone) = inner.trees.remove(digest) {
            inner.bytes -= gone.bytes;
        }
    }

    /// Returns how many bytes of files are kept.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(content: &str) -> Arc<MemTree> {
        let mut tree = MemTree::new();
        tree.add_file("a", content).unwrap();
        Arc::new(tree)
    }

    #[test]
    fn the_least_recently_used_tree_goes() {
        let trees = Trees::new(10);
        trees.put("one", tree("1234"));
        trees.put("two", tree("1234"));
        assert!(trees.get("one").is_some());
        trees.put("three", tree("1234"));
        assert!(trees.get("two").is_none() && trees.get("one").is_some());
        assert_eq!(trees.bytes(), 10);
        trees.put("huge", tree("12345678901"));
        assert_eq!(trees.bytes(), 10);
    }
}
