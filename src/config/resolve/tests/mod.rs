//! A file, and the lines of its report. `$DIR` in both is a folder of the test's own.

mod reading;
mod rules;
mod upstream;

use super::{Environment, load};
use crate::config::{Config, Report};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The least that a file says.
const LEAST: &str = "[upstream]\nkind = \"git\"\nurl = \"http://127.0.0.1:3000\"\n";

/// A folder for one test, with files that cases name.
struct House {
    dir: TempDir,
}

impl House {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let house = Self { dir };
        std::fs::set_permissions(house.path(""), PermissionsExt::from_mode(0o700)).unwrap();
        for (name, mode, content) in [
            ("cert.pem", 0o644, "certificate"),
            ("key.pem", 0o600, "key"),
            ("open-key.pem", 0o644, "key"),
            ("open.db", 0o644, ""),
            ("secret", 0o600, "s3cret pass\r\nsecond line\n"),
            ("word", 0o400, "s3cret"),
            ("empty", 0o600, "\ns3cret"),
            ("binary", 0o600, "s3cr\u{e9}t"),
            ("control", 0o600, "s3cr\tet"),
            ("token", 0o600, "latu_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        ] {
            std::fs::write(house.path(name), content).unwrap();
            std::fs::set_permissions(house.path(name), PermissionsExt::from_mode(mode)).unwrap();
        }
        house
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn folder(&self, name: &str) {
        std::fs::create_dir_all(self.path(name)).unwrap();
    }

    fn load(&self, toml: &str) -> Result<(Config, Report), Report> {
        let dir = self.dir.path().to_str().unwrap();
        let mut toml = toml.replace("$DIR", dir);
        if !toml.contains("[store]") {
            // Below, so that no position moves.
            toml = format!("{toml}\n[store]\npath = \"{dir}/gitlatch.db\"\n");
        }
        let file = self.path("proxy.toml");
        std::fs::write(&file, toml).unwrap();
        load(&file, &Environment { variable: &variable, for_serving: true })
    }

    /// The configuration of a file without errors.
    fn config(&self, toml: &str) -> Config {
        match self.load(toml) {
            Ok((config, _)) => config,
            Err(report) => panic!("{report}"),
        }
    }

    /// The report, without the folder in front.
    fn report(&self, toml: &str) -> String {
        let report = match self.load(toml) {
            Ok((_, report)) => {
                assert!(!report.has_errors());
                report
            }
            Err(report) => {
                assert!(report.has_errors());
                report
            }
        };
        let text = report.to_string();
        assert!(!text.contains("s3cr"), "a secret stands in: {text}");
        let dir = self.dir.path().to_str().unwrap();
        text.replace(&format!("{dir}/proxy.toml"), "proxy.toml").replace(dir, "$DIR")
    }

    /// Holds each file to its report; in `expected` the file's name is left out.
    fn check(&self, cases: &[(&str, &[&str])]) {
        for (toml, expected) in cases {
            let report = self.report(toml);
            let lines: Vec<_> =
                report.lines().map(|line| line.trim_start_matches("proxy.toml:")).collect();
            assert_eq!(&lines, expected, "\n{toml}");
        }
    }
}

fn variable(name: &str) -> Option<String> {
    match name {
        "SECRET" => Some("s3cret".to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    }
}

#[test]
fn a_missing_file_is_named() {
    let path = Path::new("/nowhere/proxy.toml");
    let report = load(path, &Environment::process()).unwrap_err().to_string();
    let expected = "/nowhere/proxy.toml:1:1: cannot read \"/nowhere/proxy.toml\": ";
    assert!(report.starts_with(expected), "{report}");
}
