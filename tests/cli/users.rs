//! `gitlatch user`.

use crate::house::{FOLDER, House};

const USERS: &str = r#"
user list -> 0 note gitlatch: note: there is no store at
user add alice --password-stdin < secret -> 0 out user alice is added
user list -> 0 out NAME   DISPLAY NAME  E-MAIL  ADMIN  ENABLED  ADDED
user add ALICE --password-stdin < secret -> 1 err gitlatch: there is a user `
user add gitlatch --password-stdin < x -> 1 err no person may be called `gitlatch`: tokens of projects and repositories travel under such names (service_user = "gitlatch")
user add x-token-auth --password-stdin < x -> 2 err is reserved
user add a:b --password-stdin < x -> 2 err a user name is 1 to 64
user add bob -> 2 err --password-stdin
user add --help -> 0 out so far this is only shown
user add bob --password-stdin secret < x -> 2 err unexpected argument
user add bob --password-stdin --email bob < x -> 2 err an e-mail address is NAME@HOST
user add bob --password-stdin -> 2 err has no password on its first line
user add bob --password-stdin < latu_000000000000000000000000000000000000 -> 1 err gitlatch: a password may not look like a token
user show bob -> 1 err gitlatch: there is no user `bob`
user show Alice -> 0 out name           alice
user disable alice -> 0 out user alice is disabled; no token of theirs is honoured
user show alice -> 0 out enabled        no
user enable alice -> 0 out user alice is enabled
user passwd alice --password-stdin < other -> 0 out user alice has a new password
user passwd bob --password-stdin < other -> 1 err there is no user `bob`
user disable bob -> 1 err there is no user `bob`
grant add alice REPO_READ -> 0 out alice now has REPO_READ everywhere
token create --user alice --password-stdin --name a < secret -> 1 err wrong user name
token create --user alice --password-stdin --name a < other -> 0 out latu_
user remove alice -> 0 out user alice is removed; 1 token is revoked
user remove alice -> 1 err there is no user `alice`
grant list -> 0 out HOLDER  PERMISSION  PROJECT  REPOSITORY
"#;

#[test]
fn users() {
    House::new(FOLDER).check(USERS);
}

#[test]
fn a_password_has_at_most_1024_bytes() {
    let house = House::new(FOLDER);
    for (length, status) in [(1024, 0), (1025, 2)] {
        let name = format!("user add u{length} --password-stdin");
        assert_eq!(house.run(&name, &format!("{}\r\n", "x".repeat(length))).status, status);
    }
}
