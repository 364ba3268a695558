//! Charts, archives, values and indexes that were made to do harm: they are refused within their limits and without a panic.

use std::io::Write;

use gitops_template::{Limits, Seeded};
use helm_rs::chart::{Chart, File};
use helm_rs::render::{ReleaseFacts, RenderOptions};
use helm_rs::values::{SetKind, Table, load_values, set};
use helm_rs::{RepositoryIndex, TemplateOptions, template};

const CHART: &str = "apiVersion: v2\nname: c\nversion: 0.1.0\n";

fn load(files: &[(&str, &str)]) -> Result<Chart, String> {
    let files: Vec<File> = files.iter().map(|(name, text)| File::new(*name, text.as_bytes())).collect();
    Chart::load(&files, &mut Vec::new()).map_err(|error| error.to_string())
}

/// Renders a chart with these files beside its Chart.yaml.
fn render(files: &[(&str, &str)], values: &str) -> Result<String, String> {
    let mut all = vec![("Chart.yaml", CHART)];
    all.extend_from_slice(files);
    let chart = load(&all)?;
    let values = load_values(values.as_bytes(), "values.yaml").map_err(|error| error.to_string())?;
    let world = Seeded::new(1, 1_600_000_000_000_000_000);
    let options = TemplateOptions::new(RenderOptions::new(ReleaseFacts::install("r", "ns")).world(&world));
    let templated = template(chart, &values, &options, &mut Vec::new());
    templated.map(|templated| templated.print()).map_err(|failed| failed.error.to_string())
}

/// As [`render`], in fewer steps than the limit.
fn render_within(files: &[(&str, &str)], steps: usize) -> Result<String, String> {
    let mut all = vec![("Chart.yaml", CHART)];
    all.extend_from_slice(files);
    let mut limits = Limits::default();
    limits.steps = steps;
    let mut render = RenderOptions::new(ReleaseFacts::install("r", "ns"));
    render.limits = limits;
    let templated = template(load(&all)?, &Table::new(), &TemplateOptions::new(render), &mut Vec::new());
    templated.map(|templated| templated.print()).map_err(|failed| failed.error.to_string())
}

fn refused<T: std::fmt::Debug>(what: &str, wanted: &str, action: impl FnOnce() -> Result<T, String>) {
    let error = action().expect_err(what);
    assert!(error.contains(wanted), "{what}: {error}");
}

#[test]
fn templates_end() {
    let template = |text: &'static str| move || render(&[("templates/a.yaml", text)], "{}");
    refused(
        "a template that includes itself",
        "rendering template has a nested reference name: x",
        template("{{ define \"x\" }}{{ include \"x\" . }}{{ end }}{{ include \"x\" . }}"),
    );
    refused(
        "a template that calls itself",
        "exceeded maximum template depth",
        template("{{ define \"x\" }}{{ template \"x\" . }}{{ end }}{{ template \"x\" . }}"),
    );
    refused(
        "a text that evaluates itself",
        "",
        template(
            "{{ define \"x\" }}{{ tpl \"{{ template \\\"x\\\" . }}\" . }}{{ end }}{{ template \"x\" . }}",
        ),
    );
    refused("a large sequence", "", template("{{ range until 2000000000 }}x{{ end }}"));
    refused("a large text", "", template("{{ repeat 2000000000 \"xxxxxxxxxxxxxxxx\" }}"));
    refused(
        "a doubled text",
        "",
        template("{{ $x := \"x\" }}{{ range until 64 }}{{ $x = cat $x $x }}{{ end }}{{ $x }}"),
    );
}

/// What goes through all files of a chart counts as the work that it is.
#[test]
fn files_are_read_within_bounds() {
    let names: Vec<String> = (0..1_000).map(|index| format!("files/{index:0>50}")).collect();
    let lines = "\n".repeat(1 << 18);
    for call in [
        "$.Files.Glob \"**0*0*{0,**1}*x\"",
        "$.Files.AsConfig",
        "len $.Files",
        "$.Files.none",
        "$.Files.Lines \"lines\"",
    ] {
        let template = format!("{{{{ range 100000000 }}}}{{{{ $_ := {call} }}}}{{{{ end }}}}");
        let mut files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x")).collect();
        files.extend([("lines", lines.as_str()), ("templates/a.yaml", &template)]);
        refused(call, "the limit", || render_within(&files, 200_000));
    }
}

