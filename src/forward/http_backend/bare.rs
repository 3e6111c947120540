//! What a bare repository is.

use crate::forward::shortage::is_shortage;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// Whether git would take the folder itself for a repository (`setup.c`, `is_git_directory`), without
/// what lies elsewhere: where its test follows a link or another file, this one says no. Were it weaker
/// in anything, git would look on, and find `.git` or a repository further up.
///
/// # Errors
/// When no file descriptors are left to look at it.
pub(super) fn is_bare(folder: &Path) -> io::Result<bool> {
    let kind = |name: &str| fs::symlink_metadata(folder.join(name));
    let is_folder = |name| kind(name).is_ok_and(|found| found.is_dir());
    let absent = |name| kind(name).is_err_and(|error| error.kind() == ErrorKind::NotFound);
    Ok(is_folder("objects")
        && is_folder("refs")
        && kind("HEAD").is_ok_and(|found| found.is_file())
        && points(&folder.join("HEAD"))?
        && absent("commondir")
        && absent(".git"))
}

/// Whether a `HEAD` names a ref or a commit (`refs.c`, `validate_headref`).
fn points(head: &Path) -> io::Result<bool> {
    // Longer names of refs than these are none that a file system takes.
    let mut start = Vec::new();
    let read = File::open(head).and_then(|file| file.take(256).read_to_end(&mut start));
    match read {
        Ok(_) => {}
        Err(error) if is_shortage(&error) => return Err(error),
        Err(_) => return Ok(false),
    }
    Ok(match start.strip_prefix(b"ref:") {
        Some(name) => name.trim_ascii_start().starts_with(b"refs/"),
        None => start.len() >= 40 && start[..40].iter().all(u8::is_ascii_hexdigit),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// What is done to a repository that lies beside another one.
    type Change = fn(&Path, &Path) -> io::Result<()>;

    /// Puts a link in the place of something.
    fn link(own: &Path, name: &str, to: &Path) -> io::Result<()> {
        fs::rename(own.join(name), own.join("moved"))?;
        symlink(to, own.join(name))
    }

    fn head(own: &Path, text: &str) -> io::Result<()> {
        fs::write(own.join("HEAD"), text)
    }

    const ID: &str = "0123456789abcdef0123456789abcdef01234567";
    const CASES: &[(&str, Change, bool)] = &[
        ("as git makes it", |_, _| Ok(()), true),
        ("a HEAD of a commit", |own, _| head(own, ID), true),
        ("an empty HEAD", |own, _| head(own, ""), false),
        ("a HEAD of words", |own, _| head(own, "ref: main\n"), false),
        ("a HEAD that is cut", |own, _| head(own, &ID[1..]), false),
        ("a HEAD that is a link", |own, _| link(own, "HEAD", Path::new("moved")), false),
        ("no refs", |own, _| fs::remove_dir(own.join("refs")), false),
        ("no objects", |own, _| fs::remove_dir(own.join("objects")), false),
        ("refs of another", |own, other| link(own, "refs", &other.join("refs")), false),
        ("objects of another", |own, other| link(own, "objects", &other.join("objects")), false),
        ("a worktree", |own, _| fs::write(own.join("commondir"), "../other.git\n"), false),
        ("another one by a file", |own, _| fs::write(own.join(".git"), "gitdir: x\n"), false),
        ("another one by a link", |own, other| symlink(other, own.join(".git")), false),
        ("a link to nothing", |own, _| symlink("nothing", own.join(".git")), false),
    ];

    #[test]
    fn what_git_takes_for_a_repository() {
        let root = tempfile::tempdir().unwrap();
        let [own, other] = ["own.git", "other.git"].map(|name| root.path().join(name));
        let make = |path: &Path| {
            fs::create_dir_all(path.join("objects")).unwrap();
            fs::create_dir_all(path.join("refs")).unwrap();
            head(path, "ref: refs/heads/main\n").unwrap();
        };
        make(&other);
        for (what, change, expected) in CASES {
            make(&own);
            change(&own, &other).unwrap();
            assert_eq!(is_bare(&own).unwrap(), *expected, "{what}");
            fs::remove_dir_all(&own).unwrap();
        }
    }
}
