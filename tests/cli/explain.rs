//! `gitlatch explain`.

use crate::house::{ALICE, FOLDER, House, REMOTE};
use serde_json::json;

const EXPLAIN: &str = r#"
explain --permission REPO_READ GET /base/t/r.git/info/refs?service=git-upload-pack -> 0 out verdict     allowed
explain --permission REPO_READ GET https://h:1/base/t/r.git/HEAD -> 0 out request     GET /base/t/r.git/HEAD
explain --permission REPO_READ POST /base/t/r.git/git-receive-pack -> 1 out this needs REPO_WRITE on t/r; the token has REPO_READ
explain --permission REPO_READ GET /t/r.git/HEAD -> 1 out the path is not below `/base/`
explain --permission REPO_READ DELETE /base/t/r.git/HEAD -> 1 out refused (405)
explain --permission REPO_READ GET /base/t/../r.git/HEAD -> 1 out refused (400)
explain --permission REPO_READ GET /base/-/gitlatch/ -> 1 out why      tokens are not managed with a token
explain --permission REPO_READ GET /base/t/r -> 1 out kind = "git" knows no such path; a repository's URL is …/PROJECT/REPOSITORY.git
explain --permission REPO_READ POST /base/t/r.git/info/lfs/objects/batch -> 1 out refused (501)
explain --permission REPO_READ PUT /base/t/r.git/info/lfs/objects/abababababababababababababababababababababababababababababababab -> 1 out this needs REPO_WRITE on t/r
explain --permission REPO_READ GET /base/t/r.git/info/lfs/objects -> 1 out knows no such path
explain --permission REPO_READ POST /base/t/r.git/info/lfs/objects/batch -> 1 out Git LFS is not served here: git brings no LFS server for `repositories`; an operator names one with `lfs_url`
explain --permission REPO_READ REPO_WRITE GET /base/t/r.git/HEAD -> 2 err error: 
explain --permission REPO_READ GET t/r.git/HEAD -> 2 err a URL begins with /
explain --permission READ GET / -> 2 err `READ` is no permission
explain --permission PROJECT_ADMIN --permission REPO_READ GET / -> 1 err gitlatch: the repository permission is at least the project permission
explain GET / -> 2 err --token-stdin|--token <ID>|--permission <PERMISSION>
explain --token 1 GET /base/team/r.git/HEAD -> 0 out verdict     allowed
explain --token 1 GET /base/other/r.git/HEAD -> 1 out the token belongs to project team and reaches
explain --token 2 GET /base/team/r.git/HEAD -> 1 out this client shows none
explain --token 2 --from 10.9.9.9 GET /base/team/r.git/HEAD -> 0 out verdict     allowed
explain --token 2 --from 11.9.9.9 GET /base/team/r.git/HEAD -> 1 out may not be used from 11.9.9.9
explain --token 3 GET /base/team/r.git/HEAD -> 1 out the token is limited to team !team/r
explain --token 4 GET /base/team/r.git/HEAD -> 0 out the grants of user alice contain REPO_READ
explain --token 4 GET /base/other/r.git/HEAD -> 1 out owner alice has no rights there
explain --token 9 GET / -> 1 err gitlatch: there is no token `9`
explain --token-stdin GET / < password -> 1 err this is no gitlatch token
explain --token-stdin GET / < latu_000000000000000000000000000000000000 -> 1 err is mistyped
explain --token-stdin GET / < latu_0000000000000000000000000000001vo4SB -> 1 err it is unknown or revoked
"#;

#[test]
fn explain() {
    let house = House::new(FOLDER);
    house.prepare(&[
        ALICE,
        ("grant add alice REPO_READ --project team", ""),
        ("token create --project team --name one", ""),
        ("token create --project team --name two --from 10.0.0.0/8", ""),
        ("token create --project team --name three --only team --only !team/r", ""),
        (
            "token create --user alice --password-stdin --name four --permission REPO_ADMIN",
            "correct horse",
        ),
    ]);
    house.check(EXPLAIN);
    let explained =
        house.json("explain --json --permission REPO_WRITE POST /base/t/r.git/git-receive-pack");
    let expected = json!({
        "request": "POST /base/t/r.git/git-receive-pack",
        "rule": "git.push",
        "note": "push",
        "action": "push",
        "repository": "t/r",
        "need": "REPO_WRITE",
        "have": "REPO_WRITE",
        "verdict": "allowed",
        "status": null,
        "why": "the permissions contain REPO_WRITE; the rights of an owner are not looked at",
    });
    assert_eq!(explained, expected);
}

#[test]
fn a_presented_token_is_explained_like_its_number() {
    let house = House::new(FOLDER);
    let token = house.json("token create --project team --name one --json");
    let secret = token["token"].as_str().expect("a secret");
    let url = "/base/team/r.git/info/refs?service=git-receive-pack";
    let presented = house.run(&format!("explain --token-stdin GET {url}"), &format!("{secret}\n"));
    assert_eq!(presented, house.run(&format!("explain --token 1 GET {url}"), ""));
    assert!(
        presented
            .out
            .contains("have        PROJECT_ADMIN, REPO_ADMIN (token 1 `one` of project team)\n")
    );

    let leaked = house.run(&format!("explain --permission REPO_READ GET /base/{secret}"), "");
    assert!(leaked.status == 1 && !leaked.out.contains(secret), "{leaked:?}");

    house.prepare(&[("token revoke 1", "")]);
    let explained = house.run(&format!("explain --json --token 1 GET {url}"), "");
    let explained: serde_json::Value = serde_json::from_str(&explained.out).expect("JSON");
    assert_eq!(explained["rule"], "git.push-refs");
    assert_eq!((&explained["verdict"], &explained["status"]), (&json!("refused"), &json!(401)));
    let why = explained["why"].as_str().expect("a reason");
    assert!(why.starts_with("the token was revoked on 20"), "{why}");
    house.check(
        r"
explain --token 1 GET /base/team/r.git/HEAD -> 1 out verdict     refused (401)
explain --token 1 GET /base/team/r.git/HEAD -> 1 out (token 1 `one` of project team)
explain --token 1 GET /base/none -> 1 out refused (401)
explain --token 1 GET /base/x/../y -> 1 out refused (400)
",
    );
    let revoked = house.run(&format!("explain --token-stdin GET {url}"), secret);
    assert!(revoked.status == 1 && revoked.err.contains("unknown or revoked"), "{revoked:?}");
}

#[test]
fn where_the_host_enforces_rights_grants_are_not_asked() {
    let house = House::new(REMOTE);
    let create = "token create --user alice --password-stdin --name a --permission REPO_READ";
    house.prepare(&[ALICE, (create, "correct horse")]);
    house.check(
        r"
explain --token 1 GET /any/r.git/HEAD -> 0 out may is for the host to say
explain --token 1 POST /any/r.git/info/lfs/objects/batch -> 0 out an upload, as its body says, needs REPO_WRITE
explain --token 1 POST /any/r.git/info/lfs/locks -> 1 out this needs REPO_WRITE on any/r
user disable alice -> 0 out user alice is disabled
explain --token 1 GET /any/r.git/HEAD -> 1 out refused (401)
explain --token 1 GET /any/r.git/HEAD -> 1 out the token's owner, user alice, is disabled
",
    );
}
