//! A pack's objects, unpacked in memory and found by their id.
//!
//! Every length that a server names is checked against the limits before anything is allocated.

use crate::Limits;
use crate::error::{Failure, from_io};
use flate2::write::ZlibEncoder;
use flate2::{Compression, Decompress, FlushDecompress, Status};
use gix_hash::ObjectId;
use gix_object::Kind;
use std::collections::HashMap;
use std::io::{BufRead, Write};
use std::sync::Arc;

/// The objects of one pack.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    by_id: HashMap<ObjectId, (Kind, Arc<[u8]>)>,
    bytes: usize,
}

impl Objects {
    /// Returns an object of a kind.
    pub(crate) fn get(&self, id: &gix_hash::oid, kind: Kind) -> Result<&Arc<[u8]>, Failure> {
        match self.by_id.get(id) {
            Some((found, content)) if *found == kind => Ok(content),
            Some((found, _)) => Err(Failure::Bad(format!("{id} is a {found}, and not a {kind}"))),
            None => Err(Failure::Bad(format!("the server did not send {kind} {id}"))),
        }
    }

    /// Returns whether an object is there.
    pub(crate) fn has(&self, id: &gix_hash::oid) -> bool {
        self.by_id.contains_key(id)
    }

    /// Returns how many bytes all of them have.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Unpacks a pack as it arrives: its objects, whole or as differences to others of the same pack.
    pub(crate) fn unpack(
        pack: &mut dyn BufRead,
        hash: gix_hash::Kind,
        limits: &Limits,
    ) -> Result<Self, Failure> {
        let mut reader =
            Reader { from: pack, at: 0, most: limits.pack_bytes, inflater: Decompress::new(true) };
        let count = reader.header()?;
        if count > limits.objects {
            return Err(Failure::Bad(format!(
                "{count} objects are more than the limit of {}",
                limits.objects
            )));
        }
        let mut entries = Entries::default();
        let mut total = 0_usize;
        for _ in 0..count {
            let start = reader.at;
            let (delta, size) = reader.entry_header(start, hash.len_in_bytes())?;
            total = total.saturating_add(size);
            if size > limits.object_bytes || total > limits.total_bytes {
                return Err(too_large(size, limits));
            }
            let content = reader.inflate(size)?;
            entries.offsets.insert(start, entries.list.len());
            entries.list.push((delta, content.into()));
        }
        entries.resolve(hash, limits, total)
    }
}

fn too_large(size: usize, limits: &Limits) -> Failure {
    Failure::Bad(format!(
        "an object of {size} bytes is over the limits of {} for one and {} for all",
        limits.object_bytes, limits.total_bytes
    ))
}

/// How an entry is stored.
#[derive(Clone, Debug)]
enum Delta {
    Whole(Kind),
    /// A difference to the entry at this offset.
    Offset(u64),
    /// A difference to the object of this id.
    Reference(ObjectId),
}

#[derive(Debug, Default)]
struct Entries {
    list: Vec<(Delta, Arc<[u8]>)>,
    offsets: HashMap<u64, usize>,
}

impl Entries {
    /// Applies the differences, bases first, with a list of work in place of recursion. `total` is what the entries weigh, and
    /// grows with what is made of them: a few bytes may ask for the same large base many times over.
    fn resolve(
        mut self,
        hash: gix_hash::Kind,
        limits: &Limits,
        mut total: usize,
    ) -> Result<Objects, Failure> {
        let mut objects = Objects { by_id: HashMap::with_capacity(self.list.len()), bytes: 0 };
        let mut waiting: HashMap<Base, Vec<usize>> = HashMap::new();
        let mut ready = Vec::new();
        for (index, (delta, _)) in self.list.iter().enumerate() {
            match delta {
                Delta::Whole(kind) => ready.push((index, *kind)),
                Delta::Offset(offset) => {
                    let base = self.offsets.get(offset);
                    let base = base.ok_or_else(|| Failure::Bad("a delta has no base".into()))?;
                    waiting.entry(Base::Entry(*base)).or_default().push(index);
                }
                Delta::Reference(id) => waiting.entry(Base::Object(*id)).or_default().push(index),
            }
        }
        while let Some((index, kind)) = ready.pop() {
            let content = Arc::clone(&self.list[index].1);
            let id = object_id(hash, kind, &content)?;
            if !waiting.is_empty() {
                for base in [Base::Entry(index), Base::Object(id)] {
                    for dependent in waiting.remove(&base).unwrap_or_default() {
                        let delta = &mut self.list[dependent].1;
                        let made = apply(delta, &content, limits)?;
                        total = total.saturating_sub(delta.len()).saturating_add(made.len());
                        if total > limits.total_bytes {
                            return Err(too_large(made.len(), limits));
                        }
                        *delta = made.into();
                        ready.push((dependent, kind));
                    }
                }
            }
            objects.by_id.insert(id, (kind, content));
        }
        objects.bytes = total;
        if waiting.is_empty() {
            Ok(objects)
        } else {
            Err(Failure::Bad("a delta's base is not in the pack".into()))
        }
    }
}

