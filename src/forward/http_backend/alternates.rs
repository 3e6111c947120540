//! Objects that a repository borrows from others (gitrepository-layout, `objects/info/alternates`).
//!
//! git serves them as the repository's own, by name and as `.have` lines, so a token for the borrower
//! would read from repositories that its scope does not hold.

use crate::forward::shortage::is_shortage;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// How deep git follows alternates of alternates (`object-file.c`, `link_alt_odb_entry`).
const DEPTH: usize = 5;

/// Whether the objects in `objects`, or any that they borrow, come from outside `repository`. Both are
/// canonical.
///
/// # Errors
/// When no file descriptors are left to look.
pub(super) fn lead_out(repository: &Path, objects: &Path) -> io::Result<bool> {
    leads_out(repository, objects, DEPTH)
}

fn leads_out(repository: &Path, objects: &Path, depth: usize) -> io::Result<bool> {
    let lines = match fs::read(objects.join("info/alternates")) {
        Ok(lines) => lines,
        Err(error) if is_shortage(&error) => return Err(error),
        Err(error) => return Ok(error.kind() != ErrorKind::NotFound),
    };
    let entries = lines
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty() && !line.starts_with(b"#"));
    for line in entries {
        // What cannot be followed now may be there in a moment. That goes for names in quotes too,
        // which git would unquote: nobody has a folder that is named so.
        let Ok(target) = objects.join(OsStr::from_bytes(line)).canonicalize() else {
            return Ok(true);
        };
        if !target.starts_with(repository)
            || depth == 0
            || leads_out(repository, &target, depth - 1)?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_of_others() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let own = root.join("own.git");
        for folder in ["own.git/objects/info", "own.git/more/info", "other.git/objects"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        let whole = root.join("other.git/objects").to_string_lossy().into_owned();
        // The repository's own lines, those of a folder in it, and whether they lead out.
        let cases = [
            (None, None, false),
            (Some(""), None, false),
            (Some("# ../../other.git/objects\n\n"), None, false),
            (Some("../more\n"), None, false),
            (Some("../more"), Some("# nothing"), false),
            (Some("../../other.git/objects\n"), None, true),
            (Some("../more\n../../other.git/objects"), None, true),
            (Some(whole.as_str()), None, true),
            (Some("../more\n"), Some(whole.as_str()), true),
            (Some("\"../../other.git/objects\"\n"), None, true),
            (Some("/gone\n"), None, true),
            // Its own, for ever.
            (Some("../objects\n"), None, true),
        ];
        for (lines, more, expected) in cases {
            for (folder, lines) in [("objects", lines), ("more", more)] {
                let file = own.join(folder).join("info/alternates");
                match lines {
                    Some(lines) => fs::write(file, lines).unwrap(),
                    None => drop(fs::remove_file(file)),
                }
            }
            let found = lead_out(&own, &own.join("objects")).unwrap();
            assert_eq!(found, expected, "{lines:?} {more:?}");
        }
    }
}
