//! From rows to records. What cannot be understood is an error that names the record and the field,
//! and never shows the content.

use super::fault::Fault;
use crate::domain::names::{ProjectScope, RepoName, UserName};
use crate::domain::permission::{Permission, Permissions};
use crate::domain::policy::limits::{Limits, Only};
use crate::domain::principal::{Grant, Owner};
use crate::domain::timestamp::Timestamp;
use crate::domain::token::TokenId;
use crate::store::{GrantRecord, LastUse, TokenRecord, UserRecord};
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
    Ok(Limits { only, from: from.map_err(|_| record.damaged("from_networks"))? })
}

/// Reads a user.
pub(super) fn user(row: &Row<'_>) -> Result<UserRecord, Fault> {
    let record = Record::new(row, "user")?;
    Ok(UserRecord {
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
    Ok(GrantRecord { user: record.parse("user_name", UserName::new)?, grant: grant(row)? })
}
