//! Rules about `[upstream]`, its identity and `[access]`.

use super::{House, LEAST};
use crate::config::{Config, Identity, Target};

const SHARED: &str = "under an identity that all share (mode \"none\" or \"fixed\") the host cannot \
                      tell users apart: set users = \"grants\" in [access]";

pub(super) fn identity(lines: &str) -> String {
    format!("{LEAST}[upstream.identity]\n{lines}")
}

fn fixed(lines: &str) -> String {
    identity(&format!("mode = \"fixed\"\n{lines}[access]\nusers = \"grants\"\n"))
}

fn credential(config: Config) -> String {
    match config.upstream.target {
        Target::Url(remote) => match remote.identity {
            Identity::Fixed(secret) => secret.expose().to_owned(),
            other => panic!("{other:?}"),
        },
        Target::Folder { .. } => panic!("a host"),
    }
}

#[test]
fn kind_and_target() {
    let served = "this release serves kind = \"bitbucket\", Bitbucket Data Center, and \"git\", the \
                  Git paths of any host";
    let house = House::new();
    let url = "url = \"http://localhost\"\n";
    house.check(&[
        (
            "",
            &[
                &format!("1:1: `upstream.kind` is missing: {served}"),
                "1:1: `upstream.url` or `upstream.repositories` is missing: one of them says what \
                 stands behind",
            ],
        ),
        (&format!("\n[upstream]\n{url}"), &[&format!("2:1: `upstream.kind` is missing: {served}")]),
        (
            &format!("[upstream]\nkind = \"gitlab\"\n{url}"),
            &[&format!("2:8: `kind`: {served}; the REST dialect of gitlab comes later")],
        ),
        (&format!("[upstream]\nkind = \"bitbucket\"\n{url}"), &[]),
        (
            "[upstream]\nkind = \"bitbucket\"\nrepositories = \"$DIR\"\n[access]\nusers = \"grants\"\n",
            &["2:8: `kind`: a folder of repositories has no REST: kind = \"git\" goes with \
              `repositories`, and \"bitbucket\" with `url`"],
        ),
        (&format!("[upstream]\nkind = \"svn\"\n{url}"), &[&format!("2:8: `kind`: {served}")]),
        (
            &format!("{LEAST}repositories = \"$DIR\"\nhost = \"x\"\n"),
            &["4:1: `repositories` and `url` exclude each other: keep one"],
        ),
        (
            &format!("{LEAST}http_backend = \"/bin/sh\"\n"),
            &["4:1: `http_backend` belongs to `repositories` and not to `url`"],
        ),
        (
            "[upstream]\nkind = \"git\"\nrepositories = \"$DIR\"\nhost = \"x\"\n",
            &["4:1: `host` belongs to `url` and not to `repositories`"],
        ),
        (
            &format!("{LEAST}host = \"http://x\"\nca_file = \"$DIR/no.pem\"\n"),
            &[
                "4:8: `host`: a port is a number from 1 to 65535",
                "5:11: `ca_file`: the file cannot be read: No such file or directory (os error 2)",
            ],
        ),
    ]);
}

#[test]
fn urls() {
    let house = House::new();
    let both = |url: &str, public: &str| {
        format!(
            "[server]\npublic_url = \"https://git.example.com{public}\"\n[upstream]\n\
             kind = \"git\"\nurl = \"http://localhost{url}\"\n"
        )
    };
    let header = "warning: mode = \"header\" is only as safe as this host is unreachable past \
                  gitlatch: whoever reaches it directly writes any name into the header";
    let plain = "warning: who is asking, or the credential, travels unencrypted to this host: use \
                 https";
    house.check(&[
        (
            &both("/a", "/"),
            &["5:7: the path of `url` is \"/a/\" and that of `public_url` is \"/\": they must be \
              the same"],
        ),
        (&both("/a/", "/a"), &[]),
        (
            &LEAST.replace("127.0.0.1", "me:s3cret@host"),
            &["3:7: `url`: a URL has no user and no password here: see [upstream.identity]"],
        ),
        (
            &LEAST.replace("127.0.0.1", "10.0.0.1"),
            &[&format!("3:7: {header}"), &format!("3:7: {plain}")],
        ),
        (&LEAST.replace("http://127.0.0.1", "https://host"), &[&format!("3:7: {header}")]),
        (
            &fixed("bearer_env = \"SECRET\"\n").replace("127.0.0.1", "host"),
            &[&format!("3:7: {plain}")],
        ),
    ]);
    let Target::Url(remote) = house.config(&both("/a/", "/a")).upstream.target else {
        panic!("a host")
    };
    assert_eq!((remote.origin.prefix.as_str(), remote.host.as_str()), ("/a", "localhost"));
}

