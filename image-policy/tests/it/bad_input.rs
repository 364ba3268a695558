//! What is wrong with a file is said once and clearly, with its place; nothing is damaged.

use image_policy::{Limits, Policies, Setters, Update, Updater};

fn update(files: &[(&str, &[u8])]) -> Update {
    let mut policies = Policies::default();
    policies.choose("flux-system:app=ghcr.io/org/app:2.1.0".parse().unwrap()).unwrap();
    policies.choose("flux-system:web=ghcr.io/org/web:1.0.0".parse().unwrap()).unwrap();
    policies.insert(image_policy::PolicyName::new("flux-system", "new"), None).unwrap();
    let mut updater = Updater::new(&policies).limits(small());
    for (path, bytes) in files {
        updater.file(path, bytes).unwrap();
    }
    updater.finish()
}

fn small() -> Limits {
    let mut limits = Limits::default();
    limits.file_bytes = 1 << 20;
    limits
}

/// Expects that a file is left alone and that this, line by line, is said about it.
#[track_caller]
fn check(text: &str, said: &[&str]) {
    let done = update(&[("apps/a.yaml", text.as_bytes())]);
    assert_eq!(done.files().next(), None);
    let problems = done.problems().iter().map(ToString::to_string);
    let all: Vec<String> = problems.chain(done.skipped().iter().map(ToString::to_string)).collect();
    assert_eq!(all, said);
}

#[test]
fn an_unknown_policy_is_named_with_near_misses() {
    check(
        "spec:\n  image: x:1 # {\"$imagepolicy\": \"flux-system:ap\"}\n",
        &["apps/a.yaml:2:10: no policy for setter 'flux-system:ap'; did you mean 'flux-system:app'?"],
    );
    check(
        "image: x:1 # {\"$imagepolicy\": \"default:app:tag\"}\n",
        &["apps/a.yaml:1:8: no policy for setter 'default:app:tag'; did you mean 'flux-system:app'?"],
    );
    check(
        "image: x:1 # {\"$imagepolicy\": \"flux-system:new\"}\n",
        &["apps/a.yaml:1:8: the policy of setter 'flux-system:new' has not chosen an image yet"],
    );
    check(
        "image: x:1 # {\"$imagepolicy\": \"flux-system:app:tags\"}\n",
        &[
            "apps/a.yaml:1:8: the marker has the unknown suffix 'tags', must be one of: name, tag, digest; did you mean \
         'tag'?",
        ],
    );
}

#[test]
fn markers_that_flux_ignores_in_silence_are_reported() {
    let marker = "# {\"$imagepolicy\": \"flux-system:app\"}";
    check(
        "image: x:1 # {'$imagepolicy': 'flux-system:app'}\n",
        &["apps/a.yaml:1:8: the marker's JSON needs double quotes, not single ones"],
    );
    check(
        &format!("{marker}\nimage: x:1\n"),
        &["apps/a.yaml:1:1: the marker stands on a line of its own, must follow the value on its line"],
    );
    check(
        &format!("image: x:1\n{marker}\n"),
        &["apps/a.yaml:2:1: the marker stands on a line of its own, must follow the value on its line"],
    );
    check(
        &format!("image: x:1 {marker} keep\n"),
        &["apps/a.yaml:1:8: the marker must be the whole comment; remove the text around it"],
    );
    check(
        &format!("v: |\n  image: x:1 {marker}\n"),
        &["apps/a.yaml:2:14: the marker is part of a block scalar's text, not a comment"],
    );
    check(
        &format!("v: {{image: x:1}} {marker}\n"),
        &["apps/a.yaml:1:17: the marker stands on a mapping, list or alias, must follow a single value"],
    );
    check(
        &format!("a: &a x:1\nb: *a {marker}\n"),
        &["apps/a.yaml:2:7: the marker stands on a mapping, list or alias, must follow a single value"],
    );
    check(
        "image: x:1 # {\"$imagepolicy\": \"flux-system:app\"\n",
        &["apps/a.yaml:1:8: the marker is not JSON: EOF while parsing an object at line 1 column 34"],
    );
}

#[test]
fn prose_and_other_files_are_none_of_our_business() {
    check("# the ImagePolicy app decides\nkind: ImagePolicy\n", &[]);
    check("note: '# {\"$imagepolicy\": \"flux-system:app\"}'\n", &[]);
    let marked = b"image: x:1 # {\"$imagepolicy\": \"flux-system:app\"}\n";
    let done =
        update(&[("README.md", marked), ("a.yaml.tpl", marked), ("a.YAML", marked), ("a.json", marked)]);
    assert_eq!((done.files().count(), done.problems().len(), done.skipped().len()), (0, 0, 0));
}

#[test]
fn templates_that_are_not_yaml_are_left_alone() {
    check(
        "{{ if .Values.on }}\nimage: x:1 # {\"$imagepolicy\": \"flux-system:app\"}\n{{ end }}\n",
        &["apps/a.yaml:2:1: not changed, as it is not YAML: did not find expected <document start>"],
    );
}

#[test]
fn yaml_that_an_edit_would_break_is_left_alone() {
    check(
        "a: &an:chor value # {\"$imagepolicy\": \"flux-system:app:digest\"}\n",
        &["apps/a.yaml: not changed, as the new value can't be written in place on line 1 or below"],
    );
}

#[test]
fn binary_files_are_left_alone() {
    let done = update(&[
        ("a.yaml", b"\x89PNG # {\"$imagepolicy\": \"flux-system:app\"}"),
        ("b.yaml", b"image: x:1 # {\"$imagepolicy\": \"flux-system:app\"}\n\0"),
    ]);
    let said: Vec<String> = done.skipped().iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "a.yaml: not changed, as it is not text: byte 0 is none of UTF-8 text",
            "b.yaml: not changed, as it is not text: byte 49 is none of UTF-8 text",
        ]
    );
}

#[test]
fn giant_files_are_left_alone() {
    let mut text = "a: b\n".repeat(300_000);
    text.push_str("image: x:1 # {\"$imagepolicy\": \"flux-system:app\"}\n");
    let done = update(&[("a.yaml", text.as_bytes())]);
    let said: Vec<String> = done.skipped().iter().map(ToString::to_string).collect();
    assert_eq!(said, ["a.yaml: not changed, as it is larger than 1.0 MiB: 1.4 MiB"]);
    let giant = vec![b'#'; 50 << 20];
    assert_eq!(update(&[("a.yaml", &giant)]).skipped(), []);
}

#[test]
fn setters_are_listed_with_their_objects() {
    let text = "kind: Deployment\nmetadata: {name: web}\nspec:\n  images:\n  - x:1 # {\"$imagepolicy\": \"a:b\"}\n  \
                - y:1 # {'$imagepolicy': 'a:b'}\n";
    let mut setters = Setters::default();
    setters.add("a.yaml", text.as_bytes(), Limits::default());
    let [setter] = setters.setters.as_slice() else { panic!("{setters:?}") };
    assert_eq!((setter.line, setter.column), (5, 5));
    assert_eq!((setter.object.kind.as_str(), setter.object.name.as_str()), ("Deployment", "web"));
    assert_eq!((setter.path.as_str(), setter.value.as_str()), (".spec.images[0]", "x:1"));
    assert_eq!(setter.marker.to_string(), "a:b");
    assert_eq!(setters.problems.len(), 1);
}
