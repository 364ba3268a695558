//! Objects of built-in kinds in Kubernetes' protobuf form, which Go's typed clients send, read as their JSON.
//!
//! Four bytes, an envelope with the kind's name, and the object. Fields have numbers, which stand in the table of types; what the
//! table does not know is passed over, as every reader of protobuf does. Answers are JSON, which such clients accept too.

use crate::base64;
use crate::builtin::kinds;
use crate::failure::Failure;
use crate::time;
use crate::types::{Scalar, StructType, Type, TypeId, Types};
use crate::value::{Map, Value};
use gitops_core::api::GoDuration;
use std::time::Duration;

/// What such bodies begin with.
const MAGIC: &[u8] = b"k8s\0";
/// How deep messages nest at most.
const DEPTH: usize = 64;

/// Reads a body.
pub(super) fn read(body: &[u8]) -> Result<Value, Failure> {
    let broken = || Failure::bad_request("the body is not an object in protobuf form");
    let envelope = body.strip_prefix(MAGIC).ok_or_else(broken)?;
    let (mut api_version, mut kind, mut raw) = ("", "", &[][..]);
    for field in Fields(envelope) {
        match field.ok_or_else(broken)? {
            (1, Wire::Bytes(meta)) => {
                for field in Fields(meta) {
                    match field.ok_or_else(broken)? {
                        (1, Wire::Bytes(text)) => api_version = std::str::from_utf8(text).unwrap_or_default(),
                        (2, Wire::Bytes(text)) => kind = std::str::from_utf8(text).unwrap_or_default(),
                        _ => {}
                    }
                }
            }
            (2, Wire::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    let (types, id) = kinds::type_of(api_version, kind);
    let Type::Struct(structure) = types.get(id) else {
        return Err(Failure::bad_request(format!(
            "no kind {kind:?} is registered for version {api_version:?} in protobuf form: send JSON"
        )));
    };
    let mut object = Map::default();
    object.insert("apiVersion", api_version.into());
    object.insert("kind", kind.into());
    let reader = Reader { types };
    reader
        .structure(structure, "", raw, &mut object, DEPTH)
        .map_err(|why| Failure::bad_request(format!("the {kind} in protobuf form can not be read: {why}")))?;
    Ok(Value::Map(object))
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message; `None` in place of one that is cut.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Option<(u64, Wire<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field)
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Option<(u64, Wire<'a>)> {
        let tag = self.number()?;
        let wire = match tag & 7 {
            0 => Wire::Number(self.number()?),
            1 => Wire::Number(u64::from_le_bytes(self.take(8)?.try_into().ok()?)),
            2 => {
                let length = usize::try_from(self.number()?).ok()?;
                Wire::Bytes(self.take(length)?)
            }
            5 => Wire::Number(u32::from_le_bytes(self.take(4)?.try_into().ok()?).into()),
            _ => return None,
        };
        Some((tag >> 3, wire))
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }
}

/// Why a message can't be read.
type Broken = &'static str;

struct Reader<'t> {
    types: &'t Types,
}

impl Reader<'_> {
    /// Reads a message's fields into an object; `within` is the message's own number and a point, where JSON does not know it.
    fn structure(
        &self,
        structure: &StructType,
        within: &str,
        bytes: &[u8],
        out: &mut Map,
        depth: usize,
    ) -> Result<(), Broken> {
        let depth = depth.checked_sub(1).ok_or("it nests too deep")?;
        for field in Fields(bytes) {
            let (number, wire) = field.ok_or("it is cut")?;
            let number = format!("{within}{number}");
            if let Some(field) = structure.fields.iter().find(|field| field.wire.as_str() == number) {
                let slot = out.entry_or_null(&field.name);
                self.add(field.kind, wire, slot, depth)?;
                continue;
            }
            let inner = format!("{number}.");
            if let Wire::Bytes(bytes) = wire
                && structure.fields.iter().any(|field| field.wire.starts_with(&inner))
            {
                self.structure(structure, &inner, bytes, out, depth)?;
            }
        }
        Ok(())
    }

    /// Sets a value, or adds one to a list or a map.
    fn add(&self, id: TypeId, wire: Wire<'_>, slot: &mut Value, depth: usize) -> Result<(), Broken> {
        match (self.types.get(id), wire) {
            (Type::List(list), _) => {
                let item = self.value(list.element, wire, depth)?;
                match slot {
                    Value::List(items) => items.push(item),
                    _ => *slot = Value::List(vec![item]),
                }
            }
            (Type::Map(map), Wire::Bytes(entry)) => {
                let (mut key, mut value) = (String::new(), None);
                for field in Fields(entry) {
                    match field.ok_or("it is cut")? {
                        (1, Wire::Bytes(bytes)) => key = text(bytes)?.to_owned(),
                        (2, wire) => value = Some(self.map_value(map.element, wire, depth)?),
                        _ => {}
                    }
                }
                if !matches!(slot, Value::Map(_)) {
                    *slot = Value::map();
                }
                slot.set(&key, value.unwrap_or_default());
            }
            _ => *slot = self.value(id, wire, depth)?,
        }
        Ok(())
    }

    /// A list as a map's value is a message of its own.
    fn map_value(&self, id: TypeId, wire: Wire<'_>, depth: usize) -> Result<Value, Broken> {
        let (Type::List(list), Wire::Bytes(bytes)) = (self.types.get(id), wire) else {
            return self.value(id, wire, depth);
        };
        let items = Fields(bytes).map(|field| self.value(list.element, field.ok_or("it is cut")?.1, depth));
        Ok(Value::List(items.collect::<Result<_, _>>()?))
    }

    fn value(&self, id: TypeId, wire: Wire<'_>, depth: usize) -> Result<Value, Broken> {
        match (self.types.get(id), wire) {
            (Type::Scalar(scalar), wire) => scalar_of(*scalar, wire),
            (Type::Struct(structure), Wire::Bytes(bytes)) => {
                let mut out = Map::default();
                self.structure(structure, "", bytes, &mut out, depth)?;
                Ok(Value::Map(out))
            }
            _ => Err("a field has another type"),
        }
    }
}

fn text(bytes: &[u8]) -> Result<&str, Broken> {
    std::str::from_utf8(bytes).map_err(|_| "a text is not UTF-8")
}

/// The number of a field, as protobuf writes those with a sign.
fn signed(number: u64) -> i64 {
    number.cast_signed()
}

fn scalar_of(scalar: Scalar, wire: Wire<'_>) -> Result<Value, Broken> {
    Ok(match (scalar, wire) {
        (Scalar::Text, Wire::Bytes(bytes)) => text(bytes)?.into(),
        (Scalar::Bytes, Wire::Bytes(bytes)) => base64::encode(bytes).into(),
        (Scalar::Bool, Wire::Number(number)) => (number != 0).into(),
        (Scalar::Int32 | Scalar::Int64, Wire::Number(number)) => signed(number).into(),
        (Scalar::Float, Wire::Number(number)) => Value::Float(f64::from_bits(number)),
        (Scalar::Quantity, Wire::Bytes(bytes)) => match first(bytes, 1)? {
            Some(Wire::Bytes(bytes)) => text(bytes)?.into(),
            _ => "0".into(),
        },
        (Scalar::Time | Scalar::MicroTime, Wire::Bytes(bytes)) => moment(scalar, bytes)?,
        (Scalar::Duration, Wire::Bytes(bytes)) => {
            let nanos = match first(bytes, 1)? {
                Some(Wire::Number(number)) => signed(number),
                _ => 0,
            };
            let sign = if nanos < 0 { "-" } else { "" };
            format!("{sign}{}", GoDuration(Duration::from_nanos(nanos.unsigned_abs()))).into()
        }
        (Scalar::IntOrString, Wire::Bytes(bytes)) => match first(bytes, 1)? {
            Some(Wire::Number(1)) => match first(bytes, 3)? {
                Some(Wire::Bytes(bytes)) => text(bytes)?.into(),
                _ => "".into(),
            },
            _ => match first(bytes, 2)? {
                Some(Wire::Number(number)) => signed(number).into(),
                _ => 0.into(),
            },
        },
        // JSON within a message.
        (Scalar::Any, Wire::Bytes(bytes)) => match first(bytes, 1)? {
            Some(Wire::Bytes(raw)) => Value::from_json(raw).map_err(|_| "a field holds no JSON")?,
            Some(Wire::Number(_)) => return Err("a field of its schema has no JSON: send the whole as JSON"),
            None => Value::Null,
        },
        _ => return Err("a field has another type"),
    })
}

/// Returns a field of a message.
fn first(bytes: &[u8], wanted: u64) -> Result<Option<Wire<'_>>, Broken> {
    for field in Fields(bytes) {
        let (number, wire) = field.ok_or("it is cut")?;
        if number == wanted {
            return Ok(Some(wire));
        }
    }
    Ok(None)
}

