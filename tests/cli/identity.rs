//! `gitlatch identity`.

use crate::house::{ALICE, FOLDER, House, REMOTE};
use serde_json::json;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;

/// 32 bytes of 1 and of 2, and by what they are known.
const ONE: (&str, &str) =
    ("0101010101010101010101010101010101010101010101010101010101010101", "72cd6e8422c407fb");
const TWO: (&str, &str) =
    ("0202020202020202020202020202020202020202020202020202020202020202", "75877bb41d393b5f");

/// A house in mode `stored`, with this text in the file of its keys.
fn stored(keys: &str) -> House {
    let (before, _) = REMOTE.split_once("mode =").expect("the mode");
    let house = House::new(&format!("{before}mode = \"stored\"\nkey_file = \"HERE/keys\"\n"));
    write_keys(&house, keys);
    house
}

fn keys(house: &House) -> PathBuf {
    house.path().join("keys")
}

fn write_keys(house: &House, text: &str) {
    std::fs::write(keys(house), text).expect("a file");
    std::fs::set_permissions(keys(house), PermissionsExt::from_mode(0o640)).expect("a mode");
}

const CALLS: &str = r"
identity list -> 0 out OWNER  SCHEME  USER NAME  KEY  SET
identity set --user alice --username Alice.B --secret-stdin < s3cret phrase -> 0 out the credential of the user alice is stored
identity set --project team --bearer --secret-stdin < NDc2.x_y -> 0 out the credential of the project team is stored
identity set --project team --repo app --username bot --secret-stdin < x -> 0 out the credential of the repository team/app is stored
identity set --project team --repo app --username bot2 --secret-stdin < y -> 0 out the credential of the repository team/app is stored
identity list -> 0 out user alice           basic   Alice.B    72cd6e8422c407fb  20
identity set --user bob --bearer --secret-stdin < x -> 1 err gitlatch: there is no user `bob`
identity set --bearer --secret-stdin < x -> 2 err --user <NAME>|--project <KEY>
identity set --user alice --project t --bearer --secret-stdin < x -> 2 err cannot be used with
identity set --user alice --secret-stdin < x -> 2 err --username <NAME>|--bearer
identity set --user alice --username a --bearer --secret-stdin < x -> 2 err cannot be used with
identity set --user alice --bearer -> 2 err --secret-stdin
identity set --user alice --bearer --secret-stdin -> 2 err has no secret on its first line
identity set --user alice --bearer --secret-stdin x < x -> 2 err unexpected argument
identity set --user alice --username a:b --secret-stdin < x -> 2 err no colon and no control characters
identity set --user alice --bearer --secret-stdin < two words -> 1 err a token for the host is printable ASCII without spaces
identity set --user alice --username a --secret-stdin < ä -> 1 err a password for the host is printable ASCII
identity set --user alice --bearer --secret-stdin < latu_000000000000000000000000000000000000 -> 1 err the token is a gitlatch token: it takes one of the host behind gitlatch
identity remove -> 2 err --user <NAME>|--project <KEY>
identity remove --project other -> 1 err gitlatch: there is no stored credential `project other`
identity remove --user bob -> 1 err gitlatch: there is no user `bob`
identity remove --project team -> 0 out the credential of the project team is removed
identity remove --project team -> 1 err gitlatch: there is no stored credential `project team`
";

#[test]
fn credentials_are_stored_listed_and_removed() {
    let house = stored(ONE.0);
    house.prepare(&[ALICE, ("token create --project team --name a", "")]);
    house.check(CALLS);
    let listed = house.json("identity list --json");
    let set = |at: usize| listed[at]["setDate"].as_i64().expect("a date");
    let expected = json!([
        {
            "owner": {"kind": "user", "user": "alice"},
            "scheme": "basic",
            "username": "Alice.B",
            "key": ONE.1,
            "setDate": set(0),
        },
        {
            "owner": {"kind": "repository", "project": "team", "repository": "app"},
            "scheme": "basic",
            "username": "bot2",
            "key": ONE.1,
            "setDate": set(1),
        },
    ]);
    assert_eq!(listed, expected);
    house.prepare(&[("identity set --project p --bearer --secret-stdin", "x")]);
    let listed = house.json("identity list --json");
    let bearer = listed.as_array().expect("an array").iter().find(|one| one["scheme"] == "bearer");
    assert_eq!(bearer.expect("one")["username"], json!(null));
    assert_eq!(
        house.run("identity set --user alice --username a --secret-stdin", "s3cret").status,
        0
    );
    for entry in std::fs::read_dir(house.path()).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            let bytes = std::fs::read(&path).expect("the file");
            assert!(!bytes.windows(6).any(|part| part == b"s3cret"), "{}", path.display());
        }
    }
}

#[test]
fn without_a_key_nothing_is_stored() {
    let house = House::new(FOLDER);
    house.prepare(&[ALICE]);
    house.check(
        r#"
identity set --user alice --bearer --secret-stdin < x -> 1 err gitlatch: the configuration has no key that seals credentials: that takes [upstream.identity] mode = "stored"
identity rekey -> 1 err gitlatch: the configuration has no key that seals credentials
identity list --json -> 0 out []
identity remove --user alice -> 1 err gitlatch: there is no stored credential `user alice`
"#,
    );
}

