//! A gitlatch whose clock and disk a test turns while it runs: a library that is loaded before its own
//! functions of the system.

use super::SiteBuilder;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The knobs, in the folder of a site.
pub struct Knobs {
    file: File,
    path: PathBuf,
    library: PathBuf,
}

impl Knobs {
    /// All as it is: no change of the clock, room on the disk.
    pub fn new(folder: &Path) -> Self {
        let (path, library) = (folder.join("knobs"), folder.join("knobs.so"));
        let source = folder.join("knobs.c");
        fs::write(&source, include_str!("knobs.c")).unwrap();
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-o"])
            .args([&library, &source])
            .output()
            .expect("the compiler that SQLite needs as well");
        assert!(built.status.success(), "{built:?}");
        fs::write(&path, [0; 16]).unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        Self { file, path, library }
    }

    /// What the environment of the program says about them.
    pub fn variables(&self) -> [(&'static str, &str); 2] {
        [("LD_PRELOAD", self.library.to_str().unwrap()), ("KNOBS", self.path.to_str().unwrap())]
    }

    /// The program serves with them.
    pub fn on(&self, builder: SiteBuilder) -> SiteBuilder {
        self.variables()
            .iter()
            .fold(builder, |builder, (name, value)| builder.variable(name, value))
    }

    /// By how many seconds the clock is wrong from now on.
    pub fn turn_clock(&self, seconds: i64) {
        self.file.write_all_at(&seconds.to_ne_bytes(), 0).unwrap();
    }

    /// Whether there is no more room on the disk.
    pub fn fill_disk(&self, full: bool) {
        self.file.write_all_at(&i64::from(full).to_ne_bytes(), 8).unwrap();
    }
}
