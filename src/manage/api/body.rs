//! The bodies of calls: JSON, read strictly.
//!
//! A misspelled field that is passed over makes a token that never expires, so an unknown one is refused.
//! The fields that tokens are shown with may stand in an update, as clients send back what they got.

use super::refusal::Refused;
use crate::domain::client;
use crate::domain::duration;
use crate::domain::permission::Permission;
use crate::domain::policy::limits::{Limits, Only, RefRules};
use crate::domain::principal::OwnerKind;
use crate::domain::settings::{DAY_MILLIS, Settings};
use crate::manage::Label;
use bytes::Bytes;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_json::Value;
use std::fmt;
use std::time::Duration;

/// Largest body of a call, in bytes.
pub const MOST: usize = 64 * 1024;

/// The members of a JSON object, none of them twice.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<(String, Value)>);

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
    /// An expiry that stands in the body: good when it is the one that the token has.
    pub(super) expiry: Option<Option<i64>>,
}

/// What tokens are shown with, and what an update therefore may hold without meaning anything by it.
const SHOWN: [&str; 17] = [
    "id",
    "createdDate",
    "lastAuthenticated",
    "lastAddress",
    "user",
    "project",
    "repository",
    "only",
    "refs",
    "from",
    "noDelete",
    "noForce",
    "noTags",
    "suspendedDate",
    "successor",
    "endsDate",
    "links",
];

impl Fields {
    /// Reads a body that is JSON by its own account. An empty one is an empty object where `optional`.
    pub(super) fn read(
        body: Option<&Bytes>,
        media_type: Option<&str>,
        optional: bool,
    ) -> Result<Self, Refused> {
        let body = body.ok_or_else(|| Refused::too_large(MOST))?;
        if body.is_empty() && optional {
            return Ok(Self::default());
        }
        let essence = media_type.and_then(|text| text.split(';').next()).map(str::trim);
        if !essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json")) {
            return Err(Refused::media_type());
        }
        let mut reader = serde_json::Deserializer::from_slice(body);
        let fields = reader.deserialize_map(Members);
        fields
            .and_then(|fields| reader.end().map(|()| fields))
            .map_err(|error| Refused::invalid(None, format!("the body is no JSON object: {error}")))
    }

    /// Takes one member out.
    fn take(&mut self, name: &str) -> Option<Value> {
        let at = self.0.iter().position(|(other, _)| other == name)?;
        Some(self.0.swap_remove(at).1)
    }

    /// As [`Fields::take`], where `null` is the same as nothing.
    fn take_some(&mut self, name: &str) -> Option<Value> {
        self.take(name).filter(|value| !value.is_null())
    }

    /// Refuses what is left over.
    fn end(self, known: &[&str]) -> Result<(), Refused> {
        let Some((name, _)) = self.0.first() else { return Ok(()) };
        let near = known
            .iter()
            .map(|known| (strsim::damerau_levenshtein(known, name), known))
            .filter(|(distance, _)| *distance <= 3)
            .min();
        let hint = near.map(|(_, known)| format!(", did you mean `{known}`?"));
        let shown: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
        let hint = hint.unwrap_or_else(|| format!("; there are {}", known.join(", ")));
        Err(Refused::invalid(Some(&shown), format!("unknown field `{shown}`{hint}")))
    }
}

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
        let expiry = match fields.take("expiryDate") {
            None => None,
            Some(Value::Null) => Some(None),
            Some(value) => Some(Some(value.as_i64().ok_or_else(|| {
                Refused::invalid(Some("expiryDate"), "`expiryDate` is a number of milliseconds")
            })?)),
        };
        if fields.take_some("expiryDays").is_some() {
            return Err(expiry_stays("expiryDays"));
        }
        for shown in SHOWN {
            fields.take(shown);
        }
        fields.end(&["name", "permissions"])?;
        Ok(Self { name, permissions, expiry })
    }
}

/// The expiry of a token never changes.
pub(super) fn expiry_stays(field: &str) -> Refused {
    let text = "the expiry of a token is set when it is made, and is never changed nor added later; \
                make another token, or rotate this one";
    Refused::invalid(Some(field), text)
}

/// How long the old secret of a rotated token lives on.
pub(super) fn overlap(mut fields: Fields) -> Result<Duration, Refused> {
    let overlap = fields.take_some("overlap");
    fields.end(&["overlap"])?;
    let Some(overlap) = overlap else { return Ok(Duration::ZERO) };
    let fault = |why: String| Refused::invalid(Some("overlap"), format!("`overlap`: {why}"));
    let text = overlap.as_str().ok_or_else(|| fault("a duration like \"24h\"".to_owned()))?;
    duration::parse(text).map_err(|error| fault(error.to_string()))
}

