//! The batch call of Git LFS: what a client asks for, and what its host answers (`docs/api/batch.md` of
//! git-lfs).
//!
//! Both are read strictly and written anew: what goes on says what was understood, and nothing else.

mod answer;
mod json;
mod request;

pub use answer::{Answer, Answered, Link, ObjectError, message};
pub use request::{Batch, BatchRef, Object};

/// What is wrong with a batch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It is not JSON.
    #[error("it is no JSON")]
    NoJson,
    /// A key that stands twice in one object, perhaps in another case.
    #[error("an object in it has a key twice, perhaps in another case")]
    Twice,
    /// Something that must be there.
    #[error("it has no `{0}`")]
    Missing(&'static str),
    /// Something of another kind than it must be.
    #[error("{0}")]
    Odd(&'static str),
    /// More objects than are read.
    #[error("it names more than {} objects", Batch::MOST)]
    Many,
}

/// What becomes of links to other hosts than the one behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherHosts {
    /// They are handed on.
    Pass,
    /// They are refused.
    Refuse,
}

/// What a batch asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// To read objects.
    Download,
    /// To write objects.
    Upload,
}

impl Operation {
    /// As the API has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Download => "download",
            Self::Upload => "upload",
        }
    }

    /// What may be done with an object under it.
    #[must_use]
    pub const fn verbs(self) -> &'static [Verb] {
        match self {
            Self::Download => &[Verb::Download],
            Self::Upload => &[Verb::Upload, Verb::Verify],
        }
    }
}

/// What is done with one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// It is read.
    Download,
    /// It is written.
    Upload,
    /// The host is asked whether it came whole.
    Verify,
}

impl Verb {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Download, Self::Upload, Self::Verify];

    /// The name of the action in an answer.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Download => "download",
            Self::Upload => "upload",
            Self::Verify => "verify",
        }
    }

    /// The method with which it is done.
    #[must_use]
    pub const fn method(self) -> &'static str {
        match self {
            Self::Download => "GET",
            Self::Upload => "PUT",
            Self::Verify => "POST",
        }
    }

    /// Whether it is done with this method. HEAD follows GET.
    #[must_use]
    pub fn has_method(self, method: &str) -> bool {
        self.method() == method || (self == Self::Download && method == "HEAD")
    }
}

/// The id of an object: the SHA-256 of its content, in lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Oid(String);

impl Oid {
    /// Reads an id; `None` when it is none.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        (text.len() == 64 && text.bytes().all(hex)).then(|| Self(text.to_owned()))
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
