//! A look at a store that changes nothing in it: neither its schema nor its log.

use super::fault::Fault;
use super::open;
use super::{Patience, rows, schema};
use crate::domain::names::UserName;
use crate::store::StoreError;
use std::path::Path;

/// What a look at a store shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// Whether an older gitlatch wrote it, so that it will be brought up to date when it is opened.
    pub older: bool,
    /// The names of the users, by name.
    pub users: Vec<UserName>,
}

impl Inspection {
    /// Looks at the store at `path`.
    ///
    /// # Errors
    /// Those of [`super::Database::open_existing`], but for a migration, which it does not do.
    pub fn of(path: &Path) -> Result<Self, StoreError> {
        let real = open::inspect(path)?;
        Self::read(&real).map_err(|fault| fault.at(path, "be read"))
    }

    fn read(real: &Path) -> Result<Self, Fault> {
        let connection = open::to_look(real, Patience::default().write)?;
        let tx = connection.unchecked_transaction()?;
        schema::check(&tx)?;
        // The columns of a user are those of the first version.
        let mut statement = tx.prepare("SELECT * FROM user ORDER BY name")?;
        let users = statement.query_and_then([], rows::user)?.map(|user| user.map(|u| u.name));
        Ok(Self { older: schema::is_older(&tx)?, users: users.collect::<Result<_, _>>()? })
    }
}
