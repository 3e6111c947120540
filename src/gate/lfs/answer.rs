//! The host's answer to a batch, as the client gets it: links to the host lead through gitlatch, with a
//! ticket each; what the host was told is in none of it.

use super::batch::shown;
use super::ticket::TICKET;
use crate::auth::credential::Presented;
use crate::auth::ticket::{Ticket, TicketError};
use crate::domain::dialect::{Classified, RequestLine, path};
use crate::domain::git::lfs::{
    Answer, Answered, Batch, Link as Action, ObjectError, OtherHosts, Verb,
};
use crate::domain::intent::{Intent, Need};
use crate::domain::names::RepoPath;
use crate::domain::principal::TokenPrincipal;
use crate::domain::secret::Secret;
use crate::domain::timestamp::Timestamp;
use crate::domain::token::{TokenHash, contains_form};
use crate::forward::{Link, RemoteHost, UpstreamCredential};
use crate::gate::refusal::Refusal;
use crate::gate::{Gate, Rules};
use std::collections::HashSet;

/// How long a ticket is good for, in seconds.
const LIFETIME: u64 = 60 * 60;
/// The most bytes of headers that the host wants to have sent with one transfer.
const MOST_HEADERS: usize = 4 * 1024;

/// How many objects are sealed before others have their turn; as many as git-lfs asks for.
const AT_A_TIME: usize = 100;

/// What was asked, and by whom.
pub(super) struct Asked<'a> {
    pub(super) batch: &'a Batch,
    pub(super) intent: &'a Intent,
    pub(super) token: &'a TokenPrincipal,
    pub(super) presented: &'a Presented,
    pub(super) credential: Option<&'a UpstreamCredential>,
    pub(super) now: Timestamp,
}

/// Why a link is not handed on. The text stands in the answer, at its object.
enum Unlinked {
    /// For a reason that lies in the link.
    Because(&'static str),
    /// No ticket could be made.
    Ticket(TicketError),
}

impl Gate {
    /// The answer for the client. Objects that were not asked for are dropped.
    pub(super) async fn rewritten(
        &self,
        rules: &Rules,
        host: &RemoteHost,
        mut answer: Answer,
        asked: &Asked<'_>,
    ) -> Result<Answer, Refusal> {
        let Presented::Token { hash, .. } = asked.presented else {
            return Err(Refusal::NoCredential);
        };
        let repository = asked.intent.place.repository().ok_or(Refusal::NoCredential)?;
        let rewriter = Rewriter { gate: self, rules, host, asked, hash, repository };
        let wanted: HashSet<&str> =
            asked.batch.objects.iter().map(|object| object.oid.as_str()).collect();
        answer.objects.retain(|object| wanted.contains(object.oid.as_str()));
        // A client waits for each object that it asked for, for ever if need be.
        let told: HashSet<&str> = answer.objects.iter().map(|object| object.oid.as_str()).collect();
        let untold = asked.batch.objects.iter().filter(|o| !told.contains(o.oid.as_str()));
        let untold: Vec<Answered> = untold.map(Answered::untold).collect();
        answer.objects.extend(untold);
        for (number, object) in answer.objects.iter_mut().enumerate() {
            rewriter.object(object)?;
            // Sealing takes its time, and others of this worker wait.
            if number % AT_A_TIME == AT_A_TIME - 1 {
                tokio::task::yield_now().await;
            }
        }
        Ok(answer)
    }
}

struct Rewriter<'a> {
    gate: &'a Gate,
    rules: &'a Rules,
    host: &'a RemoteHost,
    asked: &'a Asked<'a>,
    hash: &'a TokenHash,
    repository: &'a RepoPath,
}

