//! Files that belong together, and the last of what they held that was good.

use crate::config::resolve::files;
use sha2::{Digest, Sha256};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use zeroize::Zeroizing;

/// Most bytes that are read of one file. The bundle of a system's authorities has some 200 KiB.
const LONGEST: u64 = 4 * 1024 * 1024;

/// How long files that changed stay as they are before they are taken for whole: a certificate is written in
/// one moment and its key in the next.
const SETTLING: Duration = Duration::from_millis(100);
/// How often they are read again for that.
const MOST_READ: usize = 5;

/// One of the files.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    /// Where it is.
    pub path: &'a Path,
    /// A secret is for its owner and its group alone.
    pub secret: bool,
}

/// Files that are one thing together, as a certificate and its key are.
pub trait Files {
    /// What they are.
    type Loaded;

    /// The files, in an order that stays.
    fn named(&self) -> Vec<Named<'_>>;

    /// Makes it out of their bytes, one for each of [`Files::named`].
    ///
    /// # Errors
    /// The number of the file that is at fault, and why.
    fn parse(&self, bytes: &[&[u8]]) -> Result<Self::Loaded, (usize, String)>;
}

/// What is wrong with one of the files. It is displayed as `"/path": why`, and never with what the file says.
#[derive(Debug)]
pub struct FileFault {
    path: PathBuf,
    /// Which of the files, by the order of [`Files::named`].
    pub nth: usize,
    /// Why, without the name of the file.
    pub why: String,
}

impl fmt::Display for FileFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", files::quoted(&self.path), self.why)
    }
}

impl std::error::Error for FileFault {}

/// The files as they were at one moment.
pub struct Contents(Vec<Result<Zeroizing<Vec<u8>>, String>>);

impl Contents {
    /// Reads them.
    #[must_use]
    pub fn of(files: &impl Files) -> Self {
        let read = |file: Named<'_>| files::read(file.path, file.secret, LONGEST);
        Self(files.named().into_iter().map(read).collect())
    }

    /// Those that cannot be read.
    #[must_use]
    pub fn unreadable(&self, files: &impl Files) -> Vec<FileFault> {
        let faults = self.0.iter().enumerate().filter_map(|(nth, read)| {
            let why = read.as_ref().err()?.clone();
            Some(fault(files, nth, why))
        });
        faults.collect()
    }

    /// What they are.
    ///
    /// # Errors
    /// When one of them cannot be read, is not what it should be, or does not fit the others.
    pub fn load<F: Files>(&self, files: &F) -> Result<F::Loaded, FileFault> {
        if let Some(unreadable) = self.unreadable(files).into_iter().next() {
            return Err(unreadable);
        }
        let bytes: Vec<&[u8]> = self.0.iter().flatten().map(|bytes| bytes.as_slice()).collect();
        files.parse(&bytes).map_err(|(nth, why)| fault(files, nth, why))
    }

    /// Equal for equal contents, and for equal reasons why there are none.
    fn fingerprint(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for read in &self.0 {
            let (kind, bytes): (u8, &[u8]) = match read {
                Ok(bytes) => (0, bytes),
                Err(why) => (1, why.as_bytes()),
            };
            hash.update([kind]);
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        }
        hash.finalize().into()
    }
}

fn fault(files: &impl Files, nth: usize, why: String) -> FileFault {
    let path = files.named().get(nth).map(|file| file.path.to_owned()).unwrap_or_default();
    FileFault { path, nth, why }
}

/// What a look at the files found.
#[derive(Debug)]
pub enum Change {
    /// They are as they were at the last look.
    Same,
    /// They changed, and what they are now is good.
    Renewed,
    /// They changed, and what they are now is not: what was good last stays.
    Failed(FileFault),
}

/// Files, and what they were when they were good last.
///
/// They are read whole at each look: a file may change without another size or time, and notifications do not
/// come through the mounts of Kubernetes.
pub struct Kept<F: Files> {
    files: F,
    loaded: F::Loaded,
    seen: [u8; 32],
    bad: bool,
}

impl<F: Files> Kept<F> {
    /// Where they are, for a line of the log.
    #[must_use]
    pub fn paths(&self) -> String {
        let paths = self.files.named().into_iter().map(|file| file.path.display().to_string());
        paths.collect::<Vec<_>>().join(", ")
    }

    /// Reads them for the first time.
    ///
    /// # Errors
    /// When they are not good.
    pub fn load(files: F) -> Result<Self, FileFault> {
        let contents = Contents::of(&files);
        let loaded = contents.load(&files)?;
        Ok(Self { files, loaded, seen: contents.fingerprint(), bad: false })
    }

    /// Reads them again. When they changed that takes a moment: whoever is writing them is waited for.
    pub fn look(&mut self) -> Change {
        let mut contents = Contents::of(&self.files);
        let mut seen = contents.fingerprint();
        if seen == self.seen {
            return Change::Same;
        }
        for _ in 0..MOST_READ {
            std::thread::sleep(SETTLING);
            let again = Contents::of(&self.files);
            let same = again.fingerprint() == seen;
            (seen, contents) = (again.fingerprint(), again);
            if same {
                break;
            }
        }
        if seen == self.seen {
            return Change::Same;
        }
        self.seen = seen;
        match contents.load(&self.files) {
            Ok(loaded) => {
                (self.loaded, self.bad) = (loaded, false);
                Change::Renewed
            }
            Err(fault) => {
                self.bad = true;
                Change::Failed(fault)
            }
        }
    }

    /// Whether other contents are in force than those that are in the files.
    #[must_use]
    pub const fn is_bad(&self) -> bool {
        self.bad
    }

    /// Whether both hold the same files with the same contents.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool
    where
        F: PartialEq,
    {
        self.files == other.files && self.seen == other.seen && self.bad == other.bad
    }

    /// The files.
    pub const fn files(&self) -> &F {
        &self.files
    }

    /// What they were when they were good last.
    pub const fn loaded(&self) -> &F::Loaded {
        &self.loaded
    }
}
