//! The values of a release: what references bring, in their order, and what stands inline.

use gitops_yaml::{Dialect, Entry, Node, Str, print_sigs};
use helm_rs::Error;
use helm_rs::values::{SetKind, Table, Value, load_values, merge_tables, set};

/// Values while they are put together.
///
/// What is inline wins over references, but not over one with a path into an inline table: so Flux does, by an accident that
/// people rely on.
///
/// ```
/// use gitops_controllers::helm_release::{Form, ReleaseValues};
/// use helm_rs::values::load_values;
/// let mut values = ReleaseValues::new(load_values(b"image: {tag: 1.0.0}", "inline")?);
/// values.lay("replicas: 2\nimage: {name: web}", Form::File)?;
/// values.lay("1.1.0", Form::At("image.tag"))?;
/// assert_eq!(values.finish()["replicas"].to_string(), "2");
/// # Ok::<(), helm_rs::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ReleaseValues {
    referenced: Table,
    inline: Table,
}

/// How a referenced text is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form<'a> {
    /// A file of values.
    File,
    /// One value in the grammar of `--set`, for this path; in quotes it is a text.
    At(&'a str),
    /// A text as it stands, for this path.
    LiteralAt(&'a str),
}

impl<'a> Form<'a> {
    /// Reads the form from a reference's fields.
    #[must_use]
    pub fn of(target_path: Option<&'a str>, literal: bool) -> Self {
        match (target_path.filter(|path| !path.is_empty()), literal) {
            (None, _) => Self::File,
            (Some(path), false) => Self::At(path),
            (Some(path), true) => Self::LiteralAt(path),
        }
    }
}

impl ReleaseValues {
    /// Begins with what stands inline.
    #[must_use]
    pub fn new(inline: Table) -> Self {
        Self { referenced: Table::new(), inline }
    }

    /// Lays what a reference brings over those before it.
    ///
    /// # Errors
    /// What is wrong with the text or the path, in Helm's words; a text of a Secret may be part of them.
    pub fn lay(&mut self, text: &str, form: Form<'_>) -> Result<(), Error> {
        let (argument, kind) = match form {
            Form::File => {
                let table = load_values(text.as_bytes(), "values.yaml")?;
                merge_tables(&mut self.referenced, &table);
                return Ok(());
            }
            Form::LiteralAt(path) => {
                // The path is read as ever, the text is not.
                let mut argument = format!("{path}=");
                for letter in text.chars() {
                    if matches!(letter, '\\' | ',' | '{') {
                        argument.push('\\');
                    }
                    argument.push(letter);
                }
                (argument, SetKind::Text)
            }
            Form::At(path) => {
                let is_quoted = |quote| text.starts_with(quote) && text.ends_with(quote);
                match is_quoted('\'') || is_quoted('"') {
                    true => (format!("{path}={}", text.trim_matches(['\'', '"'])), SetKind::Text),
                    false => (format!("{path}={text}"), SetKind::Typed),
                }
            }
        };
        let before = self.referenced.clone();
        merge_tables(&mut self.referenced, &self.inline);
        set(&mut self.referenced, &argument, kind)?;
        share(&mut self.inline, &before, &self.referenced);
        Ok(())
    }

    /// Returns the values: what is inline laid over all.
    #[must_use]
    pub fn finish(mut self) -> Table {
        merge_tables(&mut self.referenced, &self.inline);
        self.referenced
    }
}

/// Carries what was set over into the inline values, where no reference had a table before: there Flux has one table for both.
fn share(inline: &mut Table, before: &Table, after: &Table) {
    for (key, value) in inline.iter_mut() {
        let Some(now) = after.get(key) else { continue };
        match (value, before.get(key), now) {
            (Value::Table(inline), Some(Value::Table(before)), Value::Table(now)) => {
                share(std::sync::Arc::make_mut(inline), before, now);
            }
            (value @ Value::Table(_), _, Value::Table(_)) => *value = now.clone(),
            (value, _, _) => {
                // Lists are shared until one grows.
                if let (Value::List(was), Value::List(is)) = (&*value, now)
                    && was.len() == is.len()
                {
                    *value = now.clone();
                }
            }
        }
    }
}

/// Returns the digest of values by which Flux tells whether they have changed.
#[must_use]
pub fn config_digest(values: &Table) -> String {
    if values.is_empty() {
        return gitops_core::digest::sha256(b"");
    }
    let printed = print_sigs(&with_integers(&Value::table(values.clone())), Dialect::V3).unwrap_or_default();
    gitops_core::digest::sha256(printed.as_bytes())
}

/// Writes numbers that are whole and fit into 64 bits with all their digits, where JSON writes as few as tell them apart:
/// for the digest, 12345678901234567890 is 12345678901234567168.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "they are whole, and in range")]
fn with_integers(value: &Value) -> Node {
    const SIGNED: f64 = 9_223_372_036_854_775_808.0;
    match value {
        Value::Float(number) if number.fract() == 0.0 && (-SIGNED..SIGNED).contains(number) => {
            Node::int(*number as i64)
        }
        Value::Float(number) if number.fract() == 0.0 && (SIGNED..SIGNED * 2.0).contains(number) => {
            Node::plain((*number as u64).to_string())
        }
        Value::List(items) => Node::sequence(items.iter().map(with_integers).collect()),
        Value::Table(table) => {
            let entry = |(key, value): (&Str, &Value)| Entry {
                key: Node::string(key.clone()),
                value: with_integers(value),
            };
            Node::mapping(table.iter().map(entry).collect())
        }
        other => other.to_node(),
    }
}
