//! The bodies of calls about one token.
//!
//! A misspelled field that is passed over makes a token that never expires, so an unknown one is refused.
//! The fields that tokens are shown with may stand in an update, as clients send back what they got.

use super::fields::{Fields, strings, truth};
use super::refusal::Refused;
use crate::domain::client;
use crate::domain::duration::{self, DurationError};
use crate::domain::permission::Permission;
use crate::domain::policy::limits::{Limits, Only, RefRules};
use crate::domain::settings::DAY_MILLIS;
use crate::manage::Label;
use serde_json::Value;
use std::fmt;
use std::time::Duration;

/// Most days that a token may live: a hundred years, as everywhere else.
const MOST_DAYS: u64 = 100 * 365;

/// What a new token is to be.
#[derive(Debug)]
pub(super) struct Create {
    pub(super) name: Label,
    pub(super) permissions: Vec<Permission>,
    pub(super) lifetime: Option<Duration>,
    pub(super) limits: Limits,
}

/// What is to be changed about a token.
#[derive(Debug)]
pub(super) struct Update {
    pub(super) name: Option<Label>,
    pub(super) permissions: Option<Vec<Permission>>,
    /// What stands in the body besides and never changes.
    stays: Vec<(&'static str, Value)>,
}

/// What a token is made with and never changed: good in an update when it is what the token has.
const STAYS: [&str; 7] = ["expiryDate", "only", "refs", "from", "noDelete", "noForce", "noTags"];

/// What else tokens are shown with, which an update may hold without meaning anything by it.
const SHOWN: [&str; 12] = [
    "id",
    "createdDate",
    "lastAuthenticated",
    "lastAddress",
    "user",
    "project",
    "repository",
    "suspendedDate",
    "revokedDate",
    "successor",
    "endsDate",
    "links",
];

impl Create {
    const FIELDS: [&str; 9] = [
        "name",
        "permissions",
        "expiryDays",
        "only",
        "refs",
        "from",
        "noDelete",
        "noForce",
        "noTags",
    ];

    pub(super) fn read(mut fields: Fields) -> Result<Self, Refused> {
        let name = fields
            .take_some("name")
            .ok_or_else(|| Refused::invalid(Some("name"), "a token needs a `name`"))?;
        let permissions = fields.take_some("permissions").ok_or_else(|| {
            let text = "a token needs `permissions`, such as [\"REPO_READ\"]";
            Refused::invalid(Some("permissions"), text)
        })?;
        let created = Self {
            name: label(&name)?,
            permissions: permissions_of(&permissions)?,
            lifetime: fields.take_some("expiryDays").map(|days| lifetime(&days)).transpose()?,
            limits: limits(&mut fields)?,
        };
        if fields.take("expiryDate").is_some_and(|value| !value.is_null()) {
            let text = "say after how many days it expires: `expiryDays`";
            return Err(Refused::invalid(Some("expiryDate"), text));
        }
        fields.end(&Self::FIELDS)?;
        Ok(created)
    }
}

impl Update {
    pub(super) fn read(mut fields: Fields) -> Result<Self, Refused> {
        let name = fields.take_some("name").map(|name| label(&name)).transpose()?;
        let permissions =
            fields.take_some("permissions").map(|list| permissions_of(&list)).transpose()?;
        if fields.take_some("expiryDays").is_some() {
            return Err(stays("expiryDays"));
        }
        let given = STAYS.into_iter().filter_map(|name| Some((name, fields.take(name)?)));
        let stays = given.collect();
        for shown in SHOWN {
            fields.take(shown);
        }
        fields.end(&["name", "permissions"])?;
        Ok(Self { name, permissions, stays })
    }

