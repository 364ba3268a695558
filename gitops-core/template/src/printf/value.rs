//! Values by their kinds: what a verb makes of a list, a map, an object, and what is said where it fits none.

use super::Printer;
use super::integer::Integer;
use crate::ast::{RED_ZONE, STACK};
use crate::value::{Element, IntKind, List, MAX_DEPTH, Map, Object, Value};
use std::fmt::Write as _;

/// Where a function or a map is said to stand: addresses say nothing, and would make renders differ.
const ADDRESS: u64 = 0xc0_0000_0000;

impl Printer {
    /// Prints an operand.
    pub(super) fn argument(&mut self, value: &Value, verb: char) {
        match (value, verb) {
            (Value::Missing | Value::Nil, 'T' | 'v') => self.pad(b"<nil>"),
            (_, 'T') => {
                let name = value.type_name();
                self.string(name.as_bytes(), 's');
            }
            (Value::List(_) | Value::Map(_) | Value::Bytes(_) | Value::Func(_), 'p') => {
                let marked = !self.flags.sharp;
                self.hexadecimal(ADDRESS, marked);
            }
            (_, 'p') => self.bad_verb(value, verb),
            (Value::Bytes(bytes), 'v') if self.flags.sharp_v => self.byte_list(bytes, "[]byte"),
            (Value::List(_) | Value::Map(_) | Value::Object(_) | Value::Func(_), 'w') => {
                self.bad_verb(value, verb);
            }
            _ => self.value(value, Element::Any, verb, 0),
        }
    }

    /// Prints a value that stands at a depth within others, in a place of a type.
    fn value(&mut self, value: &Value, place: Element, verb: char, depth: usize) {
        // A map may hold itself; Go's stack would overflow there.
        if depth > MAX_DEPTH || self.is_full() {
            return;
        }
        let fits = match value {
            Value::Missing | Value::Nil => {
                self.nil(place, verb, depth);
                true
            }
            Value::Bool(value) => {
                let fits = matches!(verb, 't' | 'v');
                if fits {
                    self.pad(if *value { b"true" } else { b"false" });
                }
                fits
            }
            Value::Int(value, kind) => match kind.text(*value) {
                Some(text) if self.asks_for_text(verb) => self.string(text.as_bytes(), verb),
                _ => self.integer(Integer::Signed(*value), verb),
            },
            Value::Uint(value, _) => self.integer(Integer::Unsigned(*value), verb),
            Value::Float(value) => self.float(*value, verb),
            Value::Complex(real, imaginary) => self.complex(*real, *imaginary, verb),
            Value::String(text) => self.string(text.as_bytes(), verb),
            Value::RawString(bytes) => self.string(bytes, verb),
            Value::Bytes(bytes) => self.bytes(bytes, verb),
            Value::List(list) => {
                stacker::maybe_grow(RED_ZONE, STACK, || self.list(list, &value.type_name(), verb, depth));
                true
            }
            Value::Map(map) => {
                stacker::maybe_grow(RED_ZONE, STACK, || self.map(map, &value.type_name(), verb, depth));
                true
            }
            Value::Object(object) => self.object(object.as_ref(), verb, depth),
            Value::Func(function) => self.function(&function.type_name(), verb),
        };
        if !fits {
            self.bad_verb(value, verb);
        }
    }

    /// Whether a value with a text of its own prints as that.
    fn asks_for_text(&self, verb: char) -> bool {
        !self.complaining && !self.flags.sharp_v && matches!(verb, 'v' | 's' | 'x' | 'X' | 'q')
    }

    /// Prints `%!d(string=x)`.
    fn bad_verb(&mut self, value: &Value, verb: char) {
        let complaining = std::mem::replace(&mut self.complaining, true);
        self.push("%!");
        self.push_char(verb);
        self.push("(");
        if value.is_nil() {
            self.push("<nil>");
        } else {
            self.push(&value.type_name());
            self.push("=");
            self.argument(value, 'v');
        }
        self.push(")");
        self.complaining = complaining;
    }

    fn nil(&mut self, place: Element, verb: char, depth: usize) {
        match place {
            Element::Map | Element::List | Element::Strings if self.flags.sharp_v => {
                self.push(place.type_name());
                self.push("(nil)");
            }
            Element::Map => self.push("map[]"),
            Element::List | Element::Strings => self.push("[]"),
            _ if depth == 0 && verb != 'v' => self.bad_verb(&Value::Nil, verb),
            _ if self.flags.sharp_v => self.push("interface {}(nil)"),
            _ => self.push("<nil>"),
        }
    }

