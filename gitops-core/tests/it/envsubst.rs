//! Variables against what Flux's own code made of them.

use gitops_conformance::{Suite, folder, rows};
use gitops_core::substitute::{Strictness, Variables};

#[test]
fn envsubst() {
    let Some(file) = folder("flux/envsubst.jsonl") else { return };
    let mut suite = Suite::new("envsubst");
    for row in rows(&file) {
        suite.check(row["id"].as_str().unwrap_or_default(), || {
            let variables: Variables = row["vars"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, value)| (name.as_str(), value.as_str().unwrap_or_default()))
                .collect();
            let strictness = if row["strict"] == true { Strictness::Strict } else { Strictness::Lenient };
            let input = row["input"].as_str().unwrap_or_default();
            let got = variables.replace_in(input, strictness);
            match (&got, row["output"].as_str(), row["error"].as_str()) {
                (Ok(text), Some(wanted), _) if text == wanted => Ok(()),
                (Err(error), None, Some(wanted)) if error.to_string() == wanted => Ok(()),
                // Where Flux panics, an error is right.
                (Err(_), None, None) => Ok(()),
                (_, wanted, error) => Err(format!("{input:?}: {got:?}, wanted {wanted:?} {error:?}")),
            }
        });
    }
    suite.finish(100.0);
}

/// A kilobyte of references to a megabyte is a gigabyte, and what is replaced within it again is more.
#[test]
fn texts_do_not_grow_without_bound() {
    let large = "a".repeat(1 << 20);
    let variables: Variables = [("v", large.as_str()), ("w", large.as_str())].into_iter().collect();
    let refused = |text: &str| variables.replace_in(text, Strictness::Strict).expect_err(text).to_string();
    assert!(refused(&"${v}".repeat(1_000)).contains("larger than"));
    assert!(refused("${v//a/${w}}").contains("larger than"));
    assert!(refused(&format!("${{none:={}}}", "${v}".repeat(1_000))).contains("larger than"));
    for operator in ["#", "##", "%", "%%"] {
        assert!(
            refused(&format!("${{v{operator}${{w}}}}")).contains("too long to be compared"),
            "{operator}"
        );
    }
}
