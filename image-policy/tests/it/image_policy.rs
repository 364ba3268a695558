//! Policies choose the tag that Flux chose, or fail with its words; and they agree with a simple model.

use gitops_conformance::{Suite, folder, rows};
use image_policy::{Exclusions, Order, Policy, PolicyError, TagFilter, Verdict};
use proptest::prelude::*;
use serde_json::Value;

#[test]
fn tags_are_chosen_as_flux_chooses_them() {
    let Some(file) = folder("flux/image_policy.jsonl") else { return };
    let mut suite = Suite::new("image-policy");
    for row in rows(&file) {
        suite.check(row["id"].as_str().unwrap(), || check(&row));
    }
    suite.finish(100.0);
}

fn check(row: &Value) -> Result<(), String> {
    let tags: Vec<&str> = row["tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap()).collect();
    let got = policy(row).map_err(|e| e.to_string()).and_then(|policy| {
        let filtered = filtered(&policy, &tags);
        let wanted = row.get("filtered").map(strings);
        if wanted.as_ref().is_some_and(|wanted| *wanted != filtered) {
            return Err(format!("filtered: wanted {wanted:?}, got {filtered:?}"));
        }
        let latest = policy.latest(&tags).map_err(|e| e.to_string());
        let explained = policy.explain(&tags);
        assert_eq!(explained.chosen().map_err(ToString::to_string), latest.as_deref().map_err(Clone::clone));
        assert_eq!(explained.verdicts().len(), tags.len());
        let chosen =
            explained.verdicts().iter().filter(|(_, verdict)| matches!(verdict, Verdict::Chosen { .. }));
        assert_eq!(chosen.count(), usize::from(latest.is_ok()));
        latest.map(str::to_owned)
    });
    match (row["latest"].as_str(), row["error"].as_str(), &got) {
        (Some(wanted), _, Ok(got)) if wanted == got => Ok(()),
        (_, Some(wanted), Err(got)) if wanted == got => Ok(()),
        (wanted, error, got) => Err(format!("wanted {wanted:?} or {error:?}, got {got:?}")),
    }
}

fn policy(row: &Value) -> Result<Policy, PolicyError> {
    let order = |rule: &Value| Order::parse(rule["order"].as_str().unwrap_or_default());
    let rules = &row["policy"];
    let policy = if let Some(rule) = rules.get("semver") {
        Policy::semver(rule["range"].as_str().unwrap())?
    } else if let Some(rule) = rules.get("alphabetical") {
        Policy::alphabetical(order(rule)?)
    } else {
        Policy::numerical(order(&rules["numerical"])?)
    };
    let Some(filter) = row.get("filterTags") else { return Ok(policy) };
    let text = |key: &str| filter[key].as_str().unwrap_or_default();
    Ok(policy.filtered(TagFilter::new(text("pattern"), text("extract"))?))
}

/// `extracted=tag`
fn filtered(policy: &Policy, tags: &[&str]) -> Vec<String> {
    policy.filter(tags).iter().map(|(extracted, tag)| format!("{extracted}={tag}")).collect()
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_tag_is_explained() {
    let policy = Policy::semver(">=1.0.0 <2.0.0")
        .unwrap()
        .filtered(TagFilter::new("^v?(?P<v>[0-9].*)$", "$v").unwrap())
        .excluding(Exclusions::new(&[r"\.sig$"]).unwrap());
    let tags = ["1.0.0", "v1.2.0", "1.2.0", "1.2.0+b1", "main", "2.0.0", "1.9.0-rc.1", "1.1", "1.5.0.sig"];
    let explained = policy.explain(&tags);
    let lines: Vec<String> =
        explained.verdicts().iter().map(|(tag, verdict)| format!("{tag}: {verdict}")).collect();
    assert_eq!(
        lines,
        [
            "1.0.0: lower than '1.2.0'",
            "v1.2.0: replaced by the later tag '1.2.0', from which the filter extracts '1.2.0' too",
            "1.2.0: chosen",
            "1.2.0+b1: equal to '1.2.0'",
            "main: filtered out, does not match '^v?(?P<v>[0-9].*)$'",
            "2.0.0: outside the range '>=1.0.0 <2.0.0': \"2.0.0\" is greater than or equal to \"2.0.0\"",
            "1.9.0-rc.1: outside the range '>=1.0.0 <2.0.0': \"1.9.0-rc.1\" is a prerelease version and the \
         constraint is only looking for release versions; a range such as '>=1.0.0-0' lets pre-releases in",
            "1.1: not a version: it needs three numbers, as in 1.2.3",
            "1.5.0.sig: excluded by '\\.sig$'",
        ]
    );
}

proptest! {
    #[test]
    fn semver_agrees_with_sorting_all_versions(
        versions in proptest::collection::vec((0_u8..4, 0_u8..4, 0_u8..12, any::<bool>()), 1..60),
        floor in 0_u8..4,
    ) {
        let tag = |(major, minor, patch, v): &(u8, u8, u8, bool)| {
            format!("{}{major}.{minor}.{patch}", if *v { "v" } else { "" })
        };
        let tags: Vec<String> = versions.iter().map(tag).collect();
        let inside = versions.iter().filter(|version| version.0 >= floor);
        let best = inside.map(|(major, minor, patch, _)| (major, minor, patch)).max();
        let first = best.and_then(|best| versions.iter().position(|(a, b, c, _)| (a, b, c) == best));
        let got = Policy::semver(&format!(">={floor}.0.0")).unwrap().latest(&tags).ok().map(str::to_owned);
        prop_assert_eq!(got, first.map(|index| tags[index].clone()));
    }

    #[test]
    fn numbers_and_texts_agree_with_sorting(tags in proptest::collection::vec("[0-9]{1,6}", 1..60)) {
        let number = |tag: &String| tag.parse::<u64>().unwrap();
        let highest = tags.iter().map(number).max().unwrap();
        let lowest = tags.iter().map(number).min().unwrap();
        let pick = |text| Policy::parse(text).unwrap().latest(&tags).unwrap().to_owned();
        prop_assert_eq!(number(&pick("numerical:asc")), highest);
        prop_assert_eq!(number(&pick("numerical:desc")), lowest);
        prop_assert_eq!(Some(pick("alphabetical:asc")), tags.iter().max().cloned());
        prop_assert_eq!(Some(pick("alphabetical:desc")), tags.iter().min().cloned());
    }

    #[test]
    fn any_policy_on_any_tags_ends(
        rule in "(semver:[ -~]{0,12}|numerical:(asc|desc)|alphabetical)",
        pattern in "[ -~]{0,10}",
        extract in "[a-z$0-9{}]{0,6}",
        tags in proptest::collection::vec("[ -~é]{0,12}", 0..20),
    ) {
        let Ok(policy) = Policy::parse(&rule) else { return Ok(()) };
        let Ok(filter) = TagFilter::new(&pattern, &extract) else { return Ok(()) };
        let policy = policy.filtered(filter);
        let explained = policy.explain(&tags);
        prop_assert_eq!(explained.verdicts().len(), tags.len());
        prop_assert_eq!(explained.chosen().ok(), policy.latest(&tags).ok());
    }
}
