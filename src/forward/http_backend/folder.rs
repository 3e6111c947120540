//! The folder of repositories, which no path leaves.

use super::{alternates, bare};
use crate::domain::names::RepoPath;
use crate::forward::shortage::is_shortage;
use std::io;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Why a folder cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("the folder of repositories {path} cannot be used")]
pub struct FolderError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// Why a repository is not served.
#[derive(Debug)]
pub enum Unservable {
    /// There is no such bare repository within the folder.
    Missing,
    /// It borrows objects of another one, which a token for it does not cover.
    Borrows,
    /// Nobody knows: it cannot be looked at now.
    OutOfReach(io::Error),
}

/// A folder of bare repositories.
#[derive(Clone, Debug)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// Opens the folder; the symbolic links in its own path are followed once, here.
    ///
    /// # Errors
    /// When it is not there or is no folder.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        let failed = |source| FolderError { path: path.to_owned(), source };
        let root = path.canonicalize().map_err(failed)?;
        if !root.is_dir() {
            return Err(failed(io::ErrorKind::NotADirectory.into()));
        }
        Ok(Self { root })
    }

    /// The folder itself, without symbolic links.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The `PATH_INFO` of a service of a repository (`/team/app.git/info/refs`).
    ///
    /// git's `enter_repo` tries several spellings of a path (`x/.git`, `x.git/.git`, a file that points
    /// elsewhere); only a folder that is itself a repository is let through, so that it finds the first.
    ///
    /// # Errors
    /// When there is no such repository that may be served.
    pub fn locate(&self, repository: &RepoPath, service: &str) -> Result<String, Unservable> {
        let relative = match repository.project() {
            "-" => format!("{}.git", repository.name()),
            project => format!("{project}/{}.git", repository.name()),
        };
        let folder = self.root.join(&relative);
        // A symbolic link anywhere on the way may lead to another place of the folder under another
        // name, past the scope of a token: the path must be its own canonical form.
        let canonical = folder.canonicalize().map_err(|_| Unservable::Missing)?;
        if canonical != folder
            || !canonical.starts_with(&self.root)
            || !bare::is_bare(&canonical).map_err(Unservable::OutOfReach)?
        {
            return Err(Unservable::Missing);
        }
        // Files of the dumb protocol are opened by name: a link in the repository must not lead out.
        let file = canonical.join(service);
        if file.canonicalize().is_ok_and(|file| !file.starts_with(&canonical)) {
            return Err(Unservable::Missing);
        }
        let objects = canonical.join("objects");
        if alternates::lead_out(&canonical, &objects).map_err(Unservable::OutOfReach)? {
            return Err(Unservable::Borrows);
        }
        Ok(format!("/{relative}/{service}"))
    }
}

impl Folder {
    /// The first of these refs that is symbolic: git would change what it points to, and not what was
    /// judged. In a repository whose refs are in tables nobody looks, and each of them may be; so may what
    /// cannot be read.
    ///
    /// # Errors
    /// When no file descriptors are left to look.
    pub fn symbolic<'a>(
        &self,
        repository: &RepoPath,
        mut names: impl Iterator<Item = &'a str>,
    ) -> io::Result<Option<&'a str>> {
        let service = match self.locate(repository, "HEAD") {
            Ok(service) => service,
            Err(Unservable::OutOfReach(error)) => return Err(error),
            // Nobody will push to it.
            Err(Unservable::Missing | Unservable::Borrows) => return Ok(None),
        };
        let Some(folder) =
            self.root.join(service.trim_start_matches('/')).parent().map(Path::to_owned)
        else {
            return Ok(None);
        };
        if folder.join("reftable").exists() {
            return Ok(names.next());
        }
        // Packed refs are never symbolic; a link of the file system is one of the older kind, and a linked
        // folder makes one of all that is in it.
        for name in names {
            let path = folder.join(name);
            let linked = path.ancestors().take_while(|on_the_way| **on_the_way != folder);
            if linked.into_iter().any(Path::is_symlink) || points(&path)? {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }
}

/// Whether the file of a ref names another ref.
fn points(path: &Path) -> io::Result<bool> {
    use io::ErrorKind::{InvalidFilename, IsADirectory, NotADirectory, NotFound, UnexpectedEof};
    let mut start = [0; 4];
    match std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut start)) {
        Ok(()) => Ok(start == *b"ref:"),
        Err(error) if is_shortage(&error) => Err(error),
        Err(error) => match error.kind() {
            InvalidFilename | IsADirectory | NotADirectory | NotFound | UnexpectedEof => Ok(false),
            _ => Ok(true),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::names::{ProjectPath, RepoName};
    use std::fs;
    use std::os::unix::fs::symlink;

    fn bare(path: &Path) {
        fs::create_dir_all(path.join("objects/info")).unwrap();
        fs::create_dir_all(path.join("refs")).unwrap();
        fs::create_dir_all(path.join("info")).unwrap();
        fs::write(path.join("HEAD"), "ref: refs/heads/main\n").unwrap();
    }

    fn located(
        folder: &Folder,
        project: &str,
        name: &str,
        service: &str,
    ) -> Result<String, Unservable> {
        let project = ProjectPath::new(project).unwrap();
        folder.locate(&RepoPath::new(&project, &RepoName::new(name).unwrap()), service)
    }

    #[test]
    fn no_path_leaves_the_folder() {
        let outside = tempfile::tempdir().unwrap();
        bare(&outside.path().join("secret.git"));
        fs::write(outside.path().join("file"), "").unwrap();
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        bare(&at("team/app.git"));
        bare(&at("top.git"));
        bare(&at("team/nested.git/.git"));
        bare(&at("team/linked-file.git"));
        symlink(outside.path().join("file"), at("team/linked-file.git/info/refs")).unwrap();
        symlink(outside.path(), at("out")).unwrap();
        symlink(outside.path().join("secret.git"), at("team/out.git")).unwrap();
        symlink(at("team/app.git"), at("team/alias.git")).unwrap();
        fs::write(at("team/file.git"), "gitdir: ../team/app.git").unwrap();
        fs::create_dir_all(at("team/empty.git")).unwrap();

        let folder = Folder::open(root.path()).unwrap();
        let cases = [
            ("team", "app", "info/refs", Some("/team/app.git/info/refs")),
            ("-", "top", "HEAD", Some("/top.git/HEAD")),
            ("team", "linked-file", "HEAD", Some("/team/linked-file.git/HEAD")),
            ("team", "linked-file", "info/refs", None),
            ("team", "missing", "HEAD", None),
            ("team", "empty", "HEAD", None),
            ("team", "file", "HEAD", None),
            ("team", "nested", "info/refs", None),
            ("team", "alias", "info/refs", None),
            ("team", "out", "info/refs", None),
            ("out", "secret", "info/refs", None),
        ];
        for (project, name, service, expected) in cases {
            let found = located(&folder, project, name, service);
            assert_eq!(found.as_deref().ok(), expected, "{project}/{name}/{service}");
        }
        assert!(Folder::open(&at("team/file.git")).is_err());
        assert!(Folder::open(&at("missing")).is_err());
    }
}
