//! `gitlatch check`, and which configuration it is.

use crate::house::{FOLDER, House, REMOTE};
use std::path::Path;
use std::process::Command;

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
user list --config other.toml -> 0 note there is no store
--config other.toml user list -> 0 note there is no store
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

/// A shell without the secrets of the server, on a machine where the repositories are not mounted.
#[test]
fn managing_tokens_needs_no_secret_and_no_repository() {
    let house = House::new(FOLDER);
    let absent = "HERE/absent";
    let files = format!("tls_cert = \"{absent}\"\ntls_key = \"{absent}\"\n[store]");
    let folder = FOLDER.replace("HERE/repositories", absent).replace("[store]", &files);
    let identity = "mode = \"fixed\"\nbearer_env = \"GITLATCH_TEST_ABSENT\"\n\
                    [access]\nusers = \"grants\"\n";
    let remote = REMOTE.split("mode =").next().expect("a beginning").to_owned() + identity;
    let remote = remote.replace("[upstream]", &format!("[upstream]\nca_file = \"{absent}\""));
    for (config, faults) in [(folder, 3), (remote, 2)] {
        house.configure(&config);
        house.prepare(&[
            ("user list", ""),
            ("grant list", ""),
            ("token create --project t --name a", ""),
            ("token list", ""),
            ("settings show", ""),
        ]);
        for whole in ["check", "serve", "explain --permission REPO_READ GET /"] {
            let ended = house.run(whole, "");
            assert_eq!(ended.status, 1, "{whole}: {ended:?}");
            let told = format!("{}{}", ended.out, ended.err);
            let errors = told.lines().filter(|line| line.starts_with("proxy.toml:"));
            let errors = errors.filter(|line| !line.contains("warning: "));
            assert_eq!(errors.count(), faults, "{whole}: {told}");
        }
    }
    // What is wrong in the file itself is wrong for every command.
    house.configure(&FOLDER.replace("users =", "usres ="));
    house.check("user list -> 1 err unknown key `usres`");
}
