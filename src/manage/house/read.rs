//! Reading a document: every value goes through the constructor that it would go through at the door.

use super::HouseError;
use super::wire::{
    self, AllowedJson, Document, GrantJson, GroupJson, Head, OwnerJson, ProjectJson, SettingsJson,
    TokenJson, UserJson,
};
use crate::domain::names::{GroupName, ProjectPath, ProjectScope, RepoName, UserName};
use crate::domain::permission::{Permission, Permissions};
use crate::domain::policy::limits::{Limits, Only, RefRules};
use crate::domain::principal::{Grant, Grantee, Owner};
use crate::domain::service_user::ServiceUser;
use crate::domain::settings::{Allowed, PermissionSet, ProjectSettings, Settings};
use crate::domain::timestamp::Timestamp;
use crate::domain::token::{TokenHash, TokenId};
use crate::manage::{Email, Label, users};
use crate::store::{Contents, GrantRecord, GroupRecord, LastUse, TokenRecord, UserRecord};
use argon2::password_hash::phc::PasswordHash;
use std::error::Error;

type Why = Box<dyn Error + Send + Sync>;

/// Reads a document. `service_user` is the template whose names no person may bear.
///
/// # Errors
/// When it is no document, or one of its records is not what it should be, or names a user or a group
/// that is not in it: [`HouseError::Record`] says which.
pub fn read(text: &[u8], service_user: Option<&ServiceUser>) -> Result<Contents, HouseError> {
    let head: Head = serde_json::from_slice(text).map_err(HouseError::Json)?;
    if head.format != wire::FORMAT {
        return Err(HouseError::Format(head.format));
    }
    if head.version != wire::VERSION {
        return Err(HouseError::Newer(head.version));
    }
    let document: Document = serde_json::from_slice(text).map_err(HouseError::Json)?;
    let known = Known {
        users: document.users.iter().map(|user| user.name.to_ascii_lowercase()).collect(),
        groups: document.groups.iter().map(|group| group.name.to_ascii_lowercase()).collect(),
    };
    let settings = settings(&document.settings)
        .map_err(|why| HouseError::Record { place: "settings".to_owned(), why })?;
    Ok(Contents {
        settings,
        projects: each("projects", document.projects, |p| p.project.clone(), |p| project(&p))?,
        users: each("users", document.users, |u| u.name.clone(), |u| user(u, service_user))?,
        groups: each("groups", document.groups, |g| g.name.clone(), |g| group(&g, &known))?,
        grants: each(
            "grants",
            document.grants,
            |g| g.user.as_ref().or(g.group.as_ref()).cloned().unwrap_or_default(),
            |g| grant(&g, &known),
        )?,
        tokens: each(
            "tokens",
            document.tokens,
            |t| format!("{}, number {}", t.name, t.id),
            |t| token(&t, &known),
        )?,
    })
}

/// The names that records may refer to, in small letters.
struct Known {
    users: std::collections::HashSet<String>,
    groups: std::collections::HashSet<String>,
}

impl Known {
    fn user(&self, text: &str) -> Result<UserName, Why> {
        if !self.users.contains(&text.to_ascii_lowercase()) {
            return Err(format!("there is no user `{text}` in the document").into());
        }
        Ok(UserName::new(text)?)
    }

    fn group(&self, text: &str) -> Result<GroupName, Why> {
        if !self.groups.contains(&text.to_ascii_lowercase()) {
            return Err(format!("there is no group `{text}` in the document").into());
        }
        Ok(GroupName::new(text)?)
    }
}

/// Reads each record of a list, and says which one it was that cannot be read.
fn each<J, T>(
    list: &str,
    records: Vec<J>,
    name: impl Fn(&J) -> String,
    read: impl Fn(J) -> Result<T, Why>,
) -> Result<Vec<T>, HouseError> {
    let records = records.into_iter().enumerate().map(|(n, record)| {
        // A name that is no name may hold anything; what is printed holds no control characters.
        let place = format!("{list}[{n}] ({})", name(&record).escape_debug());
        read(record).map_err(|why| HouseError::Record { place, why })
    });
    records.collect()
}

fn settings(json: &SettingsJson) -> Result<Settings, Why> {
    let AllowedJson { user, project, repository } = &json.allowed_permissions;
    let set = |names: &Option<Vec<String>>| -> Result<PermissionSet, Why> {
        match names {
            None => Ok(PermissionSet::ALL),
            Some(names) => Ok(permissions(names)?.into_iter().collect()),
        }
    };
    if json.max_expiry_days == Some(0) || json.max_tokens_per_owner == Some(0) {
        return Err("a limit is 1 or more, or null".into());
    }
    Ok(Settings {
        expiry_required: json.expiry_required,
        max_days: json.max_expiry_days,
        max_tokens: json.max_tokens_per_owner,
        allowed: Allowed { user: set(user)?, project: set(project)?, repository: set(repository)? },
    })
}

