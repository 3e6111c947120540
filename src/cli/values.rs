//! Values of arguments, read once into the domain's types: what is none is a wrong call.

use crate::domain::dialect::Kind;
use crate::domain::duration;
use crate::domain::names::{NameError, ProjectScope, RepoName, UserName};
use crate::domain::pattern::{Pattern, PatternError};
use crate::domain::token::TokenId;
use crate::manage::{Email, Label, LabelError};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use ipnet::IpNet;
use std::net::IpAddr;
use std::time::Duration;

/// A user's name.
pub(super) fn user(text: &str) -> Result<UserName, NameError> {
    UserName::new(text)
}

/// `KEY`, `GROUP/SUB` or `GROUP/**`, or `*` for everything.
pub(super) fn projects(text: &str) -> Result<ProjectScope, NameError> {
    ProjectScope::new(text)
}

/// A repository's name.
pub(super) fn repository(text: &str) -> Result<RepoName, NameError> {
    RepoName::new(text)
}

/// A name for people.
pub(super) fn label(text: &str) -> Result<Label, LabelError> {
    Label::new(text)
}

/// An e-mail address.
pub(super) fn email(text: &str) -> Result<Email, LabelError> {
    Email::new(text)
}

/// A pattern.
pub(super) fn pattern(text: &str) -> Result<Pattern, PatternError> {
    Pattern::new(text)
}

/// The number of a token.
pub(super) fn token_id(text: &str) -> Result<TokenId, &'static str> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let number = digits.then(|| text.parse().ok()).flatten();
    number.map(TokenId).ok_or("a token is named by its number, as `gitlatch token list` shows it")
}

/// A lifetime: `8h`, `90d`.
pub(super) fn lifetime(text: &str) -> Result<Duration, duration::DurationError> {
    duration::parse(text)
}

/// An address, or a network as `ADDRESS/BITS`.
///
/// IPv4 in the clothes of IPv6 (`::ffff:10.0.0.1`) is IPv4: clients are seen like that too.
pub(super) fn network(text: &str) -> Result<IpNet, String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address.to_canonical().into());
    }
    let fault =
        || format!("`{text}` is no address and no network like 10.0.0.0/8 or 2001:db8::/32");
    let net: IpNet = text.parse().map_err(|_| fault())?;
    let mapped = match net {
        IpNet::V6(six) if six.prefix_len() >= 96 => {
            six.addr().to_ipv4_mapped().map(|four| (four, six.prefix_len() - 96))
        }
        _ => None,
    };
    let net = match mapped {
        Some((four, bits)) => IpNet::new(four.into(), bits).map_err(|_| fault())?,
        None => net,
    };
    Ok(net.trunc())
}

/// The name of a kind of host.
pub(super) fn kind() -> impl TypedValueParser<Value = Kind> {
    let find = |name: String| Kind::ALL.into_iter().find(|kind| kind.name() == name);
    let names = PossibleValuesParser::new(Kind::ALL.map(Kind::name));
    names.try_map(move |name| find(name).ok_or("no such kind"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        let cases = [
            ("10.1.2.3", Some("10.1.2.3/32")),
            ("10.1.2.3/8", Some("10.0.0.0/8")),
            ("2001:db8::1", Some("2001:db8::1/128")),
            ("::ffff:10.1.2.3", Some("10.1.2.3/32")),
            ("::ffff:10.1.2.3/104", Some("10.0.0.0/8")),
            ("0.0.0.0/0", Some("0.0.0.0/0")),
            ("10.0.0.0/33", None),
            ("10.0.0", None),
            ("example.com", None),
            ("", None),
        ];
        for (text, expected) in cases {
            let read = network(text).ok().map(|net| net.to_string());
            assert_eq!(read.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn token_numbers() {
        assert_eq!(token_id("7"), Ok(TokenId(7)));
        for bad in ["", "-7", "+7", "x", "7 ", "99999999999999999999"] {
            assert!(token_id(bad).is_err(), "{bad}");
        }
    }
}
