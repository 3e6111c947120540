//! Mode `stored` and its keys, and passwords that the host proves.

use super::upstream::identity;
use super::{House, LEAST};
use crate::config::{Access, Config, Passwords};
use crate::domain::key::KeyRing;

const MAKE: &str = "make one with: head -c 32 /dev/urandom | base64";

fn stored(lines: &str) -> String {
    identity(&format!("mode = \"stored\"\n{lines}"))
}

fn ids(ring: &KeyRing) -> Vec<String> {
    ring.ids().map(|id| id.to_string()).collect()
}

fn ring(config: &Config) -> Vec<String> {
    ids(&config.keys().expect("keys").ring().expect("a ring"))
}

#[test]
fn keys_from_a_file_or_a_variable() {
    let house = House::new();
    let config = house.config(&stored("key_file = \"$DIR/keys\"\n"));
    assert_eq!(ring(&config), ["75877bb41d393b5f", "72cd6e8422c407fb"]);
    assert_eq!(ring(&house.config(&stored("key_env = \"KEY\"\n"))), ["72cd6e8422c407fb"]);
    assert!(!config.shared_identity() && !config.access.users_by_grants);
    assert!(config.service_user().is_none());
    assert!(house.config(LEAST).keys().is_none());
    let shown = format!("{config:?}");
    for part in ["AgICAg", "010101", "75877bb41d393b5f"] {
        assert!(!shown.contains(part), "{shown}");
    }
}

#[test]
fn keys_that_cannot_be_used() {
    let none = format!(
        "entry 1 is no key, which is 32 bytes in base64 or as 64 hexadecimal digits; {MAKE}"
    );
    let cases = [
        (
            "",
            format!(
                "5:8: `mode`: \"stored\" needs the key that seals the credentials: `key_file` or \
                 `key_env`; {MAKE}"
            ),
        ),
        (
            "key_env = \"KEY\"\nkey_file = \"$DIR/keys\"\n",
            "6:11: `key_file` and `key_env` exclude each other: keep one".to_owned(),
        ),
        ("key_env = 5\n", "6:11: `key_env` is a string, not an integer".to_owned()),
        (
            "key_env = \"s3cret\"\n",
            "6:11: `key_env`: the environment variable that it names is not set".to_owned(),
        ),
        ("key_env = \"SECRET\"\n", format!("6:11: `key_env`: {none}")),
        ("key_env = \"EMPTY\"\n", format!("6:11: `key_env`: there is no key in it; {MAKE}")),
        (
            "key_file = \"s3cret\"\n",
            "6:12: `key_file`: the file cannot be read: No such file or directory (os error 2)"
                .to_owned(),
        ),
        ("key_file = \"$DIR/half-a-key\"\n", format!("6:12: `key_file`: {}", none.replace('1', "2"))),
        ("key_file = \"$DIR/binary\"\n", format!("6:12: `key_file`: {none}")),
        (
            "key_file = \"$DIR/open-keys\"\n",
            "6:12: `key_file`: others than its owner and its group may use \"$DIR/open-keys\" (mode \
             0604); run: chmod 600 \"$DIR/open-keys\""
                .to_owned(),
        ),
        (
            "key_env = \"KEY\"\nservice_user = \"bot\"\n",
            "7:1: `service_user` belongs to mode = \"header\", and the mode is \"stored\"".to_owned(),
        ),
    ];
    let house = House::new();
    for (lines, expected) in &cases {
        house.check(&[(&stored(lines), &[expected])]);
    }
}

#[test]
fn what_only_works_with_the_store_needs_no_key() {
    let house = House::new();
    let text = stored("key_file = \"$DIR/later\"\n");
    let (config, _) = house.load_for(false, &text).expect("a good file");
    let keys = config.keys().expect("keys");
    let error = keys.ring().expect_err("no file").to_string();
    let expected = "[upstream.identity] `key_file`: the file cannot be read: No such file";
    assert!(error.starts_with(expected), "{error}");
    std::fs::copy(house.path("keys"), house.path("later")).unwrap();
    assert_eq!(ring(&config), ["75877bb41d393b5f", "72cd6e8422c407fb"]);
    // What is not rightly said is a mistake all the same.
    assert!(house.load_for(false, &stored("")).is_err());
}

#[test]
fn a_running_server_reads_its_keys_again() {
    let house = House::new();
    std::fs::copy(house.path("keys"), house.path("mine")).unwrap();
    let config = house.config(&stored("key_file = \"$DIR/mine\"\n"));
    let keys = config.keys().expect("keys");
    std::fs::write(house.path("mine"), super::HEX_KEY).unwrap();
    assert_eq!(ids(&keys.read().expect("a ring")), ["72cd6e8422c407fb"]);
    assert_eq!(ring(&config).len(), 2);
    std::fs::write(house.path("mine"), "s3cret").unwrap();
    let error = keys.read().expect_err("no key").to_string();
    assert!(error.contains("entry 1") && !error.contains("s3cret"), "{error}");
}

#[test]
fn who_proves_passwords() {
    let access = |lines: &str| format!("{LEAST}[access]\n{lines}");
    let house = House::new();
    let path = "`password_path`: a path on the host begins with / and has no query, no fragment, no \
                percent escapes and no empty, `.` or `..` segment";
    house.check(&[
        (
            &access("passwords = \"upstream\"\n"),
            &["5:13: `passwords`: \"upstream\" needs `password_path` with this kind of host: a path \
               there that answers 200 to a right name and password and 401 to a wrong one, such as \
               password_path = \"/api/v1/user\" of Gitea"],
        ),
        (
            &access("passwords = \"upstream\"\npassword_path = \"/a?b\"\n"),
            &[&format!("6:17: {path}")],
        ),
        (
            &access("password_path = \"/a\"\n"),
            &["5:1: `password_path` belongs to passwords = \"upstream\", and passwords is \"local\""],
        ),
        (
            &access("passwords = \"host\"\n"),
            &["5:13: `passwords` is one of \"local\", \"upstream\""],
        ),
        (
            "[upstream]\nkind = \"git\"\nrepositories = \"$DIR\"\n[access]\npasswords = \
             \"upstream\"\npassword_path = \"/a\"\n",
            &["5:13: `passwords`: with `repositories` there is no host to ask: set passwords = \
               \"local\""],
        ),
    ]);
    let lines = "passwords = \"upstream\"\npassword_path = \"/api/v1/user\"\n";
    let Access { passwords, .. } = house.config(&access(lines)).access;
    assert_eq!(passwords, Passwords::Upstream { path: "/api/v1/user".to_owned() });
}
