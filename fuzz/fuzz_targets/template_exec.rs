//! Any template ends within its limits, whatever it does.
#![no_main]

use gitops_template::{Element, Limits, List, Map, Options, Templates, Value, sprig};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut limits = Limits::default();
    limits.template_depth = 200;
    limits.include_depth = 50;
    limits.output_bytes = 1 << 20;
    limits.steps = 100_000;
    limits.made_bytes = 16 << 20;
    limits.source_bytes = 1 << 16;
    let mut templates = Templates::new(sprig()).limits(limits);
    if templates.parse("fuzz", text).is_err() {
        return;
    }
    let names = Map::typed(Element::String);
    names.insert("a", Value::string("b"));
    let values: Map = [
        ("name", Value::string("web")),
        ("replicas", Value::int(3)),
        ("list", Value::List(List::strings(["x", "y"]))),
        ("names", Value::Map(names)),
        ("none", Value::Nil),
    ]
    .into_iter()
    .collect();
    let dot: Map = [("Values", Value::Map(values))].into_iter().collect();
    let _ = templates.render("fuzz", &Value::Map(dot), &Options::default());
});