#[test]
fn regular_expressions_take_linear_time() {
    let text = format!("a: {{{{ regexMatch \"^(a+)+$\" \"{}b\" }}}}\n", "a".repeat(50_000));
    let printed = render(&[("templates/a.yaml", &text)], "{}").unwrap();
    assert!(printed.contains("a: false"));
    let text = "a: {{ regexMatch \"((a{1000}){1000}){1000}\" \"a\" }}\n";
    // A mistake in an expression means "no match" to this function.
    let _ = render(&[("templates/a.yaml", text)], "{}");
}

/// CVE-2022-36055, CVE-2022-23524, CVE-2022-36049: one short argument took all memory.
#[test]
fn arguments_set_few_values() {
    let one = |argument: &str| {
        let mut values = Table::new();
        set(&mut values, argument, SetKind::Typed).map(|()| values).map_err(|error| error.to_string())
    };
    refused("a large index", "index of 999999999 is greater than maximum supported index of 65536", || {
        one("a[999999999]=x")
    });
    let deep = "a.".repeat(100_000) + "a=x";
    refused(
        "a deep key",
        "value name nested level is greater than maximum supported nested level of 30",
        || one(&deep),
    );
    let _ = one(&("a".to_owned() + &"[0]".repeat(100_000) + "=x"));
    let _ = one(&("a=".to_owned() + &"{".repeat(100_000)));
}

/// CVE-2020-15184, CVE-2024-25620, CVE-2026-35206: names that led out of a folder or into another line.
#[test]
fn names_are_plain() {
    for name in ["..", ".", "a/b", "../../etc", "c:\\\\x", ""] {
        let text = format!("apiVersion: v2\nname: \"{name}\"\nversion: 0.1.0\n");
        let loaded = load(&[("Chart.yaml", &text)]);
        let packaged = loaded.and_then(|chart| {
            let options = helm_rs::PackageOptions::new(helm_rs::Time::from_seconds(0));
            helm_rs::package(&chart, &options)
                .map(|packaged| packaged.file_name)
                .map_err(|error| error.to_string())
        });
        assert!(packaged.is_err(), "{name}: {packaged:?}");
    }
    // A newline becomes a space as soon as it is read.
    let loaded = load(&[("Chart.yaml", "apiVersion: v2\nname: \"a\\nb\"\nversion: 0.1.0\n")]);
    assert!(loaded.is_ok_and(|chart| chart.name() == "a b"));
    let text = format!("{CHART}dependencies:\n- name: d\n  version: 0.1.0\n  alias: \"x\\ny\"\n");
    refused("an alias with a newline", "alias", || load(&[("Chart.yaml", &text)]));
}

/// CVE-2021-21303, CVE-2020-15185: versions and names of an index that reached the terminal, or hid others.
#[test]
fn indexes_hold_no_surprises() {
    let parse = |text: &str| {
        RepositoryIndex::parse(text.as_bytes(), "index.yaml", &mut Vec::new())
            .map_err(|error| error.to_string())
    };
    let entry = |version: &str| {
        format!("apiVersion: v1\nentries:\n  a:\n  - name: a\n    version: {version}\n    urls: [a.tgz]\n")
    };
    assert!(parse(&entry("1.0.0")).unwrap().find("a", "").is_ok());
    for version in ["\"1.0.0\\e[31m\"", "latest", "\"1.0.0\\n2\""] {
        let found =
            parse(&entry(version)).and_then(|index| index.find("a", "").map(drop).map_err(|e| e.to_string()));
        assert!(found.is_err(), "{version}");
    }
    let twice = "apiVersion: v1\nentries:\n  a:\n  - {name: a, version: 1.0.0, urls: [x]}\n  a:\n  - {name: a, version: 1.0.0, urls: [y]}\n";
    assert!(parse(twice).is_err());
    let mut large = String::from("apiVersion: v1\nentries:\n  a:\n");
    while large.len() < 50 << 20 {
        large.push_str("  - {name: a, version: 1.0.0, urls: [x\n");
    }
    assert!(parse(&large).is_err());
}

