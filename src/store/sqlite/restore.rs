//! A backup put in the place of a store.
//!
//! Whenever this is killed, there is a whole store at the path: the one before or the restored one. The
//! new store is made under another name; the one before gets a second name by a hard link; one rename
//! then puts the new one in its place. What is left behind before that rename is a draft under a hidden
//! name, or the second name, and neither is ever read.
//!
//! SQLite's `-wal` and `-journal` are of the path and not of the file: one that lay there would be
//! played into the new store. A store that can be read is therefore brought into one file first, which
//! SQLite does only when no other program has it open. Of one that cannot be read they are moved aside
//! before the rename; that is the one step that takes something from a store that is still in place,
//! and that store was of no use to anybody.

use super::backup;
use super::carried::{self, Known};
use super::fault::Fault;
use super::freshness::FileId;
use super::lock::Lock;
use super::open::{self, Purpose};
use super::registry::trail;
use super::{Patience, schema};
use crate::domain::trail::Author;
use crate::store::{Head, StoreError};
use rusqlite::{Connection, ErrorCode};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempPath;

/// What SQLite may keep beside a database.
const BESIDE: [&str; 3] = ["-wal", "-journal", "-shm"];

/// The most stores that are kept beside one.
const MOST_KEPT: u32 = 10_000;

/// What became of a restoration.
#[derive(Debug)]
pub struct Restored {
    /// How many tokens of the restored store are not revoked.
    pub tokens: u64,
    /// What was carried over from the store that was there before, so that it does not come to life.
    pub carried: Carried,
    /// Where the store is kept that was there before.
    pub kept: Option<PathBuf>,
    /// Why nothing could be carried over from it.
    pub unreadable: Option<StoreError>,
    /// How far the trail goes.
    pub head: Head,
}

/// How much was carried over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// Tokens that were revoked.
    pub revoked: u64,
    /// Tokens that were suspended.
    pub suspended: u64,
    /// Tokens whose successors are not in the backup, and which end when they would have.
    pub ending: u64,
    /// Users who were disabled.
    pub disabled: u64,
    /// Users who were removed.
    pub removed: u64,
}

/// Puts the backup at `from` in the place of the store at `path`, where there need be none.
///
/// What was revoked since the backup is told by the store that is replaced, and by those that were kept
/// when it was restored before. Where one of them cannot be read, nothing is done unless `forget` says
/// so: then every token is suspended, until somebody has looked at it and resumes it.
///
/// # Errors
/// [`StoreError::Forgets`] when a store cannot be read that knows what was revoked; [`StoreError::InUse`] when somebody has the store open, the errors of opening a store for `from`, and
/// [`StoreError::Trail`] when the backup's trail is not what was written. Nothing is changed by them.
pub fn restore(
    path: &Path,
    from: &Path,
    forget: bool,
    by: &Author,
) -> Result<Restored, StoreError> {
    let failed = |source: io::Error| StoreError::File { path: path.to_owned(), source };
    let _lock = Lock::exclusive(path)?;
    let folder = match fs::canonicalize(path) {
        Ok(real) => open::folder_of(&real).map_err(failed)?,
        Err(_) => open::folder_of(path).map_err(failed)?,
    };
    let (draft, mut restored) = copied(&folder, path, from)?;
    let (before, unreadable) = match open_before(path)? {
        Before::None => (None, None),
        Before::Read(connection, known) => (Some((connection, known)), None),
        Before::Unreadable(error) => (None, Some(error)),
    };
    let (kept, broken) = kept_before(path);
    let unreadable = unreadable.or(broken);
    let unreadable = match unreadable {
        Some(error) if !forget => return Err(StoreError::Forgets(Box::new(error))),
        unreadable => unreadable,
    };
    let known = before.as_ref().map(|(_, known)| known);
    let (carried, tokens, head) =
        carried::over(&mut restored, known, &kept, unreadable.is_some(), by)
            .map_err(|fault| fault.at(from, "be brought up to date"))?;
    close(restored).map_err(|fault| fault.at(from, "be brought up to date"))?;
    if let Some((connection, _)) = before {
        into_one_file(connection).map_err(|fault| in_use(fault, path))?;
    }
    let kept = place(draft, path, &folder).map_err(failed)?;
    Ok(Restored { tokens, carried, kept, unreadable, head })
}

/// A draft with all that is in the backup, beside the store, examined and of the latest version.
fn copied(folder: &Path, path: &Path, from: &Path) -> Result<(TempPath, Connection), StoreError> {
    let fault = |fault: Fault| fault.at(from, "be restored from");
    let found = fs::metadata(from).map_err(|error| match error.kind() {
        ErrorKind::NotFound => fault(Fault::Absent),
        _ => fault(error.into()),
    })?;
    let same = FileId::of(path).is_ok_and(|store| store == FileId::from(&found));
    // An empty file would be taken for an empty database.
    if !found.is_file() || found.len() == 0 || same {
        return Err(fault(Fault::Foreign));
    }
    let real = fs::canonicalize(from).map_err(|error| fault(error.into()))?;
    let backup = backup::examine(&real).map_err(fault)?;
    let written = |source| StoreError::File { path: folder.to_owned(), source };
    let draft = open::draft_in(folder).map_err(written)?;
    backup::copy(&backup, &draft).map_err(fault)?;
    let mut restored = open::connect(&draft, Purpose::Write, Duration::ZERO).map_err(fault)?;
    schema::migrate(&mut restored).map_err(|error| error.at(from, "be brought up to date"))?;
    match trail::verify(&restored, None).map_err(fault)? {
        Ok(_) => Ok((draft, restored)),
        Err(broken) => Err(StoreError::Trail { path: from.to_owned(), source: broken }),
    }
}

