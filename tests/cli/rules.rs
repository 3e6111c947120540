//! `gitlatch rules`.

use crate::house::{FOLDER, House, REMOTE};
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
rules --kind svn -> 2 err possible values: bitbucket, git
rules --kind bitbucket -> 0 out repo.fork
rules --kind bitbucket -> 0 out any but GET, HEAD
rules --kind bitbucket --json --markdown -> 2 err cannot be used with
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
        "confined": "pass",
        "checks": [],
        "effects": [],
        "note": "push",
    });
    assert_eq!(push, Some(&expected));
    let head = rules.as_array().expect("an array").iter().find(|row| row["rule"] == "git.head");
    let head = head.expect("git.head");
    assert_eq!((&head["method"], &head["methods"]), (&json!("GET"), &json!(["GET", "HEAD"])));
}

/// The operator's rules come first, and `--kind` leaves them out.
#[test]
fn rules_of_the_operator() {
    let own = "[[rule]]\npath = '/rest/keys/**'\ndeny = 'no keys'\n[[rule]]\nmethods = ['GET']\n\
               path = '/rest/x/**'\nallow = 'REPO_READ'\n";
    let house = House::new(&format!("{}\n{own}", REMOTE.replace("\"git\"", "\"bitbucket\"")));
    let rules = house.json("rules --json");
    let expected = json!({
        "rule": "[[rule]] 1",
        "method": "*",
        "methods": [],
        "path": "/rest/keys/**",
        "action": "deny",
        "need": null,
        "confined": "pass",
        "checks": [],
        "effects": [],
        "note": "no keys",
    });
    assert_eq!(rules[0], expected);
    assert_eq!((&rules[1]["need"], &rules[1]["methods"]), (&json!("REPO_READ"), &json!(["GET"])));
    assert_eq!(rules[2]["path"], "/scm/{project}/{repo}.git/info/refs?service=git-upload-pack");
    house.check("rules -> 0 out [[rule]] 1");
    let alone = house.run("rules --kind bitbucket", "");
    assert!(alone.status == 0 && !alone.out.contains("[[rule]]"), "{alone:?}");
}

#[test]
fn rules_of_bitbucket_as_json() {
    let house = House::new(FOLDER);
    let rules = house.json("rules --kind bitbucket --json");
    let rule = |name: &str| {
        let rules = rules.as_array().expect("an array");
        rules.iter().find(|row| row["rule"] == name).expect("a row").clone()
    };
    let expected = json!({
        "rule": "repo.key.add",
        "method": "POST",
        "methods": ["POST"],
        "path": "/rest/keys/{version}/projects/{project}/repos/{repo}/ssh",
        "action": "settings",
        "need": "REPO_ADMIN",
        "confined": "check",
        "checks": [
            "body `repository`: the repository that the path names",
            "body `project`: the project that the path names",
        ],
        "effects": ["outlives-token"],
        "note": "lets a key in",
    });
    assert_eq!(rule("repo.key.add"), expected);
    assert_eq!(rule("git.push")["path"], "/scm/{project}/{repo}.git/git-receive-pack");
    assert_eq!(rule("repo.edit")["effects"], json!(["writes-refs", "commits"]));
    assert_eq!(rule("repo.delete")["effects"], json!(["writes-refs", "ends-name"]));
    assert_eq!(rule("my.inbox")["confined"], "refuse");
    assert_eq!(rule("pr.merge")["need"], "never");
}

/// When it fails, see "Add a row to a dialect" in CONTRIBUTING.md.
#[test]
fn the_reference_is_what_the_table_says() {
    let house = House::new(FOLDER);
    let written = house.run("rules --kind bitbucket --markdown", "");
    let kept = include_str!("../../docs/reference/bitbucket.md");
    assert!(written.status == 0, "{}", written.err);
    assert!(!kept.contains("## Others"), "a row without a section");
    assert!(written.out == kept, "docs/reference/bitbucket.md is not what the table says");
}

/// The block that the reference offers is one that the configuration takes, and it refuses what it says.
#[test]
fn the_rules_of_the_reference_refuse_what_outlives_a_token() {
    let reference = include_str!("../../docs/reference/bitbucket.md");
    let block = reference.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next());
    let config = REMOTE.replace("\"git\"", "\"bitbucket\"");
    let house = House::new(&format!("{config}\n{}", block.expect("a block")));
    let rows = house.json("rules --kind bitbucket --json");
    let rows = rows.as_array().expect("an array");
    let samples = [
        ("{version}", "latest"),
        ("{project}", "KEY"),
        ("{repo}", "app"),
        ("{id}", "17"),
        ("{key}", "com.example:hook"),
        ("{permission}", "PROJECT_READ"),
    ];
    let mut count = 0;
    for row in rows {
        let outlives =
            row["effects"].as_array().expect("an array").contains(&json!("outlives-token"));
        let path = row["path"].as_str().expect("a path").to_owned();
        let path = samples.iter().fold(path, |path, (name, value)| path.replace(name, value));
        let method = row["method"].as_str().expect("a method");
        if outlives {
            let call = format!("explain --permission PROJECT_ADMIN {method} {path}");
            let ended = house.run(&call, "");
            let refused = ended.out.contains("what this makes outlives the token");
            assert!(ended.status == 1 && refused, "{call}: {ended:?}");
            count += 1;
        }
    }
    assert!(count > 15, "{count}");
    house.check(
        "explain --permission PROJECT_ADMIN PUT /rest/api/latest/projects/KEY/repos/app -> 0 out allowed",
    );
}
