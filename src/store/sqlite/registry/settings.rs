//! What is demanded of new tokens.

use super::super::fault::Fault;
use super::super::rows;
use super::trail;
use crate::domain::names::ProjectPath;
use crate::domain::permission::Permission;
use crate::domain::principal::OwnerKind;
use crate::domain::settings::{PermissionSet, ProjectSettings, Settings};
use crate::domain::trail::{Author, Event, Subject};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Value, json};

pub(super) fn read(tx: &Connection) -> Result<Settings, Fault> {
    let mut statement = tx.prepare_cached("SELECT one AS id, * FROM setting")?;
    let found = statement.query_and_then([], rows::settings)?.next().transpose()?;
    found.ok_or_else(|| Fault::Damaged("settings".to_owned()))
}

pub(super) fn change(
    tx: &Connection,
    change: &dyn Fn(Settings) -> Settings,
    by: &Author,
) -> Result<Settings, Fault> {
    let before = read(tx)?;
    let after = change(before);
    if after == before {
        return Ok(after);
    }
    let allowed = OwnerKind::ALL.map(|kind| column(after.allowed.of(kind)));
    tx.execute(
        "UPDATE setting SET expiry_required = ?1, max_days = ?2, max_tokens = ?3,
             user_permissions = ?4, project_permissions = ?5, repository_permissions = ?6",
        params![
            after.expiry_required,
            after.max_days,
            after.max_tokens,
            allowed[0],
            allowed[1],
            allowed[2],
        ],
    )?;
    let details = json!({ "before": facts(before), "after": facts(after) });
    trail::append(tx, by, Event::SettingsChanged, Subject::default(), &details)?;
    Ok(after)
}

pub(super) fn of_project(tx: &Connection, project: &str) -> Result<ProjectSettings, Fault> {
    // In any case, as prohibitions are.
    let sql = "SELECT repository_tokens FROM project_setting WHERE project = ?1";
    let found = tx.prepare_cached(sql)?.query_row([project], |row| row.get(0)).optional()?;
    let settings = found.map(|repository_tokens| ProjectSettings { repository_tokens });
    Ok(settings.unwrap_or_default())
}

/// What was set for projects.
pub(super) fn of_projects(tx: &Connection) -> Result<Vec<(ProjectPath, ProjectSettings)>, Fault> {
    let sql = "SELECT project, repository_tokens FROM project_setting ORDER BY project";
    let mut statement = tx.prepare_cached(sql)?;
    let found = statement.query_and_then([], |row| {
        let project = ProjectPath::new(&row.get::<_, String>(0)?)
            .map_err(|_| Fault::Damaged("settings of a project, project".to_owned()))?;
        Ok((project, ProjectSettings { repository_tokens: row.get(1)? }))
    })?;
    found.collect()
}

pub(super) fn set_of_project(
    tx: &Connection,
    project: &ProjectPath,
    after: ProjectSettings,
    by: &Author,
) -> Result<(), Fault> {
    let before = of_project(tx, project.as_str())?;
    if after == before {
        return Ok(());
    }
    tx.execute(
        "INSERT INTO project_setting (project, repository_tokens) VALUES (?1, ?2)
         ON CONFLICT DO UPDATE SET repository_tokens = excluded.repository_tokens",
        params![project.as_str(), after.repository_tokens],
    )?;
    let fact =
        |settings: ProjectSettings| json!({ "repositoryTokens": settings.repository_tokens });
    let subject = Subject { project: Some(project.to_string()), ..Subject::default() };
    let details = json!({ "before": fact(before), "after": fact(after) });
    trail::append(tx, by, Event::ProjectSettingsChanged, subject, &details)
}

/// NULL for every permission, so that those of a later release are among them.
fn column(allowed: PermissionSet) -> Option<String> {
    (!allowed.is_all()).then(|| names(allowed).to_string())
}

fn names(allowed: PermissionSet) -> Value {
    allowed.iter().map(Permission::name).collect()
}

fn facts(settings: Settings) -> Value {
    json!({
        "expiryRequired": settings.expiry_required,
        "maxExpiryDays": settings.max_days,
        "maxTokensPerOwner": settings.max_tokens,
        "allowedPermissions": {
            "user": names(settings.allowed.user),
            "project": names(settings.allowed.project),
            "repository": names(settings.allowed.repository),
        },
    })
}
