//! Standard output that nobody reads.

use crate::house::{FOLDER, House};
use std::process::{Command, Stdio};

/// Runs a call whose standard output nobody reads.
pub fn unread(house: &House, arguments: &str) -> (Option<i32>, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_gitlatch"))
        .args(arguments.split_whitespace())
        .current_dir(house.path())
        .env_remove("GITLATCH_CONFIG")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("an end");
    (output.status.code(), String::from_utf8(output.stderr).expect("UTF-8"))
}

#[test]
fn a_reader_who_goes_away_is_no_failure() {
    assert_eq!(unread(&House::new(FOLDER), "rules"), (Some(0), String::new()));
}

#[test]
fn a_token_whose_secret_nobody_saw_is_revoked() {
    let house = House::new(FOLDER);
    let (status, error) = unread(&house, "token create --project team --name a --json");
    assert_eq!(status, Some(1), "{error}");
    assert!(error.contains("the secret could not be shown, so the token is revoked"), "{error}");
    house.check("token show 1 -> 0 out revoked");
}
