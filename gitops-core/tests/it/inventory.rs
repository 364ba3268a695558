//! Inventory ids against those that Flux writes.

use gitops_conformance::{Suite, folder, rows};
use gitops_core::object::ObjectId;

#[test]
fn inventory_ids() {
    let Some(folder) = folder("flux") else { return };
    let mut suite = Suite::new("inventory_id");
    for row in rows(&folder.join("inventory_id.jsonl")) {
        let text = |field: &str| row[field].as_str().unwrap_or_default();
        suite.check(text("id"), || {
            let id = ObjectId {
                group: text("group").into(),
                kind: text("kind").into(),
                namespace: text("namespace").into(),
                name: text("name").into(),
            };
            let same = |wanted: &str, got: String| {
                if wanted == got { Ok(()) } else { Err(format!("wanted {wanted}, got {got}")) }
            };
            same(text("entry_id"), id.entry())?;
            same(text("display"), id.to_string())?;
            if ObjectId::parse_entry(text("entry_id")) == Some(id) {
                Ok(())
            } else {
                Err("is not read back".into())
            }
        });
    }
    suite.finish(100.0);
}
