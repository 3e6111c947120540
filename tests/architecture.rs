//! Holds the code to the import table of ARCHITECTURE.md: a new arrow is a change to the table.
#![expect(
    clippy::unwrap_used,
    reason = "clippy.toml lets tests do so, but does not know helpers of tests for what they are"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

type Table = BTreeMap<String, BTreeSet<String>>;

/// The table under "Who may import whom".
fn allowed() -> Table {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    let section = text.split("## Who may import whom").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| ")).skip(2);
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let names = cells[1].split(',').map(str::trim).filter(|name| *name != "–");
        (cells[0].to_owned(), names.map(str::to_owned).collect())
    })
    .collect()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// What of a file is compiled outside tests. Test modules stand last.
fn without_tests(text: &str) -> &str {
    text.split("\n#[cfg(test)]\nmod ").next().unwrap()
}

/// The modules that follow `crate::`, also within braces (`use crate::{a, b::{c, d}}`).
fn imports(text: &str) -> BTreeSet<String> {
    text.split("crate::").skip(1).flat_map(first_names).collect()
}

fn first_names(path: &str) -> Vec<String> {
    let name = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect()
    };
    let Some(group) = path.strip_prefix('{') else { return vec![name(path)] };
    let mut depth = 0;
    let mut names = vec![name(group)];
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(name(&group[at + 1..])),
            _ => {}
        }
    }
    names
}

#[test]
fn every_arrow_is_in_the_table() {
    let allowed = allowed();
    let modules: BTreeSet<&String> = allowed.keys().collect();
    assert!(modules.len() > 10, "the table was not found");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut drawn = Table::new();
    let mut wrong = Vec::new();
    for (module, may) in &allowed {
        let mut files = Vec::new();
        sources(&root.join(module), &mut files);
        assert!(!files.is_empty(), "{module} has no sources");
        for file in files.iter().filter(|file| !file.ends_with("tests.rs")) {
            let text = fs::read_to_string(file).unwrap();
            for import in imports(without_tests(&text)) {
                let elsewhere = import != *module && modules.contains(&import);
                let open = import == "domain" && module != "domain";
                if elsewhere && !open && !may.contains(&import) {
                    wrong.push(format!("{} imports {import}", file.display()));
                }
                drawn.entry(module.clone()).or_default().insert(import);
            }
        }
    }
    assert!(wrong.is_empty(), "not in ARCHITECTURE.md's table:\n{}", wrong.join("\n"));
    for (module, arrows) in &allowed {
        let unused: Vec<_> =
            arrows.difference(drawn.entry(module.clone()).or_default()).cloned().collect();
        assert!(unused.is_empty(), "{module} imports {unused:?} no more: take it off the table");
    }
}

#[test]
fn every_module_is_in_the_table() {
    let allowed = allowed();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let known = ["lib", "main"].contains(&name.as_str()) || allowed.contains_key(&name);
        assert!(known, "src/{name} is not in ARCHITECTURE.md's table");
    }
}

#[test]
fn the_reader_of_imports_reads() {
    let read = |text: &str| imports(text).into_iter().collect::<Vec<_>>().join(" ");
    assert_eq!(read("use crate::store::X;"), "store");
    assert_eq!(read("use crate::{auth, gate::{A, b}, store};"), "auth gate store");
    assert_eq!(read("let x = crate::forward::find();"), "forward");
    assert_eq!(without_tests("a\n#[cfg(test)]\nmod tests { use crate::cli; }"), "a");
}
