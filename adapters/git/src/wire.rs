//! Git's protocol above any connection: what the server can do, its references, a pack.
//!
//! Protocol 2 is asked for and 0 understood. Nothing is known on our side, so there is nothing to negotiate: each fetch is
//! one question.

use crate::Limits;
use crate::error::Failure;
use crate::pack::Objects;
use crate::pkt::{self, Frame, Sideband};
use gix_hash::ObjectId;
use std::io::BufRead;

/// One of a server's two programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    /// Answers fetches.
    UploadPack,
    /// Takes pushes.
    ReceivePack,
}

impl Service {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::UploadPack => "git-upload-pack",
            Self::ReceivePack => "git-receive-pack",
        }
    }
}

/// A connection to one repository.
pub(crate) trait Channel: Send {
    /// Connects and returns what the server says first.
    fn open(&mut self, service: Service) -> Result<Box<dyn BufRead + '_>, Failure>;

    /// Asks and returns the answer.
    fn ask(&mut self, service: Service, question: Vec<u8>) -> Result<Box<dyn BufRead + '_>, Failure>;

    /// Replaces a failure by what the connection knows better: what a program said before it ended.
    fn explain(&self, failure: Failure) -> Failure {
        failure
    }
}

/// What a server told about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Capabilities {
    pub(crate) words: Vec<String>,
    pub(crate) hash: gix_hash::Kind,
    pub(crate) is_v2: bool,
}

impl Capabilities {
    fn new(words: Vec<String>, is_v2: bool) -> Result<Self, Failure> {
        let format = words.iter().find_map(|word| word.strip_prefix("object-format=")).unwrap_or("sha1");
        let hash = match format {
            "sha1" => gix_hash::Kind::Sha1,
            "sha256" => gix_hash::Kind::Sha256,
            other => {
                return Err(Failure::Bad(format!("the repository's ids are of the unknown kind {other:?}")));
            }
        };
        Ok(Self { words, hash, is_v2 })
    }

    /// Returns whether the server knows a word.
    pub(crate) fn has(&self, word: &str) -> bool {
        self.words.iter().any(|w| w == word)
    }

    /// Returns whether a fetch may leave objects out.
    fn can_filter(&self) -> bool {
        let of_fetch = self.words.iter().find_map(|word| word.strip_prefix("fetch="));
        self.has("filter") || of_fetch.is_some_and(|words| words.split(' ').any(|word| word == "filter"))
    }
}

/// A reference of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) name: String,
    /// What it points at: a commit, or an annotated tag.
    pub(crate) id: ObjectId,
    /// The commit behind an annotated tag.
    pub(crate) peeled: Option<ObjectId>,
    /// The branch that `HEAD` stands for.
    pub(crate) target: Option<String>,
}

impl Reference {
    pub(crate) fn commit(&self) -> ObjectId {
        self.peeled.unwrap_or(self.id)
    }
}

/// How much of the history and content a fetch brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// The commit with its files.
    Shallow,
    /// The commit with its directories; files too where the server can't leave them out.
    ShallowWithoutFiles,
    /// All commits before it too; what is not a commit is left out where the server can.
    Commits,
    /// All of it.
    History,
}

/// A server that is ready to be asked.
pub(crate) struct Server<'a> {
    channel: &'a mut dyn Channel,
    pub(crate) capabilities: Capabilities,
    /// What a server of protocol 0 listed at once.
    listed: Vec<Reference>,
    limits: Limits,
    has_answered: bool,
}

const AGENT: &str = concat!("agent=gitops-rs/", env!("CARGO_PKG_VERSION"));

impl<'a> Server<'a> {
    /// Connects.
    pub(crate) fn connect(
        channel: &'a mut dyn Channel,
        service: Service,
        limits: Limits,
    ) -> Result<Self, Failure> {
        let (capabilities, listed) = {
            let mut first = channel.open(service)?;
            greeting(&mut *first, &limits)
        }
        .map_err(|failure| channel.explain(failure))?;
        Ok(Self { channel, capabilities, listed, limits, has_answered: true })
    }

    /// Takes up a stateless connection whose server is known from before.
    pub(crate) fn known(channel: &'a mut dyn Channel, capabilities: Capabilities, limits: Limits) -> Self {
        Self { channel, capabilities, listed: Vec::new(), limits, has_answered: false }
    }

    /// Returns whether the server has answered as one should that we know.
    pub(crate) fn has_answered(&self) -> bool {
        self.has_answered
    }

