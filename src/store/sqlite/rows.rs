//! From rows to records. What cannot be understood is an error that names the record and the field,
//! and never shows the content.

use super::fault::Fault;
use crate::domain::key::KeyId;
use crate::domain::names::{GroupName, ProjectScope, RepoName, UserName};
use crate::domain::permission::{Permission, Permissions};
use crate::domain::policy::limits::{Limits, Only, RefRules};
use crate::domain::principal::{Grant, Grantee, Owner, Scheme};
use crate::domain::sealed::Sealed;
use crate::domain::settings::{Allowed, PermissionSet, Settings};
use crate::domain::timestamp::Timestamp;
use crate::domain::token::TokenId;
use crate::domain::trail::{Entry, Link, Subject};
use crate::store::{GrantRecord, IdentityRecord, LastUse, TokenRecord, UserRecord};
use ipnet::IpNet;
use rusqlite::Row;
use rusqlite::types::FromSql;

/// A row, and what to call it when it is damaged.
struct Record<'r> {
    row: &'r Row<'r>,
    what: &'static str,
    id: i64,
}

impl<'r> Record<'r> {
    fn new(row: &'r Row<'r>, what: &'static str) -> Result<Self, Fault> {
        Ok(Self { row, what, id: row.get("id")? })
    }

    fn damaged(&self, field: &str) -> Fault {
        Fault::Damaged(format!("{} {}, {field}", self.what, self.id))
    }

    fn get<T: FromSql>(&self, field: &str) -> Result<T, Fault> {
        self.row.get(field).map_err(|_| self.damaged(field))
    }

