//! `.Files`: the chart's own files, as templates read them.

use std::any::Any;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use gitops_template::{CallContext, CallError, Element, Function, List, Map, Object, Signature, Type, Value};
use gitops_yaml::{SigsPrinter, Str};

use super::glob::Glob;
use crate::chart::File;
use crate::go::{base_name, utf8_text};

/// How many places of a pattern are tried in a step.
const PLACES_A_STEP: usize = 8;

/// Files by their path.
#[derive(Clone, Debug)]
pub(crate) struct Files(Arc<BTreeMap<Str, Arc<[u8]>>>);

impl Files {
    pub(crate) fn new(files: &[File]) -> Self {
        Self(Arc::new(files.iter().map(|file| (file.name.clone(), Arc::clone(file.data()))).collect()))
    }

    fn get(&self, path: &str) -> &[u8] {
        self.0.get(path).map_or(&[], |data| data)
    }

    /// Keeps the files whose path matches; a malformed pattern keeps all.
    fn glob(&self, context: &mut dyn CallContext, pattern: &str) -> Result<Self, CallError> {
        let Some(glob) = Glob::compile(pattern) else { return Ok(self.clone()) };
        let characters: usize = self.0.keys().map(|path| path.len()).sum();
        context.step(characters.saturating_mul(glob.len()) / PLACES_A_STEP)?;
        let found = self.0.iter().filter(|(path, _)| glob.matches(path));
        Ok(Self(Arc::new(found.map(|(path, data)| (path.clone(), Arc::clone(data))).collect())))
    }

    /// Prints a table of file names and what `content` makes of the files. Of equal names the last path's wins.
    fn table(&self, content: impl Fn(&[u8]) -> String) -> Str {
        let table: BTreeMap<&str, &[u8]> =
            self.0.iter().map(|(path, data)| (base_name(path), &**data)).collect();
        let mut names: Vec<&str> = table.keys().copied().collect();
        gitops_yaml::sort_keys(&mut names, |a, b| gitops_yaml::key_order(a, b));
        let mut printer = SigsPrinter::new();
        printer.begin_map();
        for name in names {
            printer.key(name);
            printer.str(&content(table[name]));
        }
        printer.end();
        // What YAML can't hold makes the whole text empty, as in Helm.
        let text = printer.finish().unwrap_or_default();
        text.strip_suffix('\n').unwrap_or(&text).into()
    }

    fn lines(&self, context: &mut dyn CallContext, path: &str) -> Result<Value, CallError> {
        let bytes = self.get(path);
        if bytes.is_empty() {
            return Ok(Value::List(List::strings(Vec::<Str>::new())));
        }
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        context.made(memchr::memchr_iter(b'\n', bytes).count().saturating_mul(size_of::<Value>()))?;
        let lines: Vec<Value> = bytes.split(|byte| *byte == b'\n').map(Value::from_bytes).collect();
        Ok(Value::List(List::typed(Element::String, lines)))
    }
}

/// Makes a method that takes one text.
fn of_text(
    files: &Files,
    result: Type,
    body: impl Fn(&Files, &mut dyn CallContext, &str) -> Result<Value, CallError> + Send + Sync + 'static,
) -> Option<Arc<Function>> {
    let files = files.clone();
    Some(Arc::new(Function::new(Signature::new(&[Type::String], result), move |context, arguments| {
        body(&files, context, arguments.first().and_then(Value::as_str).unwrap_or_default())
    })))
}

impl Object for Files {
    fn type_name(&self) -> Cow<'static, str> {
        Cow::Borrowed("engine.files")
    }

    fn method(&self, name: &str) -> Option<Arc<Function>> {
        match name {
            "Get" => of_text(self, Type::String, |files, _, path| Ok(Value::from_bytes(files.get(path)))),
            "GetBytes" => {
                of_text(self, Type::Bytes, |files, _, path| Ok(Value::Bytes(files.get(path).into())))
            }
            "Glob" => of_text(self, Type::Object("engine.files"), |files, context, pattern| {
                Ok(Value::Object(Arc::new(files.glob(context, pattern)?)))
            }),
            "Lines" => of_text(self, Type::Strings, Self::lines),
            "AsConfig" | "AsSecrets" => {
                let files = self.clone();
                let is_secret = name == "AsSecrets";
                let signature = Signature::new(&[], Type::String);
                Some(Arc::new(Function::new(signature, move |context, _| {
                    context.step(files.0.len())?;
                    let text = if is_secret {
                        files.table(|data| data_encoding::BASE64.encode(data))
                    } else {
                        files.table(utf8_text)
                    };
                    Ok(Value::String(text))
                })))
            }
            _ => None,
        }
    }

    fn plain(&self) -> Option<Value> {
        let files = self.0.iter().map(|(path, data)| (path.clone(), Value::Bytes(Arc::clone(data))));
        Some(Value::Map(files.collect::<Map>()))
    }

    fn made_entries(&self) -> usize {
        self.0.len()
    }

    fn truth(&self) -> bool {
        !self.0.is_empty()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
