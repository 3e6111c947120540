//! Values of arguments, read once into the domain's types: what is none is a wrong call.

use crate::domain::client;
use crate::domain::dialect::Kind;
use crate::domain::duration;
use crate::domain::names::{GroupName, NameError, ProjectPath, ProjectScope, RepoName, UserName};
use crate::domain::pattern::{Pattern, PatternError};
use crate::domain::permission::{Permission, UnknownPermission};
use crate::domain::policy::limits::{RefPatternError, RefRules};
use crate::domain::token::TokenId;
use crate::domain::trail::{Event, Link, LinkError};
use crate::manage::{Email, Label, LabelError};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use ipnet::IpNet;
use std::time::Duration;

/// A user's name.
pub(super) fn user(text: &str) -> Result<UserName, NameError> {
    UserName::new(text)
}

/// A group's name.
pub(super) fn group(text: &str) -> Result<GroupName, NameError> {
    GroupName::new(text)
}

/// One project, and not those below it.
pub(super) fn project(text: &str) -> Result<ProjectPath, NameError> {
    ProjectPath::new(text)
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

/// A pattern of refs.
pub(super) fn ref_pattern(text: &str) -> Result<Pattern, RefPatternError> {
    RefRules::pattern(text)
}

/// A permission of a token. More of them may follow, so that a token's number behind them is read as one.
pub(super) fn permission(text: &str) -> Result<Permission, String> {
    text.parse().map_err(|error: UnknownPermission| match token_id(text) {
        Ok(id) => {
            format!("a token's number stands in front: gitlatch token edit {id} --permission …")
        }
        Err(_) => error.to_string(),
    })
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

/// A time that may be none at all: `24h`, or `0`.
pub(super) fn overlap(text: &str) -> Result<Duration, duration::DurationError> {
    if text == "0" { Ok(Duration::ZERO) } else { duration::parse(text) }
}

/// An address, or a network as `ADDRESS/BITS`.
pub(super) fn network(text: &str) -> Result<IpNet, String> {
    client::network(text).ok_or_else(|| {
        format!("`{text}` is no address and no network like 10.0.0.0/8 or 2001:db8::/32")
    })
}

/// The name of an event of the trail.
pub(super) fn event() -> impl TypedValueParser<Value = Event> {
    let names = PossibleValuesParser::new(Event::ALL.iter().map(|event| event.name()));
    names.try_map(|name| name.parse::<Event>())
}

/// The hash of an entry of the trail.
pub(super) fn head(text: &str) -> Result<Link, LinkError> {
    text.parse()
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
    fn token_numbers() {
        assert_eq!(token_id("7"), Ok(TokenId(7)));
        for bad in ["", "-7", "+7", "x", "7 ", "99999999999999999999"] {
            assert!(token_id(bad).is_err(), "{bad}");
        }
    }
}
