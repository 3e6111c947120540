//! Moving house: what a store holds as a document, for another store.

mod read;
mod wire;

pub use read::read;

use crate::domain::permission::Permission;
use crate::domain::principal::{Grantee, Owner};
use crate::domain::settings::{PermissionSet, Settings};
use crate::domain::timestamp::Timestamp;
use crate::domain::token::{TokenHash, TokenId};
use crate::store::{Contents, GrantRecord, GroupRecord, StoreError, TokenRecord, UserRecord};
use std::fmt::Write;
use wire::{
    AllowedJson, Document, GrantJson, GroupJson, OwnerJson, ProjectJson, SettingsJson, TokenJson,
    UserJson,
};

/// Why a document was not taken over. Nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum HouseError {
    /// It is no JSON, or not of the form of a document.
    #[error("it is no export of gitlatch, or a damaged one")]
    Json(#[source] serde_json::Error),
    /// It is something else.
    #[error("it is no export of gitlatch: its format is `{0}`")]
    Format(String),
    /// A newer program wrote it.
    #[error(
        "it was written by a newer gitlatch (version {0} of the format); import it with that one"
    )]
    Newer(u32),
    /// A record cannot be taken over.
    #[error("{place} cannot be taken over")]
    Record {
        /// Which one: the list, its place in it, counted from 0, and its name.
        place: String,
        /// Why.
        #[source]
        why: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The document could not be made.
    #[error("the document could not be made")]
    Write(#[source] serde_json::Error),
    /// The store did not answer, or refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The document of what a store holds, ending with a line break.
///
/// # Errors
/// When the text cannot be made.
pub fn write(contents: &Contents) -> Result<String, HouseError> {
    let document = Document {
        format: wire::FORMAT.to_owned(),
        version: wire::VERSION,
        settings: settings(contents.settings),
        projects: contents
            .projects
            .iter()
            .map(|(project, settings)| ProjectJson {
                project: project.to_string(),
                repository_tokens: settings.repository_tokens,
            })
            .collect(),
        users: contents.users.iter().map(|(user, phc)| user_json(user, phc.clone())).collect(),
        groups: contents.groups.iter().map(group).collect(),
        grants: contents.grants.iter().map(grant).collect(),
        tokens: contents.tokens.iter().map(|(record, hash)| token(record, hash)).collect(),
    };
    let mut text = serde_json::to_string_pretty(&document).map_err(HouseError::Write)?;
    text.push('\n');
    Ok(text)
}

fn settings(settings: Settings) -> SettingsJson {
    // Every permission is null, so that those of a later release are among them.
    let names = |set: PermissionSet| {
        (!set.is_all()).then(|| set.iter().map(|permission| permission.name().to_owned()).collect())
    };
    SettingsJson {
        expiry_required: settings.expiry_required,
        max_expiry_days: settings.max_days,
        max_tokens_per_owner: settings.max_tokens,
        allowed_permissions: AllowedJson {
            user: names(settings.allowed.user),
            project: names(settings.allowed.project),
            repository: names(settings.allowed.repository),
        },
    }
}

fn user_json(user: &UserRecord, password: Option<String>) -> UserJson {
    UserJson {
        name: user.name.to_string(),
        display_name: user.display_name.clone(),
        email: user.email.clone(),
        admin: user.admin,
        active: user.active,
        created_date: user.created.as_millis(),
        password,
    }
}

fn group(group: &GroupRecord) -> GroupJson {
    GroupJson {
        name: group.name.to_string(),
        members: group.members.iter().map(ToString::to_string).collect(),
        created_date: group.created.as_millis(),
    }
}

fn grant(record: &GrantRecord) -> GrantJson {
    let (user, group) = match &record.grantee {
        Grantee::User(name) => (Some(name.to_string()), None),
        Grantee::Group(name) => (None, Some(name.to_string())),
    };
    GrantJson {
        user,
        group,
        permission: record.grant.permission.name().to_owned(),
        project: record.grant.projects.to_string(),
        repository: record.grant.repository.as_ref().map(|name| name.as_str().to_owned()),
    }
}

fn owner(owner: &Owner) -> OwnerJson {
    let none = OwnerJson {
        kind: owner.kind().name().to_owned(),
        user: None,
        project: None,
        repository: None,
    };
    match owner {
        Owner::User(name) => OwnerJson { user: Some(name.to_string()), ..none },
        Owner::Project(scope) => OwnerJson { project: Some(scope.to_string()), ..none },
        Owner::Repository(path) => OwnerJson {
            project: Some(path.project().to_owned()),
            repository: Some(path.name().to_owned()),
            ..none
        },
    }
}

fn token(token: &TokenRecord, hash: &TokenHash) -> TokenJson {
    let limits = &token.limits;
    let hash = hash.as_bytes().iter().fold(String::new(), |mut text, byte| {
        // Writing into a String never fails.
        let _ = write!(text, "{byte:02x}");
        text
    });
    TokenJson {
        id: token.id.to_string(),
        hash,
        name: token.name.clone(),
        owner: owner(&token.owner),
        permissions: token.permissions.iter().map(Permission::name).map(str::to_owned).collect(),
        only: limits.only.texts(),
        from: limits.from.iter().map(ToString::to_string).collect(),
        refs: limits.refs.texts(),
        no_delete: limits.refs.no_delete,
        no_force: limits.refs.no_force,
        no_tags: limits.refs.no_tags,
        created_date: token.created.as_millis(),
        expiry_date: token.expires.map(Timestamp::as_millis),
        suspended_date: token.suspended.map(Timestamp::as_millis),
        ends_date: token.retires.map(Timestamp::as_millis),
        successor: token.successor.as_ref().map(TokenId::to_string),
        last_used_date: token.last_used.map(|last| last.at.as_millis()),
        last_used_from: token.last_used.and_then(|last| last.from).map(|from| from.to_string()),
    }
}