#[test]
fn modes() {
    House::new().check(&[
        (
            &identity("username = \"x\"\nkey_file = \"x\"\n"),
            &[
                "5:1: `username` belongs to mode = \"fixed\", and the mode is \"header\"",
                "6:1: `key_file` belongs to mode = \"stored\", and the mode is \"header\"",
            ],
        ),
        (
            &fixed("header = \"X-User\"\nbearer_env = \"SECRET\"\n"),
            &["6:1: `header` belongs to mode = \"header\", and the mode is \"fixed\""],
        ),
        (
            &identity("header = \"Host\"\nservice_user = \"{project}\"\n"),
            &[
                "5:10: `header`: HTTP or gitlatch uses `host` itself; choose another header",
                "6:16: `service_user`: `{project}` is no service user: a template begins with a \
                 literal prefix that no person's name has",
            ],
        ),
        (&identity("mode = \"none\"\n"), &[&format!("5:8: {SHARED}")]),
        (
            &identity("mode = \"none\"\n[access]\nusers = \"upstream\"\n"),
            &[&format!("7:9: {SHARED}")],
        ),
        (&identity("mode = \"none\"\n[access]\nusers = \"grants\"\n"), &[]),
        (
            &identity("mode = \"none\"\n[access]\nusers = \"grants\"\npeople = \"pass\"\n"),
            &["8:10: `people`: in mode \"none\" the host does for anybody what it does for tokens, so \
               that whoever sends none would be held to nothing: set people = \"refuse\""],
        ),
        (
            &identity("mode = \"none\"\n[access]\nusers = \"grants\"\nanonymous = \"read\"\n"),
            &["8:13: warning: `anonymous`: in mode \"none\" every repository that tokens can read is \
               public then: the host cannot tell the two apart"],
        ),
    ]);
}

#[test]
fn one_credential_for_everybody() {
    let house = House::new();
    let good = [
        ("username = \"ci\"\nsecret_file = \"$DIR/secret\"\n", "Basic Y2k6czNjcmV0IHBhc3M="),
        ("username = \"ci\"\nsecret_env = \"SECRET\"\n", "Basic Y2k6czNjcmV0"),
        ("bearer_file = \"$DIR/word\"\n", "Bearer s3cret"),
        ("bearer_env = \"SECRET\"\n", "Bearer s3cret"),
    ];
    for (lines, expected) in good {
        assert_eq!(credential(house.config(&fixed(lines))), expected);
    }
}

#[test]
fn keys_of_a_credential() {
    let house = House::new();
    let bad = [
        (
            "",
            "5:8: `mode`: \"fixed\" needs a credential: `username` with `secret_file` or \
             `secret_env`, or else `bearer_file` or `bearer_env`",
        ),
        (
            "bearer_env = \"SECRET\"\nbearer_file = \"$DIR/word\"\n",
            "6:14: `bearer_env` is a second credential: keep one",
        ),
        ("secret_env = \"SECRET\"\n", "6:14: `secret_env` needs `username`"),
        (
            "bearer_env = \"SECRET\"\nusername = \"x\"\n",
            "7:1: `username` has no meaning beside `bearer_env`",
        ),
        (
            "username = \"a:b\"\nsecret_env = \"SECRET\"\n",
            "6:12: `username`: a user name has no colon and no control characters",
        ),
        ("bearer_env = 5\n", "6:14: `bearer_env` is a string, not an integer"),
    ];
    for (lines, expected) in bad {
        house.check(&[(&fixed(lines), &[expected])]);
    }
}

