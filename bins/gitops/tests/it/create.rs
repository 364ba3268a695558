//! `gitops create … --export` against what Flux's command line printed.

use gitops_conformance::{Suite, folder, rows, same_text};
use serde_json::Value;
use std::process::Command;

#[test]
fn creates_what_flux_creates() {
    let Some(flux) = folder("flux") else { return };
    let mut suite = Suite::new("cli_create");
    for row in rows(&flux.join("cli_create.jsonl")) {
        let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        suite.check(&text("id"), || {
            let args = row["args"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let done = Command::new(env!("CARGO_BIN_EXE_gitops"))
                .args(args)
                .env("KUBECONFIG", "/nonexistent/kubeconfig")
                .output()
                .map_err(|why| why.to_string())?;
            same_text(&text("stdout"), &String::from_utf8_lossy(&done.stdout))?;
            same_text(&text("stderr"), &String::from_utf8_lossy(&done.stderr))?;
            if done.status.code() == row["rc"].as_i64().and_then(|code| i32::try_from(code).ok()) {
                Ok(())
            } else {
                Err(format!("exit code {:?}, wanted {}", done.status.code(), row["rc"]))
            }
        });
    }
    suite.finish(95.0);
}
