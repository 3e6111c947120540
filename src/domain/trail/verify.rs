//! Whether a trail is what was written.

use super::{Entry, Link};

/// Where a trail is not what was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// A number is missing.
    #[error("entry {missing} is missing: after {after} comes {found}")]
    Gap {
        /// The number that should have come.
        missing: i64,
        /// The number before.
        after: i64,
        /// The number that came.
        found: i64,
    },
    /// An entry, or the one before it, was changed.
    #[error("entry {0} was changed after it was written, or one before it was")]
    Changed(i64),
    /// The kept head is in no entry.
    #[error(
        "no entry has the head {0}: the end of the trail was cut off, or all of it was written anew"
    )]
    Head(Link),
}

/// Reads a trail from its beginning and finds where it is broken.
#[derive(Clone, Debug)]
pub struct Verifier {
    last: i64,
    head: Link,
    wanted: Option<Link>,
    /// Whether the kept head was met.
    met: bool,
}

impl Verifier {
    /// One that also looks for a head that was kept elsewhere.
    #[must_use]
    pub fn new(wanted: Option<Link>) -> Self {
        let met = wanted.is_none_or(|wanted| wanted == Link::START);
        Self { last: 0, head: Link::START, wanted, met }
    }

    /// Takes the next entry, and the hashes that were stored with it.
    ///
    /// # Errors
    /// When it does not follow.
    pub fn take(&mut self, entry: &Entry, previous: &Link, stored: &Link) -> Result<(), Broken> {
        if entry.number != self.last + 1 {
            return Err(Broken::Gap {
                missing: self.last + 1,
                after: self.last,
                found: entry.number,
            });
        }
        if *previous != self.head || entry.link(previous) != *stored {
            return Err(Broken::Changed(entry.number));
        }
        self.last = entry.number;
        self.head = *stored;
        self.met |= self.wanted == Some(self.head);
        Ok(())
    }

    /// The number of entries and the head, when all was read.
    ///
    /// # Errors
    /// When the kept head was not met.
    pub fn end(self) -> Result<(i64, Link), Broken> {
        match self.wanted {
            Some(wanted) if !self.met => Err(Broken::Head(wanted)),
            _ => Ok((self.last, self.head)),
        }
    }
}