    /// Whether everything else in the body is as the token has it. Otherwise somebody believes to have
    /// narrowed a token that is as wide as it was.
    pub(super) fn agrees(&self, shown: &Value) -> Result<(), Refused> {
        let nothing = |value: &Value| match value {
            Value::Null | Value::Bool(false) => true,
            Value::Array(list) => list.is_empty(),
            _ => false,
        };
        let same = |(name, value): &&(&str, Value)| {
            let has = shown.get(*name).filter(|has| !nothing(has));
            has == Some(value).filter(|value| !nothing(value))
        };
        self.stays.iter().find(|given| !same(given)).map_or(Ok(()), |(name, _)| Err(stays(name)))
    }
}

/// A part of a token that never changes.
fn stays(field: &str) -> Refused {
    let what = if field.starts_with("expiry") { "the expiry of a token" } else { field };
    let text = format!(
        "{what} is set when a token is made, and is never changed nor added later; make another token"
    );
    Refused::invalid(Some(field), text)
}

/// How long the old secret of a rotated token lives on.
pub(super) fn overlap(mut fields: Fields) -> Result<Duration, Refused> {
    let overlap = fields.take_some("overlap");
    fields.end(&["overlap"])?;
    let Some(overlap) = overlap else { return Ok(Duration::ZERO) };
    let fault = |why: String| Refused::invalid(Some("overlap"), format!("`overlap`: {why}"));
    let text =
        overlap.as_str().ok_or_else(|| fault("it is a duration, like \"24h\"".to_owned()))?;
    match duration::parse(text) {
        Err(DurationError::Zero) => Ok(Duration::ZERO),
        parsed => parsed.map_err(|error| fault(error.to_string())),
    }
}

fn limits(fields: &mut Fields) -> Result<Limits, Refused> {
    let mut list = |name: &str| match fields.take_some(name) {
        Some(value) => strings(name, &value),
        None => Ok(Vec::new()),
    };
    let (only, refs, from) = (list("only")?, list("refs")?, list("from")?);
    let mut flag = |name: &str| match fields.take_some(name) {
        Some(value) => truth(name, &value),
        None => Ok(false),
    };
    let (no_delete, no_force, no_tags) = (flag("noDelete")?, flag("noForce")?, flag("noTags")?);
    let fault = |name: &str, error: &dyn fmt::Display| {
        Refused::invalid(Some(name), format!("`{name}`: {error}"))
    };
    let network = |text: &String| {
        let why = format!("`{text}` is no address and no network like 10.0.0.0/8");
        client::network(text).ok_or_else(|| fault("from", &why))
    };
    Ok(Limits {
        only: Only::new(&only).map_err(|error| fault("only", &error))?,
        from: from.iter().map(network).collect::<Result<_, _>>()?,
        refs: RefRules::new(&refs, no_delete, no_force, no_tags)
            .map_err(|error| fault("refs", &error))?,
    })
}

fn label(value: &Value) -> Result<Label, Refused> {
    let fault = |why: &dyn fmt::Display| Refused::invalid(Some("name"), format!("`name`: {why}"));
    Label::new(value.as_str().ok_or_else(|| fault(&"it is no text"))?).map_err(|why| fault(&why))
}

fn permissions_of(value: &Value) -> Result<Vec<Permission>, Refused> {
    let name = "permissions";
    strings(name, value)?.iter().map(|text| permission(name, text)).collect()
}

/// Bitbucket's permissions on the whole instance, which no token can have.
const GLOBAL: [&str; 6] =
    ["LICENSED_USER", "PROJECT_CREATE", "ADMIN", "SYS_ADMIN", "USER_ADMIN", "REPO_CREATE"];

pub(super) fn permission(field: &str, text: &str) -> Result<Permission, Refused> {
    if GLOBAL.contains(&text) {
        let text = format!(
            "{text} is a global permission, which no token can have; there are PROJECT_READ, \
             PROJECT_WRITE, PROJECT_ADMIN, REPO_READ, REPO_WRITE and REPO_ADMIN"
        );
        return Err(Refused::invalid(Some(field), text));
    }
    let shown: String = text.chars().filter(|c| !c.is_control()).take(64).collect();
    shown.parse().map_err(|error| Refused::invalid(Some(field), format!("{error}")))
}

fn lifetime(value: &Value) -> Result<Duration, Refused> {
    let days = value.as_u64().filter(|days| (1..=MOST_DAYS).contains(days)).ok_or_else(|| {
        let text = format!("`expiryDays` is a whole number of days, 1 to {MOST_DAYS}");
        Refused::invalid(Some("expiryDays"), text)
    })?;
    Ok(Duration::from_millis(days * DAY_MILLIS.unsigned_abs()))
}
