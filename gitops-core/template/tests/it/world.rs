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

/// Keys that openssl wrote, in the traditional form and as PKCS #8: they come back in the traditional one.
#[test]
fn certificates_take_keys_of_every_curve_that_go_knows() {
    const P384: &str = "-----BEGIN EC PRIVATE KEY-----\nMIGkAgEBBDA/GcvOxhxcmZTrVo41+uMMzWP/wXfDAjSaJxiIhIHZYy7WD+tEFLFY\ntFlHcaxrgd6gBwYFK4EEACKhZANiAAQRK6QlNZHZU9EonB7sWWk5d1WK0/QDBAZN\nN2AUu4AdwU1UwIoTlXo6X64kFXVn7GpWDPnP0BZfdwYW6/LXtNLqW3k0mlyioO0z\nY/2YgWQBDLuISNc7WeBCzMJyPzJqvjU=\n-----END EC PRIVATE KEY-----\n";
    const P384_PKCS8: &str = "-----BEGIN PRIVATE KEY-----\nMIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDA/GcvOxhxcmZTrVo41\n+uMMzWP/wXfDAjSaJxiIhIHZYy7WD+tEFLFYtFlHcaxrgd6hZANiAAQRK6QlNZHZ\nU9EonB7sWWk5d1WK0/QDBAZNN2AUu4AdwU1UwIoTlXo6X64kFXVn7GpWDPnP0BZf\ndwYW6/LXtNLqW3k0mlyioO0zY/2YgWQBDLuISNc7WeBCzMJyPzJqvjU=\n-----END PRIVATE KEY-----\n";
    const P521_PKCS8: &str = "-----BEGIN PRIVATE KEY-----\nMIHuAgEAMBAGByqGSM49AgEGBSuBBAAjBIHWMIHTAgEBBEIBf+yinkbVikQFL5SO\n1CIgzGeNSx4X88+gzCW5EpkNWZDnBIO14njhtK/5RIixDRkyMcGA7VSdUPwLTowf\n//ds4jShgYkDgYYABAGJd4ihwIvo3dmJbrIE9zUyT6gZ1OQj96JBEjEq9j+QHNYi\nZo3tqeucVsbK9tOphYabCt3pw3iAvZgH83XwGwUY6gEtUdTlwzNsuBXugsUeaK7G\n6twf6w92+Vt0rAFXErK6kmSpxlake09BAm5N6RVy6gdLhjdPYKQUg4opKHyMLIA3\noA==\n-----END PRIVATE KEY-----\n";
    const P224: &str = "-----BEGIN EC PRIVATE KEY-----\nMGgCAQEEHMY2uTGMTsa/5CM8XnKdZL42mrbpv7igk8k0spOgBwYFK4EEACGhPAM6\nAATuEvLo/NUlg5BQB3MH2+yP3G4QJNGMEZD6V5ZVbZ1j0Sa/NeL1Lg0XcZouCpx8\n+o6TJkgeOKRMow==\n-----END EC PRIVATE KEY-----\n";
    const K1: &str = "-----BEGIN EC PRIVATE KEY-----\nMHQCAQEEIFsvDBLdZSBRjCabbWfVlh41GVomjqZ2xhKKxysoTg9yoAcGBSuBBAAK\noUQDQgAEuzsAEyVR19Zn4rpia33pr1IRYmhqvSQ3QsgMwrdd7O8qEX1o0MhEu/B3\n59XyqEZaBnOriAmPBO5lclvTlSFp8w==\n-----END EC PRIVATE KEY-----\n";
    const X25519: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VuBCIEIJANfsamvxNpgKDA5JE0Sy4VIH+Qq1vg9V6JVRDozyJt\n-----END PRIVATE KEY-----\n";
    let self_signed = |key: &str, print: &str| {
        let text = format!("{{{{ (genSelfSignedCertWithKey \"cn\" nil nil 3 {key:?}).{print} }}}}");
        render(&text, &Seeded::new(1, 0))
    };
    assert_eq!(self_signed(P384, "Key").as_deref(), Ok(P384));
    assert_eq!(self_signed(P384_PKCS8, "Key").as_deref(), Ok(P384));
    assert_eq!(self_signed(P224, "Key").as_deref(), Ok(P224));
    assert!(
        self_signed(P521_PKCS8, "Key").is_ok_and(|key| key.starts_with("-----BEGIN EC PRIVATE KEY-----"))
    );
    for key in [P224, P384, P521_PKCS8] {
        assert!(self_signed(key, "Cert").is_ok_and(|text| text.starts_with("-----BEGIN CERTIFICATE-----")));
        let text = format!(
            "{{{{ $ca := genCAWithKey \"ca\" 9 {key:?} }}}}{{{{ (genSignedCertWithKey \"cn\" nil nil 3 $ca {P384:?}).Key }}}}"
        );
        assert_eq!(render(&text, &Seeded::new(1, 0)).as_deref(), Ok(P384));
    }
    let refused = |key: &str, wanted: &str| {
        let error = self_signed(key, "Cert").expect_err(wanted);
        assert!(error.contains(wanted), "{error}");
    };
    refused(K1, "parsing private key: parsing EC private key from PEM: x509: unknown elliptic curve");
    refused(X25519, "certificate private key does not implement crypto.Signer");
    refused(
        "-----BEGIN EC PRIVATE KEY-----\n-----END EC PRIVATE KEY-----\n",
        "parsing EC private key from PEM",
    );
}
