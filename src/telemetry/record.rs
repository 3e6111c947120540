//! What is written down about one request.

use super::line::Object;
use crate::domain::client::write_address;
use std::fmt::{self, Write as _};
use std::net::IpAddr;
use std::time::Duration;

/// How a request ended, from the side of gitlatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// A ref that a push would change.
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
    pub client: Option<IpAddr>,
    /// The number of the token.
    pub token: Option<i64>,
    /// The token's name.
    pub token_name: Option<&'a str>,
    /// Whose the token is.
    pub owner: Option<Shown<'a>>,
    /// The person who proved a password, for a call of gitlatch's own API.
    pub user: Option<&'a str>,
    /// What the request does.
    pub action: &'static str,
    /// The project.
    pub project: Option<&'a str>,
    /// The repository's name in it.
    pub repository: Option<&'a str>,
    /// The refs that a push would change, up to a hundred of them.
    pub refs: &'a [PushedRef<'a>],
    /// How many there are, when they are more than that.
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
    pub reason: Option<&'static str>,
    /// Bytes of the request's body that were taken.
    pub bytes_in: u64,
    /// Bytes of the answer's body that were handed to the connection.
    pub bytes_out: u64,
    /// From the head of the request to the end of the answer, in microseconds.
    pub duration_us: u64,
    /// From sending the request upstream to the head of its answer, in microseconds.
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
        if json {
            self.write(Object::begin(line));
        } else {
            line.extend_from_slice(self.pretty().as_bytes());
        }
        line.push(b'\n');
    }

    /// The members, in the order of the fields; what there is nothing to say about is left out.
    fn write(&self, mut to: Object<'_>) {
        to.text("time", self.time);
        to.text("level", self.level);
        to.text("event", self.event);
        to.text("id", self.id);
        if let Some(client) = self.client {
            to.plain("client", |to| write_address(to, client));
        }
        if let Some(token) = self.token {
            to.number("token", token);
        }
        if let Some(name) = self.token_name {
            to.text("token_name", name);
        }
        if let Some(Shown(owner)) = self.owner {
            to.shown("owner", owner);
        }
        if let Some(user) = self.user {
            to.text("user", user);
        }
        to.text("action", self.action);
        if let Some(project) = self.project {
            to.text("project", project);
        }
        if let Some(repository) = self.repository {
            to.text("repository", repository);
        }
        if !self.refs.is_empty() {
            to.objects("refs", self.refs, |to, pushed| {
                to.text("ref", pushed.r#ref);
                to.text("old", pushed.old);
                to.text("new", pushed.new);
            });
        }
        if let Some(count) = self.refs_count {
            to.number("refs_count", count);
        }
        to.text("method", self.method);
        to.text("path", self.path);
        to.number("status", self.status);
        to.text("verdict", self.verdict.name());
        if let Some(reason) = self.reason {
            to.text("reason", reason);
        }
        to.number("bytes_in", self.bytes_in);
        to.number("bytes_out", self.bytes_out);
        to.number("duration_us", self.duration_us);
        if let Some(took) = self.upstream_us {
            to.number("upstream_us", took);
        }
        to.end();
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
