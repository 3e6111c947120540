//! `gitlatch user`.

use crate::house::{FOLDER, House, REMOTE};

const USERS: &str = r#"
user list -> 0 note gitlatch: note: there is no store at
user add alice --password-stdin < secret -> 0 out user alice is added
user list -> 0 out NAME   DISPLAY NAME  E-MAIL  ADMIN  ENABLED  ADDED
user add ALICE --password-stdin < secret -> 1 err gitlatch: there is a user `
user add gitlatch --password-stdin < x -> 1 err no person may be called `gitlatch`: tokens of projects and repositories travel under such names (service_user = "gitlatch")
user add x-token-auth --password-stdin < x -> 2 err is reserved
user add a:b --password-stdin < x -> 2 err a user name is 1 to 64
user add bob -> 2 err give --password-stdin (it may be left out only where the host proves passwords
user add --help -> 0 out edits and revokes anybody's tokens
user add bob --password-stdin secret < x -> 2 err unexpected argument
user add bob --password-stdin --email bob < x -> 2 err an e-mail address is NAME@HOST
user add bob --password-stdin -> 2 err has no password on its first line
user add bob --password-stdin < latu_000000000000000000000000000000000000 -> 1 err gitlatch: a password may not look like a token
user show bob -> 1 err gitlatch: there is no user `bob`
user show Alice -> 0 out name           alice
user edit alice -> 2 err --display-name <TEXT>|--email <ADDRESS>|--admin <true|false>
user edit alice --display-name Alice --email alice@example.com -> 0 out display name   Alice
user edit alice --admin true -> 0 out administrator  yes
user show alice -> 0 out e-mail         alice@example.com
user edit alice --admin false -> 0 out administrator  no
user edit alice --admin maybe -> 2 err possible values: true, false
user edit alice --email alice -> 2 err an e-mail address is NAME@HOST
user edit bob --admin true -> 1 err gitlatch: there is no user `bob`
user disable alice -> 0 out user alice is disabled; no token stops by it
user show alice -> 0 out enabled        no
user enable alice -> 0 out user alice is enabled
user passwd alice --password-stdin < other -> 0 out user alice has a new password
user passwd bob --password-stdin < other -> 1 err there is no user `bob`
user disable bob -> 1 err there is no user `bob`
grant add alice REPO_READ -> 0 out alice now has REPO_READ everywhere
token create --user alice --password-stdin --name a < secret -> 1 err wrong user name
token create --user alice --password-stdin --name a < other -> 0 out latu_
user disable alice -> 0 out user alice is disabled; 1 token stops
user disable alice -> 0 out user alice is disabled; no token stops by it
user enable alice -> 0 out user alice is enabled
token create --user alice --password-stdin --name b --expires-in 1s < other -> 0 out latu_
token create --user alice --password-stdin --name c < other -> 0 out latu_
token revoke 3 -> 0 out is revoked
token create --user alice --password-stdin --name d < other -> 0 out latu_
user remove alice -> 0 out user alice is removed; 3 tokens are revoked
user remove alice -> 1 err there is no user `alice`
grant list -> 0 out HOLDER  PERMISSION  PROJECT  REPOSITORY
"#;

#[test]
fn users() {
    House::new(FOLDER).check(USERS);
}

#[test]
fn a_password_is_optional_where_the_host_proves_it() {
    let upstream = "[access]\npasswords = \"upstream\"\npassword_path = \"/api/v1/user\"\n";
    House::new(&format!("{REMOTE}{upstream}")).check(
        r"
user add alice -> 0 out user alice is added
user add bob --password-stdin < secret -> 0 out user bob is added
user add carol --password-stdin -> 2 err has no password on its first line
",
    );
}

#[test]
fn a_password_has_at_most_1024_bytes() {
    let house = House::new(FOLDER);
    for (length, status) in [(1024, 0), (1025, 2)] {
        let name = format!("user add u{length} --password-stdin");
        assert_eq!(house.run(&name, &format!("{}\r\n", "x".repeat(length))).status, status);
    }
}
