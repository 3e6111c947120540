//! `gitlatch token rotate`.

use crate::house::{ALICE, FOLDER, House};
use crate::output::unread;
use serde_json::json;

const ROTATION: &str = r"
token rotate 1 --overlap 24 -> 2 err a duration is a whole number and a unit
token rotate -> 2 err <ID>
token rotate x -> 2 err a token is named by its number
token rotate 9 -> 1 err gitlatch: there is no token `9`
token rotate 1 --password-stdin < x -> 2 err token 1 belongs to the project team, who has no password: leave --password-stdin out
token rotate 1 --overlap 24h -> 0 out The old secret, of token 1 `ci` of project team, works until 20
token rotate 1 -> 1 err gitlatch: token 1 was rotated before: token 2 has taken its place
token show 1 -> 0 out replaced by 2 until 20
explain --token 1 GET /base/team/r.git/HEAD -> 0 out allowed
token rotate 2 -> 0 out The old secret, of token 2 `ci` of project team, has ended.
token show 2 -> 0 out replaced by 3
explain --token 2 GET /base/team/r.git/HEAD -> 1 out refused
token rotate 2 -> 1 err gitlatch: token 2 is revoked, which is for good; make a new one
token rotate 3 --overlap 0 -> 0 out has ended.
settings set --allow project=REPO_READ -> 0 out 2 existing tokens break them
token rotate 4 -> 1 err tokens of a project may not have REPO_WRITE here
token show 4 -> 0 out state        live
";

#[test]
fn rotation() {
    let house = House::new(FOLDER);
    house.prepare(&[("token create --project team --name ci --permission REPO_WRITE", "")]);
    house.check(ROTATION);
}

#[test]
fn the_json_of_a_successor() {
    let house = House::new(FOLDER);
    let create = "token create --project team --name ci --permission REPO_READ --only team/** \
                  --from 10.0.0.0/8 --expires-in 1d --json";
    let first = house.json(create);
    let second = house.json("token rotate 1 --overlap 2h --json");
    let ends = second["predecessor"]["endsDate"].as_i64().expect("a date");
    assert_eq!(ends, second["createdDate"].as_i64().expect("a date") + 2 * 3_600_000);
    assert_eq!(second["predecessor"], json!({"id": "1", "endsDate": ends}));
    for same in ["name", "owner", "permissions", "only", "from", "expiryDate"] {
        assert_eq!(second[same], first[same], "{same}");
    }
    assert_ne!(second["token"], first["token"]);
    let before = house.json("token show 1 --json");
    assert_eq!((&before["successor"], &before["endsDate"]), (&json!("2"), &json!(ends)));
    // An expiry within the overlap is the end.
    let third = house.json("token rotate 2 --overlap 30d --json");
    assert_eq!(third["predecessor"], json!({"id": "2", "endsDate": first["expiryDate"]}));
}

#[test]
fn a_users_token_is_rotated_with_that_users_password() {
    let house = House::new(FOLDER);
    house.prepare(&[
        ALICE,
        ("grant add alice REPO_READ", ""),
        ("token create --user alice --password-stdin --name a", "correct horse\n"),
    ]);
    house.check(
        r"
token rotate 1 -> 2 err token 1 is alice's: a new secret for it takes that user's password: --password-stdin
token rotate 1 --password-stdin < wrong -> 1 err gitlatch: wrong user name or password
token rotate 1 --password-stdin < correct horse -> 0 out latu_
",
    );
}

#[test]
fn a_new_secret_that_nobody_saw_is_revoked_and_the_rest_is_said() {
    for (overlap, rest) in [("2h", "works until 20"), ("0", "has ended.")] {
        let house = House::new(FOLDER);
        house.prepare(&[("token create --project team --name ci", "")]);
        let (status, error) = unread(&house, &format!("token rotate 1 --overlap {overlap}"));
        assert_eq!(status, Some(1), "{error}");
        for said in ["the new token 2 is revoked", rest, "gitlatch token create"] {
            assert!(error.contains(said), "{said}: {error}");
        }
        house.check("token show 2 -> 0 out state        revoked");
        let old = house.json("token show 1 --json");
        assert_eq!(old.get("revokedDate").is_some(), overlap == "0");
    }
}
