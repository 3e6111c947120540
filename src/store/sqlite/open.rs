//! Making a store's file, looking at it before it is trusted, and connections to it.

use super::fault::Fault;
use super::schema;
use crate::store::StoreError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempPath;

/// Permission bits that let others than the owner in.
const OTHERS: u32 = 0o077;

/// What a connection is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    /// It only reads.
    Read,
    /// What it commits is on disk when the commit returns, whatever happens next.
    Write,
    /// What it commits is never torn, but a power cut may take the last of it: marks of use.
    Mark,
}

/// A connection to the file at `path`, which must be there, and absolute: this SQLite would read a
/// path that begins with `file:` as a URI.
pub(super) fn connect(path: &Path, purpose: Purpose, wait: Duration) -> Result<Connection, Fault> {
    let access = match purpose {
        Purpose::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
        Purpose::Write | Purpose::Mark => OpenFlags::SQLITE_OPEN_READ_WRITE,
    };
    // Each connection is used by one thread at a time, so SQLite need not lock it again.
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(wait)?;
    connection.set_prepared_statement_cache_capacity(64);
    // A file is data: neither its schema nor its pages are believed beyond that.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    // Sorting never spills into files elsewhere.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    if !matches!(purpose, Purpose::Read) {
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "secure_delete", true)?;
        let sync = if matches!(purpose, Purpose::Mark) { "NORMAL" } else { "FULL" };
        connection.pragma_update(None, "synchronous", sync)?;
        // A log that one large import blew up is cut back when it is next begun anew.
        connection.pragma_update(None, "journal_size_limit", 16 * 1024 * 1024)?;
    }
    Ok(connection)
}

/// A connection to a file that is not to be changed, and beside which nothing is to be left.
pub(super) fn to_look(path: &Path, wait: Duration) -> Result<Connection, Fault> {
    // One that may write takes away again what it needs beside the file, and one that only reads writes
    // nothing of a log back that is there.
    let logged = beside(path, "-wal").exists();
    connect(path, if logged { Purpose::Read } else { Purpose::Write }, wait)
}

/// Makes a store at `path` unless something is there.
///
/// It is made under another name beside it and put in place by one link: whoever looks finds a whole
/// store or none, never an empty file, and of two that make it at once one uses the other's. The file
/// has mode 0600 from its first moment; SQLite gives `-wal` and `-shm` the mode of the file.
pub(super) fn create_if_absent(path: &Path) -> Result<(), Fault> {
    match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error.into()),
        Ok(_) => return Ok(()),
    }
    let folder = folder_of(path)?;
    let draft = draft_in(&folder)?;
    let mut connection = connect(&draft, Purpose::Write, Duration::ZERO)?;
    log_ahead(&connection)?;
    schema::migrate(&mut connection)?;
    connection.close().map_err(|(_, error)| error)?;
    match draft.persist_noclobber(path) {
        Err(error) if error.error.kind() != ErrorKind::AlreadyExists => Err(error.error.into()),
        _ => Ok(File::open(folder)?.sync_all()?),
    }
}

/// The folder that a file is in or is to be made in, with every link in its path followed.
pub(super) fn folder_of(path: &Path) -> std::io::Result<PathBuf> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    fs::canonicalize(parent.unwrap_or(Path::new(".")))
}

/// An empty file with mode 0600 under a hidden name, which goes unless it is put in some place.
pub(super) fn draft_in(folder: &Path) -> std::io::Result<TempPath> {
    let draft = tempfile::Builder::new().prefix(".gitlatch-").suffix(".new").tempfile_in(folder)?;
    // Its descriptor is closed here, before SQLite opens the file: see `freshness` for why.
    Ok(draft.into_temp_path())
}

/// Sees to it that the file has a write-ahead log: a store that was brought back from a copy made by
/// `VACUUM INTO` has none.
pub(super) fn log_ahead(connection: &Connection) -> Result<(), Fault> {
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode == "wal" {
        return Ok(());
    }
    let text = "the file system cannot hold a write-ahead log (SQLite's WAL mode)";
    Err(std::io::Error::new(ErrorKind::Unsupported, text).into())
}

/// Looks at a store's files without opening them. Returns the path with every link in it followed,
/// which is what SQLite goes by.
pub(super) fn inspect(path: &Path) -> Result<PathBuf, StoreError> {
    let fault = |fault: Fault| fault.at(path, "be opened");
    let found = fs::metadata(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => fault(Fault::Absent),
        _ => fault(error.into()),
    })?;
    refuse_exposed(path, found.mode())?;
    // An empty file is a store that was lost: to begin anew in it would be to answer every token
    // with "unknown", and git would erase good credentials.
    if !found.is_file() || found.len() == 0 {
        return Err(fault(Fault::Foreign));
    }
    let real = fs::canonicalize(path).map_err(|error| fault(error.into()))?;
    for suffix in ["-wal", "-shm"] {
        let beside = beside(&real, suffix);
        if let Ok(found) = fs::metadata(&beside) {
            refuse_exposed(&beside, found.mode())?;
        }
    }
    Ok(real)
}

/// The path of a file that SQLite keeps beside the database.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

fn refuse_exposed(path: &Path, mode: u32) -> Result<(), StoreError> {
    if mode & OTHERS == 0 {
        return Ok(());
    }
    Err(StoreError::Exposed { path: path.to_owned(), mode: mode & 0o7777 })
}
