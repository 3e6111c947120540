//! `gitlatch grant`.

use crate::house::{ALICE, FOLDER, House};
use serde_json::{Value, json};

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
grant add --group devs REPO_READ -> 1 err gitlatch: there is no group `devs`
grant list devs --group -> 1 err gitlatch: there is no group `devs`
grant list --group -> 2 err <NAME>
grant list --effective -> 2 err <NAME>
grant list devs --group --effective -> 2 err cannot be used with
grant add --group a:b REPO_READ -> 2 err a group's name is 1 to 64
grant add a:b REPO_READ -> 2 err a user name is 1 to 64
grant list a:b -> 2 err a user name is 1 to 64
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
        right("alice", "PROJECT_ADMIN", "g/**", None),
        right("alice", "REPO_READ", "g/s", Some("app")),
        right("alice", "REPO_WRITE", "team", None),
    ];
    assert_eq!(listed, expected);
}

fn right(user: &str, permission: &str, project: &str, repository: Option<&str>) -> Value {
    json!({
        "user": user,
        "group": null,
        "permission": permission,
        "project": project,
        "repository": repository,
    })
}

const OF_GROUPS: &str = r"
grant add --group devs REPO_WRITE --project team -> 0 out group devs now has REPO_WRITE on the project team
grant add DEVS REPO_WRITE --project team --group -> 1 err gitlatch: group DEVS has REPO_WRITE on the project team already
grant add --group devs PROJECT_READ --project t --repo r -> 2 err on a project; on the
grant add --group devs REPO_READ -> 0 out group devs now has REPO_READ everywhere
grant remove --group devs REPO_ADMIN -> 1 err gitlatch: group devs has no REPO_ADMIN everywhere
grant remove --group devs REPO_READ -> 0 out group devs no longer has REPO_READ everywhere
grant add --group ops PROJECT_ADMIN -> 0 out group ops now has PROJECT_ADMIN everywhere
grant add alice REPO_READ --project other --repo app -> 0 out alice now has
";

#[test]
fn rights_through_groups() {
    let house = House::new(FOLDER);
    house.prepare(&[ALICE, ("group add devs", ""), ("group add ops", "")]);
    house.prepare(&[("group join devs alice", "")]);
    house.check(OF_GROUPS);
    let own = right("alice", "REPO_READ", "other", Some("app"));
    let through = json!({
        "user": null,
        "group": "devs",
        "permission": "REPO_WRITE",
        "project": "team",
        "repository": null,
    });
    assert_eq!(house.json("grant list alice --json"), json!([own]));
    assert_eq!(house.json("grant list devs --group --json"), json!([through]));
    assert_eq!(house.json("grant list Alice --effective --json"), json!([own, through]));
    insta::assert_snapshot!(house.run("grant list", "").out, @r"
    HOLDER      PERMISSION     PROJECT  REPOSITORY
    alice       REPO_READ      other    app
    group devs  REPO_WRITE     team     all
    group ops   PROJECT_ADMIN  *        all
    ");
    insta::assert_snapshot!(house.run("grant list alice --effective", "").out, @r"
    HOLDER      PERMISSION  PROJECT  REPOSITORY
    alice       REPO_READ   other    app
    group devs  REPO_WRITE  team     all
    ");
    // A group's rights are rights that a token can have.
    let create = "token create --user alice --password-stdin --name a --json";
    let token = house.json_of(create, "correct horse\n");
    assert_eq!(token["permissions"], json!(["REPO_WRITE"]));
}