fn permissions(names: &[String]) -> Result<Vec<Permission>, Why> {
    names.iter().map(|name| name.parse::<Permission>().map_err(Into::into)).collect()
}

fn project(json: &ProjectJson) -> Result<(ProjectPath, ProjectSettings), Why> {
    let settings = ProjectSettings { repository_tokens: json.repository_tokens };
    Ok((ProjectPath::new(&json.project)?, settings))
}

fn user(
    json: UserJson,
    service_user: Option<&ServiceUser>,
) -> Result<(UserRecord, Option<String>), Why> {
    let name = UserName::new(&json.name)?;
    users::refuse_service_name(&name, service_user)?;
    let display_name = Label::new(&json.display_name)?.to_string();
    if !json.email.is_empty() {
        Email::new(&json.email)?;
    }
    if let Some(phc) = &json.password {
        // What is wrong with it is not said: that could quote it.
        let whole = PasswordHash::new(phc).is_ok_and(|p| p.salt.is_some() && p.hash.is_some());
        if !whole {
            return Err("its password is no PHC string".into());
        }
    }
    let record = UserRecord {
        id: 0,
        name,
        display_name,
        email: json.email,
        admin: json.admin,
        active: json.active,
        created: Timestamp::from_millis(json.created_date),
    };
    Ok((record, json.password))
}

fn group(json: &GroupJson, known: &Known) -> Result<GroupRecord, Why> {
    let members: Result<_, Why> = json.members.iter().map(|name| known.user(name)).collect();
    Ok(GroupRecord {
        name: GroupName::new(&json.name)?,
        members: members?,
        created: Timestamp::from_millis(json.created_date),
    })
}

fn grant(json: &GrantJson, known: &Known) -> Result<GrantRecord, Why> {
    let grantee = match (&json.user, &json.group) {
        (Some(name), None) => Grantee::User(known.user(name)?),
        (None, Some(name)) => Grantee::Group(known.group(name)?),
        _ => return Err("a right is either of a user or of a group".into()),
    };
    let grant = Grant {
        projects: ProjectScope::new(&json.project)?,
        repository: json.repository.as_deref().map(RepoName::new).transpose()?,
        permission: json.permission.parse()?,
    };
    Ok(GrantRecord { grantee, grant })
}

fn owner(json: &OwnerJson, known: &Known) -> Result<Owner, Why> {
    let OwnerJson { kind, user, project, repository } = json;
    match (kind.as_str(), user, project, repository) {
        ("user", Some(name), None, None) => known.user(name).map(Owner::User),
        ("project", None, Some(project), None) => Ok(Owner::of_project(project, None)?),
        ("repository", None, Some(project), Some(name)) => {
            Ok(Owner::of_project(project, Some(name))?)
        }
        _ => Err("its owner is a user, a project, or a repository with its project".into()),
    }
}

fn token(json: &TokenJson, known: &Known) -> Result<(TokenRecord, TokenHash), Why> {
    let number = |text: &String| -> Result<TokenId, Why> {
        text.parse().map(TokenId).map_err(|_| "a number of a token is digits".into())
    };
    let owner = owner(&json.owner, known)?;
    let from: Result<_, _> = json.from.iter().map(|text| text.parse()).collect();
    let used_from = json.last_used_from.as_ref().map(|text| text.parse()).transpose()?;
    let moment = |at: Option<i64>| at.map(Timestamp::from_millis);
    let limits = Limits {
        only: Only::new(&json.only)?,
        from: from?,
        refs: RefRules::new(&json.refs, json.no_delete, json.no_force, json.no_tags)?,
    };
    let record = TokenRecord {
        id: number(&json.id)?,
        name: Label::new(&json.name)?.to_string(),
        permissions: Permissions::combine(&permissions(&json.permissions)?, owner.kind())?,
        owner,
        limits,
        created: Timestamp::from_millis(json.created_date),
        expires: moment(json.expiry_date),
        revoked: None,
        suspended: moment(json.suspended_date),
        successor: json.successor.as_ref().map(number).transpose()?,
        retires: moment(json.ends_date),
        breaks: None,
        last_used: moment(json.last_used_date).map(|at| LastUse { at, from: used_from }),
    };
    Ok((record, hash(&json.hash)?))
}

fn hash(text: &str) -> Result<TokenHash, Why> {
    let mut bytes = [0; 32];
    let digits = text.len() == 64 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    if !digits {
        return Err("its hash is not 64 hexadecimal digits".into());
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16)?;
    }
    Ok(TokenHash::from_bytes(bytes))
}
