//! Rules that hold for every version and constraint, against the plainest way of saying them.

use gitops_semver::{Constraint, Version};
use proptest::prelude::*;

/// Few numbers, so that versions and bounds meet.
fn release() -> impl Strategy<Value = (u64, u64, u64)> {
    (0..4_u64, 0..4_u64, 0..4_u64)
}

fn version() -> impl Strategy<Value = String> {
    let prerelease = prop::option::of("(0|[1-9][0-9]{0,2}|[a-c-]{1,2})(\\.(0|[1-9][0-9]?|[a-c]{1,2})){0,2}");
    (release(), prerelease, prop::option::of("[0-9a-z]{1,3}"), any::<bool>()).prop_map(
        |(numbers, pre, meta, v)| {
            let (major, minor, patch) = numbers;
            let pre = pre.map_or(String::new(), |pre| format!("-{pre}"));
            let meta = meta.map_or(String::new(), |meta| format!("+{meta}"));
            format!("{}{major}.{minor}.{patch}{pre}{meta}", if v { "v" } else { "" })
        },
    )
}

fn parse((major, minor, patch): (u64, u64, u64)) -> Version {
    Version::new(major, minor, patch, "", "")
}

proptest! {
    #[test]
    fn printing_and_reading_give_the_same_version(text in version()) {
        let read = Version::parse(&text).expect("a version");
        let again = Version::parse_strict(&read.to_string()).expect("its canonical form");
        prop_assert_eq!(read.to_string(), again.to_string());
        prop_assert_eq!(&read, &again);
        prop_assert_eq!(read.original(), text);
    }

    #[test]
    fn order_is_total(a in version(), b in version(), c in version()) {
        let [a, b, c] = [a, b, c].map(|text| Version::parse(&text).expect("a version"));
        prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
        if a <= b && b <= c {
            prop_assert!(a <= c);
        }
    }

    #[test]
    fn operators_compare_the_numbers(bound in release(), found in release()) {
        let (major, minor, patch) = bound;
        let holds = |range: String| Constraint::parse(&range).expect("a constraint").check(&parse(found));
        let full = format!("{major}.{minor}.{patch}");
        prop_assert_eq!(holds(full.clone()), found == bound);
        prop_assert_eq!(holds(format!("!={full}")), found != bound);
        prop_assert_eq!(holds(format!("> {full}")), found > bound);
        prop_assert_eq!(holds(format!("=>{full}")), found >= bound);
        prop_assert_eq!(holds(format!("<{full}")), found < bound);
        prop_assert_eq!(holds(format!("<={full}")), found <= bound);
        prop_assert_eq!(holds(format!("{major}.{minor}")), (found.0, found.1) == (major, minor));
        prop_assert_eq!(holds(format!(">{major}.x")), found.0 > major);
        prop_assert_eq!(holds(format!("<={major}.{minor}")), (found.0, found.1) <= (major, minor));
        let caret = match bound {
            (0, 0, _) => found == bound,
            (0, minor, _) => (found.0, found.1) == (0, minor) && found >= bound,
            (major, ..) => found.0 == major && found >= bound,
        };
        prop_assert_eq!(holds(format!("^{full}")), caret);
        let tilde = bound == (0, 0, 0) || ((found.0, found.1) == (major, minor) && found >= bound);
        prop_assert_eq!(holds(format!("~{full}")), tilde);
    }

    #[test]
    fn joining_is_and_and_or(a in release(), b in release(), found in release()) {
        let text = |(x, y, z): (u64, u64, u64)| format!("{x}.{y}.{z}");
        let holds = |range: String| Constraint::parse(&range).expect("a constraint").check(&parse(found));
        prop_assert_eq!(holds(format!(">={}, <={}", text(a), text(b))), a <= found && found <= b);
        prop_assert_eq!(holds(format!(">={} <={}", text(a), text(b))), a <= found && found <= b);
        prop_assert_eq!(holds(format!("{} - {}", text(a), text(b))), a <= found && found <= b);
        prop_assert_eq!(holds(format!("{} || {}", text(a), text(b))), a == found || b == found);
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,40}", range in "[0-9xX*|.,<>=!~^ v+a-]{0,24}") {
        let _ = (Version::parse(&text), Version::parse_strict(&text), Constraint::parse(&text));
        if let Ok(range) = Constraint::parse(&range) {
            let version = Version::new(1, 2, 3, "", "");
            prop_assert_eq!(range.check(&version), range.validate(&version).is_ok());
        }
    }
}
