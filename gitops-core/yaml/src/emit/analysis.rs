//! What a scalar's text allows: plain, single quotes, a block. One pass over a byte table settles nearly every text.

/// Which of go-yaml's emitters decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variant {
    /// Tabs are special characters, which only double quotes may hold.
    V2,
    /// Tabs may stand in blocks.
    V3,
}

/// What a scalar's text allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Analysis {
    pub(crate) is_multiline: bool,
    pub(crate) flow_plain: bool,
    pub(crate) block_plain: bool,
    pub(crate) single_quoted: bool,
    pub(crate) block: bool,
}

const ORDINARY: Analysis =
    Analysis { is_multiline: false, flow_plain: true, block_plain: true, single_quoted: true, block: true };

/// A space; matters at either end and before `#`.
const SPACE: u8 = 1;
/// `:`; matters before a blank and at the end.
const COLON: u8 = 2;
/// `#`; matters after a blank.
const HASH: u8 = 4;
/// `,?[]{}`: not in flow collections.
const FLOW: u8 = 8;
/// `\n`
const BREAK: u8 = 16;
/// Anything that needs the long way: controls, other breaks, tabs, and all beyond ASCII.
const LONG: u8 = 32;

const CLASSES: [u8; 256] = {
    let mut table = [0u8; 256];
    let mut i = 0;
    while i < 256 {
        table[i] = match i as u8 {
            b' ' => SPACE,
            b':' => COLON,
            b'#' => HASH,
            b',' | b'?' | b'[' | b']' | b'{' | b'}' => FLOW,
            b'\n' => BREAK,
            0x21..=0x7e => 0,
            _ => LONG,
        };
        i += 1;
    }
    table
};

/// Whether a text is one word of ASCII that allows everything, as most are.
#[inline]
pub(crate) fn is_ordinary(value: &str) -> bool {
    let bytes = value.as_bytes();
    bytes.first().is_some_and(|&first| !is_first_indicator(first)) && classes(bytes) == 0
}

/// Returns what libyaml's `yaml_emitter_analyze_scalar` finds out.
pub(crate) fn analyze(value: &str, variant: Variant) -> Analysis {
    let bytes = value.as_bytes();
    let Some(&first) = bytes.first() else {
        return Analysis { flow_plain: false, block: false, ..ORDINARY };
    };
    let classes = classes(bytes);
    if classes & LONG != 0 {
        return analyze_long(value, variant);
    }
    if classes == 0 && !is_first_indicator(first) {
        return ORDINARY;
    }
    if classes & BREAK != 0 {
        return analyze_lines(bytes);
    }
    let mut result = ORDINARY;
    let blank_at = |at: usize| bytes.get(at).is_none_or(|&byte| byte == b' ');
    match first {
        b'#' | b',' | b'[' | b']' | b'{' | b'}' | b'&' | b'*' | b'!' | b'|' | b'>' | b'\'' | b'"' | b'%'
        | b'@' | b'`' => {
            result.flow_plain = false;
            result.block_plain = false;
        }
        b'-' if blank_at(1) || bytes.starts_with(b"---") => {
            result.flow_plain = false;
            result.block_plain = false;
        }
        b'.' if bytes.starts_with(b"...") => {
            result.flow_plain = false;
            result.block_plain = false;
        }
        b'?' if blank_at(1) => {
            result.flow_plain = false;
            result.block_plain = false;
        }
        _ => {}
    }
    if classes & (COLON | FLOW) != 0 {
        result.flow_plain = false;
    }
    if classes & COLON != 0 && bytes.iter().enumerate().any(|(at, &byte)| byte == b':' && blank_at(at + 1)) {
        result.block_plain = false;
    }
    if classes & SPACE != 0 {
        if classes & HASH != 0 && bytes.windows(2).any(|pair| pair == b" #") {
            result.flow_plain = false;
            result.block_plain = false;
        }
        let trailing = bytes.last() == Some(&b' ');
        if first == b' ' || trailing {
            result.flow_plain = false;
            result.block_plain = false;
        }
        if trailing {
            result.block = false;
        }
    }
    result
}

/// Several lines of printable ASCII, which never stand plain.
fn analyze_lines(bytes: &[u8]) -> Analysis {
    let (mut break_space, mut space_break) = (false, false);
    for at in memchr::memchr_iter(b'\n', bytes) {
        break_space |= bytes.get(at + 1) == Some(&b' ');
        space_break |= at > 0 && bytes[at - 1] == b' ';
    }
    Analysis {
        is_multiline: true,
        flow_plain: false,
        block_plain: false,
        single_quoted: !break_space && !space_break,
        block: !space_break && bytes.last() != Some(&b' '),
    }
}