    fn list(&mut self, list: &List, name: &str, verb: char, depth: usize) {
        if self.flags.sharp_v && list.is_nil() {
            self.push(name);
            self.push("(nil)");
            return;
        }
        let (open, between, close) = self.brackets(name, "[");
        self.push(&open);
        for (i, item) in list.iter().enumerate() {
            if self.is_full() {
                return;
            }
            if i > 0 {
                self.push(between);
            }
            self.value(item, list.element(), verb, depth + 1);
        }
        self.push(close);
    }

    fn map(&mut self, map: &Map, name: &str, verb: char, depth: usize) {
        let (open, between, close) = self.brackets(name, "map[");
        self.push(&open);
        for (i, (key, item)) in map.entries().iter().enumerate() {
            if self.is_full() {
                return;
            }
            if i > 0 {
                self.push(between);
            }
            self.value(&Value::String(key.clone()), Element::String, verb, depth + 1);
            self.push(":");
            self.value(item, map.element(), verb, depth + 1);
        }
        self.push(close);
    }

    fn brackets(&self, name: &str, plain: &str) -> (String, &'static str, &'static str) {
        if self.flags.sharp_v { (format!("{name}{{"), ", ", "}") } else { (plain.to_owned(), " ", "]") }
    }

    fn bytes(&mut self, bytes: &[u8], verb: char) -> bool {
        match verb {
            's' => return self.string(bytes, 's'),
            'x' | 'X' => self.hexadecimal_text(bytes, verb),
            'q' => self.quoted(bytes),
            'v' if self.flags.sharp_v => self.byte_list(bytes, "[]uint8"),
            _ => {
                self.push("[");
                for (i, byte) in bytes.iter().enumerate() {
                    if self.is_full() {
                        return true;
                    }
                    if i > 0 {
                        self.push(" ");
                    }
                    let byte = Value::Uint(u64::from(*byte), crate::value::UintKind::Uint8);
                    self.value(&byte, Element::Any, verb, 1);
                }
                self.push("]");
            }
        }
        true
    }

    fn byte_list(&mut self, bytes: &[u8], name: &str) {
        self.push(name);
        self.push("{");
        for (i, byte) in bytes.iter().enumerate() {
            if self.is_full() {
                return;
            }
            if i > 0 {
                self.push(", ");
            }
            self.hexadecimal(u64::from(*byte), true);
        }
        self.push("}");
    }

    fn object(&mut self, object: &dyn Object, verb: char, depth: usize) -> bool {
        if let (true, Some(text)) = (self.asks_for_text(verb), object.text()) {
            return self.string(text.as_bytes(), verb);
        }
        match object.plain() {
            Some(Value::Map(map)) => self.map(&map, &object.type_name(), verb, depth),
            Some(Value::List(list)) => self.list(&list, &object.type_name(), verb, depth),
            Some(Value::Object(_)) | None => match object.text() {
                Some(text) => self.push(&text),
                None if self.flags.sharp_v => {
                    self.push(&object.type_name());
                    self.push("{}");
                }
                None => self.push(if object.type_name().starts_with('*') { "&{}" } else { "{}" }),
            },
            Some(plain) => self.value(&plain, Element::Any, verb, depth + 1),
        }
        true
    }

    fn function(&mut self, name: &str, verb: char) -> bool {
        match verb {
            'v' if self.flags.sharp_v => {
                self.push("(");
                self.push(name);
                self.push(")(");
                self.hexadecimal(ADDRESS, true);
                self.push(")");
            }
            'v' => {
                let marked = !self.flags.sharp;
                self.hexadecimal(ADDRESS, marked);
            }
            'b' | 'o' | 'd' | 'x' | 'X' => return self.integer(Integer::Unsigned(ADDRESS), verb),
            _ => return false,
        }
        true
    }
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

impl IntKind {
    /// Returns whether values of the type print as more than their number.
    pub(crate) fn has_text(self) -> bool {
        matches!(self, Self::Duration | Self::Month)
    }

