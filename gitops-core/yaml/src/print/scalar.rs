//! Which style and tag go-yaml v3's encoder asks for, before the emitter looks at what the text allows.

use std::borrow::Cow;

use crate::emit::{ScalarStyle, Writer};
use crate::{Data, Dialect, Node, Style, Tag, resolve};

/// What the encoder hands to the emitter.
#[derive(Clone, Copy)]
pub(super) struct StyleAndTag<'a> {
    pub(super) style: ScalarStyle,
    pub(super) tag: Tagging<'a>,
}

/// A tag as it is written: nothing, `handle` and `suffix`, or a whole URI.
#[derive(Clone, Copy)]
pub(super) struct Tagging<'a> {
    handle: &'static str,
    suffix: &'a str,
}

const NONE: Tagging<'static> = Tagging { handle: "", suffix: "" };
const CORE: &str = "tag:yaml.org,2002:";

impl<'a> Tagging<'a> {
    fn core(suffix: &'static str) -> Self {
        Self { handle: "!!", suffix }
    }

    fn custom(tag: &'a str) -> Self {
        if let Some(suffix) = tag.strip_prefix("!!").or_else(|| tag.strip_prefix(CORE)) {
            Self { handle: "!!", suffix }
        } else if let Some(suffix) = tag.strip_prefix('!') {
            Self { handle: "!", suffix }
        } else {
            Self { handle: "", suffix: tag }
        }
    }

    pub(super) fn length(&self) -> usize {
        self.handle.len() + self.suffix.len()
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        if self.handle.is_empty() && self.suffix.is_empty() {
            return;
        }
        let suffix = escape(self.suffix);
        if self.handle.is_empty() {
            writer.write_indicator("!<");
            writer.write_word(&suffix);
            writer.write_attached('>');
        } else {
            writer.write_indicator(self.handle);
            writer.write_word(&suffix);
        }
    }
}

/// Escapes what may not stand in a tag.
fn escape(tag: &str) -> Cow<'_, str> {
    let is_free = |byte: u8| byte.is_ascii_alphanumeric() || b"-_;/?:@&=+$,.~*'()[]".contains(&byte);
    if tag.bytes().all(is_free) {
        return Cow::Borrowed(tag);
    }
    let mut escaped = String::with_capacity(tag.len() + 8);
    for byte in tag.bytes() {
        if is_free(byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    Cow::Owned(escaped)
}

/// Decides as go-yaml v3's encoder does: a tag that the text resolves to anyway is dropped unless it was written, and
/// a string that would resolve to something else is quoted.
pub(super) fn style_and_tag(node: &Node) -> StyleAndTag<'_> {
    let Data::Scalar(text) = &node.data else {
        let tag = match node.tag {
            Tag::Custom => Tagging::custom(node.custom_tag().map_or("", crate::Str::as_str)),
            Tag::Map if node.tag_is_written() || !node.is_mapping() => Tagging::core("map"),
            Tag::Seq if node.tag_is_written() || !node.is_sequence() => Tagging::core("seq"),
            Tag::Implicit | Tag::Map | Tag::Seq => NONE,
            tag => Tagging::core(core_name(tag)),
        };
        return StyleAndTag { style: ScalarStyle::Plain, tag };
    };
    let mut must_quote = false;
    let is_quoted = !matches!(node.style, Style::Default | Style::Flow);
    let tag = match node.tag {
        // go-yaml's reader calls a plain `<<` a merge key, which it then writes down.
        Tag::Implicit if !is_quoted && text == "<<" => Tagging::core("merge"),
        Tag::Implicit => NONE,
        Tag::Custom => Tagging::custom(node.custom_tag().map_or("", crate::Str::as_str)),
        tag if node.tag_is_written() => Tagging::core(core_name(tag)),
        Tag::Str if is_quoted => NONE,
        tag => {
            let resolved = resolve(text, Dialect::V3).tag();
            if resolved.strip_prefix("!!") == Some(core_name(tag)) {
                NONE
            } else if tag == Tag::Str {
                must_quote = true;
                NONE
            } else {
                Tagging::core(core_name(tag))
            }
        }
    };
    let style = match node.style {
        Style::DoubleQuoted => ScalarStyle::DoubleQuoted,
        Style::SingleQuoted => ScalarStyle::SingleQuoted,
        Style::Literal => ScalarStyle::Literal,
        Style::Folded => ScalarStyle::Folded,
        Style::Default | Style::Flow if text.contains('\n') => ScalarStyle::Literal,
        Style::Default | Style::Flow if must_quote => ScalarStyle::DoubleQuoted,
        Style::Default | Style::Flow => ScalarStyle::Plain,
    };
    StyleAndTag { style, tag }
}

fn core_name(tag: Tag) -> &'static str {
    match tag {
        Tag::Null => "null",
        Tag::Bool => "bool",
        Tag::Int => "int",
        Tag::Float => "float",
        Tag::Str | Tag::Implicit | Tag::Custom => "str",
        Tag::Timestamp => "timestamp",
        Tag::Binary => "binary",
        Tag::Merge => "merge",
        Tag::Seq => "seq",
        Tag::Map => "map",
    }
}
