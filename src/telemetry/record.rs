//! What is written down about one request.

use serde::{Serialize, Serializer};
use std::fmt::{self, Write as _};
use std::net::IpAddr;
use std::time::Duration;

/// How a request ended, from the side of gitlatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Forwarded, or answered as asked.
    Allowed,
    /// A good credential that does not suffice (403 and the like).
    Refused,
    /// No good credential (401).
    Challenged,
    /// A request that cannot be read in one way (400, 405, 408, 413, 415, 417).
    Malformed,
    /// Trouble here or upstream (5xx).
    Failed,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 5] =
        [Self::Allowed, Self::Refused, Self::Challenged, Self::Malformed, Self::Failed];

    /// Its name in records and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Refused => "refused",
            Self::Challenged => "challenged",
            Self::Malformed => "malformed",
            Self::Failed => "failed",
        }
    }
}

/// A value that is written as it shows itself.
pub struct Shown<'a>(pub &'a dyn fmt::Display);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self.0)
    }
}

/// A ref that a push would change.
#[derive(Serialize)]
pub struct PushedRef<'a> {
    /// Its name.
    pub r#ref: &'a str,
    /// The object that it named, by the client's account; zeros for a new ref.
    pub old: &'a str,
    /// The object that it is to name; zeros for one to be deleted.
    pub new: &'a str,
}

/// One request, as the log writes it. The names of the fields are stable and documented in
/// `docs/guide/operating.md`.
#[derive(Serialize)]
pub struct Record<'a> {
    /// When it ended, RFC 3339 in UTC.
    pub time: &'a str,
    /// Always `info`.
    pub level: &'static str,
    /// Always `request`.
    pub event: &'static str,
    /// The request id, which every answer of gitlatch's own carries too.
    pub id: &'a str,
    /// The client's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<IpAddr>,
    /// The number of the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<i64>,
    /// The token's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_name: Option<&'a str>,
    /// Whose the token is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<Shown<'a>>,
    /// The person who proved a password, for a call of gitlatch's own API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<&'a str>,
    /// What the request does.
    pub action: &'static str,
    /// The project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<&'a str>,
    /// The repository's name in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<&'a str>,
    /// The refs that a push would change, up to a hundred of them.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub refs: &'a [PushedRef<'a>],
    /// How many there are, when they are more than that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refs_count: Option<usize>,
    /// The method.
    pub method: &'a str,
    /// The path as it came, without the query.
    pub path: &'a str,
    /// The status of the answer.
    pub status: u16,
    /// How it ended.
    pub verdict: Verdict,
    /// The rule that refused it, or the trouble there was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// Bytes of the request's body that were taken.
    pub bytes_in: u64,
    /// Bytes of the answer's body that were handed to the connection.
    pub bytes_out: u64,
    /// From the head of the request to the end of the answer, in microseconds.
    pub duration_us: u64,
    /// From sending the request upstream to the head of its answer, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream_us: Option<u64>,
}

impl Record<'_> {
    /// How long the request took.
    #[must_use]
    pub fn duration(&self) -> Duration {
        Duration::from_micros(self.duration_us)
    }

    /// Appends the line, with its ending.
    pub(super) fn format(&self, line: &mut Vec<u8>, json: bool) {
        let start = line.len();
        if json {
            if serde_json::to_writer(&mut *line, self).is_err() {
                // Every field is a number or a string, and the vector grows: this cannot be. A line
                // that was begun is taken back all the same.
                line.truncate(start);
                return;
            }
        } else {
            line.extend_from_slice(self.pretty().as_bytes());
        }
        line.push(b'\n');
    }

    fn pretty(&self) -> String {
        let mut text = format!(
            "{} {} {} {} {}",
            self.time,
            self.status,
            self.verdict.name(),
            self.method,
            self.path.escape_debug()
        );
        let millis = self.duration_us / 1000;
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            " {} in {millis} ms, {} B in, {} B out",
            self.action, self.bytes_in, self.bytes_out
        );
        if let (Some(token), Some(owner)) = (self.token, &self.owner) {
            let _ = write!(text, ", token {token} of {}", owner.0);
        }
        if let Some(client) = self.client {
            let _ = write!(text, ", from {client}");
        }
        if let Some(reason) = self.reason {
            let _ = write!(text, ", {reason}");
        }
        let _ = write!(text, " [{}]", self.id);
        text
    }
}
