//! `gitlatch grant`.

use crate::house::{ALICE, FOLDER, House};
use serde_json::json;

const GRANTS: &str = r"
grant add alice REPO_WRITE --project team -> 0 out on the project team
grant add alice REPO_WRITE --project team -> 1 err gitlatch: alice has REPO_WRITE on the project team already
grant add alice REPO_READ --project g/s --repo app -> 0 out the repository g/s/app
grant add alice PROJECT_ADMIN --project g/** -> 0 out on the project g/**
grant add alice PROJECT_READ --project * -> 0 out PROJECT_READ everywhere
grant add alice PROJECT_READ -> 1 err gitlatch: alice has PROJECT_READ everywhere already
grant add alice PROJECT_READ --project team --repo app -> 2 err on a project; on the
grant add alice REPO_READ --project g/** --repo app -> 2 err `g/**` means several
grant add alice REPO_READ --repo app -> 2 err --project
grant add alice REPO_FORCE -> 2 err `REPO_FORCE` is no permission; there are PROJECT_READ
grant add alice REPO_READ --project a//b -> 2 err `a//b` is no name for a project: it has an empty part
grant add alice REPO_READ --project team/ -> 2 err `team/` is no name for a project: it has an empty part
grant add alice REPO_READ --project p --repo app.git -> 2 err name it without .git
grant add bob REPO_READ -> 1 err gitlatch: there is no user `bob`
grant remove alice REPO_READ --project team -> 1 err gitlatch: alice has no REPO_READ on the project team
grant remove alice REPO_ADMIN -> 1 err gitlatch: alice has no REPO_ADMIN everywhere
grant remove bob REPO_ADMIN -> 1 err gitlatch: there is no user `bob`
grant remove alice PROJECT_READ -> 0 out alice no longer has PROJECT_READ everywhere
grant list bob -> 1 err gitlatch: there is no user `bob`
";

#[test]
fn grants() {
    let house = House::new(FOLDER);
    house.prepare(&[ALICE]);
    house.check(GRANTS);
    let listed = house.json("grant list alice --json");
    let mut listed = listed.as_array().expect("an array").clone();
    listed.sort_by_key(|grant| grant["project"].to_string());
    let expected = [
        json!({"user": "alice", "permission": "PROJECT_ADMIN", "project": "g/**", "repository": null}),
        json!({"user": "alice", "permission": "REPO_READ", "project": "g/s", "repository": "app"}),
        json!({"user": "alice", "permission": "REPO_WRITE", "project": "team", "repository": null}),
    ];
    assert_eq!(listed, expected);
}
