//! Pkt-lines, the frames of git's protocol: four hexadecimal digits of length, then the line.

use crate::error::{Failure, from_io};
use std::io::{BufRead, Read};

/// What a frame holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// A line, as it came.
    Line(Vec<u8>),
    /// The end of a message.
    Flush,
    /// The end of a section.
    Delimiter,
    /// The end of an answer over a connection that stays.
    ResponseEnd,
    /// The server has closed the connection.
    End,
}

/// The most bytes that one frame may carry.
const LONGEST: usize = 65_516;

/// How much of a server's words is kept.
const SAID: usize = 2_000;

/// Appends a line.
pub(crate) fn line(into: &mut Vec<u8>, text: &[u8]) {
    into.extend_from_slice(format!("{:04x}", text.len() + 4).as_bytes());
    into.extend_from_slice(text);
}

/// Appends the end of a message.
pub(crate) fn flush(into: &mut Vec<u8>) {
    into.extend_from_slice(b"0000");
}

/// Appends the end of a section.
pub(crate) fn delimiter(into: &mut Vec<u8>) {
    into.extend_from_slice(b"0001");
}

/// Reads the next frame. A line that starts with `ERR ` is the server's refusal.
pub(crate) fn read(from: &mut dyn Read) -> Result<Frame, Failure> {
    let mut length = [0; 4];
    let mut got = 0;
    while got < 4 {
        match from.read(&mut length[got..]) {
            Ok(0) if got == 0 => return Ok(Frame::End),
            Ok(0) => return Err(Failure::Passing("the server's answer ends in the middle".into())),
            Ok(count) => got += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(from_io(&error)),
        }
    }
    let strange = || Failure::Bad("the server does not speak git's protocol".into());
    if !length.iter().all(u8::is_ascii_hexdigit) {
        return Err(strange());
    }
    let length = std::str::from_utf8(&length).map_err(|_| strange())?;
    let length = match usize::from_str_radix(length, 16).map_err(|_| strange())? {
        0 => return Ok(Frame::Flush),
        1 => return Ok(Frame::Delimiter),
        2 => return Ok(Frame::ResponseEnd),
        length if (4..=LONGEST + 4).contains(&length) => length - 4,
        _ => return Err(strange()),
    };
    let mut content = vec![0; length];
    from.read_exact(&mut content).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => {
            Failure::Passing("the server's answer ends in the middle".into())
        }
        _ => from_io(&error),
    })?;
    if let Some(why) = content.strip_prefix(b"ERR ") {
        return Err(refusal(&String::from_utf8_lossy(why)));
    }
    Ok(Frame::Line(content))
}

/// Sorts what a server says in place of an answer.
pub(crate) fn refusal(why: &str) -> Failure {
    let why = printable(why);
    let lower = why.to_lowercase();
    if lower.contains("not our ref") || lower.contains("unadvertised object") {
        Failure::NotFound(why)
    } else if lower.contains("not found") || lower.contains("not exist") {
        Failure::NotFound(format!("repository not found: {why}"))
    } else if lower.contains("denied") || lower.contains("access") || lower.contains("authoriz") {
        Failure::Refused(why)
    } else {
        Failure::Passing(why)
    }
}

/// What a server says, on one line and short enough for an error.
pub(crate) fn printable(text: &str) -> String {
    let text: String = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(400).collect();
    text.trim().to_owned()
}

/// Cuts the newline that most lines end with.
pub(crate) fn trimmed(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\n").unwrap_or(line)
}

/// The content of the first channel of a multiplexed answer; progress is dropped, an error on the third channel fails.
pub(crate) struct Sideband<'a> {
    pub(crate) from: &'a mut dyn Read,
    content: Vec<u8>,
    at: usize,
    ended: bool,
    /// The last that the server said to the person at the other end.
    pub(crate) said: Vec<u8>,
    /// Why reading failed, in the sorted form that an input-output error can't carry.
    pub(crate) failure: Option<Failure>,
}

impl<'a> Sideband<'a> {
    pub(crate) fn new(from: &'a mut dyn Read) -> Self {
        Self { from, content: Vec::new(), at: 0, ended: false, said: Vec::new(), failure: None }
    }

    fn fill(&mut self) -> Result<(), Failure> {
        while self.at >= self.content.len() && !self.ended {
            match read(self.from)? {
                Frame::Line(line) => match line.first() {
                    Some(1) => (self.content, self.at) = (line, 1),
                    Some(2) if self.said.len() < SAID => self.said.extend_from_slice(&line[1..]),
                    Some(2) => {}
                    Some(3) => return Err(refusal(&String::from_utf8_lossy(&line[1..]))),
                    _ => return Err(Failure::Bad("the server sends on an unknown channel".into())),
                },
                Frame::Flush | Frame::ResponseEnd => self.ended = true,
                Frame::Delimiter => {}
                Frame::End => return Err(Failure::Passing("the server's answer ends too early".into())),
            }
        }
        Ok(())
    }
}

impl BufRead for Sideband<'_> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        if let Err(failure) = self.fill() {
            self.failure = Some(failure);
            return Err(std::io::Error::other("the answer was cut"));
        }
        Ok(self.content.get(self.at..).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        self.at += count;
    }
}

impl Read for Sideband<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let rest = self.fill_buf()?;
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_told_apart() {
        let mut bytes: &[u8] = b"0006a\n000000010002";
        assert_eq!(read(&mut bytes).unwrap(), Frame::Line(b"a\n".to_vec()));
        for frame in [Frame::Flush, Frame::Delimiter, Frame::ResponseEnd, Frame::End] {
            assert_eq!(read(&mut bytes).unwrap(), frame);
        }
    }

    #[test]
    fn no_length_is_believed() {
        for bytes in [&b"00"[..], b"+001", b"0003", b"ffff", b"zzzz", b"0010abc", b"<!DOCTYPE html>"] {
            assert!(read(&mut &bytes[..]).is_err(), "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn an_error_on_the_third_channel_fails() {
        let mut bytes: &[u8] = b"0006\x01a0006\x02b000b\x03denied";
        let mut sideband = Sideband::new(&mut bytes);
        let mut got = Vec::new();
        assert!(sideband.read_to_end(&mut got).is_err());
        assert_eq!(got, b"a");
        assert!(matches!(sideband.failure, Some(Failure::Refused(_))));
    }
}
