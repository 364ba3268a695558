//! What is shown of an encrypted document where no key opens it: its clear values, and a word in place of the others.

use gitops_yaml::{Data, FileId, Node, PrintOptions, ReadOptions, from_json, print_documents, read_stream};

use crate::SopsError;
use crate::cipher::is_sealed;
use crate::document::{Format, print, unprinted};

/// What stands in place of a value, as Flux's own command has it.
pub const PLACEHOLDER: &str = "**SOPS**";

/// Takes SOPS' envelope off a document and puts [`PLACEHOLDER`] in place of each sealed value.
///
/// # Errors
/// Where it is no document of its form.
pub fn redact(content: &[u8], from: Format, to: Format) -> Result<Vec<u8>, SopsError> {
    match from {
        Format::Dotenv => {
            let text = String::from_utf8_lossy(content);
            let mut root = Node::mapping(Vec::new());
            let mut lines = String::new();
            for line in text.lines().filter(|line| !line.starts_with("sops_")) {
                let line = match line.split_once('=') {
                    Some((name, value)) if !line.starts_with('#') => {
                        let value = if is_sealed(value) { PLACEHOLDER } else { value };
                        root.set(name, Node::string(value));
                        format!("{name}={value}\n")
                    }
                    _ if line.contains("ENC[") => continue,
                    _ => format!("{line}\n"),
                };
                lines.push_str(&line);
            }
            if to == Format::Dotenv { Ok(lines.into_bytes()) } else { print(&root, to) }
        }
        Format::Yaml => {
            let documents = read_stream(content, FileId::NONE, &ReadOptions::v3().without_comments());
            let mut documents =
                documents.map_err(|_| SopsError::new("failed to load encrypted YAML data"))?;
            documents.iter_mut().for_each(|document| redact_node(&mut document.root));
            match documents.first() {
                Some(first) if to != Format::Yaml => print(&first.root, to),
                _ => print_documents(&documents, &PrintOptions::v3())
                    .map(String::into_bytes)
                    .map_err(unprinted),
            }
        }
        Format::Json | Format::Binary => {
            let failed = || SopsError::new("failed to load encrypted JSON data");
            let text = std::str::from_utf8(content).map_err(|_| failed())?;
            let mut root = from_json(text, FileId::NONE).map_err(|_| failed())?;
            redact_node(&mut root);
            print(&root, to)
        }
    }
}

/// Does the same to an object.
pub fn redact_node(node: &mut Node) {
    node.remove("sops");
    values(node, 0);
}

fn values(node: &mut Node, depth: usize) {
    if depth > 1_000 {
        return;
    }
    if node.as_str().is_some_and(is_sealed) {
        *node = Node::string(PLACEHOLDER).at(node.place);
        return;
    }
    match &mut node.data {
        Data::Mapping(entries) => entries.iter_mut().for_each(|entry| values(&mut entry.value, depth + 1)),
        Data::Sequence(items) => items.iter_mut().for_each(|item| values(item, depth + 1)),
        Data::Scalar(_) | Data::Alias(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(from: Format, to: Format, before: &str, after: &str) {
        let made = redact(before.as_bytes(), from, to).unwrap();
        assert_eq!(String::from_utf8(made).unwrap(), after);
    }

    #[test]
    fn sealed_values_alone_are_replaced() {
        let sealed = "ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:int]";
        let yaml = format!("a:\n- {sealed}\n- b\nsops: {{mac: x}}\n---\nc: {sealed}\n");
        check(Format::Yaml, Format::Yaml, &yaml, "a:\n    - '**SOPS**'\n    - b\n---\nc: '**SOPS**'\n");
        let dotenv = format!("#ENC[x]\nA={sealed}\nB=b\nsops_mac={sealed}\n");
        check(Format::Dotenv, Format::Dotenv, &dotenv, "A=**SOPS**\nB=b\n");
        check(Format::Dotenv, Format::Json, &dotenv, "{\n\t\"A\": \"**SOPS**\",\n\t\"B\": \"b\"\n}\n");
        let binary = format!("{{\"data\": \"{sealed}\", \"sops\": {{}}}}");
        check(Format::Binary, Format::Binary, &binary, "**SOPS**");
    }
}
