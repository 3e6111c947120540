//! The query of a listing: which part of it, and which tokens.

use super::refusal::Refused;
use crate::domain::duration;
use crate::domain::names::{NameCase, UserName};
use crate::domain::principal::{Owner, OwnerKind};
use crate::domain::settings::Settings;
use crate::domain::timestamp::Timestamp;
use crate::store::{ExpiryFilter, TokenFilter, UseFilter, Window};
use percent_encoding::percent_decode_str;

/// Tokens on a page, unless the query says otherwise.
const LIMIT: u64 = 25;
/// The most on a page, whatever the query says: Bitbucket's own cap.
const MOST: u64 = 1000;

/// Reads `start` and `limit`. Other parameters are passed over, as Bitbucket does.
pub(super) fn window(query: Option<&str>) -> Result<Window, Refused> {
    let number = |name: &str, default: u64| match parameter(query, name)? {
        None => Ok(default),
        // `u32` would also read a leading `+`.
        Some(text) if text.starts_with('+') => Err(no_number(name)),
        Some(text) => text.parse::<u32>().map(u64::from).map_err(|_| no_number(name)),
    };
    let (start, limit) = (number("start", 0)?, number("limit", LIMIT)?);
    if limit == 0 {
        return Err(Refused::invalid(Some("limit"), "`limit` is 1 or more"));
    }
    Ok(Window { start, limit: limit.min(MOST) })
}

fn no_number(name: &str) -> Refused {
    Refused::invalid(Some(name), format!("`{name}` is a whole number, 0 or more"))
}

/// Reads `filter`: conditions between spaces, all of which must hold.
pub(super) fn filter(
    query: Option<&str>,
    case: NameCase,
    settings: Settings,
    now: Timestamp,
) -> Result<TokenFilter, Refused> {
    let text = parameter(query, "filter")?.unwrap_or_default();
    let mut filter = TokenFilter::all(case);
    let mut seen = Vec::new();
    for term in text.split_whitespace() {
        let fault = |why| Refused::invalid(Some("filter"), format!("`{term}`: {why}"));
        // The second of a kind could only take the place of the first, and all must hold.
        if let Some((name, _)) = term.split_once(':') {
            let kind = if name == "unused" { "used" } else { name };
            if seen.contains(&kind) {
                return Err(fault("there is a condition of this kind before it".to_owned()));
            }
            seen.push(kind);
        }
        apply(&mut filter, term, settings, now).map_err(fault)?;
    }
    Ok(filter)
}

fn apply(
    filter: &mut TokenFilter,
    term: &str,
    settings: Settings,
    now: Timestamp,
) -> Result<(), String> {
    let ago = |text: &str| duration_millis(text).map(|millis| now.plus_millis(-millis));
    let Some((name, value)) = term.split_once(':') else {
        // Words that belong together: they are looked for as they stand.
        let words = filter.text.take().map(|before| format!("{before} {term}"));
        filter.text = Some(words.unwrap_or_else(|| term.to_owned()));
        return Ok(());
    };
    match (name, value) {
        ("owner", value) => filter.owner = Some(owner(value)?),
        ("kind", value) => {
            let kind = OwnerKind::ALL.into_iter().find(|kind| kind.name() == value);
            filter.kind = Some(kind.ok_or("there are user, project and repository")?);
        }
        ("expires", "never") => filter.expiry = Some(ExpiryFilter::Never),
        ("expires", "past") => {
            let start = Timestamp::from_millis(i64::MIN);
            filter.expiry = Some(ExpiryFilter::Between(start, now));
        }
        ("expires", value) => {
            let until = now.plus_millis(duration_millis(value)?);
            filter.expiry = Some(ExpiryFilter::Between(now, until));
        }
        ("used", "never") => filter.used = Some(UseFilter::Never),
        ("used", value) => filter.used = Some(UseFilter::Since(ago(value)?)),
        ("unused", value) => filter.used = Some(UseFilter::NotSince(ago(value)?)),
        ("permission", value) => {
            let permission = value.parse().map_err(|error| format!("{error}"))?;
            filter.permission = Some(permission);
        }
        ("state", "revoked") => filter.revoked = true,
        ("policy", "broken") => filter.breaks = Some((settings, now)),
        _ => {
            return Err("there are owner:NAME, owner:project/KEY, owner:repository/KEY/SLUG, \
                        kind:user, expires:never, expires:past, expires:14d, used:never, used:7d, \
                        unused:90d, permission:REPO_WRITE, policy:broken, state:revoked, and plain words"
                .to_owned());
        }
    }
    Ok(())
}

