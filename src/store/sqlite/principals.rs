//! Tokens as a verdict sees them, and the generation that says whether one may be remembered.

use super::fault::Fault;
use super::rows;
use crate::domain::names::{GroupName, NameCase, UserName};
use crate::domain::principal::{Grant, Owner, Rights, StoredIdentity, TokenPrincipal};
use crate::domain::token::{TokenHash, TokenId};
use crate::store::{Reading, RightsSource};
use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, ToSql};

/// The rule of what is honoured, in its one place: neither revoked nor suspended, and if it is a
/// person's, that person is there and active.
macro_rules! honoured {
    ($which:literal) => {
        concat!(
            "SELECT t.*, u.id AS owner_id
             FROM token t LEFT JOIN user u ON u.id = t.user_id
             WHERE ",
            $which,
            " AND t.revoked_ms IS NULL AND t.suspended_ms IS NULL
              AND (t.owner_kind <> 'user' OR u.active = 1)"
        )
    };
}

/// The generation row as it is now.
pub(super) fn generation(connection: &Connection) -> Result<i64, Fault> {
    let mut statement = connection.prepare_cached("SELECT generation FROM meta")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

/// Tells every reader of every process to forget what it has in memory, when this commits.
pub(super) fn renew_generation(connection: &Connection) -> Result<(), Fault> {
    connection.execute("UPDATE meta SET generation = random()", [])?;
    Ok(())
}

/// The honoured token with this hash. Within a transaction, for its rights to be of the same moment.
pub(super) fn by_hash(
    connection: &Connection,
    hash: &TokenHash,
    reading: Reading,
) -> Result<Option<TokenPrincipal>, Fault> {
    let hash = ToSqlOutput::from(hash.as_bytes().as_slice());
    find(connection, honoured!("t.hash = ?1"), &hash, reading)
}

/// The honoured token with this number.
pub(super) fn by_id(
    connection: &Connection,
    id: TokenId,
    reading: Reading,
) -> Result<Option<TokenPrincipal>, Fault> {
    find(connection, honoured!("t.id = ?1"), &id.0, reading)
}

fn find(
    connection: &Connection,
    sql: &str,
    key: &dyn ToSql,
    reading: Reading,
) -> Result<Option<TokenPrincipal>, Fault> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut found = statement.query([key])?;
    let Some(row) = found.next()? else { return Ok(None) };
    let token = rows::token_core(row)?;
    let owner: Option<i64> = row.get("owner_id")?;
    let rights = match (reading.rights, owner) {
        (RightsSource::Grants, Some(user)) => {
            Rights::Grants(grants_of(connection, user, Grants::All)?)
        }
        (RightsSource::Grants, None) | (RightsSource::Host, _) => Rights::Host,
    };
    let identity = if reading.identities {
        identity_of(connection, &token.owner, owner, reading.case)?
    } else {
        None
    };
    Ok(Some(TokenPrincipal {
        id: token.id,
        name: token.name,
        owner: token.owner,
        permissions: token.permissions,
        limits: token.limits,
        expires: token.expires.into_iter().chain(token.retires).min(),
        rights,
        groups: owner.map_or_else(|| Ok(Vec::new()), |user| groups_of(connection, user))?,
        identity,
    }))
}

/// Which rights of a user are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grants {
    /// Those that were given to the user, and not to a group.
    Own,
    /// Those of the groups that the user is in as well.
    All,
}

/// The rights of a user.
pub(super) fn grants_of(
    connection: &Connection,
    user: i64,
    which: Grants,
) -> Result<Vec<Grant>, Fault> {
    let mut statement = connection.prepare_cached(match which {
        Grants::Own => "SELECT * FROM grant_ WHERE user_id = ?1 ORDER BY id",
        Grants::All => {
            "SELECT * FROM grant_
             WHERE user_id = ?1
                OR group_id IN (SELECT group_id FROM group_member WHERE user_id = ?1)
             ORDER BY id"
        }
    })?;
    statement.query_and_then([user], rows::grant)?.collect()
}

fn groups_of(connection: &Connection, user: i64) -> Result<Vec<GroupName>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT g.* FROM group_member m JOIN group_ g ON g.id = m.group_id WHERE m.user_id = ?1",
    )?;
    let found = statement.query_and_then([user], rows::group)?;
    found.map(|group| group.map(|(_, name, _)| name)).collect()
}

/// The groups of the active user of this name.
pub(super) fn groups_by_name(
    connection: &Connection,
    user: &UserName,
) -> Result<Vec<GroupName>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT g.* FROM user u
         JOIN group_member m ON m.user_id = u.id
         JOIN group_ g ON g.id = m.group_id
         WHERE u.name = ?1 AND u.active = 1",
    )?;
    let found = statement.query_and_then([user.as_str()], rows::group)?;
    found.map(|group| group.map(|(_, name, _)| name)).collect()
}

/// The stored credential of exactly this owner: neither of its project nor of its repositories.
fn identity_of(
    connection: &Connection,
    owner: &Owner,
    user: Option<i64>,
    case: NameCase,
) -> Result<Option<StoredIdentity>, Fault> {
    let (project, repository) = match owner {
        Owner::User(_) => (None, None),
        Owner::Project(scope) => (Some(scope.to_string()), None),
        Owner::Repository(path) => (Some(path.project().to_owned()), Some(path.name())),
    };
    let mut statement = connection.prepare_cached(
        "SELECT * FROM identity
         WHERE user_id = ?1
            OR (project = ?2 COLLATE NOCASE AND repository IS ?3 COLLATE NOCASE)",
    )?;
    for found in
        statement.query_and_then(rusqlite::params![user, project, repository], rows::identity)?
    {
        let (_, told, sealed) = found?;
        // The index ignores case; the host may not.
        let same = match (owner, &told.owner) {
            (Owner::User(_), Owner::User(_)) => true,
            (Owner::Project(a), Owner::Project(b)) => case.equal(&a.to_string(), &b.to_string()),
            (Owner::Repository(a), Owner::Repository(b)) => case.equal(a.as_str(), b.as_str()),
            _ => false,
        };
        if same {
            let (owner, scheme, username) = (told.owner, told.scheme, told.username);
            return Ok(Some(StoredIdentity { owner, scheme, username, sealed }));
        }
    }
    Ok(None)
}
