//! A token as people read it.

use super::moment;
use crate::domain::timestamp::Timestamp;
use crate::store::{LastUse, TokenRecord};

/// The headings of a list of tokens.
pub(super) const HEADINGS: [&str; 8] =
    ["ID", "NAME", "OWNER", "PERMISSIONS", "LIMITS", "CREATED", "EXPIRES", "LAST USED"];

/// One line of a list of tokens, under [`HEADINGS`].
pub(super) fn cells(token: &TokenRecord, now: Timestamp) -> [String; 8] {
    [
        token.id.to_string(),
        token.name.clone(),
        token.owner.to_string(),
        token.permissions.to_string(),
        limits(token),
        moment::day(token.created),
        match token.revoked {
            Some(at) => format!("revoked {}", moment::day(at)),
            None => expiry(token, now, moment::day),
        },
        last_used(token.last_used),
    ]
}

/// Everything about one token.
pub(super) fn fields(token: &TokenRecord, now: Timestamp) -> [(&'static str, String); 10] {
    let from: Vec<String> = token.limits.from.iter().map(ToString::to_string).collect();
    [
        ("id", token.id.to_string()),
        ("name", token.name.clone()),
        ("owner", token.owner.to_string()),
        ("permissions", token.permissions.to_string()),
        ("only", token.limits.only.texts().join(" ")),
        ("from", from.join(" ")),
        ("created", moment::minute(token.created)),
        ("expires", expiry(token, now, moment::minute)),
        ("revoked", token.revoked.map(moment::minute).unwrap_or_default()),
        ("last used", last_used(token.last_used)),
    ]
}

/// Which token: its number, its name and whose it is.
pub(super) fn title(token: &TokenRecord) -> String {
    format!("token {} `{}` of {}", token.id, token.name, token.owner)
}

fn limits(token: &TokenRecord) -> String {
    let only = token.limits.only.texts();
    let from: Vec<String> = token.limits.from.iter().map(ToString::to_string).collect();
    let parts = [("only", only), ("from", from)];
    let texts = parts.into_iter().filter(|(_, values)| !values.is_empty());
    let texts: Vec<String> =
        texts.map(|(name, values)| format!("{name} {}", values.join(" "))).collect();
    if texts.is_empty() { "none".to_owned() } else { texts.join(", ") }
}

fn expiry(token: &TokenRecord, now: Timestamp, write: fn(Timestamp) -> String) -> String {
    match token.expires {
        None => "never".to_owned(),
        Some(at) if at <= now => format!("expired {}", write(at)),
        Some(at) => write(at),
    }
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
    use crate::domain::policy::limits::{Limits, Only};
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
            last_used: None,
        }
    }

    #[test]
    fn a_token_that_was_never_used() {
        let row = cells(&record(), Timestamp::from_millis(0));
        let expected = "7|ci|user alice|PROJECT_ADMIN, REPO_ADMIN|none|1970-01-01|never|never";
        assert_eq!(row.join("|"), expected);
    }

    #[test]
    fn ends_limits_and_uses() {
        let day = |n| Timestamp::from_millis(n * DAY);
        let limits = Limits {
            only: Only::new(&["team/*", "!team/x"]).expect("patterns"),
            from: vec!["10.0.0.0/8".parse().expect("a network")],
            ..Limits::default()
        };
        let last_used = Some(LastUse { at: day(1), from: "10.1.2.3".parse().ok() });
        let token = TokenRecord { limits, expires: Some(day(2)), last_used, ..record() };
        let row = cells(&token, day(1));
        assert_eq!(row[4], "only team/* !team/x, from 10.0.0.0/8");
        assert_eq!(row[6..], ["1970-01-03", "1970-01-02 00:00 UTC from 10.1.2.3"]);
        assert_eq!(cells(&token, day(2))[6], "expired 1970-01-03");
        let revoked = TokenRecord { revoked: Some(day(1)), ..token };
        assert_eq!(cells(&revoked, day(2))[6], "revoked 1970-01-02");
    }
}
