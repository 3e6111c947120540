//! Syntax, names of keys, types and values; and the example that documents them.

use super::{House, LEAST};
use crate::config::read::Document;
use crate::config::{EXAMPLE, Listen, Passwords, Target};
use std::collections::BTreeSet;
use std::time::Duration;

#[test]
fn the_example_is_a_good_file() {
    let house = House::new();
    let text = EXAMPLE
        .replace("# kind = \"git\"", "kind = \"git\"")
        .replace("# url = ", "url = ")
        .replace("path = \"gitlatch.db\"", "path = \"$DIR/gitlatch.db\"");
    assert_eq!(house.report(&text), "");
}

#[test]
fn defaults_come_from_the_example() {
    let config = House::new().config(LEAST);
    assert_eq!(config.server.listen, [Listen::Tcp("127.0.0.1:8080".parse().unwrap())]);
    assert_eq!(config.operations.listen, Some(Listen::Tcp("127.0.0.1:9180".parse().unwrap())));
    assert_eq!(config.server.idle_timeout, Duration::from_mins(10));
    assert_eq!((config.server.threads, config.server.max_body), (0, None));
    assert_eq!((config.limits.connections, config.limits.connections_per_address), (8192, 1024));
    assert_eq!((config.limits.headers, config.limits.header_bytes), (100, 65536));
    assert!(!config.access.people_pass && !config.access.users_by_grants);
    assert!(config.log.json && config.log.level == tracing::Level::INFO);
    assert_eq!(config.access.passwords, Passwords::Local);
    let Target::Url(remote) = config.upstream.target else { panic!("a host") };
    assert_eq!(remote.host, "127.0.0.1:3000");
    assert_eq!(remote.pool_idle, Duration::from_secs(30));
}

/// Section and key of every line `key = …` and `# key = …` of the example.
fn example_keys() -> BTreeSet<(String, String)> {
    let mut section = String::new();
    let mut keys = BTreeSet::new();
    for line in EXAMPLE.lines() {
        let header = line.strip_prefix("# [[").or_else(|| line.strip_prefix('['));
        if let Some(name) = header {
            section = name.trim_end_matches(']').to_owned();
        } else if let Some((key, _)) = line.trim_start_matches("# ").split_once(" = ")
            && key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
        {
            keys.insert((section.clone(), key.to_owned()));
        }
    }
    keys
}

#[test]
fn the_example_shows_every_key_and_no_other() {
    let often = "[[protect]]\nrefs = ['refs/heads/main']\ndeny = ['push']\n[[rule]]\npath = '/x'\n\
                 [[certificate]]";
    let mut document = Document::parse(often).unwrap();
    super::super::resolve(&mut document, &super::Environment::process());
    let asked = document.asked().iter();
    let asked: BTreeSet<_> = asked.map(|(s, k)| ((*s).to_owned(), (*k).to_owned())).collect();
    assert_eq!(asked, example_keys());
}

#[test]
fn the_reference_has_every_key_in_its_section() {
    let reference = include_str!("../../../../docs/reference/configuration.md");
    for (section, key) in example_keys() {
        let once = format!("\n## `[{section}]`\n");
        let often = format!("\n## `[[{section}]]`\n");
        let found = reference.split_once(&once).or_else(|| reference.split_once(&often));
        let (_, part) = found.expect(&section);
        let part = part.split("\n## ").next().unwrap_or_default();
        assert!(part.contains(&format!("| `{key}` |")), "[{section}] {key}");
    }
}

#[test]
fn syntax_errors_show_no_line() {
    House::new().check(&[
        (
            "[upstream.identity]\nbearer = s3cret\n",
            &["2:10: string values must be quoted, expected literal string"],
        ),
        ("[log]\nlevel = \"s3cret\n", &["2:16: invalid basic string, expected `\"`"]),
        (
            "[log\nx = 1\n[log]\ny = s3cr\n",
            &[
                "1:5: unclosed table, expected `]`",
                "4:5: string values must be quoted, expected literal string",
            ],
        ),
        ("[log]\nlevel = \"info\"\nlevel = \"warn\"\n", &["3:1: duplicate key"]),
    ]);
}