    /// Lists the references that start with one of the prefixes.
    pub(crate) fn references(&mut self, prefixes: &[&str]) -> Result<Vec<Reference>, Failure> {
        let matches = |name: &str| prefixes.iter().any(|prefix| name.starts_with(prefix));
        if !self.capabilities.is_v2 {
            return Ok(self.listed.iter().filter(|r| matches(&r.name)).cloned().collect());
        }
        let mut question = self.command("ls-refs");
        for argument in ["peel\n", "symrefs\n"] {
            pkt::line(&mut question, argument.as_bytes());
        }
        for prefix in prefixes {
            pkt::line(&mut question, format!("ref-prefix {prefix}\n").as_bytes());
        }
        pkt::flush(&mut question);
        let (limits, hash) = (self.limits, self.capabilities.hash);
        let answer = || {
            let mut answer = self.channel.ask(Service::UploadPack, question)?;
            let mut found = Vec::new();
            loop {
                match pkt::read(&mut *answer)? {
                    Frame::Line(line) => found.extend(listed_v2(&line, hash)?),
                    Frame::Flush => break,
                    Frame::End => {
                        return Err(Failure::Passing("the list of references ends too early".into()));
                    }
                    Frame::Delimiter | Frame::ResponseEnd => {}
                }
                check_count(found.len(), &limits)?;
            }
            found.retain(|reference| matches(&reference.name));
            Ok(found)
        };
        let answer = answer();
        self.has_answered |= answer.is_ok();
        answer.map_err(|failure| self.channel.explain(failure))
    }

    fn command(&self, name: &str) -> Vec<u8> {
        let mut question = Vec::new();
        pkt::line(&mut question, format!("command={name}\n").as_bytes());
        pkt::line(&mut question, AGENT.as_bytes());
        if self.capabilities.words.iter().any(|word| word.starts_with("object-format=")) {
            pkt::line(&mut question, format!("object-format={}", self.capabilities.hash).as_bytes());
        }
        pkt::delimiter(&mut question);
        question
    }

    /// Fetches objects by their ids.
    pub(crate) fn fetch(&mut self, wants: &[ObjectId], extent: Extent) -> Result<Objects, Failure> {
        let question = self.wants(wants, extent);
        let (limits, capabilities) = (self.limits, self.capabilities.clone());
        let answer = || {
            let mut answer = self.channel.ask(Service::UploadPack, question)?;
            skip_to_pack(&mut *answer, capabilities.is_v2)?;
            if !capabilities.is_v2 && !capabilities.has("side-band-64k") {
                return Objects::unpack(&mut *answer, capabilities.hash, &limits);
            }
            let mut from = &mut *answer;
            let mut sideband = Sideband::new(&mut from);
            let objects = Objects::unpack(&mut sideband, capabilities.hash, &limits);
            match sideband.failure.take() {
                Some(failure) => Err(failure),
                None => objects,
            }
        };
        let answer = answer();
        self.has_answered |= answer.is_ok();
        answer.map_err(|failure| self.channel.explain(failure))
    }

    fn wants(&self, wants: &[ObjectId], extent: Extent) -> Vec<u8> {
        let capabilities = &self.capabilities;
        let filter = match extent {
            Extent::ShallowWithoutFiles if capabilities.can_filter() => Some("blob:none"),
            Extent::Commits if capabilities.can_filter() => Some("tree:0"),
            _ => None,
        };
        let is_shallow = matches!(extent, Extent::Shallow | Extent::ShallowWithoutFiles);
        let mut question = if capabilities.is_v2 { self.command("fetch") } else { Vec::new() };
        if capabilities.is_v2 {
            pkt::line(&mut question, b"no-progress\n");
            pkt::line(&mut question, b"ofs-delta\n");
        }
        let mut words = String::new();
        if !capabilities.is_v2 {
            for word in ["side-band-64k", "ofs-delta", "no-progress", "shallow", "filter"] {
                let is_asked = match word {
                    "shallow" => is_shallow,
                    "filter" => filter.is_some(),
                    _ => true,
                };
                if is_asked && capabilities.has(word) {
                    words.push(' ');
                    words.push_str(word);
                }
            }
        }
        for (index, want) in wants.iter().enumerate() {
            let words = if index == 0 { words.as_str() } else { "" };
            pkt::line(&mut question, format!("want {want}{words}\n").as_bytes());
        }
        if is_shallow && (capabilities.is_v2 || capabilities.has("shallow")) {
            pkt::line(&mut question, b"deepen 1\n");
        }
        if let Some(filter) = filter {
            pkt::line(&mut question, format!("filter {filter}\n").as_bytes());
        }
        if capabilities.is_v2 {
            pkt::line(&mut question, b"done\n");
            pkt::flush(&mut question);
        } else {
            pkt::flush(&mut question);
            pkt::line(&mut question, b"done\n");
        }
        question
    }

