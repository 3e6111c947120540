//! `gitlatch rules`.

use crate::house::{FOLDER, House};
use serde_json::json;

#[test]
fn rules() {
    let house = House::new(FOLDER);
    house.check(
        r"
rules -> 0 out RULE                 METHODS    NEED        PATH
rules -> 0 out git.head             GET, HEAD  REPO_READ
rules -> 0 out git.push             POST       REPO_WRITE
rules -> 0 out lfs.batch            POST       REPO_READ
rules -> 0 out lfs.upload-sized     PUT        REPO_WRITE  /{project}/{repo}.git/info/lfs/objects/{64 hex}/{number}
rules -> 0 out lfs.unlock           POST       REPO_WRITE  /{project}/{repo}.git/info/lfs/locks/{id}/unlock
rules --kind git -> 0 out git.push
rules --kind svn -> 2 err possible values: git
",
    );
    let rules = house.json("rules --json");
    let push = rules.as_array().expect("an array").iter().find(|row| row["rule"] == "git.push");
    let expected = json!({
        "rule": "git.push",
        "method": "POST",
        "methods": ["POST"],
        "path": "/{project}/{repo}.git/git-receive-pack",
        "action": "push",
        "need": "REPO_WRITE",
        "note": "push",
    });
    assert_eq!(push, Some(&expected));
    let head = rules.as_array().expect("an array").iter().find(|row| row["rule"] == "git.head");
    let head = head.expect("git.head");
    assert_eq!((&head["method"], &head["methods"]), (&json!("GET"), &json!(["GET", "HEAD"])));
}
