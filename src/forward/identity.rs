//! What the host is told about who is asking: exactly one identity, or none.

use crate::config::Identity;
use crate::domain::policy::{Permit, Traveller};
use crate::domain::service_user::ServiceUser;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use zeroize::Zeroizing;

/// A password that is shorter stands in too many innocent headers to be looked for.
const SHORTEST: usize = 8;

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
        })
    }

    /// The header that carries names.
    #[must_use]
    pub fn header(&self) -> Option<&HeaderName> {
        match self {
            Self::Header { name, .. } => Some(name),
            Self::Silent | Self::Fixed { .. } => None,
        }
    }

    /// Whether it says nothing to anybody.
    pub(super) const fn is_silent(&self) -> bool {
        matches!(self, Self::Silent)
    }

    /// The parts of the credential that no answer may carry back.
    pub(super) fn secrets(&self) -> &[Zeroizing<Vec<u8>>] {
        match self {
            Self::Fixed { secrets, .. } => secrets,
            Self::Silent | Self::Header { .. } => &[],
        }
    }

    /// The name under which the holder of this permit travels, where it travels under one.
    pub(super) fn name(&self, permit: &Permit) -> Option<String> {
        let Self::Header { service_user, .. } = self else { return None };
        match permit.traveller() {
            Traveller::Nobody => None,
            Traveller::User(name) => Some(name.to_string()),
            Traveller::Service { project, repository } => {
                Some(service_user.name(project, repository.as_deref()))
            }
        }
    }

    /// Puts it on. An anonymous read travels without.
    pub(super) fn tell(&self, headers: &mut HeaderMap, permit: &Permit) {
        if *permit.traveller() == Traveller::Nobody {
            return;
        }
        match self {
            Self::Silent => {}
            Self::Header { name, .. } => {
                let value = self.name(permit).and_then(|name| HeaderValue::try_from(name).ok());
                if let Some(value) = value {
                    headers.insert(name.clone(), value);
                }
            }
            Self::Fixed { value, .. } => {
                headers.insert(AUTHORIZATION, value.clone());
            }
        }
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