    /// Returns every reference that a server that takes pushes listed.
    pub(crate) fn listed(&self) -> &[Reference] {
        &self.listed
    }

    /// Sends commands and a pack; hands the lines of the server's report to `each`.
    pub(crate) fn send(&mut self, question: Vec<u8>) -> Result<(Vec<String>, String), Failure> {
        let is_multiplexed = self.capabilities.has("side-band-64k");
        let answer = || {
            let mut answer = self.channel.ask(Service::ReceivePack, question)?;
            let mut lines = Vec::new();
            if !is_multiplexed {
                report(&mut *answer, &mut lines)?;
                return Ok((lines, String::new()));
            }
            let mut from = &mut *answer;
            let mut sideband = Sideband::new(&mut from);
            let read = report(&mut sideband, &mut lines);
            if let Some(failure) = sideband.failure.take() {
                return Err(failure);
            }
            read?;
            let said = pkt::printable(&String::from_utf8_lossy(&sideband.said));
            Ok((lines, said))
        };
        let answer = answer();
        self.has_answered |= answer.is_ok();
        answer.map_err(|failure| self.channel.explain(failure))
    }
}

/// Reads the lines of a report on a push.
fn report(from: &mut dyn std::io::Read, lines: &mut Vec<String>) -> Result<(), Failure> {
    loop {
        match pkt::read(from)? {
            Frame::Line(line) => lines.push(pkt::printable(&String::from_utf8_lossy(&line))),
            Frame::Flush | Frame::End => return Ok(()),
            Frame::Delimiter | Frame::ResponseEnd => {}
        }
        if lines.len() > 10_000 {
            return Err(Failure::Bad("the server's report does not end".into()));
        }
    }
}

/// Reads over what stands before a pack.
fn skip_to_pack(from: &mut dyn BufRead, is_v2: bool) -> Result<(), Failure> {
    loop {
        match pkt::read(from)? {
            Frame::Line(line) if is_v2 && pkt::trimmed(&line) == b"packfile" => return Ok(()),
            Frame::Line(line) if !is_v2 && (line.starts_with(b"NAK") || line.starts_with(b"ACK")) => {
                return Ok(());
            }
            Frame::End => return Err(Failure::Passing("the server sent no pack".into())),
            _ => {}
        }
    }
}

/// Reads what a server says first: its capabilities, and with protocol 0 its references.
fn greeting(from: &mut dyn BufRead, limits: &Limits) -> Result<(Capabilities, Vec<Reference>), Failure> {
    let ended = || Failure::Passing("the server closed the connection".into());
    let mut line = loop {
        match pkt::read(from)? {
            // Over HTTP the service's name stands first.
            Frame::Line(line) if line.starts_with(b"# service=") => {}
            Frame::Line(line) => break line,
            Frame::Flush => {}
            Frame::End => return Err(ended()),
            Frame::Delimiter | Frame::ResponseEnd => return Err(strange()),
        }
    };
    if pkt::trimmed(&line) == b"version 2" {
        let mut words = Vec::new();
        while let Frame::Line(line) = pkt::read(from)? {
            words.push(String::from_utf8_lossy(pkt::trimmed(&line)).into_owned());
            if words.len() > 1_000 {
                return Err(strange());
            }
        }
        return Ok((Capabilities::new(words, true)?, Vec::new()));
    }
    if pkt::trimmed(&line) == b"version 1" {
        match pkt::read(from)? {
            Frame::Line(next) => line = next,
            _ => return Err(ended()),
        }
    }
    let zero = line.iter().position(|byte| *byte == 0).ok_or_else(strange)?;
    let words = String::from_utf8_lossy(pkt::trimmed(&line[zero + 1..]));
    let words = words.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
    let capabilities = Capabilities::new(words, false)?;
    let head =
        capabilities.words.iter().find_map(|word| word.strip_prefix("symref=HEAD:")).map(str::to_owned);
    line.truncate(zero);
    let mut found: Vec<Reference> = Vec::new();
    loop {
        listed_v0(&line, capabilities.hash, head.as_deref(), &mut found)?;
        check_count(found.len(), limits)?;
        match pkt::read(from)? {
            Frame::Line(next) => line = next,
            Frame::Flush => break,
            _ => return Err(ended()),
        }
    }
    Ok((capabilities, found))
}