#[test]
fn unknown_names() {
    let with = |text: &str| format!("{text}{LEAST}");
    let cases: [(&str, &str); 11] = [
        (
            "[server]\ntimeout = \"1s\"\n",
            "2:1: unknown key `timeout`, did you mean `idle_timeout`?",
        ),
        ("[server]\nlistne = 1\n", "2:1: unknown key `listne`, did you mean `listen`?"),
        ("[server]\nblue = \"s3cret\"\n", "2:1: unknown key `blue`"),
        ("[server]\n\"a\\nb\" = 1\n", "2:1: unknown key `a\\nb`"),
        ("[server]\npeople = 1\n", "2:1: unknown key `people`; it belongs in [access]"),
        ("level = \"info\"\n", "1:1: unknown key `level`; it belongs in [log]"),
        ("[serverr]\n", "1:2: unknown section `serverr`, did you mean `server`?"),
        ("[blue]\n", "1:2: unknown section `blue`"),
        ("\"upstream.identity\" = 1\n", "1:1: unknown key `upstream.identity`"),
        ("[server.tls]\n", "1:9: unknown section `server.tls`"),
        (
            "[upstream.identiy]\n",
            "1:11: unknown section `upstream.identiy`, did you mean `upstream.identity`?",
        ),
    ];
    let house = House::new();
    for (text, expected) in cases {
        house.check(&[(&with(text), &[expected])]);
    }
}

#[test]
fn wrong_types_and_values() {
    let house = House::new();
    let cases: [(&str, &[&str]); 14] = [
        ("server = 1\n", &["1:10: `server` is a section; begin it with [server]"]),
        ("[[log]]\n", &["1:1: `log` is a section; begin it with [log]"]),
        ("[log]\nlevel = 1\n", &["2:9: `level` is a string, not an integer"]),
        ("[log]\nlevel = []\n", &["2:9: `level` is a string, not an array"]),
        (
            "[log]\nlevel = \"wran\"\n",
            &["2:9: `level` is one of \"error\", \"warn\", \"info\", \"debug\", \"trace\", \
              did you mean `warn`?"],
        ),
        ("[log]\nformat = \"s3cret\"\n", &["2:10: `format` is one of \"json\", \"pretty\""]),
        (
            "[server]\nlisten = [\"é:1\", 2]\n",
            &["2:18: `listen` is a string or a list of strings, not an integer"],
        ),
        (
            "[server]\nlisten = [\"é:1\", \"x\"]\n",
            &[
                "2:11: `listen`: an address is \"127.0.0.1:8080\", \"[::1]:8080\", \
                 \"unix:/run/gitlatch.sock\", or \"systemd\" for what a .socket unit passes",
                "2:18: `listen`: an address is \"127.0.0.1:8080\", \"[::1]:8080\", \
                 \"unix:/run/gitlatch.sock\", or \"systemd\" for what a .socket unit passes",
            ],
        ),
        ("[server]\nlisten = []\n", &["2:1: `listen` needs at least one address"]),
        ("[server]\nthreads = -1\n", &["2:11: `threads` is a whole number from 0 to 1024"]),
        ("[server]\nthreads = 1.5\n", &["2:11: `threads` is a whole number, not a float"]),
        (
            "[server]\nmax_body = 0\n",
            &["2:12: `max_body` is a whole number from 1 to 18446744073709551615"],
        ),
        (
            "[server]\nidle_timeout = \"10\"\n",
            &["2:16: `idle_timeout`: a duration is a whole number and a unit, s, m, h or d: 30s, \
              15m, 8h, 90d"],
        ),
        ("[store]\npath = \"\"\n", &["2:8: `path`: a path is not empty"]),
    ];
    for (text, expected) in cases {
        house.check(&[(&format!("{text}{LEAST}"), expected)]);
    }
}

#[test]
fn numbers_have_every_form_of_toml() {
    let text = format!("[server]\nthreads = 0x1_0\nmax_body = 1_000\n{LEAST}");
    let config = House::new().config(&text);
    assert_eq!((config.server.threads, config.server.max_body), (16, Some(1000)));
}

#[test]
fn all_mistakes_in_one_run() {
    let text = "[server]\nlisten = 5\ntimout = \"1s\"\ntls_cert = \"$DIR/cert.pem\"\n\
                [store]\npath = \"$DIR/no/x.db\"\n\
                [upstream]\nkind = \"gitea\"\n\
                [access]\nusers = \"everybody\"\npasswords = \"host\"\n";
    insta::assert_snapshot!(House::new().report(text), @r#"
    proxy.toml:2:10: `listen` is a string or a list of strings, not an integer
    proxy.toml:3:1: unknown key `timout`, did you mean `idle_timeout`?
    proxy.toml:4:1: `tls_cert` needs `tls_key`: HTTPS is on when both are set
    proxy.toml:6:8: `path`: the folder "$DIR/no" does not exist
    proxy.toml:7:1: `upstream.url` or `upstream.repositories` is missing: one of them says what stands behind
    proxy.toml:8:8: `kind`: this release serves kind = "bitbucket", Bitbucket Data Center, and "git", the Git paths of any host; the REST dialect of gitea comes later
    proxy.toml:10:9: `users` is one of "upstream", "grants"
    proxy.toml:11:13: `passwords` is one of "local", "upstream"
    "#);
}