/// Every one of them is valid, and takes ten times the memory of its text.
#[test]
fn indexes_hold_a_bearable_number_of_entries() {
    let parse = |text: &str, wanted: fn(&str) -> bool| {
        RepositoryIndex::parse_only(text.as_bytes(), "index.yaml", wanted, &mut Vec::new())
            .map_err(|error| error.to_string())
    };
    let mut versions = String::from("apiVersion: v1\nentries:\n  a:\n");
    (0..=200_000).for_each(|_| versions.push_str("  - {name: a, version: 1.0.0}\n"));
    refused("many versions", "more than 200000 versions of charts", || parse(&versions, |_| true));
    assert!(parse(&versions, |name| name != "a").is_ok(), "they are not wanted");
    let mut charts = String::from("apiVersion: v1\nentries:\n");
    (0..=200_000)
        .for_each(|index| charts.push_str(&format!("  c{index}:\n  - {{name: a, version: 1.0.0}}\n")));
    refused("many charts", "more than 200000 charts", || parse(&charts, |_| false));
}

/// CVE-2022-23525, CVE-2022-23526, CVE-2024-26147, CVE-2025-55198: fields that are null or of another type.
#[test]
fn odd_types_are_no_panic() {
    for odd in ["null", "[]", "{}", "\"\"", "1", "[null]", "[[]]", "{a: null}", "!!binary x", "~: ~"] {
        for field in
            ["name", "version", "maintainers", "dependencies", "annotations", "keywords", "sources", "type"]
        {
            let _ = load(&[("Chart.yaml", &format!("apiVersion: v2\n{field}: {odd}\n"))]);
        }
        let _ = load(&[("Chart.yaml", odd)]);
        let files =
            [("Chart.yaml", CHART), ("values.yaml", odd), ("requirements.yaml", odd), ("Chart.lock", odd)];
        let _ = load(&files);
        let _ = render(&[("values.schema.json", odd)], "{}");
        let _ = render(&[("templates/a.yaml", odd)], "{}");
        for text in [
            odd.to_owned(),
            format!("entries: {odd}"),
            format!("entries: {{a: {odd}}}"),
            format!("entries: {{a: [{odd}]}}"),
        ] {
            let _ = RepositoryIndex::parse(text.as_bytes(), "index.yaml", &mut Vec::new());
        }
    }
    for schema in
        ["{\"type\":null}", "{\"properties\":null}", "{\"required\":[null]}", "{\"$ref\":1}", "null", "true"]
    {
        let _ = render(&[("values.schema.json", schema)], "{a: 1}");
    }
}

/// CVE-2025-32387, CVE-2025-55199: schemas that refer to themselves, nest without end, or ask the network.
#[test]
fn schemas_end() {
    let check = |schema: &str, values: &str| render(&[("values.schema.json", schema)], values);
    refused("a schema that is itself", "", || check("{\"$ref\":\"#\"}", "{a: 1}"));
    let deep = "{\"items\":".repeat(100_000) + "{}" + &"}".repeat(100_000);
    refused("a deep schema", "", || check(&deep, "{a: 1}"));
    let large = format!("{{\"x\":[{}1]}}", "1,".repeat(4 << 20));
    refused("a large schema", "the schema is larger than", || check(&large, "{a: 1}"));
    refused("a remote schema", "", || check("{\"$ref\":\"http://127.0.0.1:9/x.json\"}", "{a: 1}"));
    refused("a schema in a file", "", || check("{\"$ref\":\"file:///dev/zero\"}", "{a: 1}"));
    let mut doubled = String::from("{\"$defs\":{\"d0\":{\"type\":\"string\"}");
    for level in 1..64 {
        let below = level - 1;
        doubled.push_str(&format!(
            ",\"d{level}\":{{\"allOf\":[{{\"$ref\":\"#/$defs/d{below}\"}},{{\"$ref\":\"#/$defs/d{below}\"}}]}}"
        ));
    }
    doubled.push_str("},\"$ref\":\"#/$defs/d63\"}");
    refused("a schema that doubles at each step", "", || check(&doubled, "{a: 1}"));
}

