//! A token as programs read it.

use crate::domain::names::RepoPath;
use crate::domain::permission::Permission;
use crate::domain::principal::Owner;
use crate::domain::secret::Secret;
use crate::domain::timestamp::Timestamp;
use crate::domain::token::TokenId;
use crate::store::TokenRecord;
use serde::Serialize;

/// A token; `token`, the secret, is there only in the answer that makes it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TokenJson<'a> {
    id: String,
    name: &'a str,
    owner: OwnerJson<'a>,
    permissions: Vec<&'static str>,
    /// Milliseconds since the epoch, like every date here.
    created_date: i64,
    expiry_date: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_authenticated: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_date: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suspended_date: Option<i64>,
    /// The token that took its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    successor: Option<String>,
    /// When its secret ends because of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    ends_date: Option<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    only: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    from: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refs: Vec<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    no_delete: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    no_force: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    no_tags: bool,
    /// What of the settings it breaks, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    breaks: Option<String>,
    /// The token whose place it takes, in the answer that makes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    predecessor: Option<PredecessorJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PredecessorJson {
    id: String,
    /// When its secret ends.
    ends_date: i64,
}

/// Whose something is; a repository is named by its project and its name there.
#[derive(Default, Serialize)]
pub(in crate::cli) struct OwnerJson<'a> {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repository: Option<&'a str>,
}

impl<'a> TokenJson<'a> {
    /// A token without its secret.
    pub(super) fn of(token: &'a TokenRecord) -> Self {
        Self {
            id: token.id.to_string(),
            name: &token.name,
            owner: OwnerJson::of(&token.owner),
            permissions: token.permissions.iter().map(Permission::name).collect(),
            created_date: token.created.as_millis(),
            expiry_date: token.expires.map(Timestamp::as_millis),
            last_authenticated: token.last_used.map(|last| last.at.as_millis()),
            last_address: token.last_used.and_then(|last| last.from).map(|from| from.to_string()),
            revoked_date: token.revoked.map(Timestamp::as_millis),
            suspended_date: token.suspended.map(Timestamp::as_millis),
            successor: token.successor.map(|id| id.to_string()),
            ends_date: token.retires.map(Timestamp::as_millis),
            only: token.limits.only.texts(),
            from: token.limits.from.iter().map(ToString::to_string).collect(),
            refs: token.limits.refs.texts(),
            no_delete: token.limits.refs.no_delete,
            no_force: token.limits.refs.no_force,
            no_tags: token.limits.refs.no_tags,
            breaks: None,
            predecessor: None,
            token: None,
        }
    }

    /// The same with what of the settings the token breaks.
    pub(super) fn breaking(self, token: &TokenRecord) -> Self {
        Self { breaks: token.breaks.clone(), ..self }
    }

    /// A token that was made just now, with its secret.
    pub(super) fn issued(token: &'a TokenRecord, secret: &'a Secret) -> Self {
        Self { token: Some(secret.expose()), ..Self::of(token) }
    }

    /// The same of one that takes the place of another, whose secret ends at `ends`.
    pub(super) fn succeeding(self, predecessor: TokenId, ends: Timestamp) -> Self {
        let predecessor =
            PredecessorJson { id: predecessor.to_string(), ends_date: ends.as_millis() };
        Self { predecessor: Some(predecessor), ..self }
    }
}

impl<'a> OwnerJson<'a> {
    pub(in crate::cli) fn of(owner: &'a Owner) -> Self {
        let kind = owner.kind().name();
        match owner {
            Owner::User(name) => Self { kind, user: Some(name.as_str()), ..Self::default() },
            Owner::Project(scope) => {
                Self { kind, project: Some(scope.to_string()), ..Self::default() }
            }
            Owner::Repository(path) => Self {
                kind,
                project: Some(path.project().to_owned()),
                repository: Some(RepoPath::name(path)),
                ..Self::default()
            },
        }
    }
}
