//! Tickets: what lets one transfer of a Git LFS object through, for an hour.
//!
//! A client gets one with each link that the answer to its batch has. It is sealed with AES-256-GCM under a
//! key that a process makes for itself and tells the process that it hands over to and nobody else, so that
//! nobody else makes one, and nobody reads what is in it. It names
//! the token that asked, which is looked up again when the transfer comes, so that a ticket is worth
//! nothing any more when its token is.

use crate::domain::git::lfs::{Oid, Verb};
use crate::domain::names::{ProjectPath, RepoName, RepoPath};
use crate::domain::secret::Secret;
use crate::domain::timestamp::Timestamp;
use crate::domain::token::{TokenHash, TokenId};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// What is sealed, and in which form.
const LABEL: &[u8] = b"gitlatch ticket for one transfer, 1";
/// The longest ticket that is looked at, in bytes.
const LONGEST: usize = 16 * 1024;

/// Why tickets can be neither made nor sealed.
#[derive(Debug, thiserror::Error)]
pub enum TicketError {
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    Random(#[from] getrandom::Error),
    /// The cipher refused to work.
    #[error("the ticket could not be sealed")]
    Cipher,
}

/// What a ticket is good for.
#[derive(Debug)]
pub struct Ticket {
    /// The number of the token that asked.
    pub token: TokenId,
    /// Its hash, by which it is looked up again.
    pub hash: TokenHash,
    /// The repository that it asked in.
    pub repository: RepoPath,
    /// What may be done.
    pub verb: Verb,
    /// The one target, path and query, byte for byte.
    pub target: String,
    /// The object.
    pub oid: Oid,
    /// When it ends.
    pub expires: Timestamp,
    /// What the host wants to be told with the transfer, and no client may see.
    pub headers: Vec<(String, Secret)>,
}

/// A ticket in its sealed form.
#[derive(Serialize, Deserialize)]
struct Form<S> {
    token: i64,
    hash: String,
    project: String,
    repository: String,
    verb: String,
    target: String,
    oid: String,
    expires: i64,
    headers: Vec<(String, S)>,
}

/// The key that tickets are sealed under. Like a secret, it cannot be printed or copied by accident.
pub struct TicketKey(Zeroizing<[u8; 32]>);

impl TicketKey {
    /// A new one.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn generate() -> Result<Self, TicketError> {
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *bytes)?;
        Ok(Self(bytes))
    }

    /// The one that these bytes are; `None` when they are not as many as a key has.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(|bytes| Self(Zeroizing::new(bytes)))
    }

    /// The key itself, for the process that is handed over to.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &*self.0
    }
}

/// Seals and opens the tickets under one key.
pub struct Tickets {
    key: LessSafeKey,
}

impl Tickets {
    /// With this key.
    ///
    /// # Errors
    /// When the cipher does not take the key.
    pub fn new(key: &TicketKey) -> Result<Self, TicketError> {
        let key = UnboundKey::new(&AES_256_GCM, key.expose()).map_err(|_| TicketError::Cipher)?;
        Ok(Self { key: LessSafeKey::new(key) })
    }