    fn parse<T, E>(
        &self,
        field: &str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, Fault> {
        read(&self.get::<String>(field)?).map_err(|_| self.damaged(field))
    }

    fn parse_if_any<T, E>(
        &self,
        field: &str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Fault> {
        let text: Option<String> = self.get(field)?;
        text.map(|text| read(&text)).transpose().map_err(|_| self.damaged(field))
    }

    fn moment(&self, field: &str) -> Result<Timestamp, Fault> {
        self.get(field).map(Timestamp::from_millis)
    }

    fn moment_if_any(&self, field: &str) -> Result<Option<Timestamp>, Fault> {
        Ok(self.get::<Option<i64>>(field)?.map(Timestamp::from_millis))
    }

    fn texts(&self, field: &str) -> Result<Vec<String>, Fault> {
        self.parse(field, |text| serde_json::from_str(text))
    }
}

/// What listing and look-up both need to know about a token.
pub(super) struct TokenCore {
    pub(super) id: TokenId,
    pub(super) name: String,
    pub(super) owner: Owner,
    pub(super) permissions: Permissions,
    pub(super) limits: Limits,
    pub(super) expires: Option<Timestamp>,
    pub(super) retires: Option<Timestamp>,
}

/// Reads the columns that [`TokenCore`] is made of.
pub(super) fn token_core(row: &Row<'_>) -> Result<TokenCore, Fault> {
    let record = Record::new(row, "token")?;
    let owner = owner(&record)?;
    Ok(TokenCore {
        id: TokenId(record.id),
        name: record.get("name")?,
        permissions: permissions(&record, &owner)?,
        owner,
        limits: limits(&record)?,
        expires: record.moment_if_any("expires_ms")?,
        retires: record.moment_if_any("retires_ms")?,
    })
}

/// Reads a token with everything that is told about it.
pub(super) fn token(row: &Row<'_>) -> Result<TokenRecord, Fault> {
    let core = token_core(row)?;
    let record = Record::new(row, "token")?;
    let at = record.moment_if_any("at_ms")?;
    let from = record.parse_if_any("from_address", str::parse)?;
    Ok(TokenRecord {
        id: core.id,
        name: core.name,
        owner: core.owner,
        permissions: core.permissions,
        limits: core.limits,
        created: record.moment("created_ms")?,
        expires: core.expires,
        revoked: record.moment_if_any("revoked_ms")?,
        suspended: record.moment_if_any("suspended_ms")?,
        successor: record.get::<Option<i64>>("successor_id")?.map(TokenId),
        retires: core.retires,
        breaks: None,
        last_used: at.map(|at| LastUse { at, from }),
    })
}

fn owner(record: &Record<'_>) -> Result<Owner, Fault> {
    if record.get::<String>("owner_kind")? == "user" {
        return record.parse("user_name", UserName::new).map(Owner::User);
    }
    let repository: Option<String> = record.get("repository")?;
    // Reads back no more than may be written: a project token for everything is none.
    record.parse("project", |project| Owner::of_project(project, repository.as_deref()))
}

fn permissions(record: &Record<'_>, owner: &Owner) -> Result<Permissions, Fault> {
    let project = record.parse_if_any("project_permission", str::parse::<Permission>)?;
    let repository = record.parse("repository_permission", str::parse::<Permission>)?;
    let both: Vec<Permission> = project.into_iter().chain([repository]).collect();
    Permissions::combine(&both, owner.kind()).map_err(|_| record.damaged("permissions"))
}

fn limits(record: &Record<'_>) -> Result<Limits, Fault> {
    let only =
        Only::new(&record.texts("only_patterns")?).map_err(|_| record.damaged("only_patterns"))?;
    let networks = record.texts("from_networks")?;
    let from: Result<Vec<IpNet>, _> = networks.iter().map(|text| text.parse()).collect();
    let refs = RefRules::new(
        &record.texts("ref_patterns")?,
        record.get("no_delete")?,
        record.get("no_force")?,
        record.get("no_tags")?,
    );
    Ok(Limits {
        only,
        from: from.map_err(|_| record.damaged("from_networks"))?,
        refs: refs.map_err(|_| record.damaged("ref_patterns"))?,
    })
}

/// Reads a user.
pub(super) fn user(row: &Row<'_>) -> Result<UserRecord, Fault> {
    let record = Record::new(row, "user")?;
    Ok(UserRecord {
        id: record.id,
        name: record.parse("name", UserName::new)?,
        display_name: record.get("display_name")?,
        email: record.get("email")?,
        admin: record.get("admin")?,
        active: record.get("active")?,
        created: record.moment("created_ms")?,
    })
}

/// Reads a right, without whose it is.
pub(super) fn grant(row: &Row<'_>) -> Result<Grant, Fault> {
    let record = Record::new(row, "grant")?;
    Ok(Grant {
        projects: record.parse("project", ProjectScope::new)?,
        repository: record.parse_if_any("repository", RepoName::new)?,
        permission: record.parse("permission", str::parse)?,
    })
}

/// Reads a right and whose it is.
pub(super) fn grant_record(row: &Row<'_>) -> Result<GrantRecord, Fault> {
    let record = Record::new(row, "grant")?;
    let user = record.parse_if_any("user_name", UserName::new)?.map(Grantee::User);
    let group = record.parse_if_any("group_name", GroupName::new)?.map(Grantee::Group);
    let grantee = user.or(group).ok_or_else(|| record.damaged("user_id"))?;
    Ok(GrantRecord { grantee, grant: grant(row)? })
}

/// Reads a group, without its members.
pub(super) fn group(row: &Row<'_>) -> Result<(i64, GroupName, Timestamp), Fault> {
    let record = Record::new(row, "group")?;
    Ok((record.id, record.parse("name", GroupName::new)?, record.moment("created_ms")?))
}

/// Reads the settings.
pub(super) fn settings(row: &Row<'_>) -> Result<Settings, Fault> {
    let record = Record::new(row, "settings")?;
    let set = |field: &str| -> Result<PermissionSet, Fault> {
        let names: Option<Vec<String>> =
            record.parse_if_any(field, |text| serde_json::from_str(text))?;
        let Some(names) = names else { return Ok(PermissionSet::ALL) };
        let permissions: Result<PermissionSet, _> =
            names.iter().map(|name| name.parse::<Permission>()).collect();
        permissions.map_err(|_| record.damaged(field))
    };
    Ok(Settings {
        expiry_required: record.get("expiry_required")?,
        max_days: record.get("max_days")?,
        max_tokens: record.get("max_tokens")?,
        allowed: Allowed {
            user: set("user_permissions")?,
            project: set("project_permissions")?,
            repository: set("repository_permissions")?,
        },
    })
}

/// Reads a stored credential: its row, what may be told of it, and the sealed secret.
pub(super) fn identity(row: &Row<'_>) -> Result<(i64, IdentityRecord, Sealed), Fault> {
    let record = Record::new(row, "credential")?;
    let scheme = match record.get::<String>("scheme")?.as_str() {
        "basic" => Scheme::Basic,
        "bearer" => Scheme::Bearer,
        _ => return Err(record.damaged("scheme")),
    };
    let key = KeyId(record.get("key_id")?);
    let told = IdentityRecord {
        owner: owner(&record)?,
        scheme,
        username: record.get("username")?,
        key,
        set: record.moment("set_ms")?,
    };
    Ok((record.id, told, Sealed { key, bytes: record.get("sealed")? }))
}

/// Reads an entry of the trail, the hash before it and its own. Nothing of it is judged here.
pub(super) fn entry(row: &Row<'_>) -> Result<(Entry, Link, Link), Fault> {
    let record = Record { row, what: "entry of the trail", id: row.get("number")? };
    let entry = Entry {
        number: record.id,
        at: record.moment("at_ms")?,
        event: record.get("event")?,
        actor_kind: record.get("actor_kind")?,
        actor: record.get("actor")?,
        from: record.get("from_address")?,
        subject: Subject {
            token: record.get::<Option<i64>>("token_id")?.map(TokenId),
            user: record.get("user_name")?,
            project: record.get("project")?,
            repository: record.get("repository")?,
        },
        details: record.get("details")?,
    };
    Ok((entry, Link(record.get("previous")?), Link(record.get("hash")?)))
}
