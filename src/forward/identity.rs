//! What the host is told about who is asking: exactly one identity, or none.

use super::ForwardError;
use crate::config::Identity;
use crate::domain::policy::{Permit, Traveller};
use crate::domain::secret::Secret;
use crate::domain::service_user::ServiceUser;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use std::fmt;
use zeroize::Zeroizing;

/// A password that is shorter stands in too many innocent headers to be looked for.
const SHORTEST: usize = 8;

/// The credential that one user, project or repository has for the host, in mode `stored`. Its `Debug`
/// shows the name only.
pub struct UpstreamCredential {
    value: HeaderValue,
    name: String,
    secrets: Vec<Zeroizing<Vec<u8>>>,
}

impl UpstreamCredential {
    /// A user name and a password or token, sent as Basic; `None` for a name with a colon or a control
    /// character in either, which Basic cannot carry (RFC 7617 §2).
    #[must_use]
    pub fn basic(username: &str, password: &Secret) -> Option<Self> {
        let odd = |text: &str| text.contains(char::is_control);
        if username.contains(':') || odd(username) || odd(password.expose()) {
            return None;
        }
        let pair = Zeroizing::new(format!("{username}:{}", password.expose()));
        let encoded = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
        Self::of(&Zeroizing::new(format!("Basic {}", *encoded)), username)
    }

    /// A token, sent as Bearer, which messages call `name`; `None` when it is not one word of printable
    /// ASCII (RFC 6750 §2.1).
    #[must_use]
    pub fn bearer(token: &Secret, name: &str) -> Option<Self> {
        let token = token.expose();
        let word = !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic());
        word.then(|| Zeroizing::new(format!("Bearer {token}"))).and_then(|v| Self::of(&v, name))
    }

    fn of(value: &str, name: &str) -> Option<Self> {
        let mut header = HeaderValue::from_str(value).ok()?;
        header.set_sensitive(true);
        let secrets = secrets(value.as_bytes());
        Some(Self { value: header, name: name.to_owned(), secrets })
    }
}

impl fmt::Debug for UpstreamCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UpstreamCredential({:?}, …)", self.name)
    }
}

/// Puts the identity on a request.
pub enum Teller {
    /// Says nothing.
    Silent,
    /// The name in a header.
    Header {
        /// The header.
        name: HeaderName,
        /// The name for tokens of projects and repositories.
        service_user: ServiceUser,
    },
    /// One credential for everybody.
    Fixed {
        /// The value of `Authorization`.
        value: HeaderValue,
        /// What of it no answer may carry back.
        secrets: Vec<Zeroizing<Vec<u8>>>,
    },
    /// The credential that comes with each request.
    Stored,
}

impl Teller {
    /// The teller for what the configuration says; `None` when a name or a credential cannot stand in
    /// a header, which the configuration has refused before.
    #[must_use]
    pub fn new(identity: &Identity) -> Option<Self> {
        Some(match identity {
            Identity::None => Self::Silent,
            Identity::Header { name, service_user } => Self::Header {
                name: HeaderName::from_bytes(name.as_bytes()).ok()?,
                service_user: service_user.clone(),
            },
            Identity::Fixed(credential) => {
                let mut value = HeaderValue::from_str(credential.expose()).ok()?;
                value.set_sensitive(true);
                Self::Fixed { secrets: secrets(value.as_bytes()), value }
            }
            Identity::Stored { .. } => Self::Stored,
        })
    }

    /// The header that carries names.
    #[must_use]
    pub fn header(&self) -> Option<&HeaderName> {
        match self {
            Self::Header { name, .. } => Some(name),
            Self::Silent | Self::Fixed { .. } | Self::Stored => None,
        }
    }

    /// Whether it says nothing to anybody.
    pub(super) const fn is_silent(&self) -> bool {
        matches!(self, Self::Silent)
    }

    /// The parts of the credential that no answer may carry back. `own` is that of the request.
    pub(super) fn secrets<'a>(
        &'a self,
        own: Option<&'a UpstreamCredential>,
    ) -> &'a [Zeroizing<Vec<u8>>] {
        match self {
            Self::Fixed { secrets, .. } => secrets,
            Self::Stored => own.map_or(&[], |credential| &credential.secrets),
            Self::Silent | Self::Header { .. } => &[],
        }
    }

    /// The name under which the holder of this permit travels, where it travels under one.
    pub(super) fn name(&self, permit: &Permit, own: Option<&UpstreamCredential>) -> Option<String> {
        match (self, permit.traveller()) {
            (Self::Silent | Self::Fixed { .. }, _) | (_, Traveller::Nobody) => None,
            (Self::Stored, _) => own.map(|credential| credential.name.clone()),
            (Self::Header { .. }, Traveller::User(name)) => Some(name.to_string()),
            (Self::Header { service_user, .. }, Traveller::Service { project, repository }) => {
                Some(service_user.name(project, repository.as_deref()))
            }
        }
    }

    /// Puts it on. An anonymous read travels without. `own` is the credential of the request, which
    /// counts in mode `stored` only.
    ///
    /// # Errors
    /// When there is no credential and there must be one: the request may not be sent.
    pub(super) fn tell(
        &self,
        headers: &mut HeaderMap,
        permit: &Permit,
        own: Option<&UpstreamCredential>,
    ) -> Result<(), ForwardError> {
        if *permit.traveller() == Traveller::Nobody {
            return Ok(());
        }
        match self {
            Self::Silent => {}
            Self::Header { name, .. } => {
                let value = self.name(permit, own).and_then(|n| HeaderValue::try_from(n).ok());
                headers.insert(name.clone(), value.ok_or(ForwardError::Unsendable)?);
            }
            Self::Fixed { value, .. } => {
                headers.insert(AUTHORIZATION, value.clone());
            }
            Self::Stored => {
                let own = own.ok_or_else(|| ForwardError::NoIdentity(lacking(permit)))?;
                headers.insert(AUTHORIZATION, own.value.clone());
            }
        }
        Ok(())
    }
}