impl Rewriter<'_> {
    /// One object. One link that cannot be handed on takes all of them with it: an upload that nobody can
    /// verify is none.
    fn object(&self, object: &mut Answered) -> Result<(), Refusal> {
        if let Some(error) = &mut object.error {
            error.message = shown(self.host, self.asked.credential, &error.message);
        }
        let mut actions = Vec::new();
        let mut own = false;
        for (verb, action) in std::mem::take(&mut object.actions) {
            match self.action(object, verb, action, &mut own) {
                Ok(action) => actions.push((verb, action)),
                Err(Unlinked::Ticket(error)) => return Err(Refusal::Ticket(error)),
                Err(Unlinked::Because(text)) => {
                    let message = format!("gitlatch: {text}");
                    object.error = Some(ObjectError { code: 502, message });
                    return Ok(());
                }
            }
        }
        object.actions = actions;
        if own {
            // The ticket is all that is needed: no client is to look for a credential besides.
            object.authenticated = Some(true);
        }
        Ok(())
    }

    fn action(
        &self,
        object: &Answered,
        verb: Verb,
        action: Action,
        own: &mut bool,
    ) -> Result<Action, Unlinked> {
        if self.betrays(&action.href) {
            return Err(Unlinked::Because("the link holds a credential of the host's"));
        }
        match self.host.link(&action.href) {
            Link::Unclear => Err(Unlinked::Because("the host's link cannot be read in one way")),
            Link::Elsewhere if self.rules.lfs_other_hosts == OtherHosts::Refuse => {
                Err(Unlinked::Because(
                    "the host's link leads to another host, which is refused here: [lfs] other_hosts",
                ))
            }
            Link::Elsewhere if self.sounds_like_the_host(&action.href) => Err(Unlinked::Because(
                "the host calls itself by another name than gitlatch knows it by: set its own root URL, or \
                 `host` in [upstream]",
            )),
            Link::Elsewhere => {
                let header = action.header.into_iter();
                let header =
                    header.filter(|(name, value)| !self.betrays(name) && !self.betrays(value));
                Ok(Action { header: header.collect(), ..action })
            }
            Link::Own { target, public } => {
                *own = true;
                self.own(object, verb, action, target, public)
            }
        }
    }

    /// A link to the host itself: its URL is ours, and its headers are in the ticket.
    fn own(
        &self,
        object: &Answered,
        verb: Verb,
        action: Action,
        target: String,
        public: String,
    ) -> Result<Action, Unlinked> {
        self.check(verb, &target)?;
        let (shown, hidden): (Vec<_>, Vec<_>) =
            action.header.into_iter().partition(|(name, _)| is_harmless(name));
        let mut header: Vec<(String, String)> =
            shown.into_iter().filter(|(_, value)| !self.betrays(value)).collect();
        let hidden: Vec<(String, String)> = hidden
            .into_iter()
            .filter(|(name, value)| {
                !value.is_empty() && !self.betrays(value) && self.host.takes_header(name, value)
            })
            .collect();
        if hidden.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() > MOST_HEADERS
        {
            return Err(Unlinked::Because("the host wants more headers sent than are taken here"));
        }
        let seconds = lifetime(action.expires_in, action.expires_at.as_deref(), self.asked.now);
        let milliseconds = i64::try_from(seconds * 1000).unwrap_or_default();
        let ticket = Ticket {
            token: self.asked.token.id,
            hash: *self.hash,
            repository: self.repository.clone(),
            verb,
            target,
            oid: object.oid.clone(),
            expires: self.asked.now.plus_millis(milliseconds),
            headers: hidden.into_iter().map(|(name, value)| (name, Secret::new(value))).collect(),
        };
        let sealed = self.gate.tickets.seal(&ticket).map_err(Unlinked::Ticket)?;
        header.push((TICKET.to_owned(), sealed));
        Ok(Action { href: public, header, expires_at: None, expires_in: Some(seconds) })
    }

    /// A link that is let through must be one that can be judged in one way, and none of gitlatch's own
    /// paths; where the dialect knows it, it must be about this repository.
    fn check(&self, verb: Verb, target: &str) -> Result<(), Unlinked> {
        let odd = Err(Unlinked::Because("the host's link cannot be read in one way"));
        let (bare, query) = target.split_once('?').map_or((target, None), |(p, q)| (p, Some(q)));
        if query.is_some_and(|query| path::check_query(query).is_err()) {
            return odd;
        }
        let line = RequestLine { method: verb.method(), path: bare, query: None };
        match self.rules.kind.classify(&self.rules.prefix, line) {
            Ok(Classified::Unknown) => Ok(()),
            Ok(Classified::Known(intent)) => {
                // A host may write its names as they were made; the transfer is judged again by its own.
                let own = self.repository.as_str();
                let here =
                    intent.place.repository().is_some_and(|r| r.as_str().eq_ignore_ascii_case(own));
                if here && !matches!(intent.need, Need::Never(_)) && is_lfs(&intent) {
                    Ok(())
                } else {
                    Err(Unlinked::Because(
                        "the host's link leads to something else than the object",
                    ))
                }
            }
            Ok(Classified::Own) | Err(_) => odd,
        }
    }

    /// Whether a link to somebody else has the path of an object of this repository here.
    fn sounds_like_the_host(&self, href: &str) -> bool {
        let rest = href.split_once("://").map_or("", |(_, rest)| rest);
        let path = rest.find('/').map_or("", |at| &rest[at..]);
        let path = path.split('?').next().unwrap_or_default();
        let line = RequestLine { method: "GET", path, query: None };
        let known = self.rules.kind.classify(&self.rules.prefix, line);
        matches!(known, Ok(Classified::Known(intent)) if is_lfs(&intent)
        && intent.place.repository().is_some_and(|r| {
            r.as_str().eq_ignore_ascii_case(self.repository.as_str())
        }))
    }

    fn betrays(&self, text: &str) -> bool {
        self.host.betrays(self.asked.credential, text) || contains_form(text.as_bytes())
    }
}

fn is_lfs(intent: &Intent) -> bool {
    use crate::domain::intent::Action;
    matches!(intent.action, Action::LfsDownload | Action::LfsUpload | Action::LfsVerify)
}

/// The headers that a client may see of those that the host wants to have sent to itself.
fn is_harmless(name: &str) -> bool {
    ["accept", "content-type", "content-length", "transfer-encoding"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(name))
}

/// For how many seconds a link is good: as the host says, and an hour at most.
fn lifetime(expires_in: Option<u64>, expires_at: Option<&str>, now: Timestamp) -> u64 {
    let until = || {
        let end = expires_at?.parse::<jiff::Timestamp>().ok()?.as_millisecond();
        // The year 1 is how Go writes that there is no end.
        (end > 0).then(|| u64::try_from((end - now.as_millis()) / 1000).unwrap_or(0).max(1))
    };
    expires_in.or_else(until).map_or(LIFETIME, |seconds| seconds.min(LIFETIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes() {
        let now = Timestamp::from_millis(1_700_000_000_000);
        let cases = [
            (None, None, 3600),
            (Some(86_400), None, 3600),
            (Some(60), Some("2030-01-01T00:00:00Z"), 60),
            (None, Some("2023-11-14T22:14:20Z"), 60),
            (None, Some("2023-11-15T00:13:20+02:00"), 1),
            (None, Some("2000-01-01T00:00:00Z"), 1),
            (None, Some("0001-01-01T00:00:00Z"), 3600),
            (None, Some("soon"), 3600),
        ];
        for (expires_in, expires_at, expected) in cases {
            assert_eq!(
                lifetime(expires_in, expires_at, now),
                expected,
                "{expires_in:?} {expires_at:?}"
            );
        }
    }
}
