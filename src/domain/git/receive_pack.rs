//! The head of a push: which refs it would change, and in which words the client wants its answer.
//!
//! It is read as it comes, from the bytes that have come so far, and never changed: whoever has read it
//! sends on the very same bytes. Everything that git's `receive-pack` could read in another way than
//! this is refused.

use super::pkt_line::{self, Packet, PacketError};
use super::ref_name::{RefName, RefNameError};
use std::collections::HashSet;

/// The most changes in one push.
const CHANGES: usize = 50_000;
/// The most push options in one push.
const OPTIONS: usize = 1_000;

/// One ref that a push would change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefChange {
    /// Which.
    pub name: RefName,
    /// The object that it names now, by the client's account; zeros when it is to be made.
    pub old: String,
    /// The object that it is to name; zeros when it is to be deleted.
    pub new: String,
}

impl RefChange {
    /// Whether the ref is to be made.
    #[must_use]
    pub fn creates(&self) -> bool {
        is_zero(&self.old)
    }

    /// Whether the ref is to be deleted.
    #[must_use]
    pub fn deletes(&self) -> bool {
        is_zero(&self.new)
    }
}

fn is_zero(id: &str) -> bool {
    id.bytes().all(|b| b == b'0')
}

/// How the client wants to be told what became of its refs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Manner {
    /// It takes a report (`report-status` or `report-status-v2`, whose refusals look the same).
    pub reports: bool,
    /// The longest packet of a side band that it takes, with its four digits; `None` without one.
    pub side_band: Option<usize>,
}

/// The head of a push.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Push {
    /// The refs that it would change.
    pub changes: Vec<RefChange>,
    /// Its push options.
    pub options: Vec<String>,
    /// How the client wants its answer.
    pub manner: Manner,
}

