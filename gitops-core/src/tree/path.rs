//! Paths as text: forward slashes, cleaned before use.

use super::TreeError;

/// Cleans a path: resolves `.` and `..` by text alone and drops doubled, leading and trailing slashes. The root is `.`.
///
/// ```
/// use gitops_core::tree::clean;
/// assert_eq!(clean("./apps//web/../db/").unwrap(), "apps/db");
/// assert_eq!(clean("/").unwrap(), ".");
/// assert!(clean("apps/../../etc").is_err());
/// ```
///
/// # Errors
/// [`ErrorKind::LeavesTree`](super::ErrorKind::LeavesTree) when more `..` than names are before it.
pub fn clean(path: &str) -> Result<String, TreeError> {
    if is_clean(path) {
        return Ok(path.to_owned());
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if parts.pop().is_none() {
                    return Err(TreeError::leaves_tree(path));
                }
            }
            name => parts.push(name),
        }
    }
    Ok(if parts.is_empty() { ".".to_owned() } else { parts.join("/") })
}

/// Returns whether a path is what [`clean`] would make of it; most are.
fn is_clean(path: &str) -> bool {
    // A part that begins with a dot may be `.` or `..`, which is left for the long way to find out.
    let mut begins = true;
    for byte in path.bytes() {
        match byte {
            b'/' | b'.' if begins => return false,
            byte => begins = byte == b'/',
        }
    }
    !begins
}

/// Joins a path to the directory it is written in, and cleans the result.
///
/// # Errors
/// As [`clean`].
pub fn join(directory: &str, path: &str) -> Result<String, TreeError> {
    clean(&format!("{directory}/{path}")).map_err(|_| TreeError::leaves_tree(path))
}

/// Returns the directory of a cleaned path; `.` for names at the root and for the root itself.
#[must_use]
pub fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or(".", |(directory, _)| directory)
}

/// Returns the last name of a cleaned path.
#[must_use]
pub fn base_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joining_goes_up_but_not_out() {
        assert_eq!(join("overlays/prod", "../../base").unwrap(), "base");
        assert_eq!(join(".", "a").unwrap(), "a");
        let error = join("overlays/prod", "../../../base").unwrap_err();
        assert_eq!(error.to_string(), "path leaves the tree: ../../../base");
    }

    #[test]
    fn parents_and_names() {
        assert_eq!((parent("a/b/c"), base_name("a/b/c")), ("a/b", "c"));
        assert_eq!((parent("a"), base_name("a")), (".", "a"));
    }
}