    /// Seals a ticket. It is base64, of which no text looks like a token.
    ///
    /// The nonce is 96 random bits: a key may seal billions of tickets before two are likely to be the same
    /// (NIST SP 800-38D §8.3), and no process lives so long, nor those that it hands over to.
    ///
    /// # Errors
    /// When the system has no random bytes, or the cipher does not work.
    pub fn seal(&self, ticket: &Ticket) -> Result<String, TicketError> {
        let form = Form {
            token: ticket.token.0,
            hash: STANDARD_NO_PAD.encode(ticket.hash.as_bytes()),
            project: ticket.repository.project().to_owned(),
            repository: ticket.repository.name().to_owned(),
            verb: ticket.verb.name().to_owned(),
            target: ticket.target.clone(),
            oid: ticket.oid.as_str().to_owned(),
            expires: ticket.expires.as_millis(),
            headers: ticket.headers.iter().map(|(n, v)| (n.clone(), v.expose())).collect(),
        };
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce)?;
        // As long as it will hardly ever be: growing leaves copies behind.
        let hidden = form.headers.iter().map(|(name, value)| name.len() + value.len());
        let room = 1024 + form.target.len() + 2 * hidden.sum::<usize>();
        let mut bytes = Zeroizing::new(Vec::with_capacity(room));
        bytes.extend_from_slice(&nonce);
        serde_json::to_writer(&mut *bytes, &form).map_err(|_| TicketError::Cipher)?;
        let nonce = Nonce::assume_unique_for_key(nonce);
        let sealed =
            self.key.seal_in_place_separate_tag(nonce, Aad::from(LABEL), &mut bytes[NONCE_LEN..]);
        let tag = sealed.map_err(|_| TicketError::Cipher)?;
        bytes.extend_from_slice(tag.as_ref());
        Ok(STANDARD_NO_PAD.encode(&*bytes))
    }

    /// Opens a ticket; `None` when it is none of this process.
    #[must_use]
    pub fn open(&self, text: &[u8]) -> Option<Ticket> {
        if text.len() > LONGEST {
            return None;
        }
        let mut bytes = Zeroizing::new(STANDARD_NO_PAD.decode(text).ok()?);
        let (nonce, sealed) = bytes.split_first_chunk_mut::<NONCE_LEN>()?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = self.key.open_in_place(nonce, Aad::from(LABEL), sealed).ok()?;
        let form: Form<String> = serde_json::from_slice(opened).ok()?;
        let hash = <[u8; 32]>::try_from(STANDARD_NO_PAD.decode(&form.hash).ok()?).ok()?;
        let project = ProjectPath::new(&form.project).ok()?;
        Some(Ticket {
            token: TokenId(form.token),
            hash: TokenHash::from_bytes(hash),
            repository: RepoPath::new(&project, &RepoName::new(&form.repository).ok()?),
            verb: Verb::ALL.into_iter().find(|verb| verb.name() == form.verb)?,
            target: form.target,
            oid: Oid::new(&form.oid)?,
            expires: Timestamp::from_millis(form.expires),
            headers: form.headers.into_iter().map(|(n, v)| (n, Secret::new(v))).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket() -> Ticket {
        let project = ProjectPath::new("-").unwrap();
        Ticket {
            token: TokenId(7),
            hash: TokenHash::of(b"x"),
            repository: RepoPath::new(&project, &RepoName::new("app").unwrap()),
            verb: Verb::Verify,
            target: "/app.git/x?y=z".to_owned(),
            oid: Oid::new(&"ab".repeat(32)).unwrap(),
            expires: Timestamp::from_millis(5),
            headers: vec![("authorization".to_owned(), Secret::new("JWT x".to_owned()))],
        }
    }

    #[test]
    fn what_is_sealed_opens_here_and_nowhere_else() {
        let tickets = || {
            let key = TicketKey::generate().unwrap();
            (Tickets::new(&key).unwrap(), TicketKey::from_bytes(key.expose()).unwrap())
        };
        let ((here, key), (there, _)) = (tickets(), tickets());
        let heir = Tickets::new(&key).unwrap();
        assert!(heir.open(here.seal(&ticket()).unwrap().as_bytes()).is_some());
        assert!(TicketKey::from_bytes(&[0; 31]).is_none());
        let sealed = here.seal(&ticket()).unwrap();
        assert_ne!(sealed, here.seal(&ticket()).unwrap());
        assert_eq!(
            format!("{:?}", here.open(sealed.as_bytes()).unwrap()),
            format!("{:?}", ticket())
        );
        assert!(there.open(sealed.as_bytes()).is_none());
        assert!(!crate::domain::token::contains_form(sealed.as_bytes()));
        for at in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert!(here.open(&changed).is_none(), "{at}");
            assert!(here.open(&sealed.as_bytes()[..at]).is_none(), "{at}");
        }
        assert!(here.open(&vec![b'A'; LONGEST + 1]).is_none());
    }
}
