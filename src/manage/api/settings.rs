//! The bodies that change what is demanded of new tokens.

use super::body::permission;
use super::fields::{Fields, count, strings, truth};
use super::refusal::Refused;
use crate::domain::permission::Permission;
use crate::domain::principal::OwnerKind;
use crate::domain::settings::Settings;
use serde_json::Value;

/// A number, or `null` for no limit.
#[derive(Clone, Copy, Debug)]
struct Limit(Option<u32>);

/// What is to be changed about the settings; what is left out stays.
#[derive(Debug)]
pub(super) struct SettingsChange {
    expiry_required: Option<bool>,
    max_days: Option<Limit>,
    max_tokens: Option<Limit>,
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
                .map(|n| count("maxExpiryDays", &n).map(Limit))
                .transpose()?,
            max_tokens: fields
                .take("maxTokensPerOwner")
                .map(|n| count("maxTokensPerOwner", &n).map(Limit))
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
        settings.max_days = self.max_days.map_or(settings.max_days, |Limit(days)| days);
        settings.max_tokens = self.max_tokens.map_or(settings.max_tokens, |Limit(most)| most);
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
