//! Inventory ids against those that Flux writes.

use gitops_conformance::{Suite, folder, rows};
use gitops_core::object::{ApplyStage, ObjectId, apply_order};

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

/// The order of applying, and the stages, against Flux's table.
#[test]
fn ssa_order() {
    let Some(folder) = folder("flux") else { return };
    let text = std::fs::read_to_string(folder.join("ssa_order.json")).unwrap();
    let table: serde_json::Value = serde_json::from_str(&text).unwrap();
    let kinds = |field: &str| -> Vec<String> {
        table[field].as_array().unwrap().iter().map(|kind| kind.as_str().unwrap().to_owned()).collect()
    };
    let id =
        |kind: &str| ObjectId { group: "z.example.com".into(), kind: kind.into(), ..ObjectId::default() };
    let (first, last) = (kinds("kind_order_first"), kinds("kind_order_last"));
    let wanted: Vec<&str> = first
        .iter()
        .map(String::as_str)
        .chain(["Aardvark", "Zebra"])
        .chain(last.iter().map(String::as_str))
        .collect();
    let mut sorted: Vec<ObjectId> = wanted.iter().rev().map(|kind| id(kind)).collect();
    sorted.sort_by(apply_order);
    let mut suite = Suite::new("ssa_order");
    for (kind, found) in wanted.iter().zip(&sorted) {
        suite.check(kind, || {
            if found.kind == *kind { Ok(()) } else { Err(format!("wanted {kind}, got {}", found.kind)) }
        });
    }
    let stages: Vec<&str> =
        table["stages"].as_array().unwrap().iter().filter_map(|stage| stage.as_str()).collect();
    for (index, stage) in [ApplyStage::Definitions, ApplyStage::Classes, ApplyStage::Custom, ApplyStage::Rest]
        .into_iter()
        .enumerate()
    {
        let words: Vec<&str> = stages[index].split([',', ':', ' ']).collect();
        for kind in first.iter().filter(|kind| words.contains(&kind.as_str())) {
            suite.check(&format!("{kind} in stage {index}"), || {
                let found = ApplyStage::of(&id(kind), &[]);
                if found == stage { Ok(()) } else { Err(format!("{found:?}")) }
            });
        }
    }
    suite.finish(100.0);
}
