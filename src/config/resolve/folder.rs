//! A folder of repositories: whether git will serve what lies in it, and under which names.

use super::files::quoted;
use crate::config::mistake::Notes;
use crate::config::read::Found;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// How deep below the folder repositories are looked for.
const DEEPEST: usize = 6;
/// How many folders are looked at.
const MOST_FOLDERS: usize = 2_000;
/// How many repositories of other users are named.
const MOST_NAMED: usize = 5;

/// Checks the folder. `uid` is the user that git will run as.
pub(super) fn check(root: &Found<PathBuf>, uid: u32, notes: &mut Notes) {
    if let Err(cause) = std::fs::read_dir(&root.value) {
        let text = format!("`repositories`: the folder cannot be read: {cause}");
        return notes.error(root.place, text);
    }
    for name in folders(&root.value).iter().filter_map(|folder| folder.file_name()) {
        let why = if name.eq_ignore_ascii_case("scm") {
            "a leading /scm/ is always a prefix"
        } else if name == "-" {
            "`-` stands for the repositories that lie in no folder"
        } else {
            continue;
        };
        let name = quoted(Path::new(name));
        let text = format!("`repositories`: the folder {name} in it needs another name: {why}");
        notes.error(root.place, text);
    }
    let found = foreign(&root.value, uid);
    for (path, owner) in found.repositories.iter().take(MOST_NAMED) {
        let path = quoted(path);
        let text = format!(
            "`repositories`: {path} belongs to another user (uid {owner}), and git refuses to \
             serve what is not its own; run: chown -R {uid} {path}"
        );
        notes.error(root.place, text);
    }
    let more = found.repositories.len().saturating_sub(MOST_NAMED);
    if more > 0 {
        let text = format!("`repositories`: and {more} more repositories of other users");
        notes.error(root.place, text);
    }
    if found.cut_short {
        let text = format!(
            "`repositories`: only {MOST_FOLDERS} folders in it were checked for their owners"
        );
        notes.warning(root.place, text);
    }
}

struct Foreign {
    /// Repositories with their owners.
    repositories: Vec<(PathBuf, u32)>,
    /// Whether there are more folders than were looked at.
    cut_short: bool,
}

/// Repositories below `root` that belong to others. git holds a bare repository's folder to the user
/// that it runs as (`ensure_valid_ownership` in its setup.c).
fn foreign(root: &Path, uid: u32) -> Foreign {
    let mut repositories = Vec::new();
    let mut seen = 0;
    let mut waiting = vec![(root.to_path_buf(), 0)];
    while let Some((folder, depth)) = waiting.pop() {
        for path in folders(&folder) {
            if seen == MOST_FOLDERS {
                return Foreign { repositories, cut_short: true };
            }
            seen += 1;
            if path.extension().is_some_and(|extension| extension == "git") {
                match std::fs::metadata(&path) {
                    Ok(metadata) if metadata.uid() != uid => {
                        repositories.push((path, metadata.uid()));
                    }
                    _ => {}
                }
            } else if depth + 1 < DEEPEST {
                waiting.push((path, depth + 1));
            }
        }
    }
    repositories.sort();
    Foreign { repositories, cut_short: false }
}

/// The folders in `folder`, sorted. What cannot be read holds nothing that could be served.
fn folders(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    paths.sort();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::mistake::Place;

    #[test]
    fn repositories_of_other_users() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        for name in ["a.git/objects/x.git", "team/b.git", "1/2/3/4/5/c.git", "1/2/3/4/5/6/d.git"] {
            std::fs::create_dir_all(at(name)).unwrap();
        }
        let uid = std::fs::metadata(root.path()).unwrap().uid();
        assert!(foreign(root.path(), uid).repositories.is_empty());

        let found = foreign(root.path(), uid + 1);
        let expected = ["1/2/3/4/5/c.git", "a.git", "team/b.git"].map(|name| (at(name), uid));
        assert_eq!(found.repositories, expected);
        assert!(!found.cut_short);
    }

    #[test]
    fn five_are_named() {
        let root = tempfile::tempdir().unwrap();
        for index in 0..7 {
            std::fs::create_dir(root.path().join(format!("{index}.git"))).unwrap();
        }
        let uid = std::fs::metadata(root.path()).unwrap().uid();
        let mut notes = Notes::default();
        let value = root.path().to_path_buf();
        check(&Found { value, place: Place::START, own: true }, uid + 1, &mut notes);
        let report = notes.into_report(PathBuf::from("f")).to_string();
        let lines: Vec<_> = report.lines().collect();
        let path = root.path().join("0.git");
        let first = format!(
            "f:1:1: `repositories`: {path:?} belongs to another user (uid {uid}), and git refuses \
             to serve what is not its own; run: chown -R {} {path:?}",
            uid + 1
        );
        assert_eq!(lines[0], first);
        assert_eq!(lines[5], "f:1:1: `repositories`: and 2 more repositories of other users");
        assert_eq!(lines.len(), 6);
    }
}
