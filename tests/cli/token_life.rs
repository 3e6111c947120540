//! `gitlatch token list`, `show`, `edit` and `revoke`.

use crate::house::{ALICE, FOLDER, House};

const LIFE: &str = r"
token list -> 0 out ID  NAME   OWNER                PERMISSIONS                LIMITS
token show 2 -> 0 out from         10.0.0.0/8
token show 2 -> 0 out last used    never
token show 9 -> 1 err gitlatch: there is no token `9`
token show x -> 2 err a token is named by its number
token edit 1 -> 2 err --name <TEXT>|--permission <PERMISSION>
token edit 9 --name x -> 1 err gitlatch: there is no token `9`
token edit 1 --name uno -> 0 out token 1 `uno` of project team: PROJECT_ADMIN, REPO_ADMIN
token edit 1 --permission PROJECT_READ REPO_WRITE -> 0 out token 1 `uno` of project team: PROJECT_READ, REPO_WRITE
token edit --permission REPO_READ 1 -> 2 err gitlatch token edit 1 --permission
token edit --permission=REPO_READ --name uno 1 -> 0 out REPO_READ
token edit 1 --permission REPO_READ -> 0 out token 1 `uno` of project team: REPO_READ
token edit 2 --permission PROJECT_READ -> 1 err a repository token has no project permission
token edit 1 --permission PROJECT_ADMIN --permission REPO_READ -> 1 err the repository permission is at least the project permission
token edit 1 --expires-in 90d -> 2 err unexpected argument
token revoke 1 -> 0 out token 1 `uno` of project team is revoked
token revoke 1 -> 1 err gitlatch: token 1 is revoked already
token edit 1 --name x -> 1 err gitlatch: token 1 is revoked, which is for good
token revoke 9 -> 1 err gitlatch: there is no token `9`
token show 1 -> 0 out expires      never
token show 1 -> 0 out state        revoked 20
token list --all -> 0 out revoked 20
token list --user nobody -> 1 err gitlatch: there is no user `nobody`
token list --user alice --project team -> 2 err cannot be used with
";

#[test]
fn the_life_of_a_token() {
    let house = House::new(FOLDER);
    house.prepare(&[
        ("token create --project team --name one", ""),
        ("token create --project team --repo app --name two --from 10.0.0.0/8", ""),
        ("token create --project other --name three --permission REPO_READ", ""),
    ]);
    house.check(LIFE);
    let ids = |arguments: &str| house.ids(&format!("token list --json {arguments}"));
    assert_eq!(ids(""), ["2", "3"]);
    assert_eq!(ids("--all"), ["1", "2", "3"]);
    assert_eq!(ids("--project team --all"), ["1"]);
    assert_eq!(ids("--project team --repo app"), ["2"]);
    house.prepare(&[ALICE]);
    assert_eq!(ids("--user alice"), [""; 0]);
    assert!(house.json("token show 1 --json")["revokedDate"].is_i64());
}

const SUSPENSION: &str = r"
token suspend 1 -> 0 out token 1 `one` of project team is suspended, until: gitlatch token resume 1
token suspend 1 -> 1 err gitlatch: token 1 is suspended already
token show 1 -> 0 out state        suspended 20
token list -> 0 out suspended 20
token rotate 1 -> 1 err gitlatch: token 1 is suspended; resume it first
explain --token 1 GET /base/team/r.git/HEAD -> 1 out refused
token resume 1 -> 0 out token 1 `one` of project team is resumed
token resume 1 -> 1 err gitlatch: token 1 is not suspended
token show 1 -> 0 out state        live
explain --token 1 GET /base/team/r.git/HEAD -> 0 out allowed
token suspend 9 -> 1 err gitlatch: there is no token `9`
token resume 9 -> 1 err gitlatch: there is no token `9`
token suspend x -> 2 err a token is named by its number
token suspend -> 2 err <ID>
token revoke 1 -> 0 out is revoked
token suspend 1 -> 1 err gitlatch: token 1 is revoked, which is for good
token resume 1 -> 1 err gitlatch: token 1 is revoked, which is for good
";

#[test]
fn a_token_is_suspended_and_resumed() {
    let house = House::new(FOLDER);
    house.prepare(&[("token create --project team --name one", "")]);
    house.check(SUSPENSION);
    house.prepare(&[("token create --project team --name two", ""), ("token suspend 2", "")]);
    assert!(house.json("token show 2 --json")["suspendedDate"].is_i64());
    assert!(house.json("token show 1 --json").get("suspendedDate").is_none());
}
