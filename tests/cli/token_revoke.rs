//! `gitlatch token revoke`, by number, by secret, and all of an owner's.

use crate::house::{ALICE, FOLDER, House};
use serde_json::json;

const WRONG: &str = r"
token revoke -> 2 err <ID>...
token revoke --all -> 2 err --secret-stdin
token revoke 1 --all -> 2 err cannot be used with
token revoke --owner alice -> 2 err --all
token revoke --project team -> 2 err --project revokes every token there: say so with --all
token revoke --repo app --all -> 2 err --project
token revoke 1 --owner alice --all -> 2 err cannot be used with
token revoke --owner alice --project team --all -> 2 err cannot be used with
token revoke --secret-stdin --all < x -> 2 err cannot be used with
token revoke --secret-stdin 1 < x -> 2 err cannot be used with
token revoke --secret-stdin -> 2 err has no secret on its first line
token revoke --project * --all -> 2 err there is no token for all
token revoke --owner nobody --all -> 1 err gitlatch: there is no user `nobody`
token revoke --project empty --all -> 0 out project empty has no token to revoke
token revoke --project empty --all --json -> 0 out []
";

#[test]
fn wrong_calls_revoke_nothing() {
    let house = House::new(FOLDER);
    house.prepare(&[ALICE, ("token create --project team --name one", "")]);
    house.check(WRONG);
    house.check("token show 1 -> 0 out live");
}

#[test]
fn several_numbers() {
    let house = House::new(FOLDER);
    for name in ["a", "b", "c"] {
        house.prepare(&[(&format!("token create --project team --name {name}"), "")]);
    }
    let ended = house.run("token revoke 1 9 2 1", "");
    assert_eq!(ended.status, 1, "{ended:?}");
    let said = "token 1 `a` of project team is revoked\ntoken 2 `b` of project team is revoked\n";
    assert_eq!(
        (ended.out.as_str(), ended.err.as_str()),
        (said, "gitlatch: there is no token `9`\n")
    );
    house.check("token revoke 1 -> 1 err gitlatch: token 1 is revoked already");
    let revoked = house.json("token revoke 3 --json");
    assert_eq!(revoked.as_array().map(Vec::len), Some(1));
    assert_eq!((&revoked[0]["id"], revoked[0]["revokedDate"].is_i64()), (&json!("3"), true));
    assert_eq!(revoked[0], house.json("token show 3 --json"));
}

/// Every line: which are revoked, and the numbers of those.
const OF_OWNERS: &[(&str, &str)] = &[
    ("--owner alice --all", "1 2"),
    ("--user Alice --all", "1 2"),
    ("--project team --all", "3 4"),
    ("--project team --repo app --all", "4"),
    ("--project team/sub --all", "5"),
    ("--project team/** --all", "3 4 5 6"),
    ("--project Team --all", ""),
];

#[test]
fn all_of_an_owner() {
    for (which, expected) in OF_OWNERS {
        let house = House::new(FOLDER);
        let create = "token create --user alice --password-stdin --name";
        house.prepare(&[
            ALICE,
            ("grant add alice REPO_READ", ""),
            (&format!("{create} a"), "correct horse\n"),
            (&format!("{create} b"), "correct horse\n"),
            ("token create --project team --name c", ""),
            ("token create --project team --repo app --name d", ""),
            ("token create --project team/sub --repo app --name e", ""),
            ("token create --project team/** --name f", ""),
            ("token create --project other --name g", ""),
        ]);
        let ids = house.ids(&format!("token revoke --json {which}"));
        assert_eq!(ids.join(" "), *expected, "{which}");
        assert_eq!(house.ids("token list --json").len(), 7 - ids.len(), "{which}");
    }
}

#[test]
fn a_token_is_revoked_by_its_secret() {
    let house = House::new(FOLDER);
    let secret = |arguments: &str| {
        let token = house.json(&format!("{arguments} --json"));
        token["token"].as_str().expect("a secret").to_owned()
    };
    let first = secret("token create --project team --name leaked");
    let second = secret("token create --project team --name other");
    let revoke = |input: &str| house.run("token revoke --secret-stdin", input);
    let (body, last) = first.split_at(first.len() - 1);
    let mistyped = format!("{body}{}", if last == "0" { "1" } else { "0" });
    let foreign = secret_of_another_house();
    for (input, said) in [
        ("correct horse", "this is no gitlatch token: those begin with latu_, latp_ or latr_"),
        (mistyped.as_str(), "its check digits do not hold"),
        (foreign.as_str(), "no token here has it"),
    ] {
        let ended = revoke(input);
        assert_eq!((ended.status, ended.out.as_str()), (1, ""), "{ended:?}");
        assert!(ended.err.contains(said) && ended.err.contains("nothing is revoked"), "{ended:?}");
        assert!(!ended.err.contains(input), "{ended:?}");
    }
    assert_eq!(house.ids("token list --json"), ["1", "2"]);
    let ended = revoke(&format!("  {first} \r\n"));
    assert_eq!(ended.out, "token 1 `leaked` of project team is revoked\n");
    let again = revoke(&first);
    let said = "token 1 `leaked` of project team was revoked already, 20";
    assert!(again.status == 0 && again.out.starts_with(said), "{again:?}");
    let json = house.json_of("token revoke --secret-stdin --json", &first);
    assert_eq!((&json[0]["id"], json[0]["revokedDate"].is_i64()), (&json!("1"), true));
    let json = house.json_of("token revoke --secret-stdin --json", &second);
    assert_eq!((&json[0]["id"], json[0]["revokedDate"].is_i64()), (&json!("2"), true));
}

fn secret_of_another_house() -> String {
    let house = House::new(FOLDER);
    let token = house.json("token create --project team --name a --json");
    token["token"].as_str().expect("a secret").to_owned()
}
