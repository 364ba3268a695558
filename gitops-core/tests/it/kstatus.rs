//! Health against what Flux's own code says.

use gitops_conformance::{Suite, folder, rows};
use gitops_core::health::status;

#[test]
fn kstatus() {
    let Some(file) = folder("flux/kstatus.jsonl") else { return };
    let mut suite = Suite::new("kstatus");
    for row in rows(&file) {
        suite.check(row["id"].as_str().unwrap_or_default(), || {
            let object = gitops_yaml::to_node(&row["object"]).map_err(|error| error.to_string())?;
            let health = status(&object);
            let got = (health.state.as_str(), health.message.as_str());
            let wanted =
                (row["status"].as_str().unwrap_or_default(), row["message"].as_str().unwrap_or_default());
            if got == wanted { Ok(()) } else { Err(format!("wanted {wanted:?}, got {got:?}")) }
        });
    }
    suite.finish(100.0);
}