    /// Returns what Go's `String` method gives, for types that have one.
    pub(crate) fn text(self, value: i64) -> Option<String> {
        match self {
            Self::Duration => Some(duration(value)),
            Self::Month => {
                let name = usize::try_from(value).ok().and_then(|i| MONTHS.get(i.checked_sub(1)?));
                Some(name.map_or_else(|| format!("%!Month({value})"), |name| (*name).to_owned()))
            }
            _ => None,
        }
    }
}

/// Prints nanoseconds as Go's `time.Duration` prints itself: `1h2m0.5s`, `1.5µs`.
pub(crate) fn duration(nanoseconds: i64) -> String {
    let mut out = String::from(if nanoseconds < 0 { "-" } else { "" });
    let all = nanoseconds.unsigned_abs();
    let (unit, name) = match all {
        0 => return "0s".to_owned(),
        1..1_000 => (1, "ns"),
        1_000..1_000_000 => (1_000, "µs"),
        1_000_000..1_000_000_000 => (1_000_000, "ms"),
        _ => (1_000_000_000, "s"),
    };
    let (mut whole, fraction) = (all / unit, all % unit);
    if unit == 1_000_000_000 {
        let minutes = whole / 60;
        whole %= 60;
        if minutes >= 60 {
            let _ = write!(out, "{}h", minutes / 60);
        }
        if minutes > 0 {
            let _ = write!(out, "{}m", minutes % 60);
        }
    }
    let _ = write!(out, "{whole}");
    if fraction > 0 {
        let digits = unit.ilog10() as usize;
        let fraction = format!("{fraction:0>digits$}");
        let _ = write!(out, ".{}", fraction.trim_end_matches('0'));
    }
    out.push_str(name);
    out
}

#[cfg(test)]
mod tests {
    use super::super::{into_string, sprintf};
    use super::*;

    #[track_caller]
    fn check(format: &str, args: &[Value], wanted: &str) {
        assert_eq!(into_string(sprintf(format.as_bytes(), args, 1 << 20)), wanted, "{format}");
    }

    #[test]
    fn durations_print_as_go_prints_them() {
        for (nanoseconds, wanted) in [
            (0, "0s"),
            (1, "1ns"),
            (1_100, "1.1µs"),
            (-2_200_000, "-2.2ms"),
            (3_661_500_000_000, "1h1m1.5s"),
            (3_600_000_000_000, "1h0m0s"),
            (i64::MIN, "-2562047h47m16.854775808s"),
        ] {
            assert_eq!(duration(nanoseconds), wanted);
        }
    }

    #[test]
    fn types_with_a_text_show_it_where_a_string_fits() {
        let second = Value::Int(1_000_000_000, IntKind::Duration);
        check(
            "%v %d %s %x",
            &[second.clone(), second.clone(), second.clone(), second],
            "1s 1000000000 1s 3173",
        );
        check(
            "%v %t",
            &[Value::Int(2, IntKind::Month), Value::Int(2, IntKind::Month)],
            "February %!t(time.Month=2)",
        );
    }

    #[test]
    fn bytes_print_as_a_list_or_as_text() {
        let bytes = Value::Bytes(Arc::from(*b"a\xff"));
        check("%v %x %q %#v", &vec![bytes; 4], "[97 255] 61ff \"a\\xff\" []byte{0x61, 0xff}");
    }

    #[test]
    fn typed_lists_and_maps_name_their_types() {
        let list = Value::List(List::strings(["x"]));
        check("%#v %T %d", &vec![list; 3], "[]string{\"x\"} []string [%!d(string=x)]");
        let map = Value::Map([("a", Value::Nil)].into_iter().collect());
        check("%#v %v", &vec![map; 2], "map[string]interface {}{\"a\":interface {}(nil)} map[a:<nil>]");
    }

    #[test]
    fn a_map_that_holds_itself_ends() {
        let map = Map::new();
        map.insert("a", Value::Map(map.clone()));
        map.insert("b", Value::list(vec![Value::Map(map.clone()), Value::Map(map.clone())]));
        assert!(sprintf(b"%v", &[Value::Map(map)], 10_000).len() < 20_000);
    }

    #[test]
    fn widths_stop_at_the_limit() {
        let many = Value::list(vec![Value::int(1); 1_000]);
        assert!(sprintf(b"%1000000v %.1000000f", &[many, Value::Float(1.0)], 5_000_000).len() < 8_000_000);
    }

    use std::sync::Arc;
}
