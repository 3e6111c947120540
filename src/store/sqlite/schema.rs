//! The schema: whose file it is, how far it has come, and the way to the latest.

use super::fault::Fault;
use rusqlite::{Connection, TransactionBehavior};

/// The migrations in their order. One that was ever released never changes.
const MIGRATIONS: &[&str] =
    &[include_str!("migrations/0001.sql"), include_str!("migrations/0002.sql")];

/// Marks the files that are ours, so that a wrong path never turns another program's database into
/// a store.
const APPLICATION: i32 = i32::from_be_bytes(*b"glat");

/// Refuses a file that is not ours, or that a newer program wrote.
pub(super) fn check(connection: &Connection) -> Result<(), Fault> {
    let application: i32 = connection.pragma_query_value(None, "application_id", |r| r.get(0))?;
    if application != APPLICATION {
        return Err(Fault::Foreign);
    }
    if version(connection)? > MIGRATIONS.len() {
        return Err(Fault::Newer);
    }
    Ok(())
}

/// Whether [`migrate`] would change it.
pub(super) fn is_older(connection: &Connection) -> Result<bool, Fault> {
    Ok(version(connection)? < MIGRATIONS.len())
}

/// Applies what is missing, all of it or nothing.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), Fault> {
    if version(connection)? == MIGRATIONS.len() {
        return Ok(());
    }
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Asked again under the lock: another process may have migrated in between.
    for migration in MIGRATIONS.iter().skip(version(&tx)?) {
        tx.execute_batch(migration)?;
    }
    tx.pragma_update(None, "application_id", APPLICATION)?;
    tx.pragma_update(None, "user_version", MIGRATIONS.len().cast_signed())?;
    Ok(tx.commit()?)
}

fn version(connection: &Connection) -> Result<usize, Fault> {
    let version: i32 = connection.pragma_query_value(None, "user_version", |r| r.get(0))?;
    // A negative one was never written by us; as the largest it is refused as newer.
    Ok(usize::try_from(version).unwrap_or(usize::MAX))
}