/// Why a push cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// No packets.
    #[error(transparent)]
    Packet(#[from] PacketError),
    /// A line that is none of those that a push begins with.
    #[error("the push has a line that is no command")]
    Line,
    /// A byte that separates capabilities where there are none, or that separates them otherwise.
    #[error("the push names its capabilities in a place or in a way that they do not belong")]
    Capabilities,
    /// A name that is none.
    #[error("the push names a ref, and {0}")]
    Name(#[from] RefNameError),
    /// The same ref twice.
    #[error("the push changes one ref twice")]
    Twice,
    /// An object id of another length than the others, or none.
    #[error("the push has an object id that is none")]
    Id,
    /// A signed push, whose commands stand within its certificate: where those begin and end is read in
    /// another way by every version of git.
    #[error("signed pushes (git push --signed) are not taken here")]
    Certificate,
    /// A push option that is no text.
    #[error("the push has an option that is no text")]
    Option,
    /// More than is read.
    #[error("the push changes more refs, or has more options, than are taken at a time")]
    Many,
    /// It says that it is gzip and is not, or its commands go on behind the first member of that.
    #[error("the push cannot be unpacked as the gzip that it says it is")]
    Packed,
    /// It ended too soon.
    #[error("the push ends before its commands do")]
    Short,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the first command: `shallow` lines may come.
    Start,
    /// Among commands.
    Commands,
    /// Among the push options.
    Options,
}

/// Reads the head of a push from a growing buffer.
#[derive(Debug)]
pub struct Reader {
    state: State,
    at: usize,
    push: Push,
    seen: HashSet<RefName>,
    /// Whether options follow the commands.
    has_options: bool,
    /// Length of object ids.
    id: Option<usize>,
    /// The object format that the capabilities name.
    format: Option<usize>,
}

impl Default for Reader {
    fn default() -> Self {
        Self::new()
    }
}

impl Reader {
    /// One that has read nothing.
    #[must_use]
    pub fn new() -> Self {
        Self {
            state: State::Start,
            at: 0,
            push: Push::default(),
            seen: HashSet::new(),
            has_options: false,
            id: None,
            format: None,
        }
    }

    /// Reads on in `bytes`, which are everything that has come so far. `None` when more must come.
    ///
    /// # Errors
    /// When they begin no push, whatever may follow.
    pub fn read(&mut self, bytes: &[u8]) -> Result<Option<Push>, Malformed> {
        while let Some((packet, length)) = pkt_line::read(&bytes[self.at..])? {
            self.at += length;
            let done = match packet {
                Packet::Flush => self.flush(),
                Packet::Data(data) => {
                    self.line(data)?;
                    false
                }
            };
            if done {
                return self.finish().map(Some);
            }
        }
        Ok(None)
    }

    /// A flush ends a section; whether it ends the head. Without commands git does not ask for options.
    fn flush(&mut self) -> bool {
        let options = self.has_options && !self.push.changes.is_empty();
        if self.state != State::Options && options {
            self.state = State::Options;
            return false;
        }
        true
    }

    fn finish(&mut self) -> Result<Push, Malformed> {
        if self.format.unwrap_or(40) != self.id.unwrap_or(self.format.unwrap_or(40)) {
            return Err(Malformed::Id);
        }
        Ok(std::mem::take(&mut self.push))
    }

    fn line(&mut self, data: &[u8]) -> Result<(), Malformed> {
        match self.state {
            State::Start => self.first(data),
            State::Commands => self.command(text_of(data)),
            State::Options => self.option(text_of(data)),
        }
    }

    /// A `shallow` line, or the first command with the capabilities behind it.
    fn first(&mut self, data: &[u8]) -> Result<(), Malformed> {
        let (line, capabilities) = match memchr::memchr(0, data) {
            Some(nul) => (&data[..nul], Some(&data[nul + 1..])),
            None => (text_of(data), None),
        };
        if let Some(id) = line.strip_prefix(b"shallow ") {
            return match capabilities {
                Some(_) => Err(Malformed::Capabilities),
                None => self.object_id(id).map(drop),
            };
        }
        if let Some(capabilities) = capabilities {
            self.capabilities(text_of(capabilities))?;
        }
        if line.starts_with(b"push-cert") {
            return Err(Malformed::Certificate);
        }
        self.state = State::Commands;
        self.command(line)
    }

    fn command(&mut self, line: &[u8]) -> Result<(), Malformed> {
        if self.push.changes.len() >= CHANGES {
            return Err(Malformed::Many);
        }
        let mut parts = line.splitn(3, |b| *b == b' ');
        let (Some(old), Some(new), Some(name)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Malformed::Line);
        };
        let (old, new) = (self.object_id(old)?, self.object_id(new)?);
        let name = RefName::new(name)?;
        if !self.seen.insert(name.clone()) {
            return Err(Malformed::Twice);
        }
        self.push.changes.push(RefChange { name, old, new });
        Ok(())
    }

    /// Forty or sixty-four digits, as many in every id.
    fn object_id(&mut self, bytes: &[u8]) -> Result<String, Malformed> {
        let digits = bytes.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let length = *self.id.get_or_insert(bytes.len());
        if !digits || bytes.len() != length || !matches!(length, 40 | 64) {
            return Err(Malformed::Id);
        }
        String::from_utf8(bytes.to_vec()).map_err(|_| Malformed::Id)
    }

    fn capabilities(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        // git takes every kind of white space for a separator, and everything up to a second NUL: only
        // one kind is let through, and no NUL.
        if bytes.iter().any(|b| *b < b' ' || *b == 0x7f) {
            return Err(Malformed::Capabilities);
        }
        for capability in bytes.split(|b| *b == b' ').filter(|text| !text.is_empty()) {
            // git takes a name with a value behind it for the same capability.
            let name = capability.split(|b| *b == b'=').next().unwrap_or_default();
            match if name == b"object-format" { capability } else { name } {
                b"report-status" | b"report-status-v2" => self.push.manner.reports = true,
                b"side-band" => {
                    let length = self.push.manner.side_band.unwrap_or_default().max(1000);
                    self.push.manner.side_band = Some(length);
                }
                b"side-band-64k" => self.push.manner.side_band = Some(pkt_line::MOST),
                b"push-options" => self.has_options = true,
                b"object-format=sha1" => self.object_format(40)?,
                b"object-format=sha256" => self.object_format(64)?,
                other if other.starts_with(b"object-format") => {
                    return Err(Malformed::Capabilities);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn object_format(&mut self, length: usize) -> Result<(), Malformed> {
        match self.format.replace(length) {
            Some(before) if before != length => Err(Malformed::Capabilities),
            _ => Ok(()),
        }
    }

    fn option(&mut self, line: &[u8]) -> Result<(), Malformed> {
        if self.push.options.len() >= OPTIONS {
            return Err(Malformed::Many);
        }
        self.push.options.push(option_text(line)?);
        Ok(())
    }
}

/// A line without the one line feed that it may end in.
fn text_of(data: &[u8]) -> &[u8] {
    data.strip_suffix(b"\n").unwrap_or(data)
}

fn option_text(bytes: &[u8]) -> Result<String, Malformed> {
    // Line feeds within would be further options in some of the places that options are handed to.
    if bytes.iter().any(|b| *b < b' ' && *b != b'\t') {
        return Err(Malformed::Option);
    }
    String::from_utf8(bytes.to_vec()).map_err(|_| Malformed::Option)
}

#[cfg(test)]
#[path = "receive_pack_tests.rs"]
mod tests;