fn with_credentials(text: &str) -> House {
    let house = stored(text);
    house.prepare(&[
        ALICE,
        ("identity set --user alice --username a --secret-stdin", "one"),
        ("identity set --project team --bearer --secret-stdin", "two"),
    ]);
    house
}

/// The keys that the credentials are sealed with.
fn sealed(house: &House) -> Vec<String> {
    let listed = house.json("identity list --json");
    let keys = listed.as_array().expect("an array").iter().map(|one| &one["key"]);
    keys.map(|key| key.as_str().expect("a key").to_owned()).collect()
}

#[test]
fn one_key_in_a_file_is_replaced() {
    let house = with_credentials(&format!("# of 2026\n{}\n", ONE.0));
    let before = keys(&house).metadata().expect("metadata");
    let ended = house.run("identity rekey", "");
    let said = "2 credentials are sealed with the new key ";
    assert!(ended.status == 0 && ended.out.starts_with(said), "{ended:?}");
    let key = ended.out[said.len()..said.len() + 16].to_owned();
    assert_eq!(sealed(&house), [key.clone(), key.clone()]);
    let text = std::fs::read_to_string(keys(&house)).expect("the file");
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines.len() == 2 && lines[0].len() == 44 && lines[1] == "# of 2026", "{text}");
    let after = keys(&house).metadata().expect("metadata");
    assert_eq!(
        (after.mode(), after.uid(), after.gid()),
        (before.mode(), before.uid(), before.gid())
    );
    assert!(!format!("{ended:?}").contains(lines[0]));
    // Once more: what was sealed anew opens.
    assert_eq!(house.run("identity rekey", "").status, 0);
    assert!(!sealed(&house).contains(&key));
    let names: Vec<_> = std::fs::read_dir(house.path()).expect("a folder").collect();
    // The configuration, the repositories, the keys, the store and its lock: nothing is left over.
    assert_eq!(names.len(), 5, "{names:?}");
}

#[test]
fn a_link_to_the_keys_stays_one() {
    let house = with_credentials(ONE.0);
    let real = house.path().join("real");
    std::fs::rename(keys(&house), &real).expect("a move");
    std::os::unix::fs::symlink(&real, keys(&house)).expect("a link");
    house.prepare(&[("identity rekey", "")]);
    assert!(keys(&house).is_symlink());
    assert!(!std::fs::read_to_string(real).expect("the file").contains(ONE.0));
}

/// Where a `rekey` was cut short, both keys are in the file, and the next one comes to the end.
#[test]
fn of_several_keys_the_first_seals() {
    let house = with_credentials(ONE.0);
    let both = format!("{}\n{}\n", TWO.0, ONE.0);
    write_keys(&house, &both);
    let said = format!(
        "2 credentials are sealed with the first key {}; what else is in `key_file` is not needed any \
         more and may go: {}\n",
        TWO.1, ONE.1
    );
    assert_eq!(house.run("identity rekey", "").out, said);
    assert_eq!(sealed(&house), [TWO.1, TWO.1]);
    assert_eq!(std::fs::read_to_string(keys(&house)).expect("the file"), both);
}

#[test]
fn a_key_that_is_lost_leaves_all_as_it_was() {
    let house = with_credentials(ONE.0);
    write_keys(&house, TWO.0);
    let ended = house.run("identity rekey", "");
    let said = "the credential is sealed with the key 72cd6e8422c407fb, which is not among those";
    assert!(ended.status == 1 && ended.err.contains(said), "{ended:?}");
    assert!(ended.err.contains("the credential of the "), "{ended:?}");
    assert_eq!(sealed(&house), [ONE.1, ONE.1]);
    // The new key stands beside the other one, which opens what it sealed.
    assert!(std::fs::read_to_string(keys(&house)).expect("the file").contains(TWO.0));
}

#[test]
fn keys_in_a_variable() {
    let house = with_credentials(ONE.0);
    let config = std::fs::read_to_string(house.path().join("proxy.toml")).expect("the file");
    let line = format!("key_file = \"{}\"", keys(&house).display());
    house.configure(&config.replace(&line, "key_env = \"GITLATCH_TEST_KEYS\""));
    let unset = house.run("identity rekey", "");
    assert!(unset.status == 1 && unset.err.contains("`key_env`"), "{unset:?}");
    let call = |keys: &str| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_gitlatch"))
            .args(["identity", "rekey"])
            .current_dir(house.path())
            .env_remove("GITLATCH_CONFIG")
            .env("GITLATCH_TEST_KEYS", keys)
            .output();
        String::from_utf8(output.expect("an end").stdout).expect("UTF-8")
    };
    let only =
        format!("2 credentials are sealed with the key {}, the only one in `key_env`", ONE.1);
    assert!(call(ONE.0).starts_with(&only));
    let first = format!("2 credentials are sealed with the first key {}", TWO.1);
    assert!(call(&format!("{} {}", TWO.0, ONE.0)).starts_with(&first));
}
