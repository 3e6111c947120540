//! What a command does to the store, and to whom it shows it.

use crate::house::{ALICE, FOLDER, House, NEW_STORE};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

#[test]
fn a_store_that_others_may_read_is_not_used() {
    let house = House::new(FOLDER);
    house.prepare(&[ALICE]);
    let store = house.path().join("gitlatch.db");
    std::fs::set_permissions(&store, PermissionsExt::from_mode(0o644)).expect("a mode");
    house.check(
        r"
check -> 1 out run: chmod 600
user list -> 1 err run: chmod 600
",
    );
}

#[test]
fn neither_secrets_nor_passwords_are_in_the_store() {
    let house = House::new(FOLDER);
    house.prepare(&[ALICE, ("grant add alice REPO_READ", "")]);
    let create = "token create --user alice --password-stdin --name a --json";
    let token = house.json_of(create, "correct horse\n");
    let secret = token["token"].as_str().expect("a secret");
    let mut seen = 0;
    for entry in std::fs::read_dir(house.path()).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if !name.starts_with("gitlatch.db") {
            continue;
        }
        seen += 1;
        let bytes = std::fs::read(&path).expect("the file");
        for text in [secret, "correct horse"] {
            assert!(!bytes.windows(text.len()).any(|part| part == text.as_bytes()), "{name}");
        }
        let mode = path.metadata().expect("metadata").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{name}");
    }
    assert!(seen > 0);
}

/// What only reads finds nothing, and says why; what needs something that is there fails.
const ABSENT: &str = r"
user list -> 0 note gitlatch: note: there is no store at
user list --json -> 0 note there is no store at
grant list -> 0 note there is no store at
grant list --json -> 0 note there is no store at
token list -> 0 note there is no store at
token list --json -> 0 note there is no store at
settings show -> 0 note there is no store at
settings show --json -> 0 note there is no store at
settings show --project t -> 0 note there is no store at
group list -> 0 note there is no store at
group list --json -> 0 note there is no store at
identity list -> 0 note there is no store at
identity list --json -> 0 note there is no store at
audit -> 0 err gitlatch: note: there is no store at
audit --json -> 0 err gitlatch: note: there is no store at
audit --follow -> 1 err gitlatch: there is no store at
audit verify -> 1 err gitlatch: there is no store at
token list --breaking-policy -> 0 note there is no store at
user edit alice --admin true -> 1 err gitlatch: there is no store at
group remove devs -> 1 err gitlatch: there is no store at
group join devs alice -> 1 err gitlatch: there is no store at
group leave devs alice -> 1 err gitlatch: there is no store at
grant add --group devs REPO_READ -> 1 err gitlatch: there is no store at
identity remove --project t -> 1 err gitlatch: there is no store at
token rotate 1 -> 1 err gitlatch: there is no store at
token suspend 1 -> 1 err gitlatch: there is no store at
token resume 1 -> 1 err gitlatch: there is no store at
token revoke --project t --all -> 1 err gitlatch: there is no store at
token revoke --secret-stdin < x -> 1 err gitlatch: there is no store at
user show alice -> 1 err gitlatch: there is no store at
user disable alice -> 1 err gitlatch: there is no store at
user enable alice -> 1 err gitlatch: there is no store at
user passwd alice --password-stdin < x -> 1 err gitlatch: there is no store at
user remove alice -> 1 err gitlatch: there is no store at
grant add alice REPO_READ -> 1 err gitlatch: there is no store at
grant remove alice REPO_READ -> 1 err gitlatch: there is no store at
token show 1 -> 1 err gitlatch: there is no store at
token edit 1 --name x -> 1 err gitlatch: there is no store at
token revoke 1 -> 1 err gitlatch: there is no store at
explain --token 1 GET / -> 1 err gitlatch: there is no store at
explain --permission REPO_READ GET /base/t/r.git/HEAD -> 0 out allowed
";

#[test]
fn only_what_adds_something_makes_a_store() {
    let house = House::new(FOLDER);
    house.check(ABSENT);
    for (call, answer) in [
        ("user list --json", "[]"),
        ("grant list --json", "[]"),
        ("token list --json", "[]"),
        ("group list --json", "[]"),
        ("identity list --json", "[]"),
        ("token list --breaking-policy --json", "[]"),
        ("audit --json", ""),
        ("settings show --project t --json", r#"{"project":"t","repositoryTokens":true}"#),
    ] {
        assert_eq!(house.run(call, "").out.trim_end(), answer, "{call}");
    }
    assert!(!house.path().join("gitlatch.db").exists());
    for make in [
        "settings set --max-days 9",
        "settings set --project t --repository-tokens forbid",
        "token create --project t --name a",
        "group add devs",
    ] {
        let house = House::new(FOLDER);
        let mut command = Command::new(env!("CARGO_BIN_EXE_gitlatch"));
        command.args(make.split_whitespace()).current_dir(house.path());
        let first = command.env_remove("GITLATCH_CONFIG").output().expect("the program");
        let said = String::from_utf8(first.stderr).expect("UTF-8");
        let path = house.path().join("gitlatch.db");
        assert_eq!(said, format!("{NEW_STORE}{}\n", path.display()), "{make}");
        house.prepare(&[("user list --json", "")]);
    }
}

#[test]
fn a_store_that_cannot_be_opened_is_said_once() {
    let house = House::new(FOLDER);
    let store = house.path().join("gitlatch.db");
    std::fs::write(&store, "no database at all ".repeat(100)).expect("a file");
    std::fs::set_permissions(&store, PermissionsExt::from_mode(0o600)).expect("a mode");
    let said = house.run("user list", "").err;
    let expected = format!(
        "gitlatch: the store at {} cannot be opened: file is not a database\n",
        store.display()
    );
    assert_eq!(said, expected);
}
