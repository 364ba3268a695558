//! Reading and printing a stream of manifests: this project's YAML layer, the Go libraries that the tools of this field use, and the
//! Rust crates that keep comments or places.
//!
//! Each runs as a process of its own. Go's are a small program that is written here and built where `go` is on PATH; the others
//! are this same binary. Where a crate can't print what it read, only its reading is measured.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use gitops_yaml::{Dialect, FileId, PrintOptions, ReadOptions, append_sigs, print_v3, read_stream};
use saphyr::LoadableYamlNode as _;

use crate::cost;
use crate::inputs::{Input, deployment, fresh, service};
use crate::measure::Cost;

/// The word that makes this binary one of the programs that are measured.
pub(crate) const CHILD: &str = "--yaml-one";

/// Bytes of the stream.
const BYTES: usize = 10 << 20;

/// What is measured: its name in the table, the word for the child, and what it is compared with.
const OURS: [(&str, &str); 2] = [
    ("gitops-yaml, as sigs.k8s.io/yaml reads and prints", "sigs"),
    ("gitops-yaml, as yaml.v3 with nodes and comments", "v3"),
];
const GO: [(&str, &str, usize); 2] =
    [("Go: sigs.k8s.io/yaml", "sigs", 0), ("Go: go.yaml.in/yaml/v3, nodes", "v3", 1)];
const RUST: [(&str, &str); 4] = [
    ("saphyr (drops comments), reading and printing", "saphyr"),
    ("saphyr, marked (places), reading alone", "saphyr-marked"),
    ("marked-yaml (places), reading alone", "marked-yaml"),
    ("yaml-edit (lossless), reading and printing", "yaml-edit"),
];

const GO_MODULE: &str = "module compare

go 1.23

require (
	go.yaml.in/yaml/v3 v3.0.4
	sigs.k8s.io/yaml v1.6.0
)
";

const GO_PROGRAM: &str = r#"package main

import (
	"bufio"
	"bytes"
	"io"
	"os"

	v3 "go.yaml.in/yaml/v3"
	sigs "sigs.k8s.io/yaml"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	text, err := os.ReadFile(os.Args[2])
	check(err)
	out := bufio.NewWriterSize(os.Stdout, 1<<16)
	defer out.Flush()
	if os.Args[1] == "sigs" {
		for _, document := range bytes.Split(text, []byte("\n---\n")) {
			var value any
			check(sigs.Unmarshal(document, &value))
			printed, err := sigs.Marshal(value)
			check(err)
			out.Write(printed)
		}
		return
	}
	decoder, encoder := v3.NewDecoder(bytes.NewReader(text)), v3.NewEncoder(out)
	for {
		var node v3.Node
		err := decoder.Decode(&node)
		if err == io.EOF {
			break
		}
		check(err)
		check(encoder.Encode(&node))
	}
	check(encoder.Close())
}
"#;

/// Prints the table.
pub(crate) fn table(work: &Path, runs: usize) {
    let folder = fresh(work, "yaml");
    let stream = stream();
    crate::inputs::write(&folder.join("stream.yaml"), &stream);
    let this = std::env::current_exe().expect("this program's path");
    println!("\n### YAML, {:.1} MB\n", mega(stream.len()));
    println!(
        "| reader and printer | CPU s | wall s | MB/s | MiB | CPU, ours = 1 |\n|---|---|---|---|---|---|"
    );
    let mut ours = Vec::new();
    for (name, word) in OURS {
        let cost = cost(&this, &input(&folder, &[CHILD, word]), runs);
        row(name, cost, stream.len(), None);
        ours.push(cost);
    }
    match go_program(&folder) {
        Ok(program) => {
            for (name, word, peer) in GO {
                let cost = cost(&program, &input(&folder, &[word]), runs.min(5));
                row(name, cost, stream.len(), Some(ours[peer]));
            }
        }
        Err(why) => eprintln!("Go's libraries are left out: {why}"),
    }
    for (name, word) in RUST {
        let cost = cost(&this, &input(&folder, &[CHILD, word]), runs.min(5));
        row(name, cost, stream.len(), Some(ours[1]));
    }
}

#[allow(clippy::cast_precision_loss, reason = "figures for people")]
fn mega(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}

fn row(name: &str, cost: Cost, bytes: usize, ours: Option<Cost>) {
    let Cost { cpu, wall, mib } = cost;
    let ratio = ours.map(|ours| format!("{:.1}", cpu / ours.cpu.max(1e-4))).unwrap_or_default();
    println!("| {name} | {cpu:.3} | {wall:.3} | {:.0} | {mib:.0} | {ratio} |", mega(bytes) / wall.max(1e-4));
}

fn input(folder: &Path, words: &[&str]) -> Input {
    let args = words.iter().map(|word| (*word).to_owned()).chain(["stream.yaml".to_owned()]).collect();
    Input { folder: folder.to_owned(), args }
}

/// Deployments and Services with a few comments, until they weigh enough.
fn stream() -> String {
    let mut text = String::with_capacity(BYTES + 4096);
    for i in 0.. {
        if text.len() >= BYTES {
            break;
        }
        if i > 0 {
            text.push_str("---\n");
        }
        let _ = write!(text, "# application {i}\n{}---\n{}", deployment(i), service(i));
    }
    text
}

fn go_program(folder: &Path) -> Result<PathBuf, String> {
    let module = folder.join("go");
    crate::inputs::write(&module.join("go.mod"), GO_MODULE);
    crate::inputs::write(&module.join("main.go"), GO_PROGRAM);
    let output = Command::new("go")
        .args(["build", "-mod=mod", "-o", "yaml", "."])
        .current_dir(&module)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("go: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    Ok(module.join("yaml"))
}

/// The main of a child: reads the stream and prints it as one of the programs.
pub(crate) fn child(args: &[String]) -> ! {
    let [word, path] = args else { panic!("a word and a path") };
    let text = fs::read_to_string(path).expect("the stream");
    print!("{}", run(word, &text));
    std::process::exit(0);
}

fn run(word: &str, text: &str) -> String {
    let mut out = String::new();
    let separate = |out: &mut String| {
        if !out.is_empty() {
            out.push_str("---\n");
        }
    };
    match word {
        "sigs" => {
            for document in read_stream(text.as_bytes(), FileId::NONE, &ReadOptions::yaml11()).expect("YAML")
            {
                separate(&mut out);
                append_sigs(&document.root, Dialect::Yaml11, &mut out).expect("printable");
            }
        }
        "v3" => {
            for document in read_stream(text.as_bytes(), FileId::NONE, &ReadOptions::v3()).expect("YAML") {
                separate(&mut out);
                out.push_str(&print_v3(&document.root, &PrintOptions::v3()).expect("printable"));
            }
        }
        "saphyr" => {
            for document in saphyr::Yaml::load_from_str(text).expect("YAML") {
                separate(&mut out);
                saphyr::YamlEmitter::new(&mut out).dump(&document).expect("printable");
            }
        }
        "saphyr-marked" => drop(saphyr::MarkedYaml::load_from_str(text).expect("YAML")),
        "marked-yaml" => {
            let documents = text.split("\n---\n");
            let nodes: Vec<_> =
                documents.map(|document| marked_yaml::parse_yaml(0, document).expect("YAML")).collect();
            drop(nodes);
        }
        "yaml-edit" => {
            let file: yaml_edit::YamlFile = text.parse().expect("YAML");
            out = file.to_string();
        }
        other => panic!("no program {other}"),
    }
    out
}
