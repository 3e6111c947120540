//! The trail: what was changed by whom, each entry chained to the one before by a hash.
//!
//! The hash of an entry is the SHA-256 of the hash before it (32 zero bytes before the first) and of its
//! fields in the order of [`Entry`], each as its length in bytes (eight bytes, big-endian) and its UTF-8
//! text; numbers are written in decimal, and a field that is absent has the length 2^64 - 1 and no text.
//! So nothing can be changed, left out or moved without every later hash changing too.

mod verify;

pub use verify::{Broken, Verifier};

use super::names::UserName;
use super::timestamp::Timestamp;
use super::token::TokenId;
use sha2::{Digest, Sha256};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// The operator of the host, on the command line, under this account of the system's.
    Operator(String),
    /// A person, who proved a password.
    User(UserName),
    /// A token, about itself.
    Token(TokenId),
    /// The program, of itself.
    Gitlatch,
    /// Somebody who proved nothing.
    Nobody,
}

impl Actor {
    /// The kind, as entries name it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Operator(_) => "operator",
            Self::User(_) => "user",
            Self::Token(_) => "token",
            Self::Gitlatch => "gitlatch",
            Self::Nobody => "nobody",
        }
    }

    /// The name, or the number of the token; empty for the program and for nobody.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Operator(name) => name.clone(),
            Self::User(name) => name.to_string(),
            Self::Token(id) => id.to_string(),
            Self::Gitlatch | Self::Nobody => String::new(),
        }
    }
}

/// Who changes something, from where and when: with every change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// Who.
    pub who: Actor,
    /// The client's address, if there is one.
    pub from: Option<IpAddr>,
    /// When.
    pub at: Timestamp,
}

/// Makes the enum, the list of all and the names in one place.
macro_rules! events {
    ($($(#[$doc:meta])* $event:ident = $name:literal,)*) => {
        /// What an entry tells of. The names are a contract: programs filter by them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Event {
            $($(#[$doc])* $event,)*
        }

        impl Event {
            /// Every event there is.
            pub const ALL: &'static [Self] = &[$(Self::$event,)*];

            /// Its name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$event => $name,)*
                }
            }
        }
    };
}

events! {
    /// A token was made.
    TokenCreated = "token.created",
    /// A token has another name or other permissions.
    TokenEdited = "token.edited",
    /// A token has a successor.
    TokenRotated = "token.rotated",
    /// A token was revoked.
    TokenRevoked = "token.revoked",
    /// A token is refused until it is resumed.
    TokenSuspended = "token.suspended",
    /// A suspended token is honoured again.
    TokenResumed = "token.resumed",
    /// A token was used for the first time.
    TokenFirstUse = "token.first-use",
    /// A token was used from an address that it was never used from before.
    TokenNewAddress = "token.new-address",
    /// A push was let through; whether the host took it is the host's to say.
    PushForwarded = "push.forwarded",
    /// A push was refused for a ref that it would have changed.
    PushRefused = "push.refused",
    /// A request was let through whose effect is access that outlives its token: access keys, permissions,
    /// webhooks.
    AccessGiven = "access.given",
    /// The host has deleted or renamed a project or a repository, whose tokens end.
    NameEnded = "name.ended",
    /// A user was added by an operator.
    UserAdded = "user.added",
    /// A user proved a password to the host for the first time.
    UserAppeared = "user.appeared",
    /// A user has another display name, address or role.
    UserEdited = "user.edited",
    /// A user has another password.
    UserPassword = "user.password-changed",
    /// A user's tokens are refused.
    UserDisabled = "user.disabled",
    /// A user's tokens are honoured again.
    UserEnabled = "user.enabled",
    /// A user was removed.
    UserRemoved = "user.removed",
    /// A group was added.
    GroupAdded = "group.added",
    /// A group was removed.
    GroupRemoved = "group.removed",
    /// A user is in a group.
    GroupJoined = "group.member-added",
    /// A user is no longer in a group.
    GroupLeft = "group.member-removed",
    /// A right was given.
    GrantAdded = "grant.added",
    /// A right was taken.
    GrantRemoved = "grant.removed",
    /// A credential for the host was stored.
    IdentitySet = "identity.set",
    /// A credential for the host was removed.
    IdentityRemoved = "identity.removed",
    /// The credentials for the host are sealed under another key.
    IdentityRekeyed = "identity.rekeyed",
    /// What is demanded of new tokens was changed.
    SettingsChanged = "settings.changed",
    /// What is demanded of new tokens in one project was changed.
    ProjectSettingsChanged = "settings.project-changed",
    /// A password was wrong, or a user may not act.
    LoginFailed = "login.failed",
    /// The store was brought back from a backup.
    StoreRestored = "store.restored",
    /// Records of another store were added.
    StoreImported = "store.imported",
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Event {
    type Err = UnknownEvent;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.iter().copied().find(|event| event.name() == text);
        named.ok_or_else(|| UnknownEvent(text.to_owned()))
    }
}

/// A text that names no event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no event of the trail")]
pub struct UnknownEvent(String);

/// What an entry is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// A token.
    pub token: Option<TokenId>,
    /// A user: the owner of the token, or the one who was changed.
    pub user: Option<String>,
    /// A project: the owner of the token, or the place of a right.
    pub project: Option<String>,
    /// A repository of that project.
    pub repository: Option<String>,
}