/// A time; an empty message is none.
fn moment(scalar: Scalar, bytes: &[u8]) -> Result<Value, Broken> {
    let number = |wanted| {
        first(bytes, wanted).map(|wire| match wire {
            Some(Wire::Number(number)) => signed(number),
            _ => 0,
        })
    };
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    let (seconds, nanos) = (number(1)?, number(2)?);
    // The years that four digits can name.
    if !(-62_135_596_800..253_402_300_800).contains(&seconds) {
        return Err("a time is out of range");
    }
    let mut time = time::seconds(seconds);
    if scalar == Scalar::MicroTime {
        time.pop();
        time.push_str(&format!(".{:06}Z", nanos.clamp(0, 999_999_999) / 1_000));
    }
    Ok(time.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(mut number: usize, out: &mut Vec<u8>) {
        while number > 127 {
            out.push(u8::try_from(number & 127).unwrap() | 128);
            number >>= 7;
        }
        out.push(u8::try_from(number).unwrap());
    }

    fn message(fields: &[(usize, &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        for (field, bytes) in fields {
            number(field << 3 | 2, &mut out);
            number(bytes.len(), &mut out);
            out.extend_from_slice(bytes);
        }
        out
    }

    fn enveloped(api_version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
        let meta = message(&[(1, api_version.as_bytes()), (2, kind.as_bytes())]);
        [MAGIC, &message(&[(1, &meta), (2, raw), (3, b""), (4, b"")])].concat()
    }

    #[track_caller]
    fn check(api_version: &str, kind: &str, raw: &[u8], expected: &str) {
        let value = read(&enveloped(api_version, kind, raw)).unwrap();
        assert_eq!(value.to_json(), expected);
    }

    #[test]
    fn objects_are_read_by_the_numbers_of_the_table() {
        let metadata = message(&[(1, b"a"), (8, b""), (11, &message(&[(1, b"k"), (2, b"v")]))]);
        check(
            "v1",
            "ConfigMap",
            &message(&[(1, &metadata), (2, &message(&[(1, b"x"), (2, b"y")]))]),
            r#"{"apiVersion":"v1","data":{"x":"y"},"kind":"ConfigMap","metadata":{"creationTimestamp":null,"labels":{"k":"v"},"name":"a"}}"#,
        );
        check(
            "v1",
            "Secret",
            &message(&[(2, &message(&[(1, b"x"), (2, b"\x00\xff")]))]),
            r#"{"apiVersion":"v1","data":{"x":"AP8="},"kind":"Secret"}"#,
        );
    }

    #[test]
    fn messages_that_json_does_not_know_are_passed_through() {
        // A volume's source, and the port of a probe, which may be a number or a name.
        let map = message(&[(19, &message(&[(1, &message(&[(1, b"settings")]))]))]);
        let volume = message(&[(1, b"v"), (2, &map)]);
        let port = [0x08, 0x01, 0x1a, 0x04, b'h', b't', b't', b'p'];
        let probe = message(&[(1, &message(&[(2, &message(&[(2, &port)]))]))]);
        let container = message(&[(1, b"c"), (10, &probe)]);
        check(
            "v1",
            "Pod",
            &message(&[(2, &message(&[(1, &volume), (2, &container)]))]),
            r#"{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"livenessProbe":{"httpGet":{"port":"http"}},"name":"c"}],"volumes":[{"configMap":{"name":"settings"},"name":"v"}]}}"#,
        );
    }

    #[test]
    fn options_of_deletions_have_one_form_in_every_version() {
        check(
            "apps/v1",
            "DeleteOptions",
            &[&[0x08, 0x1e][..], &message(&[(4, b"Foreground")])].concat(),
            r#"{"apiVersion":"apps/v1","gracePeriodSeconds":30,"kind":"DeleteOptions","propagationPolicy":"Foreground"}"#,
        );
    }

    #[test]
    fn what_is_cut_unknown_or_too_deep_is_refused() {
        let whole = enveloped("v1", "Pod", &message(&[(2, &message(&[(2, &message(&[(1, b"c")]))]))]));
        for end in 0..whole.len() {
            // Cut anywhere it is refused or shorter, and never worse.
            let _ = read(&whole[..end]);
        }
        assert!(read(b"{}").is_err());
        assert!(read(&enveloped("example.org/v1", "Thing", b"")).unwrap_err().message.contains("send JSON"));
        assert!(read(&enveloped("v1", "Pod", &[0x0a, 0xff, 0xff, 0xff, 0xff, 0x7f])).is_err());
        let mut deep = Vec::new();
        for _ in 0..200 {
            deep = message(&[(28, &deep)]);
        }
        let version = message(&[(4, &message(&[(1, &deep)]))]);
        let definition = message(&[(2, &message(&[(7, &version)]))]);
        let error = read(&enveloped("apiextensions.k8s.io/v1", "CustomResourceDefinition", &definition));
        assert!(error.unwrap_err().message.contains("it nests too deep"));
    }
}
