//! The command line through its front door: the program itself, in a folder of its own.

#![expect(
    clippy::expect_used,
    reason = "helpers of tests state what they expect, like the tests themselves"
)]

use serde_json::{Value, json};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// A configuration, a folder of repositories and a store that is not there yet.
struct House {
    folder: tempfile::TempDir,
}

/// How one call ended.
#[derive(Debug, PartialEq)]
struct Ended {
    status: i32,
    out: String,
    err: String,
}

const FOLDER: &str = r#"
[server]
listen = "127.0.0.1:8080"
public_url = "https://git.example.com/base"
[store]
path = "HERE/gitlatch.db"
[upstream]
kind = "git"
repositories = "HERE/repositories"
[access]
users = "grants"
"#;

const REMOTE: &str = r#"
[server]
listen = "127.0.0.1:8080"
public_url = "https://git.example.com"
[store]
path = "HERE/gitlatch.db"
[upstream]
kind = "git"
url = "http://127.0.0.1:3000"
[upstream.identity]
mode = "header"
header = "X-Forwarded-User"
service_user = "bot-{project}"
"#;

impl House {
    fn new(config: &str) -> Self {
        let house = Self { folder: tempfile::tempdir().expect("a folder") };
        std::fs::create_dir(house.path().join("repositories")).expect("a folder");
        house.configure(config);
        house
    }

