//! `gitlatch backup`, `restore`, `export` and `import`.

use crate::house::{ALICE, FOLDER, House};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// How long the program may take to begin to listen.
const PATIENCE: Duration = Duration::from_secs(30);

/// A program that serves, until this goes.
struct Serving {
    child: Child,
    _lines: Receiver<String>,
}

impl Serving {
    fn start(house: &House) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_gitlatch"))
            .arg("serve")
            .current_dir(house.path())
            .env_remove("GITLATCH_CONFIG")
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program");
        let (send, lines) = channel();
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                // Read on when nobody listens any more: a full pipe would stop the log.
                let _ = send.send(line);
            }
        });
        while !lines.recv_timeout(PATIENCE).expect("it listens").contains("\"listening\"") {}
        Self { child, _lines: lines }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A configuration that can be served beside others.
fn served() -> String {
    let listen = FOLDER.replace("127.0.0.1:8080", "127.0.0.1:0");
    format!("{listen}[operations]\nlisten = \"127.0.0.1:0\"\n")
}

fn token(house: &House, arguments: &str) -> (String, String) {
    let (more, input) =
        if arguments.contains("--user") { ("--password-stdin", ALICE.1) } else { ("", "") };
    let made = house.json_of(&format!("token create --json --name t {more} {arguments}"), input);
    let text = |key: &str| made[key].as_str().expect(key).to_owned();
    (text("token"), text("id"))
}

/// Whether a request that reads `team/app` is let through with this secret.
fn honoured(house: &House, secret: &str) -> bool {
    let call = "explain --token-stdin GET /base/team/app.git/info/refs?service=git-upload-pack";
    house.run(call, secret).status == 0
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("a file").permissions().mode() & 0o7777
}

#[test]
fn a_backup_is_made_while_it_is_served_and_restored_when_it_is_not() {
    let house = House::new(&served());
    let (stays, _) = token(&house, "--project team --permission REPO_READ");
    let (revoked, id) = token(&house, "--project team --permission REPO_READ");
    let serving = Serving::start(&house);
    house.check(
        r"
backup copy.db -> 0 out tokens  2 not revoked
backup copy.db -> 1 err copy.db already, and nothing is overwritten
backup gitlatch.db -> 1 err nothing is overwritten
backup none/copy.db -> 1 err the backup none/copy.db cannot be written
backup -> 2 err Usage
",
    );
    assert_eq!(mode(&house.path().join("copy.db")), 0o600);
    house.prepare(&[(&format!("token revoke {id}"), "")]);
    let (newer, _) = token(&house, "--project team --permission REPO_READ");
    house.check("restore copy.db -> 1 err in use; stop gitlatch first");
    assert!(honoured(&house, &newer));
    drop(serving);

    let ended = house.run("restore copy.db", "");
    assert_eq!((ended.status, ended.err.as_str()), (0, ""), "{ended:?}");
    for piece in
        ["tokens        1 not revoked", "carried over  1 revoked token", "before-restore-1"]
    {
        assert!(ended.out.contains(piece), "{piece}: {ended:?}");
    }
    assert_eq!(mode(&house.path().join("gitlatch.db")), 0o600);
    assert!(honoured(&house, &stays));
    assert!(!honoured(&house, &revoked), "what was revoked since stays revoked");
    assert!(!honoured(&house, &newer), "what was made since is not in the backup");

    // It is served like any other, and on a machine without a store it is just put in place.
    drop(Serving::start(&house));
    let fresh = House::new(FOLDER);
    std::fs::copy(house.path().join("copy.db"), fresh.path().join("copy.db")).expect("copied");
    fresh.check("restore copy.db -> 0 out carried over  nothing");
    assert!(honoured(&fresh, &revoked), "nothing there knew that it was revoked");
}

#[test]
fn what_is_no_backup_is_not_restored() {
    let house = House::new(FOLDER);
    house.prepare(&[ALICE]);
    std::fs::write(house.path().join("empty"), "").expect("written");
    std::fs::write(house.path().join("text"), "no database ".repeat(500)).expect("written");
    house.check(
        r"
restore none.db -> 1 err there is no store at none.db
restore empty -> 1 err the file at empty is not a gitlatch store
restore text -> 1 err the store at text cannot be restored from
restore gitlatch.db -> 1 err the file at gitlatch.db is not a gitlatch store
restore . -> 1 err is not a gitlatch store
restore -> 2 err Usage
user list -> 0 out alice
",
    );
}

