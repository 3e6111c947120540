//! Who has the store open: a file beside it, locked by everybody who uses it, so that nobody replaces
//! the store under them.
//!
//! SQLite's own locks do not serve for this: they are on the database, which is what gets replaced. The
//! lock's file is never removed, since two could then hold locks on two files of one name.

use super::open;
use crate::store::StoreError;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

/// A lock that holds until this goes, or the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// The lock of one who uses the store, beside others who do.
    pub(super) fn shared(path: &Path) -> Result<Self, StoreError> {
        Self::take(path, File::try_lock_shared, StoreError::Restoring)
    }

    /// The lock of one who replaces the store, which nobody may use meanwhile.
    pub(super) fn exclusive(path: &Path) -> Result<Self, StoreError> {
        Self::take(path, File::try_lock, StoreError::InUse)
    }

    fn take(
        path: &Path,
        lock: impl Fn(&File) -> Result<(), TryLockError>,
        held: fn(PathBuf) -> StoreError,
    ) -> Result<Self, StoreError> {
        let at = beside(path).map_err(|source| StoreError::File { path: path.into(), source })?;
        let failed = |source| StoreError::Lock { path: at.clone(), source };
        let file = open(&at, path).map_err(failed)?;
        match lock(&file) {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(held(path.to_owned())),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}

/// The lock's file: beside the file that the path leads to, whatever links lead there.
fn beside(path: &Path) -> io::Result<PathBuf> {
    let real = match fs::canonicalize(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let name = path.file_name().ok_or(error)?;
            open::folder_of(path)?.join(name)
        }
        found => found?,
    };
    Ok(open::beside(&real, ".lock"))
}

fn open(at: &Path, store: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    match options.clone().create_new(true).open(at) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => options.open(at),
        made => {
            let file = made?;
            // An operator who is root must not lock the program out that runs under an account of its
            // own: SQLite does the same with the files that it makes.
            if let Ok(found) = fs::metadata(store)
                && found.uid() != file.metadata()?.uid()
            {
                let _ = fchown(&file, Some(found.uid()), Some(found.gid()));
            }
            Ok(file)
        }
    }
}
