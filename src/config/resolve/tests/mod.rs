//! A file, and the lines of its report. `$DIR` in both is a folder of the test's own.

mod host_tls;
mod own;
mod reading;
mod rules;
mod stored;
mod upstream;

use super::{Environment, load};
use crate::config::{Config, Report};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The least that a file says.
const LEAST: &str = "[upstream]\nkind = \"git\"\nurl = \"http://127.0.0.1:3000\"\n";

/// 32 bytes of 1, of which `printf '\1%.0s' $(seq 32) | sha256sum` tells the id: 72cd6e8422c407fb.
const HEX_KEY: &str = "0101010101010101010101010101010101010101010101010101010101010101";
/// 32 bytes of 2, whose id is 75877bb41d393b5f.
const BASE64_KEY: &str = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";

/// A folder for one test, with files that cases name.
struct House {
    dir: TempDir,
}

impl House {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let house = Self { dir };
        std::fs::set_permissions(house.path(""), PermissionsExt::from_mode(0o700)).unwrap();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (cert, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        for (name, mode, content) in [
            ("cert.pem", 0o644, cert.as_str()),
            ("key.pem", 0o600, key.as_str()),
            ("open-key.pem", 0o644, key.as_str()),
            ("open.db", 0o644, ""),
            ("secret", 0o600, "s3cret pass\r\nsecond line\n"),
            ("word", 0o400, "s3cret"),
            ("empty", 0o600, "\ns3cret"),
            ("binary", 0o600, "s3cr\u{e9}t"),
            ("control", 0o600, "s3cr\tet"),
            ("keys", 0o640, "# new, then old\n$BASE64\n$HEX\n"),
            ("open-keys", 0o604, "$HEX\n"),
            ("half-a-key", 0o600, "# new\n$BASE64\ns3cret\n"),
            ("token", 0o600, "latu_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        ] {
            let content = content.replace("$BASE64", BASE64_KEY).replace("$HEX", HEX_KEY);
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
        self.load_for(true, toml)
    }

    fn load_for(&self, for_serving: bool, toml: &str) -> Result<(Config, Report), Report> {
        let dir = self.dir.path().to_str().unwrap();
        let mut toml = toml.replace("$DIR", dir);
        if !toml.contains("[store]") {
            // Below, so that no position moves.
            toml = format!("{toml}\n[store]\npath = \"{dir}/gitlatch.db\"\n");
        }
        let file = self.path("proxy.toml");
        std::fs::write(&file, toml).unwrap();
        load(&file, &Environment { variable: &variable, for_serving })
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
        "KEY" => Some(HEX_KEY.to_owned()),
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
