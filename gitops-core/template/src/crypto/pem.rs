//! PEM: base64 between dashes.

/// A block that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) kind: String,
    pub(crate) bytes: Vec<u8>,
}

/// Writes a block, 64 letters a line.
pub(super) fn encode(kind: &str, bytes: &[u8]) -> String {
    let letters = crate::functions::base64(bytes);
    let mut out = format!("-----BEGIN {kind}-----\n");
    let mut rest = letters.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        out.push_str(line);
        out.push('\n');
        rest = after;
    }
    out.push_str(&format!("-----END {kind}-----\n"));
    out
}

/// Reads the first block of a text; what stands around it does not matter. Headers are passed over.
pub(crate) fn decode(text: &str) -> Option<Block> {
    const BEGIN: &str = "-----BEGIN ";
    let mut rest = text;
    loop {
        let start = if rest.starts_with(BEGIN) { 0 } else { rest.find("\n-----BEGIN ")? + 1 };
        rest = &rest[start + BEGIN.len()..];
        if let Some(block) = body(rest) {
            return Some(block);
        }
    }
}

fn body(text: &str) -> Option<Block> {
    let (first, rest) = text.split_once('\n')?;
    let kind = first.trim_end().strip_suffix("-----")?;
    let end = format!("-----END {kind}-----");
    let at = if rest.starts_with(&end) { 0 } else { rest.find(&format!("\n{end}"))? + 1 };
    let mut letters = String::with_capacity(at);
    for line in rest[..at].lines().filter(|line| !line.contains(':')) {
        letters.extend(line.chars().filter(|c| !c.is_ascii_whitespace()));
    }
    let bytes = crate::functions::from_base64(letters.as_bytes()).ok()?;
    Some(Block { kind: kind.to_owned(), bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_written_and_read() {
        let bytes: Vec<u8> = (0..100).collect();
        let text = encode("SOME KEY", &bytes);
        assert!(text.lines().all(|line| line.len() <= 64));
        let block = decode(&format!("noise\n{text}more")).expect("a block");
        assert_eq!((block.kind.as_str(), block.bytes), ("SOME KEY", bytes));
        assert_eq!(decode("-----BEGIN X-----\n!!\n-----END X-----\n"), None);
    }
}
