//! Charts that stand unpacked in a tree.

use gitops_core::tree::{Source, TreeError, join};

use super::{EntryType, File, IgnoreRules};
use crate::{Error, ErrorKind};

/// How deep folders may nest; a link to a folder above ends here.
const DEPTH: usize = 64;

/// Reads the files of a chart's folder, without what its `.helmignore` names, in the order of their names.
///
/// # Errors
/// When something can't be read, `.helmignore` holds a bad pattern, or folders nest too deep.
pub fn files_in(source: &dyn Source, folder: &str) -> Result<Vec<File>, Error> {
    let ignore = join(folder, ".helmignore").map_err(unreadable)?;
    let rules = match source.read(&ignore) {
        Ok(content) => IgnoreRules::parse(&String::from_utf8_lossy(&content))?,
        Err(_) => IgnoreRules::default(),
    };
    let mut gathering = Gathering { source, rules, files: Vec::new() };
    gathering.folder(folder, "", 0)?;
    Ok(gathering.files)
}

struct Gathering<'a> {
    source: &'a dyn Source,
    rules: IgnoreRules,
    files: Vec<File>,
}

impl Gathering<'_> {
    fn folder(&mut self, folder: &str, prefix: &str, depth: usize) -> Result<(), Error> {
        if depth > DEPTH {
            let message = format!("{folder}: folders are nested more than {DEPTH} deep");
            return Err(Error::new(ErrorKind::Limit, message));
        }
        for name in self.source.list(folder).map_err(unreadable)? {
            let path = join(folder, &name).map_err(unreadable)?;
            let name = format!("{prefix}{name}");
            if self.source.is_directory(&path) {
                if !self.rules.ignores(&name, EntryType::Directory) {
                    self.folder(&path, &format!("{name}/"), depth + 1)?;
                }
            } else if !self.rules.ignores(&name, EntryType::File) {
                let content = self.source.read(&path).map_err(unreadable)?;
                self.files.push(File::new(name, &content));
            }
        }
        Ok(())
    }
}

#[allow(clippy::needless_pass_by_value, reason = "what map_err calls")]
fn unreadable(error: TreeError) -> Error {
    Error::new(ErrorKind::Chart, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_core::tree::MemTree;

    #[test]
    fn leaves_out_what_the_chart_ignores() {
        let mut tree = MemTree::new();
        for (path, text) in [
            ("charts/web/Chart.yaml", "name: web"),
            ("charts/web/.helmignore", "*.md\ntests/\n"),
            ("charts/web/README.md", ""),
            ("charts/web/templates/a.yaml", "a: 1"),
            ("charts/web/tests/b.yaml", "b: 1"),
            ("charts/other/Chart.yaml", "name: other"),
        ] {
            tree.add_file(path, text).expect("a file");
        }
        let files = files_in(&tree, "charts/web").expect("a chart");
        let names: Vec<&str> = files.iter().map(|file| &*file.name).collect();
        assert_eq!(names, [".helmignore", "Chart.yaml", "templates/a.yaml"]);
        assert!(files_in(&tree, "charts/none").is_err());
    }
}
