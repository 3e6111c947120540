//! `gitlatch settings`.

use crate::house::{ALICE, FOLDER, House};
use serde_json::{Value, json};

const SETTINGS: &str = r"
settings set -> 2 err --expiry-required
settings set --max-days 0 -> 2 err a number of days, 1 or more, or `none`
settings set --max-days x -> 2 err a number of days, 1 or more, or `none`
settings set --max-tokens 0 -> 2 err a number of tokens, 1 or more, or `none`
settings set --expiry-required maybe -> 2 err possible values: true, false
settings set --allow user -> 2 err `user` is not KIND=PERMISSION,PERMISSION… or KIND=all
settings set --allow people=all -> 2 err KIND is user, project or repository
settings set --allow user=REPO_FORCE -> 2 err `REPO_FORCE` is no permission; there are
settings set --allow project=PROJECT_READ -> 2 err every token has a REPO_… permission
settings set --project t -> 2 err --repository-tokens
settings set --repository-tokens allow -> 2 err --project
settings set --project t --repository-tokens maybe -> 2 err possible values: allow, forbid
settings set --project g/** --repository-tokens allow -> 2 err is no name for a project
settings set --project t --repository-tokens allow --max-days 3 -> 2 err cannot be used with
settings set --expiry-required true --max-days 30 -> 0 out longest lifetime                  30 days
token create --project t --name a -> 1 err must expire here, within 30 days; say when
token create --project t --name a --expires-in 31d -> 1 err at most 30 days here
token create --project t --name a --expires-in 30d -> 0 out latp_
settings set --max-days none -> 0 out expiry of new tokens              required
settings show -> 0 out longest lifetime                  none
settings set --max-tokens 1 -> 0 out tokens of one owner               at most 1
token create --project t --name b --expires-in 1d -> 1 err project t has 1 live tokens, and one owner may have 1 here
settings set --max-tokens none --allow project=REPO_READ,REPO_WRITE -> 0 out permissions of project tokens     REPO_READ, REPO_WRITE
token create --project t --name b --expires-in 1d -> 1 err tokens of a project may not have PROJECT_ADMIN here; they may have REPO_READ, REPO_WRITE
token edit 1 --permission REPO_ADMIN -> 1 err tokens of a project may not have REPO_ADMIN here
token create --project t --name b --expires-in 1d --permission REPO_WRITE -> 0 out latp_
";

#[test]
fn settings() {
    let house = House::new(FOLDER);
    let all =
        ["PROJECT_READ", "PROJECT_WRITE", "PROJECT_ADMIN", "REPO_READ", "REPO_WRITE", "REPO_ADMIN"];
    let shown = |required: bool, project: &[&str]| {
        json!({
            "expiryRequired": required,
            "maxExpiryDays": null,
            "maxTokensPerOwner": null,
            "allowedPermissions": {"user": all, "project": project, "repository": all},
        })
    };
    let first = house.run("settings show --json", "");
    assert_eq!(first.out.trim(), shown(false, &all).to_string());
    house.check(SETTINGS);
    let some = ["REPO_READ", "REPO_WRITE"];
    assert_eq!(house.json("settings show --json"), shown(true, &some));
    house.prepare(&[("settings set --allow project=all --allow user=REPO_READ --max-days 9", "")]);
    let shown = house.json("settings show --json");
    assert_eq!(shown["allowedPermissions"]["user"], json!(["REPO_READ"]));
    assert_eq!(
        (&shown["allowedPermissions"]["project"], &shown["maxExpiryDays"]),
        (&json!(all), &json!(9))
    );
    insta::assert_snapshot!(house.run("settings show", "").out, @r"
    expiry of new tokens              required
    longest lifetime                  9 days
    tokens of one owner               no limit
    permissions of user tokens        REPO_READ
    permissions of project tokens     all
    permissions of repository tokens  all
    ");
}

#[test]
fn what_exists_stays_and_is_counted() {
    let house = House::new(FOLDER);
    house.prepare(&[
        ALICE,
        ("token create --project t --name one", ""),
        ("token create --project t --repo app --name two --expires-in 40d", ""),
        ("token create --project t --repo app --name three --expires-in 1d", ""),
    ]);
    house.check(
        r"
settings set --max-days 400 -> 0 out no existing token breaks them
settings set --max-days 30 -> 0 out 1 existing token breaks them; see: gitlatch token list --breaking-policy
settings set --expiry-required true -> 0 out 2 existing tokens break them; see: gitlatch token list --breaking-policy
token list --breaking-policy --project t -> 0 out tokens must expire here, within 30 days; say when
settings set --project t --repository-tokens forbid -> 0 out 2 tokens that they have stay; see: gitlatch token list --search 'repository t/'
settings set --project other --repository-tokens forbid -> 0 out they have none
token create --project t --repo app --name x --expires-in 1d -> 1 err the administrators of the project t have forbidden tokens of its repositories
settings show --project t -> 0 out tokens of its repositories  forbidden
settings set --project t --repository-tokens allow -> 0 out tokens of its repositories  allowed
token create --project t --repo app --name x --expires-in 1d -> 0 out latr_
",
    );
    let breaking = house.json("token list --breaking-policy --json");
    let breaks = |at: usize| -> &Value { &breaking[at]["breaks"] };
    assert_eq!(breaks(0), "tokens must expire here, within 30 days; say when");
    assert_eq!(breaks(1), "tokens may live at most 30 days here");
    assert_eq!(breaking.as_array().map(Vec::len), Some(2));
    assert!(house.json("token list --json")[0].get("breaks").is_none());
    let shown = house.json("settings show --project other --json");
    assert_eq!(shown, json!({"project": "other", "repositoryTokens": false}));
}
