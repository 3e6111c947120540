//! Tokens as a verdict sees them, and the generation that says whether one may be remembered.

use super::fault::Fault;
use super::rows;
use crate::domain::principal::{Grant, Rights, TokenPrincipal};
use crate::domain::token::{TokenHash, TokenId};
use crate::store::RightsSource;
use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, ToSql};

/// The rule of what is honoured, in its one place: not revoked, and if it is a person's, that person
/// is there and active.
macro_rules! honoured {
    ($which:literal) => {
        concat!(
            "SELECT t.*, u.id AS owner_id
             FROM token t LEFT JOIN user u ON u.id = t.user_id
             WHERE ",
            $which,
            " AND t.revoked_ms IS NULL AND (t.owner_kind <> 'user' OR u.active = 1)"
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
    source: RightsSource,
) -> Result<Option<TokenPrincipal>, Fault> {
    let hash = ToSqlOutput::from(hash.as_bytes().as_slice());
    find(connection, honoured!("t.hash = ?1"), &hash, source)
}

/// The honoured token with this number, in the same way.
pub(super) fn by_id(
    connection: &Connection,
    id: TokenId,
    source: RightsSource,
) -> Result<Option<TokenPrincipal>, Fault> {
    find(connection, honoured!("t.id = ?1"), &id.0, source)
}

fn find(
    connection: &Connection,
    sql: &str,
    key: &dyn ToSql,
    source: RightsSource,
) -> Result<Option<TokenPrincipal>, Fault> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut found = statement.query([key])?;
    let Some(row) = found.next()? else { return Ok(None) };
    let token = rows::token_core(row)?;
    let owner: Option<i64> = row.get("owner_id")?;
    let rights = match (source, owner) {
        (RightsSource::Grants, Some(user)) => Rights::Grants(grants_of(connection, user)?),
        (RightsSource::Grants, None) | (RightsSource::Host, _) => Rights::Host,
    };
    Ok(Some(TokenPrincipal {
        id: token.id,
        name: token.name,
        owner: token.owner,
        permissions: token.permissions,
        limits: token.limits,
        expires: token.expires,
        rights,
    }))
}

fn grants_of(connection: &Connection, user: i64) -> Result<Vec<Grant>, Fault> {
    let mut statement =
        connection.prepare_cached("SELECT * FROM grant_ WHERE user_id = ?1 ORDER BY id")?;
    statement.query_and_then([user], rows::grant)?.collect()
}
