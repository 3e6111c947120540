//! The rows of a table, and how the service's part of a path is matched against them.

use super::super::intent::{Action, Body, Need, Voice};

/// One segment of the path that follows the repository's folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// Exactly this text, byte for byte.
    Literal(&'static str),
    /// Lower-case hexadecimal digits of one of these lengths.
    Hex(&'static [usize]),
    /// `pack-`, an object id, and one of these endings.
    Pack(&'static [&'static str]),
    /// Decimal digits, as of a size.
    Number,
    /// What a host calls one of its things by: letters, digits and `-._~=`.
    Id,
    /// Everything that is left, at least one segment of it.
    Rest,
}

impl Tail {
    fn matches(self, segment: &str) -> bool {
        let hex = |text: &str, lengths: &[usize]| {
            lengths.contains(&text.len())
                && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        match self {
            Self::Literal(text) => segment == text,
            Self::Hex(lengths) => hex(segment, lengths),
            Self::Pack(endings) => endings.iter().any(|ending| {
                let id = segment.strip_prefix("pack-").and_then(|s| s.strip_suffix(ending));
                id.is_some_and(|id| hex(id, &[40, 64]))
            }),
            Self::Number => {
                (1..=19).contains(&segment.len()) && segment.bytes().all(|b| b.is_ascii_digit())
            }
            Self::Id => {
                let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~=".contains(&b);
                (1..=128).contains(&segment.len()) && segment.bytes().all(plain)
            }
            Self::Rest => !segment.is_empty(),
        }
    }

    /// How people read it.
    #[must_use]
    pub fn describe(self) -> String {
        match self {
            Self::Literal(text) => text.to_owned(),
            Self::Hex(lengths) => format!("{{{} hex}}", join(lengths, "|")),
            Self::Pack(endings) => format!("pack-{{id}}{{{}}}", endings.join("|")),
            Self::Number => "{number}".to_owned(),
            Self::Id => "{id}".to_owned(),
            Self::Rest => "{…}".to_owned(),
        }
    }
}

/// One row: which requests it means, what they do and what they need.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The name of the row, for `explain`, records and the reference.
    pub name: &'static str,
    /// The one method; `GET` stands for `HEAD` as well, and `*` for every one.
    pub method: &'static str,
    /// The path after the repository's folder.
    pub tail: &'static [Tail],
    /// The one query that it has; a row without takes none.
    pub query: Option<&'static str>,
    /// What it does.
    pub action: Action,
    /// The permission it needs on the repository.
    pub need: Need,
    /// What its body must be.
    pub body: Body,
    /// How its caller wants to be spoken to.
    pub voice: Voice,
    /// What it is, in a few words.
    pub note: &'static str,
}

impl Row {
    /// Whether the path, without its query, is this row's.
    #[must_use]
    pub fn has_tail(&self, tail: &str) -> bool {
        let mut segments = tail.split('/');
        for expected in self.tail {
            match segments.next() {
                Some(segment) if expected.matches(segment) => {}
                _ => return false,
            }
            if *expected == Tail::Rest {
                return true;
            }
        }
        segments.next().is_none()
    }

    /// Every method that the row takes.
    #[must_use]
    pub fn methods(&self) -> &[&'static str] {
        match self.method {
            "GET" => &["GET", "HEAD"],
            "*" => &["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"],
            _ => std::slice::from_ref(&self.method),
        }
    }

    /// Whether the row takes this method.
    #[must_use]
    pub fn has_method(&self, method: &str) -> bool {
        self.methods().contains(&method)
    }

    /// The path as people read it.
    #[must_use]
    pub fn describe(&self) -> String {
        let tail: Vec<String> = self.tail.iter().map(|segment| segment.describe()).collect();
        let query = self.query.map(|query| format!("?{query}")).unwrap_or_default();
        format!("/{{project}}/{{repo}}.git/{}{query}", tail.join("/"))
    }
}

/// The rows of two tables as those of one. `N` is how many they are together.
pub(super) const fn together<const N: usize>(first: &[Row], second: &[Row]) -> [Row; N] {
    assert!(first.len() + second.len() == N, "the rows are counted");
    let mut all = [first[0]; N];
    let mut at = 0;
    while at < N {
        all[at] = if at < first.len() { first[at] } else { second[at - first.len()] };
        at += 1;
    }
    all
}

fn join(numbers: &[usize], between: &str) -> String {
    let texts: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    texts.join(between)
}
