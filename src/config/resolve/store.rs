//! `[store]`: the database file and its folder.

use super::files;
use crate::config::Store;
use crate::config::read::{Found, Section};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Reads the section.
pub(super) fn read(section: &mut Section<'_>) -> Option<Store> {
    let path = section.path("path")?;
    check_file(section, &path);
    check_folder(section, &path);
    Some(Store { path: path.value })
}

fn check_file(section: &mut Section<'_>, path: &Found<PathBuf>) {
    // One that does not exist is created.
    let Ok(metadata) = std::fs::metadata(&path.value) else { return };
    let fault = if metadata.is_file() {
        files::private(&path.value, &metadata, files::Besides::Nobody)
    } else {
        Err("it is no regular file".to_owned())
    };
    if let Err(fault) = fault {
        section.notes.error(path.place, format!("`path`: {fault}"));
    }
}

fn check_folder(section: &mut Section<'_>, path: &Found<PathBuf>) {
    let folder = match path.value.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let mode = match std::fs::metadata(folder) {
        Ok(metadata) if metadata.is_dir() => metadata.permissions().mode(),
        _ => {
            let text = format!("`path`: the folder {} does not exist", files::quoted(folder));
            return section.notes.error(path.place, text);
        }
    };
    // Under the sticky bit others may add files, and replace none.
    if mode & 0o022 != 0 && mode & 0o1000 == 0 {
        let folder = files::quoted(folder);
        let text = format!(
            "`path`: others than its owner may replace files in {folder}, the database too; \
             run: chmod go-w {folder}"
        );
        section.notes.warning(path.place, text);
    }
}
