//! A token as people read it.

use super::moment;
use crate::domain::timestamp::Timestamp;
use crate::store::{LastUse, TokenRecord};

/// The headings of a list of tokens.
pub(super) const HEADINGS: [&str; 9] =
    ["ID", "NAME", "OWNER", "PERMISSIONS", "LIMITS", "CREATED", "EXPIRES", "STATE", "LAST USED"];

/// One line of a list of tokens, under [`HEADINGS`].
pub(super) fn cells(token: &TokenRecord, now: Timestamp) -> [String; 9] {
    [
        token.id.to_string(),
        token.name.clone(),
        token.owner.to_string(),
        token.permissions.to_string(),
        limits(token),
        moment::day(token.created),
        token.expires.map_or("never".to_owned(), moment::day),
        state(token, now),
        last_used(token.last_used),
    ]
}

/// Everything about one token.
pub(super) fn fields(token: &TokenRecord, now: Timestamp) -> [(&'static str, String); 12] {
    let from: Vec<String> = token.limits.from.iter().map(ToString::to_string).collect();
    let refs = &token.limits.refs;
    let pushes = refs.describe().into_iter().filter(|rule| !rule.starts_with("refs "));
    [
        ("id", token.id.to_string()),
        ("name", token.name.clone()),
        ("owner", token.owner.to_string()),
        ("permissions", token.permissions.to_string()),
        ("only", token.limits.only.texts().join(" ")),
        ("from", from.join(" ")),
        ("refs", refs.texts().join(" ")),
        ("pushes", pushes.collect::<Vec<_>>().join(", ")),
        ("created", moment::minute(token.created)),
        ("expires", token.expires.map_or("never".to_owned(), moment::minute)),
        ("state", state(token, now)),
        ("last used", last_used(token.last_used)),
    ]
}

/// Whether it is honoured, and if not, why and since when: as far as the token itself tells. That its
/// owner is disabled is with the owner.
fn state(token: &TokenRecord, now: Timestamp) -> String {
    let over = |end: Option<Timestamp>| end.is_some_and(|end| end <= now);
    let mut parts = Vec::new();
    if let Some(at) = token.revoked {
        parts.push(format!("revoked {}", moment::minute(at)));
    } else if over(token.expires) {
        parts.push("expired".to_owned());
    } else if let Some(at) = token.suspended {
        parts.push(format!("suspended {}", moment::minute(at)));
    }
    if let Some(successor) = token.successor {
        let ends = token.retires.filter(|at| *at > now && token.revoked.is_none());
        let until = ends.map(|at| format!(" until {}", moment::minute(at))).unwrap_or_default();
        parts.push(format!("replaced by {successor}{until}"));
    }
    if parts.is_empty() { "live".to_owned() } else { parts.join(", ") }
}

/// Which token: its number, its name and whose it is.
pub(super) fn title(token: &TokenRecord) -> String {
    format!("token {} `{}` of {}", token.id, token.name, token.owner)
}

pub(super) fn limits(token: &TokenRecord) -> String {
    let only = token.limits.only.texts();
    let from: Vec<String> = token.limits.from.iter().map(ToString::to_string).collect();
    let parts = [("only", only), ("from", from)];
    let texts = parts.into_iter().filter(|(_, values)| !values.is_empty());
    let texts = texts.map(|(name, values)| format!("{name} {}", values.join(" ")));
    let texts: Vec<String> = texts.chain(token.limits.refs.describe()).collect();
    if texts.is_empty() { "none".to_owned() } else { texts.join(", ") }
}

fn last_used(last: Option<LastUse>) -> String {
    match last {
        None => "never".to_owned(),
        Some(LastUse { at, from: None }) => moment::minute(at),
        Some(LastUse { at, from: Some(from) }) => format!("{} from {from}", moment::minute(at)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::names::UserName;
    use crate::domain::permission::Permissions;
    use crate::domain::policy::limits::{Limits, Only, RefRules};
    use crate::domain::principal::{Owner, OwnerKind};
    use crate::domain::token::TokenId;

    const DAY: i64 = 86_400_000;

    fn record() -> TokenRecord {
        TokenRecord {
            id: TokenId(7),
            name: "ci".to_owned(),
            owner: Owner::User(UserName::new("alice").expect("a name")),
            permissions: Permissions::highest(OwnerKind::User),
            limits: Limits::default(),
            created: Timestamp::from_millis(0),
            expires: None,
            revoked: None,
            suspended: None,
            successor: None,
            retires: None,
            breaks: None,
            last_used: None,
        }
    }

    #[test]
    fn a_token_that_was_never_used() {
        let row = cells(&record(), Timestamp::from_millis(0));
        let expected = "7|ci|user alice|PROJECT_ADMIN, REPO_ADMIN|none|1970-01-01|never|live|never";
        assert_eq!(row.join("|"), expected);
    }

    #[test]
    fn limits_and_uses() {
        let limits = Limits {
            only: Only::new(&["team/*", "!team/x"]).expect("patterns"),
            from: vec!["10.0.0.0/8".parse().expect("a network")],
            refs: RefRules::new(&["refs/heads/bot/*"], true, false, false).expect("patterns"),
        };
        let last_used = Some(LastUse { at: day(1), from: "10.1.2.3".parse().ok() });
        let token = TokenRecord { limits, last_used, ..record() };
        let row = cells(&token, day(1));
        let expected = "only team/* !team/x, from 10.0.0.0/8, refs refs/heads/bot/*, no delete";
        assert_eq!(row[4], expected);
        assert_eq!(row[8], "1970-01-02 00:00 UTC from 10.1.2.3");
        let fields = fields(&token, day(1));
        assert!(fields.contains(&("refs", "refs/heads/bot/*".to_owned())), "{fields:?}");
        assert!(fields.contains(&("pushes", "no delete".to_owned())), "{fields:?}");
    }

    #[test]
    fn states() {
        let cases = [
            (record(), "live"),
            (TokenRecord { expires: Some(day(6)), ..record() }, "live"),
            (TokenRecord { expires: Some(day(5)), ..record() }, "expired"),
            (TokenRecord { suspended: Some(day(2)), ..record() }, "suspended 1970-01-03 00:00 UTC"),
            (TokenRecord { suspended: Some(day(2)), expires: Some(day(3)), ..record() }, "expired"),
            (
                TokenRecord {
                    revoked: Some(day(2)),
                    expires: Some(day(3)),
                    suspended: Some(day(1)),
                    ..record()
                },
                "revoked 1970-01-03 00:00 UTC",
            ),
            (replaced(day(9)), "replaced by 9 until 1970-01-10 00:00 UTC"),
            (replaced(day(5)), "replaced by 9"),
            (
                TokenRecord { suspended: Some(day(2)), ..replaced(day(9)) },
                "suspended 1970-01-03 00:00 UTC, replaced by 9 until 1970-01-10 00:00 UTC",
            ),
            (
                TokenRecord { revoked: Some(day(2)), ..replaced(day(9)) },
                "revoked 1970-01-03 00:00 UTC, replaced by 9",
            ),
        ];
        for (token, expected) in cases {
            assert_eq!(state(&token, day(5)), expected);
        }
    }

    fn day(n: i64) -> Timestamp {
        Timestamp::from_millis(n * DAY)
    }

    fn replaced(retires: Timestamp) -> TokenRecord {
        TokenRecord { successor: Some(TokenId(9)), retires: Some(retires), ..record() }
    }
}