fn check_count(count: usize, limits: &Limits) -> Result<(), Failure> {
    if count > limits.references {
        return Err(Failure::Bad(format!("the server lists more than {} references", limits.references)));
    }
    Ok(())
}

fn strange() -> Failure {
    Failure::Bad("the server does not speak git's protocol".into())
}

fn id(text: &[u8], hash: gix_hash::Kind) -> Result<ObjectId, Failure> {
    ObjectId::from_hex(text).ok().filter(|id| id.kind() == hash).ok_or_else(strange)
}

/// Reads `ID NAME [symref-target:NAME] [peeled:ID]`.
fn listed_v2(line: &[u8], hash: gix_hash::Kind) -> Result<Option<Reference>, Failure> {
    let text = std::str::from_utf8(pkt::trimmed(line));
    // A name that is no UTF-8 can't be asked for.
    let Ok(text) = text else { return Ok(None) };
    let mut words = text.split(' ');
    let (Some(first), Some(name)) = (words.next(), words.next()) else { return Err(strange()) };
    if first == "unborn" {
        return Ok(None);
    }
    let mut reference =
        Reference { name: name.to_owned(), id: id(first.as_bytes(), hash)?, peeled: None, target: None };
    for word in words {
        if let Some(target) = word.strip_prefix("symref-target:") {
            reference.target = Some(target.to_owned());
        } else if let Some(peeled) = word.strip_prefix("peeled:") {
            reference.peeled = Some(id(peeled.as_bytes(), hash)?);
        }
    }
    Ok(Some(reference))
}

/// Reads `ID NAME` or, for what an annotated tag points at, `ID NAME^{}`.
fn listed_v0(
    line: &[u8],
    hash: gix_hash::Kind,
    head: Option<&str>,
    found: &mut Vec<Reference>,
) -> Result<(), Failure> {
    let Ok(text) = std::str::from_utf8(pkt::trimmed(line)) else { return Ok(()) };
    let (first, name) = text.split_once(' ').ok_or_else(strange)?;
    let id = id(first.as_bytes(), hash)?;
    if name == "capabilities^{}" || name == ".have" {
        return Ok(());
    }
    if let Some(tag) = name.strip_suffix("^{}") {
        if let Some(last) = found.last_mut().filter(|last| last.name == tag) {
            last.peeled = Some(id);
        }
        return Ok(());
    }
    let target = head.filter(|_| name == "HEAD").map(str::to_owned);
    found.push(Reference { name: name.to_owned(), id, peeled: None, target });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "1111111111111111111111111111111111111111";
    const B: &str = "2222222222222222222222222222222222222222";

    fn greet(lines: &[&str]) -> Result<(Capabilities, Vec<Reference>), Failure> {
        let mut bytes = Vec::new();
        for line in lines {
            pkt::line(&mut bytes, line.as_bytes());
        }
        pkt::flush(&mut bytes);
        greeting(&mut bytes.as_slice(), &Limits::default())
    }

    #[test]
    fn a_list_of_protocol_0_is_read() {
        let lines = [
            format!("{A} HEAD\0side-band-64k symref=HEAD:refs/heads/main object-format=sha1\n"),
            format!("{A} refs/heads/main\n"),
            format!("{B} refs/tags/v1\n"),
            format!("{A} refs/tags/v1^{{}}\n"),
        ];
        let (capabilities, found) = greet(&lines.each_ref().map(String::as_str)).unwrap();
        assert!(capabilities.has("side-band-64k") && !capabilities.is_v2);
        assert_eq!(found[0].target.as_deref(), Some("refs/heads/main"));
        assert_eq!(found[2].id.to_string(), B);
        assert_eq!(found[2].commit().to_string(), A);
    }

    #[test]
    fn an_empty_repository_has_no_references() {
        let zero = "0".repeat(40);
        let (_, found) = greet(&[&format!("{zero} capabilities^{{}}\0report-status\n")]).unwrap();
        assert!(found.is_empty());
    }

    #[test]
    fn a_line_of_protocol_2_is_read() {
        let line = format!("{B} refs/tags/v1 peeled:{A}\n");
        let reference = listed_v2(line.as_bytes(), gix_hash::Kind::Sha1).unwrap().unwrap();
        assert_eq!((reference.name.as_str(), reference.commit().to_string().as_str()), ("refs/tags/v1", A));
        assert!(
            listed_v2(b"unborn HEAD symref-target:refs/heads/main", gix_hash::Kind::Sha1).unwrap().is_none()
        );
        assert!(listed_v2(b"12 refs/heads/main", gix_hash::Kind::Sha1).is_err());
    }
}
