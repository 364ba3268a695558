//! Packed charts: a `.tgz` becomes files in memory, within bounds, with every path checked.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use gitops_yaml::Str;

use super::File;
use crate::go::quoted;
use crate::{Error, ErrorKind, Time};

/// How much a packed chart may hold; archives come from strangers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArchiveLimits {
    /// Bytes of all files together, unpacked; 100 MiB by default, as in Helm.
    pub bytes: u64,
    /// Files and directories; 100,000 by default.
    pub entries: usize,
    /// How many times larger than its archive a chart may be, once it is over a megabyte; 1,000 by default.
    pub ratio: u64,
}

impl Default for ArchiveLimits {
    fn default() -> Self {
        Self { bytes: 100 << 20, entries: 100_000, ratio: 1_000 }
    }
}

/// Below this size, no ratio of an archive to its contents is suspicious.
const RATIO_FROM: u64 = 1 << 20;

/// Unpacks a `.tgz`. The first element of each path, the chart's folder, is dropped.
///
/// Links and devices are refused where Helm reads them as empty files, and so is a path that stands twice.
///
/// # Errors
/// When the archive is damaged, passes a limit, or holds a path that is absolute or leads out of the chart.
pub fn unpack(archive: &[u8], limits: ArchiveLimits) -> Result<Vec<File>, Error> {
    if archive.is_empty() {
        return Err(damaged("EOF"));
    }
    if !archive.starts_with(&[0x1f, 0x8b]) {
        return Err(damaged("gzip: invalid header"));
    }
    let by_ratio = limits.ratio.saturating_mul(archive.len() as u64).max(RATIO_FROM);
    let bytes = limits.bytes.min(by_ratio);
    // Headers and padding come on top of the files' bytes.
    let stream_limit =
        bytes.saturating_add((limits.entries as u64).saturating_mul(1_536)).saturating_add(1 << 20);
    let mut archive = tar::Archive::new(MultiGzDecoder::new(archive).take(stream_limit));
    let mut left = bytes;
    let mut files: Vec<File> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for (index, entry) in archive.entries().map_err(|error| damaged(&error.to_string()))?.enumerate() {
        if index >= limits.entries {
            let most = limits.entries;
            return Err(Error::new(
                ErrorKind::Limit,
                format!("chart archive holds more than {most} entries"),
            ));
        }
        let mut entry = entry.map_err(|error| damaged(&error.to_string()))?;
        let kind = entry.header().entry_type();
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if kind.is_dir() || path.ends_with('/') || kind.is_pax_global_extensions() {
            continue;
        }
        if !(kind.is_file() || kind.is_contiguous()) {
            let shown = quoted(&path);
            return Err(refused(format!("chart archive holds {shown}, which is no regular file")));
        }
        let name = checked_path(&path)?;
        let size = entry.size();
        if size > left {
            return Err(too_large(limits.bytes));
        }
        let mut data = Vec::with_capacity(usize::try_from(size.min(1 << 20)).unwrap_or(0));
        let read = (&mut entry).take(size).read_to_end(&mut data);
        read.map_err(|error| damaged(&error.to_string()))?;
        left -= data.len() as u64;
        if (data.len() as u64) < size || left == 0 {
            return Err(too_large(limits.bytes));
        }
        if !seen.insert(name.clone()) {
            return Err(refused(format!("chart archive holds {} twice", quoted(&name))));
        }
        let seconds = entry.header().mtime().ok().and_then(|time| i64::try_from(time).ok()).unwrap_or(0);
        files.push(File::new(name, &data).modified(Time::from_seconds(seconds)));
    }
    if files.is_empty() {
        return Err(refused("no files in chart archive"));
    }
    Ok(files)
}

/// Checks a path of an archive and returns it as seen from the chart's root.
fn checked_path(path: &str) -> Result<Str, Error> {
    // Archives made on Windows may have backslashes.
    let delimiter = if path.contains('\\') { '\\' } else { '/' };
    let (folder, rest) = path.split_once(delimiter).unwrap_or((path, ""));
    let name = rest.replace(delimiter, "/");
    // Helm takes the first slash for the folder that is dropped.
    if name.starts_with('/') || folder.is_empty() {
        return Err(refused("chart illegally contains absolute paths"));
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let name = parts.join("/");
    if name.is_empty() {
        let shown = quoted(path);
        return Err(refused(format!("chart illegally contains content outside the base directory: {shown}")));
    }
    if name.starts_with("..") {
        return Err(refused("chart illegally references parent directory"));
    }
    if matches!(name.as_bytes(), [drive, b':', b'/', ..] if drive.is_ascii_alphabetic()) {
        return Err(refused("chart contains illegally named files"));
    }
    if folder == "Chart.yaml" {
        return Err(refused("chart yaml not in base directory"));
    }
    if name.contains('\0') {
        return Err(refused("chart contains illegally named files"));
    }
    Ok(name.into())
}

fn damaged(message: &str) -> Error {
    Error::new(ErrorKind::Archive, message)
}

fn refused(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Archive, message)
}

fn too_large(limit: u64) -> Error {
    Error::new(ErrorKind::Limit, format!("decompressed chart is larger than the maximum size {limit}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, wanted: Result<&str, &str>) {
        match (checked_path(path), wanted) {
            (Ok(got), Ok(wanted)) => assert_eq!(got, wanted),
            (Err(got), Err(wanted)) => assert!(got.to_string().starts_with(wanted), "{got}"),
            (got, wanted) => panic!("{path}: wanted {wanted:?}, got {got:?}"),
        }
    }

    #[test]
    fn paths_that_leave_the_chart_are_refused() {
        check("c/templates/a.yaml", Ok("templates/a.yaml"));
        check("c\\templates\\a.yaml", Ok("templates/a.yaml"));
        check("c/./x/../y", Ok("y"));
        check(
            "Chart.yaml",
            Err("chart illegally contains content outside the base directory: \"Chart.yaml\""),
        );
        check("c//etc/passwd", Err("chart illegally contains absolute paths"));
        check("c/../../x", Err("chart illegally references parent directory"));
        check("c/c:/x", Err("chart contains illegally named files"));
        check("Chart.yaml/x", Err("chart yaml not in base directory"));
    }
}