/// `alice`, `user/alice`, `project/KEY` or `repository/KEY/SLUG`.
fn owner(text: &str) -> Result<Owner, String> {
    let owner = match text.split_once('/') {
        None => UserName::new(text).map(Owner::User),
        Some(("user", name)) => UserName::new(name).map(Owner::User),
        Some(("project", key)) => Owner::of_project(key, None),
        Some(("repository", path)) => {
            let (project, name) = path.rsplit_once('/').ok_or("a repository is KEY/SLUG")?;
            Owner::of_project(project, Some(name))
        }
        Some(_) => return Err("an owner is NAME, project/KEY or repository/KEY/SLUG".to_owned()),
    };
    owner.map_err(|error| error.to_string())
}

fn duration_millis(text: &str) -> Result<i64, String> {
    let duration = duration::parse(text).map_err(|error| error.to_string())?;
    Ok(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
}

/// The one value of a parameter, decoded as forms are (`+` is a space).
fn parameter(query: Option<&str>, name: &str) -> Result<Option<String>, Refused> {
    let pairs =
        query.unwrap_or_default().split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let mut values = pairs.filter(|(key, _)| decode(key) == name).map(|(_, value)| decode(value));
    let first = values.next();
    if values.next().is_some() {
        return Err(Refused::invalid(Some(name), format!("`{name}` stands in the query twice")));
    }
    Ok(first)
}

fn decode(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000_000);

    #[test]
    fn windows() {
        let cases = [
            (None, Ok((0, 25))),
            (Some("start=50&limit=10"), Ok((50, 10))),
            (Some("limit=5000"), Ok((0, 1000))),
            (Some("x=1"), Ok((0, 25))),
            (Some("limit=0"), Err("`limit` is 1 or more")),
            (Some("limit=%2B1"), Err("`limit` is a whole number, 0 or more")),
            (Some("limit=-1"), Err("`limit` is a whole number, 0 or more")),
            (Some("start=x"), Err("`start` is a whole number, 0 or more")),
            (Some("start=1&start=2"), Err("`start` stands in the query twice")),
        ];
        for (query, expected) in cases {
            let read = window(query).map(|window| (window.start, window.limit));
            let read = read.map_err(|refused| refused.into_answer().text);
            assert_eq!(read, expected.map_err(str::to_owned), "{query:?}");
        }
    }

    #[test]
    fn filters() {
        let read = |text: &str| {
            let query = format!("filter={text}");
            filter(Some(&query), NameCase::Exact, Settings::default(), NOW)
        };
        let good = [
            ("", "all"),
            ("owner:alice", "user alice"),
            ("owner:project/team", "project team"),
            ("owner:repository/group/sub/app", "repository group/sub/app"),
            ("owner:repository%2Fteam%2Fapp", "repository team/app"),
        ];
        for (text, expected) in good {
            let owner = read(text).expect(text).owner.map(|owner| owner.to_string());
            assert_eq!(owner.as_deref().unwrap_or("all"), expected, "{text}");
        }
        let combined = read("nightly+build+expires:14d+unused:90d").expect("a filter");
        assert_eq!(combined.text.as_deref(), Some("nightly build"));
        let until = NOW.plus_millis(14 * 86_400_000);
        assert_eq!(combined.expiry, Some(ExpiryFilter::Between(NOW, until)));
        let wrong =
            ["owner:", "owner:x/y", "kind:x", "expires:soon", "permission:X", "a:b", "used:1"];
        let twice = ["kind:user+kind:project", "used:7d+unused:90d", "expires:never+expires:1d"];
        for bad in wrong.into_iter().chain(twice) {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