/// Checks that take long without entering a schema: choices, expressions, and reasons that are long texts.
#[test]
fn schemas_take_no_longer_than_they_may() {
    let check = |schema: String, values: String| render(&[("values.schema.json", &schema)], &values);
    let numbers = |count: usize| (0..count).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    let long = "x".repeat(100_000);
    for (what, schema, values) in [
        (
            "many choices",
            format!("{{\"properties\":{{\"a\":{{\"items\":{{\"enum\":[{}]}}}}}}}}", numbers(20_000)),
            format!("a: [{}]", numbers(60_000)),
        ),
        (
            "many expressions",
            format!(
                "{{\"patternProperties\":{{{}}}}}",
                (0..2_000).map(|n| format!("\"x{n}y\":{{}}")).collect::<Vec<_>>().join(",")
            ),
            (0..2_000).map(|n| format!("k{n}: 1\n")).collect(),
        ),
        (
            "long reasons",
            format!(
                "{{\"properties\":{{\"a\":{{\"allOf\":[{}]}}}}}}",
                vec!["{\"pattern\":\"y\"}"; 1_000].join(",")
            ),
            format!("a: {long}"),
        ),
    ] {
        refused(what, "takes more than 1000000 steps", || check(schema, values));
    }
    let failures = check(
        "{\"properties\":{\"a\":{\"items\":{\"type\":\"string\"}}}}".to_owned(),
        format!("a: [{}]", numbers(50_000)),
    );
    assert!(failures.is_err_and(|error| error.lines().count() > 50_000), "all are told, as Helm does");
}

#[test]
fn values_that_double_are_refused() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let below = level - 1;
        let items = vec![format!("*a{below}"); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{items}]\n"));
    }
    refused("values that double", "", || {
        load_values(bomb.as_bytes(), "values.yaml").map_err(|error| error.to_string())
    });
    let deep = "[".repeat(200_000);
    refused("deep values", "", || {
        load_values(deep.as_bytes(), "values.yaml").map_err(|error| error.to_string())
    });
}

fn gzip(tar: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(tar).unwrap();
    packed.finish().unwrap()
}