/// Returns an object's id; content that collides on purpose is refused.
pub(crate) fn object_id(hash: gix_hash::Kind, kind: Kind, content: &[u8]) -> Result<ObjectId, Failure> {
    gix_object::compute_hash(hash, kind, content)
        .map_err(|_| Failure::Bad("an object's content is a known attack on SHA-1".into()))
}

#[derive(PartialEq, Eq, Hash)]
enum Base {
    Entry(usize),
    Object(ObjectId),
}

/// Reads a pack front to back.
struct Reader<'a> {
    from: &'a mut dyn BufRead,
    at: u64,
    most: u64,
    inflater: Decompress,
}

fn cut() -> Failure {
    Failure::Passing("the pack ends too early".into())
}

impl Reader<'_> {
    /// Counts what was read, and stops a pack that does not end.
    fn read(&mut self, count: usize) -> Result<(), Failure> {
        self.at += count as u64;
        if self.at > self.most {
            return Err(Failure::Bad(format!("the pack is larger than the limit of {} bytes", self.most)));
        }
        Ok(())
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Failure> {
        let mut bytes = [0; N];
        self.from.read_exact(&mut bytes).map_err(unread)?;
        self.read(N)?;
        Ok(bytes)
    }

    fn byte(&mut self) -> Result<u8, Failure> {
        Ok(self.take::<1>()?[0])
    }

    fn header(&mut self) -> Result<usize, Failure> {
        let head = self.take::<12>()?;
        let word = |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        if &head[..4] != b"PACK" || !matches!(word(4), 2 | 3) {
            return Err(Failure::Bad("the server's answer is no pack".into()));
        }
        Ok(word(8) as usize)
    }

    /// Reads an entry's kind and inflated size.
    fn entry_header(&mut self, start: u64, hash_bytes: usize) -> Result<(Delta, usize), Failure> {
        let first = self.byte()?;
        let mut size = usize::from(first & 0x0f);
        let mut shift = 4;
        let mut byte = first;
        while byte & 0x80 != 0 {
            byte = self.byte()?;
            size |= checked_shift(byte & 0x7f, shift)?;
            shift += 7;
        }
        let delta = match (first >> 4) & 7 {
            1 => Delta::Whole(Kind::Commit),
            2 => Delta::Whole(Kind::Tree),
            3 => Delta::Whole(Kind::Blob),
            4 => Delta::Whole(Kind::Tag),
            6 => Delta::Offset(start.checked_sub(self.distance()?).ok_or_else(cut)?),
            7 if hash_bytes == 20 => Delta::Reference(ObjectId::from_bytes_or_panic(&self.take::<20>()?)),
            7 => Delta::Reference(ObjectId::from_bytes_or_panic(&self.take::<32>()?)),
            other => return Err(Failure::Bad(format!("the pack has an entry of the unknown kind {other}"))),
        };
        Ok((delta, size))
    }

    /// Reads how far back a delta's base lies.
    fn distance(&mut self) -> Result<u64, Failure> {
        let mut byte = self.byte()?;
        let mut value = u64::from(byte & 0x7f);
        while byte & 0x80 != 0 {
            byte = self.byte()?;
            let next = value.checked_add(1).and_then(|v| v.checked_mul(128)).ok_or_else(cut)?;
            value = next + u64::from(byte & 0x7f);
        }
        Ok(value)
    }

    /// Inflates exactly `size` bytes.
    fn inflate(&mut self, size: usize) -> Result<Vec<u8>, Failure> {
        let broken = || Failure::Bad("an object of the pack can't be inflated".into());
        let mut out = Vec::with_capacity((size + 1).min(1 << 20));
        self.inflater.reset(true);
        loop {
            // Memory grows with what really arrives, not with what the header promised.
            if out.len() == out.capacity() {
                out.reserve_exact((size + 1 - out.len()).min(out.len()));
            }
            let input = self.from.fill_buf().map_err(unread)?;
            let is_over = input.is_empty();
            let before = self.inflater.total_in();
            let status = self.inflater.decompress_vec(input, &mut out, FlushDecompress::None);
            let used = usize::try_from(self.inflater.total_in() - before).map_err(|_| cut())?;
            self.from.consume(used);
            self.read(used)?;
            match status.map_err(|_| broken())? {
                _ if out.len() > size => return Err(broken()),
                Status::StreamEnd if out.len() == size => return Ok(out),
                Status::StreamEnd => return Err(broken()),
                _ if is_over => return Err(cut()),
                _ => {}
            }
        }
    }
}