/// A store with everything that moves.
fn full() -> (House, [String; 3]) {
    let house = House::new(FOLDER);
    house.prepare(&[
        (
            "user add alice --password-stdin --display-name A. --email a@example.com --admin",
            ALICE.1,
        ),
        ("user add bob --password-stdin", "x"),
        ("user disable bob", ""),
        ("grant add alice REPO_WRITE --project team", ""),
        ("settings set --expiry-required false --max-days 90", ""),
    ]);
    let (alices, _) = token(
        &house,
        "--user alice --permission REPO_READ --expires-in 30d --only team/* --from 127.0.0.0/8",
    );
    let (teams, _) = token(&house, "--project team --permission PROJECT_ADMIN");
    let (gone, id) = token(&house, "--project team --repo app");
    house.prepare(&[(&format!("token revoke {id}"), "")]);
    (house, [alices, teams, gone])
}

#[test]
fn an_export_fills_another_store() {
    let (house, [alices, teams, gone]) = full();
    let ended = house.run("export", "");
    assert_eq!(ended.status, 0, "{ended:?}");
    assert!(ended.err.contains("keep it like a password file"), "{ended:?}");
    assert!(!ended.out.contains(&alices));
    let same = house.run("export -", "").out;
    assert_eq!(same, ended.out);
    house.check(
        r"
export house.json -> 0 err 2 tokens
export house.json -> 1 err nothing is overwritten
",
    );
    let file = house.path().join("house.json");
    assert_eq!(mode(&file), 0o600);
    assert_eq!(std::fs::read_to_string(&file).expect("a file"), ended.out);

    for (call, days) in [("import -", Value::Null), ("import - --settings", json!(90))] {
        let other = House::new(FOLDER);
        // Numbers are new ones.
        let (own, _) = token(&other, "--project own");
        let imported = other.run(call, &ended.out);
        assert_eq!((imported.status, imported.err.as_str()), (0, ""), "{imported:?}");
        assert_eq!(other.json("settings show --json")["maxExpiryDays"], days);
        assert_eq!(other.json("user list --json"), house.json("user list --json"));
        assert_eq!(other.json("grant list --json"), house.json("grant list --json"));
        let tokens = |house: &House| -> Vec<Value> {
            let mut tokens: Vec<Value> =
                serde_json::from_value(house.json("token list --json")).expect("a list");
            tokens.retain(|token| token["owner"]["project"] != "own");
            for token in &mut tokens {
                token["id"] = Value::Null;
            }
            tokens
        };
        assert_eq!(tokens(&other), tokens(&house));
        assert_eq!(tokens(&other).len(), 2);
        assert!(honoured(&other, &teams) && !honoured(&other, &gone));
        assert!(!honoured(&other, &own));
        // The password moved along.
        token(&other, "--user alice");
        // All of it is there, so none of it is taken over once more.
        let again = other.run(call, &ended.out);
        assert_eq!((again.status, again.out.as_str()), (1, ""));
        assert!(again.err.contains("there is a user `alice` already"), "{again:?}");
    }
}

