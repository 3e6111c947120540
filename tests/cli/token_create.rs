//! `gitlatch token create`.

use crate::house::{ALICE, FOLDER, House, REMOTE};
use serde_json::{Value, json};

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
token create --project t --name a --permission REPO_WRITE PROJECT_READ -> 0 out : PROJECT_READ, REPO_WRITE;
token create --project t --permission REPO_WRITE PROJECT_READ --name a -> 0 out : PROJECT_READ, REPO_WRITE;
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
token create --project t --name a --only t/r -> 0 out latp_
token create --project t --name a --only g/s/r -> 0 note names one repository: `r` of `g/s`
token create --project t --name a --only g/s/* -> 0 out latp_
token create --project t --name a --from 10.0.0.0/33 -> 2 err is no address and no network
token create --project t --name a --from 10.0.0.1 --from ::1 -> 0 out latp_
token create --project t --name a --ref refs/heads/* -> 0 out latp_
token create --project t --name a --ref refs/heads/bot/** --ref !refs/heads/main -> 0 out latp_
token create --project t --name a --no-delete -> 0 out latp_
token create --project t --name a --no-force -> 0 note it may delete a branch and make it anew
token create --project t --name a --no-tags -> 0 out latp_
token create --project t --name a --ref main -> 2 err give full names, like refs/heads/bot/*
token create --project t --name a --ref refs/heads/a..b -> 2 err matches no ref
token create --project t --name a --no-delete yes -> 2 err unexpected argument
token create --project t --name a --profile agent -> 2 err an agent's token is for one repository
token create --project t --repo r --name a --profile robot -> 2 err [possible values: agent]
token create --project t --repo r --name a --profile agent -> 0 out REPO_WRITE; refs refs/heads/agent/**, no delete, no force, no tags; it expires on
token create --project t --repo r --name a --profile agent --ref refs/heads/x -> 0 out refs refs/heads/x, no delete
token create --project t --repo r --name a --profile agent --permission REPO_READ --expires-in 90d -> 0 out REPO_READ
token create --project t --name a --profile agent --only t/r -> 0 out only t/r
token create --project t --name a --profile agent --only t/* -> 2 err one repository
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

    let keys = |token: &Value| {
        let mut keys: Vec<_> = token.as_object().expect("an object").keys().cloned().collect();
        keys.sort();
        keys
    };
    let plain = house.json(create);
    let contract = ["createdDate", "expiryDate", "id", "name", "owner", "permissions", "token"];
    assert_eq!(
        (keys(&plain), &plain["expiryDate"]),
        (contract.map(str::to_owned).to_vec(), &Value::Null)
    );
}

#[test]
fn rules_about_refs_are_shown() {
    let house = House::new(FOLDER);
    let create = "token create --project t --name a --json";
    for rules in
        ["--ref refs/heads/bot/* --ref !refs/heads/main --no-delete", "--no-force --no-tags"]
    {
        assert_eq!(house.run(&format!("{create} {rules}"), "").status, 0, "{rules}");
    }
    let of = |id: u8| {
        let token = house.json(&format!("token show {id} --json"));
        ["refs", "noDelete", "noForce", "noTags"].map(|key| token.get(key).cloned())
    };
    let set = Some(json!(true));
    let patterns = Some(json!(["refs/heads/bot/*", "!refs/heads/main"]));
    assert_eq!(of(1), [patterns, set.clone(), None, None]);
    assert_eq!(of(2), [None, None, set.clone(), set]);
    house.check(
        r"
token show 1 -> 0 out refs         refs/heads/bot/* !refs/heads/main
token show 1 -> 0 out pushes       no delete
token show 2 -> 0 out pushes       no force, no tags
token list -> 0 out refs refs/heads/bot/* !refs/heads/main, no delete
explain --token 1 GET /base/t/r.git/HEAD -> 0 out allowed
explain --token 1 POST /base/t/r.git/git-receive-pack -> 0 out its refs are judged when they come: refs refs/heads/bot/*
",
    );
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

/// How the address is written that clients call, by what the configuration knows of it.
#[test]
fn the_address_that_is_printed_is_the_one_that_clients_call() {
    let public = "public_url = \"https://git.example.com\"\n";
    let listen = "listen = \"127.0.0.1:8080\"";
    let url = "url = \"http://127.0.0.1:3000\"";
    let cases = [
        (listen, url, "git clone http://x-token-auth@127.0.0.1:8080/t/REPO.git\n"),
        (listen, "url = \"http://127.0.0.1:3000/git\"", "@127.0.0.1:8080/git/t/REPO.git\n"),
        ("listen = \"0.0.0.0:8080\"", url, "git clone http://x-token-auth@HOST:8080/t/REPO.git\n"),
        ("listen = \"[::]:8080\"", url, "git clone http://x-token-auth@HOST:8080/t/REPO.git\n"),
        ("listen = \"127.0.0.1:0\"", url, "@HOST:PORT/t/REPO.git\n"),
        ("listen = [\"unix:HERE/s\", \"127.0.0.1:81\"]", url, "@127.0.0.1:81/t/REPO.git\n"),
        ("listen = \"unix:HERE/s\"", url, "git clone http://x-token-auth@HOST/t/REPO.git\n"),
    ];
    let house = House::new(REMOTE);
    for (listens, stands, printed) in cases {
        let config = REMOTE.replace(public, "").replace(listen, listens).replace(url, stands);
        house.configure(&config);
        let ended = house.run("token create --project t --name a", "");
        assert!(ended.out.contains(printed), "{listens} {stands}: {ended:?}");
    }
    house
        .configure(&REMOTE.replace(public, "").replace(url, "url = \"http://127.0.0.1:3000/git\""));
    house.check(
        r"
explain --permission REPO_READ GET /git/t/r.git/HEAD -> 0 out allowed
explain --permission REPO_READ GET /t/r.git/HEAD -> 1 out not below `/git/`
",
    );
}