#[allow(clippy::needless_pass_by_value, reason = "handed to map_err")]
fn unread(error: std::io::Error) -> Failure {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => cut(),
        _ => from_io(&error),
    }
}

fn checked_shift(byte: u8, shift: u32) -> Result<usize, Failure> {
    let refused = || Failure::Bad("a length in the pack is too large".into());
    if shift >= usize::BITS - 7 {
        return Err(refused());
    }
    Ok(usize::from(byte) << shift)
}

/// Applies a delta: copies from the base and inserts of its own.
fn apply(delta: &[u8], base: &[u8], limits: &Limits) -> Result<Vec<u8>, Failure> {
    let broken = || Failure::Bad("a delta of the pack is malformed".into());
    let mut rest = delta;
    let mut length = || -> Result<usize, Failure> {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = next(&mut rest)?;
            value |= checked_shift(byte & 0x7f, shift)?;
            shift += 7;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
    };
    let (base_size, size) = (length()?, length()?);
    if base_size != base.len() || size > limits.object_bytes {
        return Err(broken());
    }
    let mut out = Vec::with_capacity(size.min(1 << 20));
    while !rest.is_empty() {
        let op = next(&mut rest)?;
        if op & 0x80 == 0 {
            if op == 0 {
                return Err(broken());
            }
            let (own, after) = rest.split_at_checked(usize::from(op)).ok_or_else(broken)?;
            out.extend_from_slice(own);
            rest = after;
        } else {
            let mut part = |bits: std::ops::Range<u8>| -> Result<usize, Failure> {
                let mut value = 0;
                for (place, bit) in bits.enumerate() {
                    if op & (1 << bit) != 0 {
                        value |= usize::from(next(&mut rest)?) << (8 * place);
                    }
                }
                Ok(value)
            };
            let (offset, count) = (part(0..4)?, part(4..7)?);
            let count = if count == 0 { 0x10000 } else { count };
            let end = offset.checked_add(count).ok_or_else(broken)?;
            out.extend_from_slice(base.get(offset..end).ok_or_else(broken)?);
        }
        if out.len() > size {
            return Err(broken());
        }
    }
    if out.len() == size { Ok(out) } else { Err(broken()) }
}

fn next(rest: &mut &[u8]) -> Result<u8, Failure> {
    let (first, after) =
        rest.split_first().ok_or_else(|| Failure::Bad("a delta of the pack is cut".into()))?;
    *rest = after;
    Ok(*first)
}

