//! What the token API answers: the shapes of Bitbucket Data Center, and what tokens have more here.

use crate::domain::names::{ProjectScope, RepoPath};
use crate::domain::permission::Permission;
use crate::domain::principal::{Owner, OwnerKind};
use crate::domain::secret::Secret;
use crate::domain::settings::{ProjectSettings, Settings};
use crate::domain::timestamp::Timestamp;
use crate::domain::token::TokenId;
use crate::store::{TokenRecord, UserRecord};
use serde::Serialize;

/// A token. Dates are milliseconds since the epoch, as in Bitbucket; what is not there is left out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "they are the names that Bitbucket has for them")]
pub(super) struct Token {
    /// A number, as a text.
    id: String,
    name: String,
    permissions: Vec<&'static str>,
    created_date: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_authenticated: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiry_date: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<User>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<Project>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repository: Option<Repository>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    only: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refs: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    from: Vec<String>,
    #[serde(skip_serializing_if = "is_false")]
    no_delete: bool,
    #[serde(skip_serializing_if = "is_false")]
    no_force: bool,
    #[serde(skip_serializing_if = "is_false")]
    no_tags: bool,
    /// Since when it is refused until somebody resumes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    suspended_date: Option<i64>,
    /// When it was revoked, in a listing that has such tokens too.
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_date: Option<i64>,
    /// The token that took its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    successor: Option<String>,
    /// When its secret ends because of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    ends_date: Option<i64>,
    /// The token whose place it takes, in the answer to a rotation.
    #[serde(skip_serializing_if = "Option::is_none")]
    predecessor: Option<Predecessor>,
    /// The secret, in the one answer that it is ever in.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<Shown>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it like that")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// A secret on its way into the one answer that shows it.
struct Shown(Secret);

impl Serialize for Shown {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

/// A token that another one has taken the place of.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Predecessor {
    id: String,
    ends_date: i64,
}

/// A person.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct User {
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    email_address: String,
    active: bool,
    display_name: String,
    id: i64,
    slug: String,
    r#type: &'static str,
}

/// A project. Hosts are not asked for more than its key.
#[derive(Serialize)]
struct Project {
    key: String,
    name: String,
    r#type: &'static str,
}

/// A repository.
#[derive(Serialize)]
struct Repository {
    slug: String,
    name: String,
    project: Project,
}

impl Token {
    /// A token without its secret; `user` is its owner, where that is a person.
    pub(super) fn of(token: TokenRecord, user: Option<&UserRecord>) -> Self {
        let millis = |at: Option<Timestamp>| at.map(Timestamp::as_millis);
        let (project, repository) = match &token.owner {
            Owner::User(_) => (None, None),
            Owner::Project(scope) => (Some(Project::of(scope)), None),
            Owner::Repository(path) => (None, Some(Repository::of(path))),
        };
        let refs = &token.limits.refs;
        Self {
            id: token.id.to_string(),
            permissions: token.permissions.iter().map(Permission::name).collect(),
            created_date: token.created.as_millis(),
            last_authenticated: token.last_used.map(|last| last.at.as_millis()),
            last_address: token.last_used.and_then(|last| last.from).map(|from| from.to_string()),
            expiry_date: millis(token.expires),
            user: user.map(User::of),
            project,
            repository,
            only: token.limits.only.texts(),
            refs: refs.texts(),
            from: token.limits.from.iter().map(ToString::to_string).collect(),
            no_delete: refs.no_delete,
            no_force: refs.no_force,
            no_tags: refs.no_tags,
            suspended_date: millis(token.suspended),
            revoked_date: millis(token.revoked),
            successor: token.successor.map(|id| id.to_string()),
            // An overlap outlives no expiry.
            ends_date: millis(token.retires.map(|end| token.expires.map_or(end, |e| e.min(end)))),
            predecessor: None,
            token: None,
            name: token.name,
        }
    }

    /// With the token whose place it takes, whose secret ends then.
    pub(super) fn succeeding(self, id: TokenId, ends: Timestamp) -> Self {
        let predecessor = Predecessor { id: id.to_string(), ends_date: ends.as_millis() };
        Self { predecessor: Some(predecessor), ..self }
    }

    /// With its secret.
    pub(super) fn with(self, secret: Secret) -> Self {
        Self { token: Some(Shown(secret)), ..self }
    }
}

impl User {
    fn of(user: &UserRecord) -> Self {
        Self {
            name: user.name.to_string(),
            email_address: user.email.clone(),
            active: user.active,
            display_name: user.display_name.clone(),
            id: user.id,
            slug: user.name.as_str().to_ascii_lowercase(),
            r#type: "NORMAL",
        }
    }
}

impl Project {
    fn of(scope: &ProjectScope) -> Self {
        Self::named(&scope.to_string())
    }

    fn named(key: &str) -> Self {
        let r#type = if key.starts_with('~') { "PERSONAL" } else { "NORMAL" };
        Self { key: key.to_owned(), name: key.to_owned(), r#type }
    }
}

impl Repository {
    fn of(path: &RepoPath) -> Self {
        let slug = path.name().to_owned();
        Self { name: slug.clone(), slug, project: Project::named(path.project()) }
    }
}

/// A page of a listing.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "they are the names that Bitbucket has for them")]
pub(super) struct Page<T> {
    size: usize,
    limit: u64,
    is_last_page: bool,
    values: Vec<T>,
    start: u64,
    next_page_start: Option<u64>,
}

impl<T> Page<T> {
    pub(super) fn of(values: Vec<T>, last: bool, window: crate::store::Window) -> Self {
        let next = window.start.saturating_add(values.len() as u64);
        Self {
            size: values.len(),
            limit: window.limit,
            is_last_page: last,
            values,
            start: window.start,
            next_page_start: (!last).then_some(next),
        }
    }
}

/// The settings.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SettingsAnswer {
    expiry_required: bool,
    max_expiry_days: Option<u32>,
    max_tokens_per_owner: Option<u32>,
    allowed_permissions: AllowedAnswer,
}

#[derive(Serialize)]
struct AllowedAnswer {
    user: Vec<&'static str>,
    project: Vec<&'static str>,
    repository: Vec<&'static str>,
}

impl SettingsAnswer {
    pub(super) fn of(settings: Settings) -> Self {
        let names =
            |kind: OwnerKind| settings.allowed.of(kind).iter().map(Permission::name).collect();
        Self {
            expiry_required: settings.expiry_required,
            max_expiry_days: settings.max_days,
            max_tokens_per_owner: settings.max_tokens,
            allowed_permissions: AllowedAnswer {
                user: names(OwnerKind::User),
                project: names(OwnerKind::Project),
                repository: names(OwnerKind::Repository),
            },
        }
    }
}

/// The settings of one project.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProjectSettingsAnswer {
    repository_tokens: bool,
}

impl ProjectSettingsAnswer {
    pub(super) fn of(settings: ProjectSettings) -> Self {
        Self { repository_tokens: settings.repository_tokens }
    }
}