/// One entry as tar writes it; the name is taken as it is.
fn entry(name: &str, kind: u8, link: &str, content: &[u8]) -> Vec<u8> {
    let mut block = vec![0_u8; 512];
    block[..name.len()].copy_from_slice(name.as_bytes());
    block[100..108].copy_from_slice(b"0000644\0");
    block[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
    block[136..148].copy_from_slice(b"00000000000\0");
    block[156] = kind;
    block[157..157 + link.len()].copy_from_slice(link.as_bytes());
    block[257..265].copy_from_slice(b"ustar\x0000");
    block[148..156].copy_from_slice(b"        ");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block.extend_from_slice(content);
    block.resize(block.len().next_multiple_of(512), 0);
    block
}

fn archive(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut tar = entry("c/Chart.yaml", b'0', "", CHART.as_bytes());
    entries.iter().for_each(|entry| tar.extend_from_slice(entry));
    tar.resize(tar.len() + 1024, 0);
    gzip(&tar)
}

fn unpack(archive: &[u8]) -> Result<Chart, String> {
    Chart::load_archive(archive, &mut Vec::new()).map_err(|error| error.to_string())
}

#[test]
fn archives_hold_files_below_one_folder() {
    assert!(unpack(&archive(&[])).is_ok());
    for name in ["c/../../etc/passwd", "c/../x", "c//etc/passwd", "/etc/passwd", "c/c:/x", "c//../../x"] {
        let unpacked = unpack(&archive(&[entry(name, b'0', "", b"x")]));
        assert!(unpacked.is_err(), "{name}");
    }
    let whole = archive(&[entry("c/a", b'0', "", &[7; 5000])]);
    for end in 0..whole.len() {
        let _ = unpack(&whole[..end]);
    }
}

/// CVE-2025-53547: a link in the place of a file that a tool writes.
#[test]
fn links_are_never_files() {
    for kind in [b'1', b'2'] {
        refused("a link", "\"c/Chart.lock\", which is no regular file", || {
            unpack(&archive(&[entry("c/Chart.lock", kind, "/etc/passwd", b"")]))
        });
    }
}

/// CVE-2025-32386: a small archive that unpacks into a large one.
#[test]
fn archives_unpack_to_what_is_bearable() {
    let mut head = entry("c/zeros", b'0', "", b"");
    head[124..136].copy_from_slice(format!("{:011o}\0", 1_u64 << 30).as_bytes());
    head[148..156].copy_from_slice(b"        ");
    let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
    head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    let mut packed_parts = Vec::new();
    let zeros = vec![0_u8; 1 << 20];
    let start = [entry("c/Chart.yaml", b'0', "", CHART.as_bytes()), head].concat();
    for part in [&start, &zeros, &zeros] {
        encoder.write_all(part).unwrap();
        encoder.flush().unwrap();
        packed_parts.push(std::mem::take(encoder.get_mut()));
    }
    // Packed zeros after zeros are the same bytes each time.
    let mut packed = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    packed.extend(packed_parts[..2].concat());
    packed.extend(packed_parts[2].repeat(1023));
    assert!(packed.len() < 2 << 20, "{}", packed.len());
    refused("a gigabyte of zeros", "decompressed chart is larger than the maximum size", || unpack(&packed));
    let many = |count: usize| -> Vec<u8> {
        let entries: Vec<Vec<u8>> =
            (0..count).map(|index| entry(&format!("c/{index}"), b'0', "", b"")).collect();
        archive(&entries)
    };
    refused("many entries", "holds more than 100000 entries", || unpack(&many(100_001)));
    // Charts that are packed within a chart share its limits.
    let half = many(60_000);
    let nested = ["a", "b"].map(|name| entry(&format!("c/charts/{name}.tgz"), b'0', "", &half));
    refused("many entries in two charts beneath", "entries", || unpack(&archive(&nested)));
}

/// What stands last would win, and what was looked at first would not be what is used.
#[test]
fn archives_hold_each_path_once() {
    let twice = [entry("c/values.yaml", b'0', "", b"a: 1\n"), entry("c/./values.yaml", b'0', "", b"a: 2\n")];
    refused("a path that stands twice", "chart archive holds \"values.yaml\" twice", || {
        unpack(&archive(&twice))
    });
}

/// A chart that names one beneath it under many names, which does so too, comes to their product.
#[test]
fn charts_do_not_multiply_without_bound() {
    let chart = |name: &str, below: &str, entry: &dyn Fn(usize) -> String, entries: usize| {
        let entries: String = (0..entries)
            .map(|index| format!("- {{name: {below}, version: '*', {}}}\n", entry(index)))
            .collect();
        format!("apiVersion: v2\nname: {name}\nversion: 1.0.0\ndependencies:\n{entries}")
    };
    let alias = |index: usize| format!("alias: x{index}");
    let files = [
        ("Chart.yaml", chart("a", "b", &alias, 300)),
        ("charts/b/Chart.yaml", chart("b", "c", &alias, 300)),
        ("charts/b/charts/c/Chart.yaml", chart("c", "d", &alias, 300)),
        ("charts/b/charts/c/charts/d/Chart.yaml", CHART.replace("name: c", "name: d")),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    refused("aliases of aliases", "more than 20000 charts", || render(&files, "{}"));

    // What is imported twice at every level doubles there.
    let import = |_| "import-values: [{child: t, parent: t.x}, {child: t, parent: t.y}]".to_owned();
    let mut files = Vec::new();
    for level in 0..40 {
        let folder: String = (1..=level).map(|level| format!("charts/c{level}/")).collect();
        let entries = usize::from(level < 39);
        let metadata = chart(&format!("c{level}"), &format!("c{}", level + 1), &import, entries);
        files.push((format!("{folder}Chart.yaml"), metadata));
        files.push((format!("{folder}values.yaml"), "t: {a: 1}\n".to_owned()));
    }
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    refused("imports of imports", "more than 1000000 values", || render(&files, "{}"));
}

/// Texts that are small beside what is read from them: a value, an action or a manifest of a few bytes each.
#[test]
fn texts_are_read_within_bounds() {
    let values = format!("a: [{}1]\n", "1,".repeat(2_100_000));
    refused("many values", "more than 2000000 nodes", || {
        load(&[("Chart.yaml", CHART), ("values.yaml", &values)])
    });
    let manifests = "a: 1\n---\n".repeat(200_001);
    refused("many manifests", "more than 200000 manifests", || {
        render(&[("templates/a.yaml", &manifests)], "{}")
    });
    let actions: Vec<(String, String)> = (0..9)
        .map(|index| (format!("templates/{index}.yaml"), format!("{{{{- .a{index}}}}}").repeat(500_000)))
        .collect();
    let files: Vec<(&str, &str)> =
        actions.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    refused("many actions", "when they are parsed, the limit", || render(&files, "{}"));
    let long = "x".repeat(17 << 20);
    refused("a long template", "over the limit of 16777216", || render(&[("templates/a.yaml", &long)], "{}"));
}