/// Makes a pack of whole objects.
pub(crate) fn encode<'a>(
    objects: impl ExactSizeIterator<Item = (Kind, &'a [u8])>,
    hash: gix_hash::Kind,
) -> Result<Vec<u8>, Failure> {
    let unwritten = |_| Failure::Bad("the pack can't be made".into());
    let count =
        u32::try_from(objects.len()).map_err(|_| Failure::Bad("too many files are changed".into()))?;
    let mut pack = b"PACK\0\0\0\x02".to_vec();
    pack.extend_from_slice(&count.to_be_bytes());
    for (kind, content) in objects {
        let code: u8 = match kind {
            Kind::Commit => 1,
            Kind::Tree => 2,
            Kind::Blob => 3,
            Kind::Tag => 4,
        };
        let mut size = content.len();
        let mut byte = (code << 4) | (size & 0x0f) as u8;
        size >>= 4;
        while size > 0 {
            pack.push(byte | 0x80);
            byte = (size & 0x7f) as u8;
            size >>= 7;
        }
        pack.push(byte);
        let mut zlib = ZlibEncoder::new(&mut pack, Compression::default());
        zlib.write_all(content).and_then(|()| zlib.finish().map(drop)).map_err(unwritten)?;
    }
    let mut hasher = gix_hash::hasher(hash);
    hasher.update(&pack);
    let sum = hasher.try_finalize().map_err(|_| Failure::Bad("the pack can't be made".into()))?;
    pack.extend_from_slice(sum.as_slice());
    Ok(pack)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delta_copies_and_inserts() {
        // base of 5 bytes, result of 8: copy 5 from 0, insert "xyz".
        let delta = [5, 8, 0x90, 5, 3, b'x', b'y', b'z'];
        assert_eq!(apply(&delta, b"hello", &Limits::default()).unwrap(), b"helloxyz");
    }

    #[test]
    fn a_pack_that_is_written_is_read() {
        let large = vec![7_u8; 3 << 20];
        let objects = [(Kind::Blob, b"hello".as_slice()), (Kind::Blob, &large), (Kind::Tree, b"")];
        for hash in [gix_hash::Kind::Sha1, gix_hash::Kind::Sha256] {
            let pack = encode(objects.into_iter(), hash).unwrap();
            let read = Objects::unpack(&mut pack.as_slice(), hash, &Limits::default()).unwrap();
            for (kind, content) in objects {
                let id = object_id(hash, kind, content).unwrap();
                assert_eq!(read.get(&id, kind).unwrap().as_ref(), content);
            }
        }
    }

    #[test]
    fn an_object_larger_than_its_limit_is_refused_before_it_is_inflated() {
        let large = vec![0_u8; 3 << 20];
        let pack = encode([(Kind::Blob, large.as_slice())].into_iter(), gix_hash::Kind::Sha1).unwrap();
        let limits = Limits { object_bytes: 1 << 20, ..Limits::default() };
        // Cut after its header: were the content read first, the fault would be another.
        let failure = Objects::unpack(&mut &pack[..16], gix_hash::Kind::Sha1, &limits).unwrap_err();
        assert!(matches!(failure, Failure::Bad(why) if why.contains("3145728 bytes")));
        let limits = Limits { pack_bytes: 100, ..Limits::default() };
        assert!(Objects::unpack(&mut pack.as_slice(), gix_hash::Kind::Sha1, &limits).is_err());
    }

    #[test]
    fn differences_that_copy_a_large_base_again_and_again_end_at_the_limit() {
        let base = vec![0_u8; 1 << 20];
        let mut entries = Entries::default();
        let mut weight = base.len();
        entries.offsets.insert(12, 0);
        entries.list.push((Delta::Whole(Kind::Blob), base.into()));
        for number in 0..1_000_u16 {
            // From 1 MiB: a copy of 15 times 64 KiB, and two bytes of its own so that no two are equal.
            let mut delta = vec![0x80, 0x80, 0x40, 0x82, 0x80, 0x3c];
            for part in 0..15_u8 {
                delta.extend([0x80 | 0x04, part]);
            }
            delta.push(2);
            delta.extend(number.to_be_bytes());
            weight += delta.len();
            entries.list.push((Delta::Offset(12), delta.into()));
        }
        let limits = Limits { total_bytes: 16 << 20, ..Limits::default() };
        let failure = entries.resolve(gix_hash::Kind::Sha1, &limits, weight).unwrap_err();
        assert!(matches!(failure, Failure::Bad(why) if why.contains("of 983042 bytes is over the limits")));
    }

    #[test]
    fn broken_packs_are_refused_without_a_panic() {
        for bytes in [
            &b""[..],
            b"PACK",
            b"PACK\0\0\0\x02\xff\xff\xff\xff",
            b"PACK\0\0\0\x02\0\0\0\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        ] {
            let mut bytes = bytes;
            assert!(Objects::unpack(&mut bytes, gix_hash::Kind::Sha1, &Limits::default()).is_err());
        }
        assert!(apply(&[0x80], b"", &Limits::default()).is_err());
        assert!(apply(&[1, 9, 0xff], b"x", &Limits::default()).is_err());
    }
}