/// The store that is to be replaced.
enum Before {
    None,
    Read(Connection, Known),
    Unreadable(StoreError),
}

fn open_before(path: &Path) -> Result<Before, StoreError> {
    let real = match fs::canonicalize(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Before::None),
        found => found.map_err(|source| StoreError::File { path: path.to_owned(), source })?,
    };
    let look = || {
        if fs::metadata(&real)?.len() == 0 {
            return Err(Fault::Foreign);
        }
        let connection = open::connect(&real, Purpose::Write, Patience::default().write)?;
        schema::check(&connection)?;
        let known = Known::read(&connection)?;
        Ok((connection, known))
    };
    match look() {
        Ok((connection, known)) => Ok(Before::Read(connection, known)),
        // Whatever a newer program holds for revoked: this one cannot tell.
        Err(Fault::Newer) => Err(StoreError::Newer(path.to_owned())),
        Err(fault) => match in_use(fault, path) {
            error @ StoreError::InUse(_) => Err(error),
            error => Ok(Before::Unreadable(error)),
        },
    }
}

/// What the stores know that were kept when the one at this path was restored before, and why one of them
/// cannot be read.
fn kept_before(path: &Path) -> (Vec<Known>, Option<StoreError>) {
    let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let (mut kept, mut broken) = (Vec::new(), None);
    for number in 1..MOST_KEPT {
        let name = open::beside(&real, &format!(".before-restore-{number}"));
        if !name.is_file() {
            continue;
        }
        let look = || {
            let connection = open::connect(&name, Purpose::Write, Patience::default().write)?;
            schema::check(&connection)?;
            Known::read(&connection)
        };
        match look() {
            Ok(known) => kept.push(known),
            Err(fault) => broken = Some(fault.at(&name, "be read")),
        }
    }
    (kept, broken)
}

/// Brings a store into one file, with nothing beside it. SQLite does that only when nobody else, of
/// whatever program, has it open.
fn into_one_file(connection: Connection) -> Result<(), Fault> {
    let sql = "DELETE";
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", sql, |row| row.get(0))?;
    close(connection)?;
    if mode == "delete" { Ok(()) } else { Err(busy().into()) }
}

fn busy() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY), None)
}

fn in_use(fault: Fault, path: &Path) -> StoreError {
    match fault {
        Fault::Sql(error)
            if matches!(
                error.sqlite_error_code(),
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
            ) =>
        {
            StoreError::InUse(path.to_owned())
        }
        other => other.at(path, "be read"),
    }
}

fn close(connection: Connection) -> Result<(), Fault> {
    connection.close().map_err(|(_, error)| error.into())
}

/// Puts the draft in the place of the store, and keeps the one before under another name.
fn place(draft: TempPath, path: &Path, folder: &Path) -> io::Result<Option<PathBuf>> {
    let real = match fs::canonicalize(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            folder.join(path.file_name().ok_or(error)?)
        }
        found => found?,
    };
    let before = fs::metadata(&real).ok();
    if let Some(before) = &before
        && before.uid() != fs::metadata(&draft)?.uid()
    {
        // Restored by root, and served under an account of its own.
        chown(&draft, Some(before.uid()), Some(before.gid()))?;
    }
    File::open(&draft)?.sync_all()?;
    let kept = free_name(&real)?;
    if before.is_some() {
        fs::hard_link(&real, &kept)?;
    }
    for suffix in BESIDE {
        let stale = open::beside(&real, suffix);
        if fs::symlink_metadata(&stale).is_ok() {
            fs::rename(&stale, open::beside(&kept, suffix))?;
        }
    }
    draft.persist(&real).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()?;
    Ok(before.map(|_| kept))
}

/// The first `….before-restore-N` that is free, with all that could be beside it.
fn free_name(real: &Path) -> io::Result<PathBuf> {
    let taken = |name: &PathBuf| {
        let mut files = [""].into_iter().chain(BESIDE);
        files.any(|suffix| fs::symlink_metadata(open::beside(name, suffix)).is_ok())
    };
    let names = (1..MOST_KEPT).map(|n| open::beside(real, &format!(".before-restore-{n}")));
    let text = "there are too many stores kept from before: remove some";
    names
        .into_iter()
        .find(|name| !taken(name))
        .ok_or_else(|| io::Error::new(ErrorKind::AlreadyExists, text))
}