#[test]
fn secrets_that_cannot_be_used() {
    let house = House::new();
    let bad = [
        (
            "bearer_file = \"s3cret\"\n",
            "6:15: `bearer_file`: the file cannot be read: No such file or directory (os error 2)",
        ),
        (
            "bearer_env = \"s3cret\"\n",
            "6:14: `bearer_env`: the environment variable that it names is not set",
        ),
        (
            "bearer_env = \"EMPTY\"\n",
            "6:14: `bearer_env`: the secret is empty; it is the first line",
        ),
        (
            "bearer_file = \"$DIR/empty\"\n",
            "6:15: `bearer_file`: the secret is empty; it is the first line",
        ),
        (
            "bearer_file = \"$DIR/secret\"\n",
            "6:15: `bearer_file`: the secret has characters other than printable ASCII",
        ),
        (
            "username = \"x\"\nsecret_file = \"$DIR/control\"\n",
            "7:15: `secret_file`: the secret has characters other than printable ASCII",
        ),
        (
            "bearer_file = \"$DIR/binary\"\n",
            "6:15: `bearer_file`: the secret has characters other than printable ASCII",
        ),
        (
            "bearer_file = \"$DIR/open-key.pem\"\n",
            "6:15: `bearer_file`: others than its owner and its group may use \"$DIR/open-key.pem\" (mode 0644); \
             run: chmod 600 \"$DIR/open-key.pem\"",
        ),
        (
            "bearer_file = \"$DIR/token\"\n",
            "6:15: `bearer_file`: the secret is a gitlatch token: it takes one of the host behind \
             gitlatch",
        ),
    ];
    for (lines, expected) in bad {
        house.check(&[(&fixed(lines), &[expected])]);
    }
}

#[test]
fn a_folder_of_repositories() {
    let house = House::new();
    house.folder("srv/team/a.git");
    house.folder("odd/SCM");
    house.folder("odd/-");
    let folder =
        |lines: &str| format!("[upstream]\nkind = \"git\"\nrepositories = \"$DIR/srv\"\n{lines}");
    house.check(&[
        (&folder("http_backend = \"/bin/sh\"\n[access]\nusers = \"grants\"\n"), &[]),
        (
            &folder("http_backend = \"$DIR/cert.pem\"\n"),
            &["4:16: `http_backend`: the file is no program: it is not executable"],
        ),
        (
            &folder("[upstream.identity]\nmode = \"none\"\nheader = \"X-User\"\n"),
            &[
                "5:8: `mode` has no meaning with `repositories`: no host is asked",
                "6:1: `header` has no meaning with `repositories`: no host is asked",
            ],
        ),
        (
            &folder("[access]\nusers = \"upstream\"\npeople = \"pass\"\n"),
            &[
                "5:9: `users`: with `repositories` no host enforces rights: set users = \
                 \"grants\", or leave it out",
                "6:10: `people`: with `repositories` nobody proves a password: set people = \
                 \"refuse\"",
            ],
        ),
        (
            &folder("").replace("srv", "none"),
            &["3:16: `repositories`: the folder cannot be read: No such file or directory (os \
              error 2)"],
        ),
        (
            &folder("").replace("srv", "odd"),
            &[
                "3:16: `repositories`: the folder \"-\" in it needs another name: `-` stands for \
                 the repositories that lie in no folder",
                "3:16: `repositories`: the folder \"SCM\" in it needs another name: a leading \
                 /scm/ is always a prefix",
            ],
        ),
    ]);
    let config = house.config(&folder("[upstream.identity]\nservice_user = \"bot\"\n"));
    assert!(config.access.users_by_grants);
    let Target::Folder { service_user, .. } = config.upstream.target else { panic!("a folder") };
    assert_eq!(service_user.to_string(), "bot");
}
