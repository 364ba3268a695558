//! What templates can learn of the world, and what they can't: chance and names are the caller's to give.

use gitops_template::{Hermetic, Options, Refused, Seeded, Templates, Value, World, sprig};
use std::collections::HashSet;
use std::sync::Mutex;

/// Answers everything, and remembers what it was asked.
#[derive(Default)]
struct Watched {
    asked: Mutex<Vec<String>>,
    counter: Mutex<u8>,
}

impl World for Watched {
    fn now(&self) -> Result<i128, Refused> {
        Ok(1_700_000_000_000_000_000)
    }

    fn random(&self, buffer: &mut [u8]) -> Result<(), Refused> {
        let mut counter = self.counter.lock().expect("no panic");
        for byte in buffer {
            *counter = counter.wrapping_mul(5).wrapping_add(113);
            *byte = *counter;
        }
        Ok(())
    }

    fn resolve(&self, host: &str) -> Result<String, Refused> {
        self.asked.lock().expect("no panic").push(host.to_owned());
        Ok("192.0.2.1".to_owned())
    }
}

fn render(text: &str, world: &dyn World) -> Result<String, String> {
    let mut templates = Templates::new(sprig());
    templates.parse("t", text).map_err(|error| error.to_string())?;
    let rendered = templates.render("t", &Value::Nil, &Options::default().world(world));
    rendered.map(|output| output.text.to_string()).map_err(|error| error.to_string())
}

/// A name that is looked up tells its owner that it was, and what stands before its dots: it must not leave unasked.
#[test]
fn host_names_are_looked_up_only_where_the_world_allows_it() {
    let text = "[{{ getHostByName \"secret.example.com\" }}]";
    assert_eq!(render(text, &Hermetic).as_deref(), Ok("[]"));
    assert_eq!(render(text, &Seeded::new(1, 0)).as_deref(), Ok("[]"));
    let world = Watched::default();
    assert_eq!(render(text, &world).as_deref(), Ok("[192.0.2.1]"));
    assert_eq!(*world.asked.lock().expect("no panic"), ["secret.example.com"]);
}

#[test]
fn a_hermetic_render_has_neither_chance_nor_time() {
    for call in ["randAlphaNum 3", "randInt 1 9", "randBytes 2", "uuidv4", "shuffle \"ab\"", "now", "ago 0"] {
        let error = render(&format!("{{{{ {call} }}}}"), &Hermetic).expect_err(call);
        assert!(error.contains("this render is hermetic"), "{error}");
    }
}

/// Once, the functions for passwords drew from less than they seemed to: letters alone, never both digits and letters.
#[test]
fn random_texts_use_their_whole_alphabet_evenly() {
    let world = Seeded::new(7, 0);
    for (function, size) in [("randAlphaNum", 62), ("randAlpha", 52), ("randNumeric", 10), ("randAscii", 95)]
    {
        let text = render(&format!("{{{{ {function} 20000 }}}}"), &world).expect("a text");
        let mut counts = std::collections::HashMap::new();
        for c in text.chars() {
            *counts.entry(c).or_insert(0_u32) += 1;
        }
        assert_eq!(counts.len(), size, "{function}");
        let expected = 20_000 / u32::try_from(size).expect("a small size");
        assert!(counts.values().all(|count| *count > expected / 2 && *count < expected * 2), "{function}");
    }
}

#[test]
fn random_values_differ_from_call_to_call() {
    let world = Seeded::new(7, 0);
    let text =
        render("{{ range until 1000 }}{{ uuidv4 }} {{ randAlphaNum 16 }} {{ end }}", &world).expect("texts");
    let words: HashSet<&str> = text.split_whitespace().collect();
    assert_eq!(words.len(), 2_000);
    assert!(text.split_whitespace().step_by(2).all(is_uuid));
}

/// Version 4, variant 1.
fn is_uuid(word: &str) -> bool {
    let parts: Vec<&str> = word.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
        && parts[2].starts_with('4')
        && parts[3].starts_with(['8', '9', 'a', 'b'])
}

#[test]
fn secrets_are_made_from_the_worlds_bytes_alone() {
    let text =
        "{{ htpasswd \"u\" \"p\" }} {{ encryptAES \"k\" \"v\" }} {{ genPrivateKey \"ecdsa\" | sha256sum }}";
    let first = render(text, &Seeded::new(1, 0)).expect("secrets");
    assert_eq!(first, render(text, &Seeded::new(1, 0)).expect("secrets"));
    assert_ne!(first, render(text, &Seeded::new(2, 0)).expect("secrets"));
    assert_eq!(
        render("{{ encryptAES \"k\" \"v\" | decryptAES \"k\" }}", &Seeded::new(3, 0)).as_deref(),
        Ok("v")
    );
}

#[test]
fn hostile_sizes_are_refused_before_they_are_made() {
    for call in [
        "randAlphaNum 999999999999",
        "randBytes 999999999999",
        "repeat 999999999999 \"ab\"",
        "regexReplaceAll \"\" (repeat 100000 \"x\") (repeat 100000 \"y\") | len",
        "regexReplaceAll \"(.*)\" (repeat 100000 \"x\") (repeat 100000 \"$1\") | len",
    ] {
        let error = render(&format!("{{{{ {call} }}}}"), &Seeded::new(1, 0)).expect_err(call);
        assert!(error.contains("limit"), "{error}");
    }
}