/// Who has no credential, and how one is set.
fn lacking(permit: &Permit) -> String {
    let (who, options) = match permit.traveller() {
        Traveller::Nobody => (String::new(), String::new()),
        Traveller::User(name) => (format!("user {name}"), format!("--user {name}")),
        Traveller::Service { project, repository: None } => {
            (format!("project {project}"), format!("--project {}", quoted(project)))
        }
        Traveller::Service { project, repository: Some(name) } => (
            format!("repository {project}/{name}"),
            format!("--project {} --repo {}", quoted(project), quoted(name)),
        ),
    };
    format!(
        "{who}; an operator sets one with: gitlatch identity set {options} --username NAME \
         --secret-stdin"
    )
}

/// A name as a shell takes it.
fn quoted(name: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._/-@+".contains(&b);
    if name.bytes().all(plain) {
        name.to_owned()
    } else {
        format!("'{}'", name.replace('\'', r"'\''"))
    }
}

/// The credential without its scheme, and the password within, where it is Basic.
fn secrets(value: &[u8]) -> Vec<Zeroizing<Vec<u8>>> {
    let at = value.iter().position(|b| *b == b' ').map_or(0, |at| at + 1);
    let (scheme, encoded) = value.split_at(at);
    let mut secrets = vec![Zeroizing::new(encoded.to_vec())];
    if scheme.eq_ignore_ascii_case(b"basic ")
        && let Ok(decoded) = STANDARD.decode(encoded).map(Zeroizing::new)
        && let Some(colon) = decoded.iter().position(|b| *b == b':')
        && decoded.len() - colon > SHORTEST
    {
        secrets.push(Zeroizing::new(decoded[colon + 1..].to_vec()));
    }
    secrets
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::dialect::{Classified, Kind, RequestLine};
    use crate::domain::policy;

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    /// What is sent, and what no answer may carry back.
    fn shown(credential: Option<UpstreamCredential>) -> String {
        let Some(UpstreamCredential { value, name, secrets }) = credential else {
            return "none".to_owned();
        };
        assert!(value.is_sensitive());
        let secrets = secrets.iter().map(|s| String::from_utf8_lossy(s).into_owned());
        format!("{name}: {} {:?}", value.to_str().unwrap(), secrets.collect::<Vec<_>>())
    }

    #[test]
    fn credentials() {
        let basic = [
            ("ci", "password", r#"ci: Basic Y2k6cGFzc3dvcmQ= ["Y2k6cGFzc3dvcmQ=", "password"]"#),
            ("ci", "short", r#"ci: Basic Y2k6c2hvcnQ= ["Y2k6c2hvcnQ="]"#),
            ("", "password", r#": Basic OnBhc3N3b3Jk ["OnBhc3N3b3Jk", "password"]"#),
            ("c:i", "password", "none"),
            ("c\ni", "password", "none"),
            ("ci", "pass\r\nword", "none"),
        ];
        for (username, password, expected) in basic {
            let made = UpstreamCredential::basic(username, &secret(password));
            assert_eq!(shown(made), expected, "{username} {password}");
        }
        let bearer = [
            ("glpat-1", r#"bot: Bearer glpat-1 ["glpat-1"]"#),
            ("", "none"),
            ("two words", "none"),
            ("line\r\nbreak", "none"),
            ("tökén", "none"),
        ];
        for (token, expected) in bearer {
            assert_eq!(
                shown(UpstreamCredential::bearer(&secret(token), "bot")),
                expected,
                "{token}"
            );
        }
        let debug = format!("{:?}", UpstreamCredential::basic("ci", &secret("password")));
        assert_eq!(debug, "Some(UpstreamCredential(\"ci\", …))");
    }

    #[test]
    fn an_anonymous_read_travels_without_a_credential() {
        let line = RequestLine {
            method: "GET",
            path: "/team/app.git/info/refs",
            query: Some("service=git-upload-pack"),
        };
        let Ok(Classified::Known(intent)) = Kind::Git.classify("", line) else { panic!("git") };
        let permit = policy::decide_anonymous(&intent).expect("a read");
        let own = UpstreamCredential::basic("ci", &secret("password")).expect("a credential");
        let mut headers = HeaderMap::new();
        assert!(Teller::Stored.tell(&mut headers, &permit, Some(&own)).is_ok());
        assert!(Teller::Stored.tell(&mut headers, &permit, None).is_ok());
        assert!(headers.is_empty());
        assert_eq!(Teller::Stored.name(&permit, Some(&own)), None);
    }

    #[test]
    fn names_as_a_shell_takes_them() {
        for (name, expected) in
            [("team/sub", "team/sub"), ("a b", "'a b'"), ("it's", r"'it'\''s'"), ("~u", "'~u'")]
        {
            assert_eq!(quoted(name), expected);
        }
    }
}