/// Something to be written into the trail that no change of the store tells of.
#[derive(Clone, Debug)]
pub struct Note {
    /// What happened.
    pub event: Event,
    /// What it is about.
    pub subject: Subject,
    /// More of it.
    pub details: serde_json::Value,
}

/// One entry, as the store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number: 1, 2, 3 and so on without a gap.
    pub number: i64,
    /// When.
    pub at: Timestamp,
    /// The name of the event. A text, since a newer program may have written it.
    pub event: String,
    /// The kind of who did it.
    pub actor_kind: String,
    /// The name of who did it.
    pub actor: String,
    /// The address it was done from.
    pub from: Option<String>,
    /// What it is about.
    pub subject: Subject,
    /// What was before and what is after, as JSON, the very bytes that were written.
    pub details: String,
}

/// The hash of an entry, which holds every entry before it in place.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Link(pub [u8; 32]);

impl Link {
    /// What stands before the first entry.
    pub const START: Self = Self([0; 32]);
}

impl Entry {
    /// The hash of this entry behind the one before it.
    #[must_use]
    pub fn link(&self, previous: &Link) -> Link {
        let mut hash = Sha256::new();
        hash.update(previous.0);
        let mut field = |text: Option<&str>| match text {
            Some(text) => {
                hash.update((text.len() as u64).to_be_bytes());
                hash.update(text.as_bytes());
            }
            None => hash.update(u64::MAX.to_be_bytes()),
        };
        field(Some(&self.number.to_string()));
        field(Some(&self.at.to_string()));
        field(Some(&self.event));
        field(Some(&self.actor_kind));
        field(Some(&self.actor));
        field(self.from.as_deref());
        field(self.subject.token.map(|id| id.to_string()).as_deref());
        field(self.subject.user.as_deref());
        field(self.subject.project.as_deref());
        field(self.subject.repository.as_deref());
        field(Some(&self.details));
        Link(hash.finalize().into())
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link({self})")
    }
}

/// A text that is no hash of an entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a head of the trail is 64 hexadecimal digits, as `gitlatch audit verify` prints it")]
pub struct LinkError;

impl FromStr for Link {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(LinkError);
        }
        let mut link = [0; 32];
        for (at, byte) in link.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).map_err(|_| LinkError)?;
        }
        Ok(Self(link))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: i64) -> Entry {
        Entry {
            number,
            at: Timestamp::from_millis(1000 + number),
            event: "token.created".to_owned(),
            actor_kind: "user".to_owned(),
            actor: "alice".to_owned(),
            from: None,
            subject: Subject { token: Some(TokenId(number)), ..Subject::default() },
            details: "{}".to_owned(),
        }
    }

    fn chain(length: i64) -> Vec<(Entry, Link, Link)> {
        let mut head = Link::START;
        (1..=length)
            .map(|number| {
                let (entry, previous) = (entry(number), head);
                head = entry.link(&previous);
                (entry, previous, head)
            })
            .collect()
    }

    fn verify(chain: &[(Entry, Link, Link)], wanted: Option<Link>) -> Result<(i64, Link), Broken> {
        let mut verifier = Verifier::new(wanted);
        for (entry, previous, stored) in chain {
            verifier.take(entry, previous, stored)?;
        }
        verifier.end()
    }

    #[test]
    fn a_whole_trail_holds() {
        let whole = chain(5);
        assert_eq!(verify(&whole, None), Ok((5, whole[4].2)));
        assert_eq!(verify(&whole, Some(whole[2].2)), Ok((5, whole[4].2)));
        assert_eq!(verify(&[], None), Ok((0, Link::START)));
    }

    #[test]
    fn what_was_changed_shows() {
        let mut edited = chain(5);
        edited[2].0.details = r#"{"x":1}"#.to_owned();
        assert_eq!(verify(&edited, None), Err(Broken::Changed(3)));
        let mut rehashed = edited.clone();
        rehashed[2].2 = rehashed[2].0.link(&rehashed[2].1);
        assert_eq!(verify(&rehashed, None), Err(Broken::Changed(4)));
        let mut gap = chain(5);
        gap.remove(2);
        assert_eq!(verify(&gap, None), Err(Broken::Gap { missing: 3, after: 2, found: 4 }));
        let (cut, head) = (chain(3), chain(5)[4].2);
        assert_eq!(verify(&cut, Some(head)), Err(Broken::Head(head)));
        assert!(verify(&cut, None).is_ok(), "nothing but a kept head shows a cut end");
    }

    #[test]
    fn absent_and_empty_are_not_the_same() {
        let absent = entry(1);
        let empty = Entry { from: Some(String::new()), ..entry(1) };
        assert_ne!(absent.link(&Link::START), empty.link(&Link::START));
    }

    #[test]
    fn heads_and_events_are_read_as_they_are_written() {
        let head = chain(1)[0].2;
        assert_eq!(head.to_string().parse(), Ok(head));
        for wrong in ["", "xyz", &"0".repeat(63), &"g".repeat(64)] {
            assert_eq!(wrong.parse::<Link>(), Err(LinkError), "{wrong}");
        }
        for event in Event::ALL {
            assert_eq!(event.name().parse(), Ok(*event));
        }
    }
}
