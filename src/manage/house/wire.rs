//! The document that moves from one store to another, as JSON.

use serde::{Deserialize, Serialize};

/// What the document calls itself.
pub(super) const FORMAT: &str = "gitlatch-export";
/// Its version. What a version means never changes.
pub(super) const VERSION: u32 = 1;

/// What tells a document of ours, read before the rest.
#[derive(Deserialize)]
pub(super) struct Head {
    pub(super) format: String,
    pub(super) version: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Document {
    pub(super) format: String,
    pub(super) version: u32,
    pub(super) settings: SettingsJson,
    pub(super) projects: Vec<ProjectJson>,
    pub(super) users: Vec<UserJson>,
    pub(super) groups: Vec<GroupJson>,
    pub(super) grants: Vec<GrantJson>,
    pub(super) tokens: Vec<TokenJson>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SettingsJson {
    pub(super) expiry_required: bool,
    pub(super) max_expiry_days: Option<u32>,
    pub(super) max_tokens_per_owner: Option<u32>,
    pub(super) allowed_permissions: AllowedJson,
}

/// For each kind of owner the permissions, or null for every one that there is.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AllowedJson {
    pub(super) user: Option<Vec<String>>,
    pub(super) project: Option<Vec<String>>,
    pub(super) repository: Option<Vec<String>>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ProjectJson {
    pub(super) project: String,
    pub(super) repository_tokens: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UserJson {
    pub(super) name: String,
    pub(super) display_name: String,
    pub(super) email: String,
    pub(super) admin: bool,
    pub(super) active: bool,
    pub(super) created_date: i64,
    /// The PHC string.
    pub(super) password: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct GroupJson {
    pub(super) name: String,
    pub(super) members: Vec<String>,
    pub(super) created_date: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GrantJson {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) group: Option<String>,
    pub(super) permission: String,
    /// A project, one with all below it (`/**`), or `*`.
    pub(super) project: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) repository: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OwnerJson {
    pub(super) kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) project: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) repository: Option<String>,
}

/// Dates are milliseconds since 1970 in UTC.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TokenJson {
    /// Its number in the store that it comes from.
    pub(super) id: String,
    /// The SHA-256 of its secret, in hexadecimal digits.
    pub(super) hash: String,
    pub(super) name: String,
    pub(super) owner: OwnerJson,
    pub(super) permissions: Vec<String>,
    pub(super) only: Vec<String>,
    pub(super) from: Vec<String>,
    pub(super) refs: Vec<String>,
    pub(super) no_delete: bool,
    pub(super) no_force: bool,
    pub(super) no_tags: bool,
    pub(super) created_date: i64,
    pub(super) expiry_date: Option<i64>,
    pub(super) suspended_date: Option<i64>,
    /// The end of the overlap with the successor.
    pub(super) ends_date: Option<i64>,
    pub(super) successor: Option<String>,
    pub(super) last_used_date: Option<i64>,
    pub(super) last_used_from: Option<String>,
}
