//! Whether anything was committed since the last look, for the price of one `pread`.
//!
//! In WAL mode the `-shm` file begins with the header of the WAL-index: two copies of 48 bytes ("WAL
//! Index Header" in SQLite's "WAL-mode File Format"). Every commit of every process rewrites both
//! before it returns: they hold the number of frames, the checksum of the last one and the salts of
//! the log, so that equal headers mean an equal content of the database. No lock is taken to read
//! them.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Length of one copy of the header.
const COPY: usize = 48;
/// Where a copy says that it is initialised.
const IS_INIT: usize = 12;
/// The only version of the format there has ever been.
const VERSION: u32 = 3_007_000;

/// The `-shm` files that this process ever opened here.
///
/// They are never closed. POSIX drops *all* `fcntl` locks that a process holds on a file as soon as
/// it closes *any* descriptor of that file: closing ours would silently take SQLite's locks away from
/// every connection of this process, and another one could then reset the log under them. It costs
/// one descriptor for each store that a process opens in its life, which is one.
static KEPT: Mutex<Vec<(FileId, &'static File)>> = Mutex::new(Vec::new());

/// What makes a file itself, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// The file that `path` leads to now.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        std::fs::metadata(path).map(|found| Self::from(&found))
    }
}

impl From<&Metadata> for FileId {
    fn from(found: &Metadata) -> Self {
        Self { device: found.dev(), inode: found.ino() }
    }
}

/// A state of the database: equal stamps, equal content.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp([u8; 2 * COPY]);

impl Stamp {
    /// Whether it can be relied on: in the known format, initialised, and not half written.
    fn settled(&self) -> bool {
        let (first, second) = self.0.split_at(COPY);
        first == second && first[IS_INIT] == 1 && first.starts_with(&VERSION.to_ne_bytes())
    }
}

/// The open `-shm` file of a store.
pub(super) struct WalIndex {
    file: &'static File,
    id: FileId,
}

impl WalIndex {
    /// Opens the file at `path`. A connection must exist and have read, so that the file is there,
    /// and must stay, so that it is not replaced.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        // Looked for by its name first: to open a file that is kept already and find out afterwards
        // would be to close it.
        let id = FileId::of(path)?;
        if let Some((_, file)) = kept.iter().find(|(other, _)| *other == id) {
            return Ok(Self { file, id });
        }
        let file: &'static File = Box::leak(Box::new(File::open(path)?));
        let id = FileId::from(&file.metadata()?);
        kept.push((id, file));
        Ok(Self { file, id })
    }

    /// Which file it is.
    pub(super) fn id(&self) -> FileId {
        self.id
    }

    /// The state of the database now; `None` when the header does not tell, and SQLite must be asked.
    pub(super) fn stamp(&self) -> io::Result<Option<Stamp>> {
        let mut bytes = [0; 2 * COPY];
        self.file.read_exact_at(&mut bytes, 0)?;
        let stamp = Stamp(bytes);
        Ok(stamp.settled().then_some(stamp))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_header_is_a_stamp() {
        let mut whole = [0; 2 * COPY];
        for copy in whole.chunks_exact_mut(COPY) {
            copy[..4].copy_from_slice(&VERSION.to_ne_bytes());
            copy[IS_INIT] = 1;
        }
        assert!(Stamp(whole).settled());
        for at in [0, IS_INIT, 20, COPY, COPY + 20] {
            let mut torn = whole;
            torn[at] ^= 0x40;
            assert!(!Stamp(torn).settled(), "{at}");
        }
        assert!(!Stamp([0; 2 * COPY]).settled());
    }
}