/// Every line: where in a document something is put, what, and what the error says.
const BAD: &[(&str, &str, &str)] = &[
    ("/format", r#""other""#, "its format is `other`"),
    ("/version", "2", "written by a newer gitlatch (version 2"),
    ("/more", "1", "unknown field `more`"),
    ("/users/0/more", "1", "unknown field `more`"),
    ("/tokens/0/owner/more", "1", "unknown field `more`"),
    ("/users", "{}", "no export of gitlatch, or a damaged one"),
    ("/settings/maxExpiryDays", "0", "settings cannot be taken over: a limit is 1 or more"),
    ("/settings/maxExpiryDays", "-1", "no export of gitlatch, or a damaged one"),
    ("/settings/allowedPermissions/user", r#"["X"]"#, "settings cannot be taken over"),
    ("/projects", r#"[{"project":"../x","repositoryTokens":true}]"#, "projects[0] (../x)"),
    ("/users/0/name", r#""a b""#, "users[0] (a b) cannot be taken over: a user name is"),
    ("/users/1/name", r#""x-token-auth""#, "users[1] (x-token-auth)"),
    ("/users/1/name", r#""ALICE""#, "there is a user `ALICE` already"),
    ("/users/0/displayName", r#""a\nb""#, "users[0] (alice) cannot be taken over: it has control"),
    ("/users/0/email", r#""nobody""#, "users[0] (alice) cannot be taken over: an e-mail"),
    ("/users/0/password", r#""secret""#, "users[0] (alice) cannot be taken over: its password"),
    ("/groups", r#"[{"name":"a b","members":[],"createdDate":1}]"#, "groups[0] (a b)"),
    ("/groups", r#"[{"name":"g","members":["carol"],"createdDate":1}]"#, "no user `carol`"),
    ("/groups", r#"[{"name":"g","members":["bob","BOB"],"createdDate":1}]"#, "a member `BOB of g`"),
    ("/grants/0/user", r#""carol""#, "grants[0] (carol) cannot be taken over: there is no user"),
    ("/grants/0/group", r#""g""#, "either of a user or of a group"),
    ("/grants/0/permission", r#""ALL""#, "grants[0] (alice)"),
    ("/grants/0/project", r#""a//b""#, "grants[0] (alice)"),
    ("/tokens/0/id", r#""one""#, "tokens[0] (t, number one) cannot be taken over: a number"),
    ("/tokens/0/hash", r#""abc""#, "tokens[0] (t, number 1) cannot be taken over: its hash"),
    ("/tokens/0/name", r#""""#, "cannot be taken over: it is empty"),
    ("/tokens/0/owner/kind", r#""project""#, "its owner is a user, a project"),
    ("/tokens/0/owner/user", r#""carol""#, "there is no user `carol` in the document"),
    ("/tokens/1/owner/project", r#""..""#, "tokens[1] (t, number 2)"),
    ("/tokens/0/permissions", "[]", "tokens[0] (t, number 1)"),
    ("/tokens/0/permissions", r#"["PROJECT_ADMIN","REPO_READ"]"#, "tokens[0] (t, number 1)"),
    ("/tokens/0/only", r#"["a//b"]"#, "tokens[0] (t, number 1)"),
    ("/tokens/0/from", r#"["10/8"]"#, "tokens[0] (t, number 1)"),
    ("/tokens/0/refs", r#"["main"]"#, "give full names"),
    ("/tokens/0/lastUsedFrom", r#""here""#, "tokens[0] (t, number 1)"),
    ("/tokens/0/createdDate", r#""now""#, "no export of gitlatch, or a damaged one"),
];

#[test]
fn a_bad_document_changes_nothing() {
    let (house, _) = full();
    let text = house.run("export", "").out;
    let other = House::new(FOLDER);
    let (own, _) = token(&other, "--project team --permission REPO_READ");
    let whole = |house: &House| house.run("export", "").out;
    let before = whole(&other);
    let refuse = |document: &str, expected: &str| {
        let ended = other.run("import - --settings", document);
        assert_eq!((ended.status, ended.out.as_str()), (1, ""), "{expected}: {ended:?}");
        assert!(ended.err.contains(expected), "{expected}: {ended:?}");
        assert_eq!(whole(&other), before, "{expected}");
    };
    for (place, value, expected) in BAD {
        let mut document: Value = serde_json::from_str(&text).expect("JSON");
        let (parent, key) = place.rsplit_once('/').expect("a place");
        let value: Value = serde_json::from_str(value).expect("a value");
        document.pointer_mut(parent).expect(place)[key] = value;
        refuse(&document.to_string(), expected);
    }
    for cut in ["", "{", "[]", &text[..text.len() / 2], &format!("{text}x")] {
        refuse(cut, "nothing of - was imported");
    }
    // The last record is one that is there: all that was before it is taken back.
    let mut document: Value = serde_json::from_str(&text).expect("JSON");
    let there: Value = serde_json::from_str(&before).expect("JSON");
    document["tokens"][1]["hash"] = there["tokens"][0]["hash"].clone();
    refuse(&document.to_string(), "token with the secret of `t (number 2)` already");
    assert!(honoured(&other, &own));
    other.check("import none.json -> 1 err nothing of none.json was imported: No such file");
}

#[test]
fn a_bad_document_makes_no_store() {
    let house = House::new(FOLDER);
    house.check(
        r"
import - < {} -> 1 err missing field
export -> 1 err there is no store
backup x -> 1 err there is no store
",
    );
    assert!(!house.path().join("gitlatch.db").exists());
}

/// A store of the first release, by its schema and a user whose name `service_user` may produce.
#[test]
fn check_says_what_is_wrong_with_an_older_store_and_leaves_it_alone() {
    let house = House::new(crate::house::REMOTE);
    let path = house.path().join("gitlatch.db");
    let older = rusqlite::Connection::open(&path).expect("opens");
    older.execute_batch(include_str!("../../src/store/sqlite/migrations/0001.sql")).expect("made");
    let user = "INSERT INTO user (name, display_name, email, admin, created_ms)
                VALUES ('bot-7', 'x', '', 0, 1)";
    older.execute_batch(user).expect("added");
    older.pragma_update(None, "application_id", i32::from_be_bytes(*b"glat")).expect("set");
    older.pragma_update(None, "user_version", 1).expect("set");
    drop(older);
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("a mode");
    let before = std::fs::read(&path).expect("a file");
    house.check("check -> 1 out can produce the name of the user `bot-7`");
    assert_eq!(std::fs::read(&path).expect("a file"), before);
    house.prepare(&[("user remove bot-7", "")]);
    house.check("check -> 0 out ok");
}