/// Returns the union of the classes of all bytes; eight at a time, so that the table's loads overlap.
#[inline]
fn classes(bytes: &[u8]) -> u8 {
    let class = |byte: u8| CLASSES[byte as usize];
    let (eights, rest) = bytes.as_chunks::<8>();
    let mut found = 0;
    for &[a, b, c, d, e, f, g, h] in eights {
        found |=
            (class(a) | class(b)) | (class(c) | class(d)) | (class(e) | class(f)) | (class(g) | class(h));
    }
    rest.iter().fold(found, |found, &byte| found | class(byte))
}

/// Whether a first character may keep a text from standing plain.
#[inline]
fn is_first_indicator(byte: u8) -> bool {
    !(byte.is_ascii_alphanumeric()
        || matches!(byte, b'/' | b'_' | b'~' | b'+' | b'=' | b'$' | b'(' | b'<' | b'^'))
}

/// The same for texts with line breaks, tabs, controls or characters beyond ASCII.
fn analyze_long(value: &str, variant: Variant) -> Analysis {
    let bytes = value.as_bytes();
    let mut block_indicators = bytes.starts_with(b"---") || bytes.starts_with(b"...");
    let mut flow_indicators = block_indicators;
    let (mut line_breaks, mut special, mut tabs) = (false, false, false);
    let (mut leading_space, mut leading_break, mut trailing_space, mut trailing_break) =
        (false, false, false, false);
    let (mut break_space, mut space_break) = (false, false);
    let (mut previous_space, mut previous_break) = (false, false);
    let mut preceded_by_whitespace = true;
    let mut at = 0;
    for c in value.chars() {
        let next = at + c.len_utf8();
        let is_last = next >= bytes.len();
        let followed_by_whitespace = is_last || matches!(bytes[next], b' ' | b'\t');
        if at == 0 {
            match c {
                '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@'
                | '`' => {
                    flow_indicators = true;
                    block_indicators = true;
                }
                '?' | ':' => {
                    flow_indicators = true;
                    block_indicators |= followed_by_whitespace;
                }
                '-' if followed_by_whitespace => {
                    flow_indicators = true;
                    block_indicators = true;
                }
                _ => {}
            }
        } else {
            match c {
                ',' | '?' | '[' | ']' | '{' | '}' => flow_indicators = true,
                ':' => {
                    flow_indicators = true;
                    block_indicators |= followed_by_whitespace;
                }
                '#' if preceded_by_whitespace => {
                    flow_indicators = true;
                    block_indicators = true;
                }
                _ => {}
            }
        }
        if c == '\t' && variant == Variant::V3 {
            tabs = true;
        } else if !is_printable(c) {
            special = true;
        }
        if c == ' ' {
            leading_space |= at == 0;
            trailing_space |= is_last;
            break_space |= previous_break;
            previous_space = true;
            previous_break = false;
        } else if is_break(c) {
            line_breaks = true;
            leading_break |= at == 0;
            trailing_break |= is_last;
            space_break |= previous_space;
            previous_space = false;
            previous_break = true;
        } else {
            previous_space = false;
            previous_break = false;
        }
        preceded_by_whitespace = matches!(c, ' ' | '\t' | '\0') || is_break(c);
        at = next;
    }
    let no_quotes = break_space || space_break || tabs || special;
    let no_plain =
        leading_space || leading_break || trailing_space || trailing_break || no_quotes || line_breaks;
    Analysis {
        is_multiline: line_breaks,
        flow_plain: !no_plain && !flow_indicators,
        block_plain: !no_plain && !block_indicators,
        single_quoted: !no_quotes,
        block: !(trailing_space || space_break || special),
    }
}

/// What go-yaml prints unescaped. Characters beyond the basic plane are not among it.
pub(crate) fn is_printable(c: char) -> bool {
    matches!(c, '\n' | '\u{20}'..='\u{7e}' | '\u{a0}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}

/// Line breaks as YAML 1.1 knows them.
pub(crate) fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_short_way_agrees_with_the_long_way(text in "[-a?:#, .\\[&\"'\n]{1,6}") {
            for variant in [Variant::V2, Variant::V3] {
                prop_assert_eq!(analyze(&text, variant), analyze_long(&text, variant));
            }
        }
    }
}