/// What is to be changed about the settings; what is left out stays.
#[derive(Debug)]
pub(super) struct SettingsChange {
    expiry_required: Option<bool>,
    max_days: Option<Option<u32>>,
    max_tokens: Option<Option<u32>>,
    allowed: Vec<(OwnerKind, Vec<Permission>)>,
}

impl SettingsChange {
    const FIELDS: [&str; 4] =
        ["expiryRequired", "maxExpiryDays", "maxTokensPerOwner", "allowedPermissions"];

    pub(super) fn read(mut fields: Fields) -> Result<Self, Refused> {
        let expiry_required = fields.take_some("expiryRequired");
        let change = Self {
            expiry_required: expiry_required
                .map(|value| truth("expiryRequired", &value))
                .transpose()?,
            max_days: fields
                .take("maxExpiryDays")
                .map(|n| count("maxExpiryDays", &n))
                .transpose()?,
            max_tokens: fields
                .take("maxTokensPerOwner")
                .map(|n| count("maxTokensPerOwner", &n))
                .transpose()?,
            allowed: fields
                .take_some("allowedPermissions")
                .map(|value| allowed(&value))
                .transpose()?
                .unwrap_or_default(),
        };
        fields.end(&Self::FIELDS)?;
        Ok(change)
    }

    pub(super) fn apply(&self, mut settings: Settings) -> Settings {
        settings.expiry_required = self.expiry_required.unwrap_or(settings.expiry_required);
        settings.max_days = self.max_days.unwrap_or(settings.max_days);
        settings.max_tokens = self.max_tokens.unwrap_or(settings.max_tokens);
        for (kind, permissions) in &self.allowed {
            *settings.allowed.of_mut(*kind) = permissions.iter().copied().collect();
        }
        settings
    }
}

/// Whether the repositories of a project may have tokens.
pub(super) fn repository_tokens(mut fields: Fields) -> Result<bool, Refused> {
    let name = "repositoryTokens";
    let value = fields.take_some(name);
    fields.end(&[name])?;
    let missing = || Refused::invalid(Some(name), "say `repositoryTokens`: true or false");
    truth(name, &value.ok_or_else(missing)?)
}

fn allowed(value: &Value) -> Result<Vec<(OwnerKind, Vec<Permission>)>, Refused> {
    let name = "allowedPermissions";
    let shape = || {
        let text = "`allowedPermissions` is an object of lists: {\"user\":[…],\"project\":[…],\
                    \"repository\":[…]}";
        Refused::invalid(Some(name), text)
    };
    let members = value.as_object().ok_or_else(shape)?;
    let of = |(kind, list): (&String, &Value)| {
        let kind = OwnerKind::ALL.into_iter().find(|known| known.name() == kind);
        let names: Vec<Permission> = strings(name, list)?
            .iter()
            .map(|text| permission(name, text))
            .collect::<Result<_, _>>()?;
        Ok((kind.ok_or_else(shape)?, names))
    };
    members.iter().map(of).collect()
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

fn permission(field: &str, text: &str) -> Result<Permission, Refused> {
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

fn strings(name: &str, value: &Value) -> Result<Vec<String>, Refused> {
    let list = value.as_array().and_then(|list| {
        list.iter().map(|text| text.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
    });
    list.ok_or_else(|| Refused::invalid(Some(name), format!("`{name}` is a list of texts")))
}

fn truth(name: &str, value: &Value) -> Result<bool, Refused> {
    let fault = || Refused::invalid(Some(name), format!("`{name}` is true or false"));
    value.as_bool().ok_or_else(fault)
}

fn count(name: &str, value: &Value) -> Result<Option<u32>, Refused> {
    if value.is_null() {
        return Ok(None);
    }
    let number = value.as_u64().and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0);
    let fault = || {
        let text = format!("`{name}` is a number, 1 or more, or null for no limit");
        Refused::invalid(Some(name), text)
    };
    number.map(Some).ok_or_else(fault)
}

fn lifetime(value: &Value) -> Result<Duration, Refused> {
    let days = value.as_u64().filter(|days| *days > 0).ok_or_else(|| {
        Refused::invalid(Some("expiryDays"), "`expiryDays` is a whole number of days, 1 or more")
    })?;
    Ok(Duration::from_millis(days.saturating_mul(DAY_MILLIS.unsigned_abs())))
}

/// Collects the members of an object and refuses a name that comes twice: readers differ on which counts.
struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Fields::default();
        while let Some(name) = map.next_key::<String>()? {
            if fields.0.iter().any(|(other, _)| *other == name) {
                return Err(A::Error::custom("a field stands in it twice"));
            }
            fields.0.push((name, map.next_value()?));
        }
        Ok(fields)
    }
}