    fn configure(&self, config: &str) {
        let here = self.path().to_str().expect("UTF-8");
        let text = config.replace("HERE", here);
        std::fs::write(self.path().join("proxy.toml"), text).expect("a file");
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn call(&self, arguments: &[&str], input: &str) -> Ended {
        let mut child = Command::new(env!("CARGO_BIN_EXE_gitlatch"))
            .args(arguments)
            .current_dir(self.path())
            .env_remove("GITLATCH_CONFIG")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program");
        // A program that refuses its arguments may be gone before it has read anything.
        let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
        let output = child.wait_with_output().expect("an end");
        Ended {
            status: output.status.code().expect("no signal"),
            out: String::from_utf8(output.stdout).expect("UTF-8"),
            err: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    fn run(&self, arguments: &str, input: &str) -> Ended {
        self.call(&arguments.split_whitespace().collect::<Vec<_>>(), input)
    }

    /// Runs calls that must succeed and whose words do not matter.
    fn prepare(&self, calls: &[(&str, &str)]) {
        for (arguments, input) in calls {
            let ended = self.run(arguments, input);
            assert_eq!(ended.status, 0, "{arguments}: {ended:?}");
        }
    }

    fn json(&self, arguments: &str) -> Value {
        self.json_of(arguments, "")
    }

    fn json_of(&self, arguments: &str, input: &str) -> Value {
        let ended = self.run(arguments, input);
        assert_eq!((ended.status, ended.err.as_str()), (0, ""), "{arguments}");
        serde_json::from_str(&ended.out).expect("JSON")
    }

    /// Runs a table of calls, a line each: `ARGUMENTS [< INPUT] -> STATUS STREAM PIECE`.
    ///
    /// The piece stands in that stream, `out` or `err`, and the other one is empty; `note` is a piece
    /// of standard error beside an answer.
    fn check(&self, table: &str) {
        for line in table.lines().filter(|line| !line.is_empty()) {
            let (call, expected) = line.split_once(" -> ").expect(line);
            let (arguments, input) = call.split_once(" < ").unwrap_or((call, ""));
            let ended = self.run(arguments, input);
            let words: Vec<&str> = expected.splitn(3, ' ').collect();
            let (stream, other_is_right) = match words[1] {
                "out" => (&ended.out, ended.err.is_empty()),
                "err" => (&ended.err, ended.out.is_empty()),
                _ => (&ended.err, !ended.out.is_empty()),
            };
            let right = ended.status.to_string() == words[0] && stream.contains(words[2]);
            assert!(right && other_is_right, "{line}: {ended:?}");
        }
    }
}

const ALICE: (&str, &str) = ("user add alice --password-stdin", "correct horse\n");

const USERS: &str = r"
user list -> 0 out NAME  DISPLAY NAME  E-MAIL  ADMIN  ENABLED  ADDED
user add alice --password-stdin < secret -> 0 out user alice is added
user add ALICE --password-stdin < secret -> 1 err gitlatch: there is a user `
user add gitlatch --password-stdin < x -> 1 err no person may be called `gitlatch`
user add x-token-auth --password-stdin < x -> 2 err is reserved
user add a:b --password-stdin < x -> 2 err a user name is 1 to 64
user add bob -> 2 err --password-stdin
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
grant list -> 0 out USER  PERMISSION  PROJECT  REPOSITORY
";

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

const GRANTS: &str = r"
grant add alice REPO_WRITE --project team -> 0 out on the project team
grant add alice REPO_WRITE --project team -> 1 err gitlatch: there is a
grant add alice REPO_READ --project g/s --repo app -> 0 out the repository g/s/app
grant add alice PROJECT_ADMIN --project g/** -> 0 out on the project g/**
grant add alice PROJECT_READ --project * -> 0 out PROJECT_READ everywhere
grant add alice PROJECT_READ -> 1 err there is a
grant add alice PROJECT_READ --project team --repo app -> 2 err on a project; on the
grant add alice REPO_READ --project g/** --repo app -> 2 err `g/**` means several
grant add alice REPO_READ --repo app -> 2 err --project
grant add alice REPO_FORCE -> 2 err `REPO_FORCE` is no permission; there are PROJECT_READ
grant add alice REPO_READ --project a//b -> 2 err `` is no name for a project
grant add alice REPO_READ --project p --repo app.git -> 2 err name it without .git
grant add bob REPO_READ -> 1 err gitlatch: there is no user `bob`
grant remove alice REPO_READ --project team -> 1 err gitlatch: there is no
grant remove alice PROJECT_READ -> 0 out alice no longer has PROJECT_READ everywhere
grant list bob -> 0 out USER  PERMISSION  PROJECT  REPOSITORY
";

#[test]
fn grants() {
    let house = House::new(FOLDER);
    house.prepare(&[ALICE]);
    house.check(GRANTS);
    let listed = house.json("grant list alice --json");
    let mut listed = listed.as_array().expect("an array").clone();
    listed.sort_by_key(|grant| grant["project"].to_string());
    let expected = [
        json!({"user": "alice", "permission": "PROJECT_ADMIN", "project": "g/**", "repository": null}),
        json!({"user": "alice", "permission": "REPO_READ", "project": "g/s", "repository": "app"}),
        json!({"user": "alice", "permission": "REPO_WRITE", "project": "team", "repository": null}),
    ];
    assert_eq!(listed, expected);
}

/// Every rule about what a token may be, by what is refused and what comes of the rest.
const CREATION: &str = r"
token create --project t --name a -> 0 out PROJECT_ADMIN, REPO_ADMIN; it never expires
token create --project t --repo r --name a -> 0 out : REPO_ADMIN; it never expires
token create --project g/** --name a -> 0 out of project g/**:
token create --project t --name a --permission PROJECT_READ -> 0 out : PROJECT_READ, REPO_READ;
token create --project t --name a --permission REPO_WRITE --permission PROJECT_READ -> 0 out : PROJECT_READ, REPO_WRITE;
token create --project t --name a --permission PROJECT_READ,REPO_ADMIN -> 0 out REPO_ADMIN;
token create --project t --name a --permission PROJECT_WRITE --permission REPO_READ -> 1 err gitlatch: the repository permission is at least the project permission
token create --project t --repo r --name a --permission PROJECT_READ -> 1 err gitlatch: a repository token has no project permission; PROJECT_READ was asked for
token create --project t --name a --permission REPO_READ --permission REPO_WRITE -> 1 err two levels of the same permission
token create --project t --name a --permission READ -> 2 err `READ` is no permission
token create --name a -> 2 err --user <NAME>|--project <KEY>
token create --project t --user alice --password-stdin --name a -> 2 err cannot be used with
token create --user alice --name a -> 2 err --password-stdin
token create --repo r --name a -> 2 err --project
token create --project * --name a -> 2 err there is no token for all
token create --project g/** --repo r --name a -> 2 err `g/**` means several
token create --project t -> 2 err --name
token create --project .. --name a -> 2 err it means another folder
token create --project t --name a --expires-in 90 -> 2 err a duration is a whole number
token create --project t --name a --expires-in 90d -> 0 out ; it expires on 20
token create --project t --name a --only a//b -> 2 err `a//b` is no pattern
token create --project t --name a --only t --only !t/x -> 0 out latp_
token create --project t --name a --only t/r -> 0 note names one repository: `r` of `t`
token create --project t --name a --from 10.0.0.0/33 -> 2 err is no address and no network
token create --project t --name a --from 10.0.0.1 --from ::1 -> 0 out latp_
";

#[test]
fn what_a_token_may_be() {
    House::new(FOLDER).check(CREATION);
}

#[test]
fn the_name_of_a_token() {
    let house = House::new(FOLDER);
    let (longest, longer) = ("ä".repeat(255), "ä".repeat(256));
    let cases =
        [("CI, nightly", 0), (longest.as_str(), 0), (&longer, 2), ("", 2), ("a\u{1b}[2J", 2)];
    for (name, status) in cases {
        let ended = house.call(&["token", "create", "--project", "t", "--name", name], "");
        assert_eq!(ended.status, status, "{name:?}: {ended:?}");
    }
}

#[test]
fn a_users_token_takes_that_users_password() {
    let house = House::new(FOLDER);
    let bob = ("user add bob --password-stdin", "bobs secret\n");
    house.prepare(&[ALICE, bob, ("grant add alice REPO_READ --project team", "")]);
    let create = |name: &str, password: &str| {
        house.run(&format!("token create --user {name} --password-stdin --name a"), password)
    };
    let wrong = create("alice", "bobs secret\n");
    assert_eq!((wrong.status, wrong.out.as_str()), (1, ""));
    assert_eq!(wrong.err, "gitlatch: wrong user name or password\n");
    assert_eq!(create("nobody", "bobs secret\n"), wrong);

    let refused = create("bob", "bobs secret\n");
    let remedy = "gitlatch: user bob has no rights that a token could have; give some: \
                  gitlatch grant add bob PERMISSION\n";
    assert_eq!((refused.status, refused.err.as_str()), (1, remedy));

    house.prepare(&[("user disable alice", "")]);
    assert_eq!(create("alice", "bobs secret\n"), wrong);
    let disabled = create("alice", "correct horse\n");
    assert_eq!((disabled.status, disabled.err.as_str()), (1, "gitlatch: user alice is disabled\n"));
}

#[test]
fn without_permissions_a_user_token_has_the_highest_of_the_grants() {
    let create = "token create --user ALICE --password-stdin --name a --json";
    let house = House::new(FOLDER);
    house.prepare(&[ALICE]);
    let steps = [
        ("grant add alice REPO_READ --project team", json!(["REPO_READ"])),
        ("grant add alice PROJECT_READ --project other", json!(["PROJECT_READ", "REPO_READ"])),
        ("grant add alice REPO_WRITE --project x --repo y", json!(["PROJECT_READ", "REPO_WRITE"])),
        ("grant add alice PROJECT_ADMIN", json!(["PROJECT_ADMIN", "REPO_ADMIN"])),
    ];
    for (grant, expected) in steps {
        house.prepare(&[(grant, "")]);
        let token = house.json_of(create, "correct horse\n");
        assert_eq!(token["permissions"], expected);
        assert_eq!(token["owner"], json!({"kind": "user", "user": "alice"}));
    }
    // Where the host enforces people's rights, grants do not narrow a token.
    let house = House::new(REMOTE);
    house.prepare(&[ALICE]);
    let token = house.json_of(create, "correct horse\n");
    assert_eq!(token["permissions"], json!(["PROJECT_ADMIN", "REPO_ADMIN"]));
}

#[test]
fn the_json_of_a_token() {
    let house = House::new(FOLDER);
    let create = "token create --project g/s --repo app --name ci --permission REPO_WRITE --json";
    let limited = format!("{create} --only g/** --only !g/x --from 10.1.2.3/8 --expires-in 90d");
    let token = house.json(&limited);
    let secret = token["token"].as_str().expect("a secret");
    let (created, expiry) = (token["createdDate"].as_i64(), token["expiryDate"].as_i64());
    assert!(secret.starts_with("latr_") && secret.len() == 41);
    assert_eq!(expiry, created.map(|at| at + 90 * 86_400_000));
    let mut expected = json!({
        "id": "1",
        "name": "ci",
        "owner": {"kind": "repository", "project": "g/s", "repository": "app"},
        "permissions": ["REPO_WRITE"],
        "createdDate": created,
        "expiryDate": expiry,
        "only": ["g/**", "!g/x"],
        "from": ["10.0.0.0/8"],
        "token": secret,
    });
    assert_eq!(token, expected);
    expected.as_object_mut().expect("an object").remove("token");
    assert_eq!(house.json("token show 1 --json"), expected);
    assert_eq!(house.json("token list --json"), json!([expected]));

    let keys =
        |token: &Value| token.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    let plain = house.json(create);
    let contract = ["createdDate", "expiryDate", "id", "name", "owner", "permissions", "token"];
    assert_eq!(
        (keys(&plain), &plain["expiryDate"]),
        (contract.map(str::to_owned).to_vec(), &Value::Null)
    );
}

const LIFE: &str = r"
token list -> 0 out ID  NAME   OWNER                PERMISSIONS                LIMITS
token show 2 -> 0 out from         10.0.0.0/8
token show 2 -> 0 out last used    never
token show 9 -> 1 err gitlatch: there is no token `9`
token show x -> 2 err a token is named by its number
token edit 1 -> 2 err --name <TEXT>|--permission <PERMISSION>
token edit 9 --name x -> 1 err gitlatch: there is no token `9`
token edit 1 --name uno -> 0 out token 1 `uno` of project team: PROJECT_ADMIN, REPO_ADMIN
token edit 1 --permission REPO_READ -> 0 out token 1 `uno` of project team: REPO_READ
token edit 2 --permission PROJECT_READ -> 1 err a repository token has no project permission
token edit 1 --permission PROJECT_ADMIN --permission REPO_READ -> 1 err the repository permission is at least the project permission
token edit 1 --expires-in 90d -> 2 err unexpected argument
token revoke 1 -> 0 out token 1 `uno` of project team is revoked
token revoke 1 -> 1 err gitlatch: token 1 is revoked, which is for good
token edit 1 --name x -> 1 err gitlatch: token 1 is revoked, which is for good
token revoke 9 -> 1 err gitlatch: there is no token `9`
token show 1 -> 0 out expires      revoked 20
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
    let ids = |arguments: &str| -> Vec<String> {
        let listed = house.json(&format!("token list --json {arguments}"));
        let ids = listed.as_array().expect("an array").iter().map(|token| &token["id"]);
        ids.map(|id| id.as_str().expect("a string").to_owned()).collect()
    };
    assert_eq!(ids(""), ["2", "3"]);
    assert_eq!(ids("--all"), ["1", "2", "3"]);
    assert_eq!(ids("--project team --all"), ["1"]);
    assert_eq!(ids("--project team --repo app"), ["2"]);
    assert_eq!(ids("--user alice"), [""; 0]);
    assert!(house.json("token show 1 --json")["revokedDate"].is_i64());
}

#[test]
fn the_secret_stands_alone_and_says_how_it_is_used() {
    let house = House::new(FOLDER);
    let ended = house.run("token create --project g/** --name a", "");
    let lines: Vec<&str> = ended.out.lines().collect();
    let secret = lines.iter().find(|line| line.starts_with("latp_")).expect("a line of its own");
    assert_eq!((secret.len(), ended.out.matches("latp_").count()), (41, 1));
    for piece in [
        "the only time that it is shown",
        "git clone https://x-token-auth@git.example.com/base/g/REPO.git\n",
        "AUTH=\"Authorization: Bearer $TOKEN\" \\\n",
        "--config-env=http.https://git.example.com/base/.extraHeader=AUTH clone https://git",
    ] {
        assert!(ended.out.contains(piece), "{piece:?} in {}", ended.out);
    }
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

const SETTINGS: &str = r"
settings set -> 2 err --expiry-required
settings set --max-days 0 -> 2 err a number of days, 1 or more, or `none`
settings set --max-days x -> 2 err a number of days, 1 or more, or `none`
settings set --expiry-required maybe -> 2 err possible values: true, false
settings set --expiry-required true --max-days 30 -> 0 out longest lifetime      30 days
token create --project t --name a -> 1 err must expire here, within 30 days; say when
token create --project t --name a --expires-in 31d -> 1 err at most 30 days here
token create --project t --name a --expires-in 30d -> 0 out latp_
settings set --max-days none -> 0 out expiry of new tokens  required
settings show -> 0 out longest lifetime      none
";

#[test]
fn settings() {
    let house = House::new(FOLDER);
    let shown =
        |days: Value, required: bool| json!({"expiryRequired": required, "maxExpiryDays": days});
    assert_eq!(house.json("settings show --json"), shown(Value::Null, false));
    house.check(SETTINGS);
    assert_eq!(house.json("settings show --json"), shown(Value::Null, true));
}

#[test]
fn rules() {
    let house = House::new(FOLDER);
    house.check(
        r"
rules -> 0 out RULE                 METHOD  NEED        PATH
rules --kind git -> 0 out git.push
rules --kind svn -> 2 err possible values: git
",
    );
    let rules = house.json("rules --json");
    let push = rules.as_array().expect("an array").iter().find(|row| row["rule"] == "git.push");
    let expected = json!({
        "rule": "git.push",
        "method": "POST",
        "path": "/{project}/{repo}.git/git-receive-pack",
        "action": "push",
        "need": "REPO_WRITE",
        "note": "push",
    });
    assert_eq!(push, Some(&expected));
}

const EXPLAIN: &str = r"
explain --permission REPO_READ GET /base/t/r.git/info/refs?service=git-upload-pack -> 0 out verdict     allowed
explain --permission REPO_READ GET https://h:1/base/t/r.git/HEAD -> 0 out request     GET /base/t/r.git/HEAD
explain --permission REPO_READ POST /base/t/r.git/git-receive-pack -> 1 out this needs REPO_WRITE on t/r; the token has REPO_READ
explain --permission REPO_READ GET /t/r.git/HEAD -> 1 out the path is not below `/base/`, the prefix of public_url
explain --permission REPO_READ DELETE /base/t/r.git/HEAD -> 1 out refused (405)
explain --permission REPO_READ GET /base/t/../r.git/HEAD -> 1 out refused (400)
explain --permission REPO_READ GET /base/-/gitlatch/ -> 1 out gitlatch's own
explain --permission REPO_READ GET t/r.git/HEAD -> 2 err a URL begins with /
explain --permission READ GET / -> 2 err `READ` is no permission
explain --permission PROJECT_ADMIN --permission REPO_READ GET / -> 2 err at least the project
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
";

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
    house.check("explain --token 1 GET / -> 1 err gitlatch: token 1 is revoked");
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
user disable alice -> 0 out user alice is disabled
explain --token 1 GET /any/r.git/HEAD -> 1 err is disabled
",
    );
}

#[test]
fn check() {
    let house = House::new(FOLDER);
    house.check("check -> 0 out proxy.toml: ok");
    assert!(!house.path().join("gitlatch.db").exists(), "a check makes nothing");

    house.prepare(&[("user add bot-7 --password-stdin", "x")]);
    house.configure(REMOTE);
    house.check(
        r"
check -> 1 out proxy.toml: service_user `bot-{project}` can produce the name of the user `bot-7`
user add BOT-x --password-stdin < x -> 1 err no person may be called `BOT-x`
",
    );

    house.configure(&FOLDER.replace("kind =", "knid ="));
    house.check(
        r"
check -> 1 out proxy.toml:8:1: unknown key `knid`
user list -> 1 err gitlatch: proxy.toml has mistakes
user list -> 1 err proxy.toml:8:1: unknown key `knid`
",
    );

    house.configure(
        &FOLDER.replace("repositories =", "http_backend = \"HERE/none\"\nrepositories ="),
    );
    assert_eq!(house.run("check", "").status, 1);
}

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
fn the_configuration_is_named_or_found() {
    let house = House::new(FOLDER);
    let named = house.path().join("other.toml");
    std::fs::rename(house.path().join("proxy.toml"), &named).expect("a file");
    let missing = house.run("user list", "");
    if !Path::new("/etc/gitlatch/proxy.toml").exists() {
        assert_eq!(missing.status, 1);
        assert!(
            missing.err.contains("neither ./proxy.toml nor /etc/gitlatch/proxy.toml"),
            "{missing:?}"
        );
    }
    house.check(
        r"
user list --config other.toml -> 0 out NAME
--config other.toml user list -> 0 out NAME
user list --config none.toml -> 1 err none.toml
rules -> 0 out git.push
 -> 2 err Usage: gitlatch
users -> 2 err unrecognized subcommand
--version -> 0 out gitlatch
--help -> 0 out Exit status: 0 done
",
    );
    let by_environment = Command::new(env!("CARGO_BIN_EXE_gitlatch"))
        .args(["user", "list"])
        .env("GITLATCH_CONFIG", &named)
        .output()
        .expect("the program");
    assert!(by_environment.status.success());
}

/// Runs a call whose standard output nobody reads.
fn unread(house: &House, arguments: &str) -> (Option<i32>, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_gitlatch"))
        .args(arguments.split_whitespace())
        .current_dir(house.path())
        .env_remove("GITLATCH_CONFIG")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("an end");
    (output.status.code(), String::from_utf8(output.stderr).expect("UTF-8"))
}

#[test]
fn a_reader_who_goes_away_is_no_failure() {
    assert_eq!(unread(&House::new(FOLDER), "rules"), (Some(0), String::new()));
}

#[test]
fn a_token_whose_secret_nobody_saw_is_revoked() {
    let house = House::new(FOLDER);
    let (status, error) = unread(&house, "token create --project team --name a --json");
    assert_eq!(status, Some(1), "{error}");
    assert!(error.contains("the secret could not be shown, so the token is revoked"), "{error}");
    house.check("token show 1 -> 0 out revoked");
}
