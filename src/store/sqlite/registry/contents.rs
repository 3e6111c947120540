//! What moves to another store, and what comes from one.

use super::super::fault::Fault;
use super::super::{marks, rows};
use super::{SqliteRegistry, grants, groups, settings, tokens, trail, users};
use crate::domain::principal::Owner;
use crate::domain::timestamp::Timestamp;
use crate::domain::token::{TokenHash, TokenId};
use crate::domain::trail::{Author, Event, Subject};
use crate::store::{
    Contents, GroupRecord, Imported, Moving, NewToken, StoreError, TokenRecord, UserRecord,
};
use rusqlite::{Connection, params};
use serde_json::json;
use std::collections::HashMap;

impl Moving for SqliteRegistry {
    fn export(&mut self, now: Timestamp) -> Result<Contents, StoreError> {
        self.read("export what it holds", |tx| export(tx, now))
    }

    fn import(
        &mut self,
        contents: &Contents,
        settings: bool,
        by: &Author,
    ) -> Result<Imported, StoreError> {
        self.write("import", |tx| import(tx, contents, settings, by))
    }
}

fn export(tx: &Connection, now: Timestamp) -> Result<Contents, Fault> {
    let mut statement = tx.prepare_cached("SELECT * FROM user ORDER BY name")?;
    let users = statement
        .query_and_then([], |row| Ok::<_, Fault>((rows::user(row)?, row.get("password")?)))?;
    Ok(Contents {
        settings: settings::read(tx)?,
        projects: settings::of_projects(tx)?,
        users: users.collect::<Result<_, _>>()?,
        groups: groups::list(tx)?,
        grants: grants::list(tx, None)?,
        tokens: live(tx, now)?,
    })
}

/// The tokens that are neither revoked nor at their end. Suspended ones stay suspended elsewhere.
fn live(tx: &Connection, now: Timestamp) -> Result<Vec<(TokenRecord, TokenHash)>, Fault> {
    let sql = format!("{} WHERE t.revoked_ms IS NULL ORDER BY t.id", tokens::RECORDS);
    let mut statement = tx.prepare_cached(&sql)?;
    let found = statement.query_and_then([], |row| {
        let hash = TokenHash::from_bytes(row.get("hash")?);
        Ok::<_, Fault>((rows::token(row)?, hash))
    })?;
    let lives = |token: &TokenRecord| {
        let over = |end: Option<Timestamp>| end.is_some_and(|end| end <= now);
        !over(token.expires) && !over(token.retires)
    };
    found.filter(|found| found.as_ref().map_or(true, |(token, _)| lives(token))).collect()
}

fn import(
    tx: &Connection,
    contents: &Contents,
    with_settings: bool,
    by: &Author,
) -> Result<Imported, Fault> {
    let Contents { settings, projects, users, groups, grants, tokens } = contents;
    for (user, password) in users {
        add_user(tx, user, password.as_deref())?;
    }
    for group in groups {
        add_group(tx, group)?;
    }
    for record in grants {
        grants::insert(tx, &record.grantee, &record.grant)?;
    }
    let mut numbers = HashMap::new();
    for (token, hash) in tokens {
        numbers.insert(token.id, add_token(tx, token, *hash)?);
    }
    for (token, _) in tokens {
        if let Some(successor) = token.successor.and_then(|id| numbers.get(&id)) {
            let sql = "UPDATE token SET successor_id = ?2 WHERE id = ?1";
            tx.execute(sql, [numbers[&token.id].0, successor.0])?;
        }
    }
    if with_settings {
        settings::change(tx, &|_| *settings, by)?;
        for (project, settings) in projects {
            settings::set_of_project(tx, project, *settings, by)?;
        }
    }
    let imported = Imported {
        users: users.len(),
        groups: groups.len(),
        grants: grants.len(),
        tokens: tokens.len(),
    };
    let details = json!({
        "users": imported.users,
        "groups": imported.groups,
        "grants": imported.grants,
        "tokens": imported.tokens,
        "settings": with_settings,
    });
    trail::append(tx, by, Event::StoreImported, Subject::default(), &details)?;
    Ok(imported)
}

fn add_user(tx: &Connection, user: &UserRecord, password: Option<&str>) -> Result<(), Fault> {
    let sql = "INSERT INTO user (name, display_name, email, admin, active, password, created_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING";
    let (name, created) = (user.name.as_str(), user.created.as_millis());
    let values =
        params![name, user.display_name, user.email, user.admin, user.active, password, created];
    match tx.execute(sql, values)? {
        0 => Err(Fault::Exists("user", name.to_owned())),
        _ => Ok(()),
    }
}

fn add_group(tx: &Connection, group: &GroupRecord) -> Result<(), Fault> {
    let sql = "INSERT INTO group_ (name, created_ms) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    if tx.execute(sql, params![group.name.as_str(), group.created.as_millis()])? == 0 {
        return Err(Fault::Exists("group", group.name.to_string()));
    }
    let id = tx.last_insert_rowid();
    for member in &group.members {
        let ids = [id, users::id_of(tx, member)?];
        let sql = "INSERT INTO group_member VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        if tx.execute(sql, ids)? == 0 {
            return Err(Fault::Exists("member", format!("{member} of {}", group.name)));
        }
    }
    Ok(())
}

fn add_token(tx: &Connection, token: &TokenRecord, hash: TokenHash) -> Result<TokenId, Fault> {
    if tokens::find_by_hash(tx, &hash)?.is_some() {
        // By its number in the other store, which is what its owner may know it by.
        let name = format!("{} (number {})", token.name, token.id);
        return Err(Fault::Exists("token with the secret of", name));
    }
    let columns = match &token.owner {
        // A disabled user has tokens as well.
        Owner::User(name) => tokens::of_user(&users::known(tx, name)?),
        owner => tokens::columns(owner),
    };
    let new = NewToken {
        hash,
        name: token.name.clone(),
        owner: token.owner.clone(),
        permissions: token.permissions,
        limits: token.limits.clone(),
        expires: token.expires,
    };
    let added = tokens::insert_with(tx, &new, &columns, token.created)?.id;
    let (suspended, retires) = (token.suspended, token.retires);
    if suspended.is_some() || retires.is_some() {
        let (suspended, retires) =
            (suspended.map(Timestamp::as_millis), retires.map(Timestamp::as_millis));
        let sql = "UPDATE token SET suspended_ms = ?2, retires_ms = ?3 WHERE id = ?1";
        tx.prepare_cached(sql)?.execute(params![added.0, suspended, retires])?;
    }
    if let Some(last) = &token.last_used {
        marks::import(tx, added, last)?;
    }
    Ok(added)
}
