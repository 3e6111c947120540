//! What is written down about one request.

use super::line::{Object, member};
use crate::domain::client::write_address;
use crate::domain::intent::Action;
use std::fmt::Write as _;
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
    /// The request id, which every answer of gitlatch's own carries too.
    pub id: &'a str,
    /// The client's address.
    pub client: Option<IpAddr>,
    /// The number of the token.
    pub token: Option<i64>,
    /// The token's name.
    pub token_name: Option<&'a str>,
    /// Whose the token is, in pieces.
    pub owner: Option<[&'a str; 3]>,
    /// The person who proved a password, for a call of gitlatch's own API.
    pub user: Option<&'a str>,
    /// What the request does.
    pub action: Action,
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
        to.plain(member!("time"), self.time);
        to.plain(member!("level"), "info");
        to.plain(member!("event"), "request");
        to.plain(member!("id"), self.id);
        if let Some(client) = self.client {
            to.written(member!("client"), |to| write_address(to, client));
        }
        if let Some(token) = self.token {
            to.number(member!("token"), token);
        }
        if let Some(name) = self.token_name {
            to.text(member!("token_name"), name);
        }
        if let Some(owner) = self.owner {
            to.pieces(member!("owner"), owner);
        }
        if let Some(user) = self.user {
            to.text(member!("user"), user);
        }
        to.plain(member!("action"), self.action.name());
        if let Some(project) = self.project {
            to.text(member!("project"), project);
        }
        if let Some(repository) = self.repository {
            to.text(member!("repository"), repository);
        }
        if !self.refs.is_empty() {
            to.objects(member!("refs"), self.refs, |to, pushed| {
                to.text(member!("ref"), pushed.r#ref);
                to.text(member!("old"), pushed.old);
                to.text(member!("new"), pushed.new);
            });
        }
        if let Some(count) = self.refs_count {
            to.number(member!("refs_count"), count);
        }
        to.text(member!("method"), self.method);
        to.text(member!("path"), self.path);
        to.number(member!("status"), self.status);
        to.plain(member!("verdict"), self.verdict.name());
        if let Some(reason) = self.reason {
            to.plain(member!("reason"), reason);
        }
        to.number(member!("bytes_in"), self.bytes_in);
        to.number(member!("bytes_out"), self.bytes_out);
        to.number(member!("duration_us"), self.duration_us);
        if let Some(took) = self.upstream_us {
            to.number(member!("upstream_us"), took);
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
            self.action.name(),
            self.bytes_in,
            self.bytes_out
        );
        if let (Some(token), Some(owner)) = (self.token, &self.owner) {
            let _ = write!(text, ", token {token} of {}", owner.concat());
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A request of which everything is known.
    const WHOLE: Record<'_> = Record {
        time: "2026-01-31T23:59:59.001Z",
        id: "00000000000000ff",
        client: Some(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7))),
        token: Some(-7),
        token_name: Some("a \"name\""),
        owner: Some(["project ", "team", "/**"]),
        user: Some("alice"),
        action: Action::Push,
        project: Some("team"),
        repository: Some("app"),
        refs: &[
            PushedRef { r#ref: "refs/heads/é", old: "00", new: "ab" },
            PushedRef { r#ref: "refs/heads/b\\", old: "cd", new: "00" },
        ],
        refs_count: Some(101),
        method: "POST",
        path: "/team/app.git/git-receive-pack",
        status: 403,
        verdict: Verdict::Refused,
        reason: Some("scope"),
        bytes_in: 18_446_744_073_709_551_615,
        bytes_out: 0,
        duration_us: 1_234_567,
        upstream_us: Some(12),
    };

    fn line(record: &Record<'_>, json: bool) -> String {
        // Behind the lines that came before.
        let mut buffer = b"{}\n".to_vec();
        record.format(&mut buffer, json);
        String::from_utf8(buffer).unwrap().strip_prefix("{}\n").unwrap().to_owned()
    }

    #[test]
    fn every_member_has_its_place() {
        let expected = concat!(
            r#"{"time":"2026-01-31T23:59:59.001Z","level":"info","event":"request","#,
            r#""id":"00000000000000ff","client":"192.0.2.7","token":-7,"#,
            r#""token_name":"a \"name\"","owner":"project team/**","user":"alice","#,
            r#""action":"push","project":"team","repository":"app","#,
            r#""refs":[{"ref":"refs/heads/é","old":"00","new":"ab"},"#,
            r#"{"ref":"refs/heads/b\\","old":"cd","new":"00"}],"refs_count":101,"#,
            r#""method":"POST","path":"/team/app.git/git-receive-pack","status":403,"#,
            r#""verdict":"refused","reason":"scope","bytes_in":18446744073709551615,"#,
            r#""bytes_out":0,"duration_us":1234567,"upstream_us":12}"#,
            "\n"
        );
        assert_eq!(line(&WHOLE, true), expected);
    }

    #[test]
    fn what_there_is_nothing_to_say_about_is_left_out() {
        let bare = Record {
            client: None,
            token: None,
            token_name: None,
            owner: None,
            user: None,
            project: None,
            repository: None,
            refs: &[],
            refs_count: None,
            reason: None,
            upstream_us: None,
            ..WHOLE
        };
        let expected = concat!(
            r#"{"time":"2026-01-31T23:59:59.001Z","level":"info","event":"request","#,
            r#""id":"00000000000000ff","action":"push","method":"POST","#,
            r#""path":"/team/app.git/git-receive-pack","status":403,"verdict":"refused","#,
            r#""bytes_in":18446744073709551615,"bytes_out":0,"duration_us":1234567}"#,
            "\n"
        );
        assert_eq!(line(&bare, true), expected);
    }

    #[test]
    fn a_line_for_people() {
        let expected = concat!(
            "2026-01-31T23:59:59.001Z 403 refused POST /team/app.git/git-receive-pack push ",
            "in 1234 ms, 18446744073709551615 B in, 0 B out, token -7 of project team/**, ",
            "from 192.0.2.7, scope [00000000000000ff]\n"
        );
        assert_eq!(line(&WHOLE, false), expected);
    }
}
