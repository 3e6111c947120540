//! Rules about `[server]`, `[operations]` and `[store]`.

use super::{House, LEAST};
use crate::config::{Listen, TlsVersion};
use std::os::unix::fs::PermissionsExt;

const PUBLIC: &str = "public_url = \"https://git.example.com\"\n";

fn server(lines: &str) -> String {
    format!("[server]\n{lines}{LEAST}")
}

#[test]
fn addresses() {
    let house = House::new();
    let taken = "`listen`: this address is already taken by [server]";
    let unencrypted = "unencrypted, unless something in front of it ends TLS: set `tls_cert` and \
                       `tls_key`, or listen on a loopback address";
    let exposed = format!("2:10: warning: tokens and passwords reach 0.0.0.0:80 {unencrypted}");
    let overlap = "of [server] and this address overlap, and the system lets one alone listen: leave one of them \
                   out, or give it another port";
    let cases: [(String, &[&str]); 12] = [
        (
            server("listen = [\"127.0.0.1:1\", \"[::ffff:127.0.0.1]:1\"]\n"),
            &[&format!("2:26: `listen`: 127.0.0.1:1 {overlap}")],
        ),
        (server("listen = \"127.0.0.2:1\"\n[operations]\nlisten = \"127.0.0.1:1\"\n"), &[]),
        (
            server(&format!(
                "{PUBLIC}listen = \"0.0.0.0:1\"\n[operations]\nlisten = \"127.0.0.1:1\"\n"
            )),
            &[
                &exposed.replace("2:10", "3:10").replace(":80", ":1"),
                &format!("5:10: `listen`: 0.0.0.0:1 {overlap}"),
            ],
        ),
        (server("listen = \"unix:/run/x.sock\"\n"), &[]),
        (server("listen = [\"127.0.0.1:0\", \"127.0.0.1:0\"]\n"), &[]),
        (server("listen = [\"[::1]:1\", \"[::1]:1\"]\n"), &[&format!("2:22: {taken}")]),
        (server("listen = \"127.0.0.1:9180\"\n"), &[&format!("1:1: {taken}")]),
        (
            format!("[operations]\nlisten = \"127.0.0.1:8080\"\n{LEAST}"),
            &[&format!("2:10: {taken}")],
        ),
        (
            format!("[operations]\nlisten = \"0.0.0.0:1\"\n{LEAST}"),
            &["2:10: warning: whoever reaches this address reads the metrics without a \
              credential; let it be a loopback address or a Unix socket"],
        ),
        (server(&format!("listen = \"0.0.0.0:80\"\n{PUBLIC}")), &[&exposed]),
        (
            server("listen = \"0.0.0.0:80\"\n"),
            &[
                "1:1: warning: `public_url` is missing: X-Forwarded-Host and redirects need the \
                 name that clients use",
                &exposed,
            ],
        ),
        (
            server(&format!(
                "listen = \"0.0.0.0:80\"\ntls_cert = \"$DIR/cert.pem\"\n\
                 tls_key = \"$DIR/key.pem\"\n{PUBLIC}"
            )),
            &[],
        ),
    ];
    for (text, expected) in &cases {
        house.check(&[(text, expected)]);
    }
    let off = house.config(&format!("[operations]\nlisten = \"\"\n{LEAST}"));
    assert_eq!(off.operations.listen, None);
    let unix = house.config(&server("listen = \"unix:x.sock\"\n"));
    assert_eq!(unix.server.listen, [Listen::Unix("x.sock".into())]);
}

#[test]
fn sockets() {
    let house = House::new();
    let name = "`listen`: after `systemd:` comes the FileDescriptorName= of a .socket unit: 1 to 255 \
                printable ASCII characters without a colon";
    let mode = "`unix_mode`: a mode is three octal digits behind a 0, such as \"0660\", and lets the \
                owner write";
    let cases: [(String, &[&str]); 8] = [
        (server("listen = \"systemd\"\n"), &[]),
        (server("listen = [\"systemd:web\", \"systemd\", \"127.0.0.1:1\"]\n"), &[]),
        (server("listen = \"systemd:\"\n"), &[&format!("2:10: {name}")]),
        (server("listen = \"systemd:a:b\"\n"), &[&format!("2:10: {name}")]),
        (
            format!("[server]\nlisten = \"systemd\"\n[operations]\nlisten = \"systemd\"\n{LEAST}"),
            &["4:10: `listen`: this address is already taken by [server]"],
        ),
        (server("unix_mode = \"660\"\n"), &[&format!("2:13: {mode}")]),
        (server("unix_mode = \"0060\"\n"), &[&format!("2:13: {mode}")]),
        (
            server("unix_group = \"no such\"\n"),
            &[
                "2:14: `unix_group`: there is no such group in /etc/group; its number serves as well",
            ],
        ),
    ];
    for (text, expected) in &cases {
        house.check(&[(text, expected)]);
    }
    let config = house.config(&server("unix_group = \"7\"\nlisten = \"systemd:web\"\n"));
    assert_eq!((config.server.unix.mode, config.server.unix.group), (0o660, Some(7)));
    assert_eq!(config.server.listen, [Listen::Systemd(Some("web".to_owned()))]);
}

#[test]
fn certificates() {
    let house = House::new();
    let cert = "tls_cert = \"$DIR/cert.pem\"\n";
    let cases: [(String, &str); 5] = [
        (server(cert), "2:1: `tls_cert` needs `tls_key`: HTTPS is on when both are set"),
        (
            server("tls_key = \"$DIR/key.pem\"\n"),
            "2:1: `tls_key` needs `tls_cert`: HTTPS is on when both are set",
        ),
        (
            server("tls_cert = \"$DIR/no.pem\"\ntls_key = \"$DIR/key.pem\"\n"),
            "2:12: `tls_cert`: the file cannot be read: No such file or directory (os error 2)",
        ),
        (server(&format!("{cert}tls_key = \"$DIR\"\n")), "3:11: `tls_key`: it is no regular file"),
        (
            server(&format!("{cert}tls_key = \"$DIR/open-key.pem\"\n")),
            "3:11: `tls_key`: others than its owner and its group may use \"$DIR/open-key.pem\" (mode 0644); \
             run: chmod 600 \"$DIR/open-key.pem\"",
        ),
    ];
    for (text, expected) in &cases {
        house.check(&[(text, &[*expected])]);
    }
}

#[test]
fn more_certificates_and_those_of_clients() {
    let house = House::new();
    let both = "tls_cert = \"$DIR/cert.pem\"\ntls_key = \"$DIR/key.pem\"\n";
    let more = "[[certificate]]\ncert = \"$DIR/cert.pem\"\n";
    let cases: [(String, &str); 8] = [
        (
            format!("{LEAST}{more}key = \"$DIR/key.pem\"\n"),
            "4:1: a [[certificate]] needs `tls_cert` and `tls_key` in [server]: the certificate for clients whose \
             name no other covers",
        ),
        (
            format!("{}{more}", server(both)),
            "7:1: `key` is missing: a [[certificate]] has a `cert` and its `key`",
        ),
        (
            format!("{}{more}key = \"$DIR/open-key.pem\"\n", server(both)),
            "9:7: `key`: others than its owner and its group may use \"$DIR/open-key.pem\" (mode 0644); \
             run: chmod 600 \"$DIR/open-key.pem\"",
        ),
        (
            format!("{}{more}key = \"$DIR/key.pem\"\n", server(both)),
            "8:8: warning: `cert`: localhost: the certificate in \"$DIR/cert.pem\" is for the same, stands first, \
             and is the one that clients are shown",
        ),
        (
            server("tls_client_ca = \"$DIR/cert.pem\"\n"),
            "2:1: `tls_client_ca` needs `tls_cert` and `tls_key`: clients show certificates over TLS only",
        ),
        (
            server(&format!("{both}tls_client_crl = \"$DIR/cert.pem\"\n")),
            "4:1: `tls_client_crl` needs `tls_client_ca`: it is a list of what those authorities revoked",
        ),
        (
            server(&format!("{both}tls_client_ca = \"$DIR/key.pem\"\n")),
            "4:17: `tls_client_ca`: there is no certificate in it",
        ),
        (
            server(&format!("{both}tls_min_version = \"SSLv3\"\n")),
            "4:19: `tls_min_version`: TLS \"1.2\" and \"1.3\" are served, and no other version",
        ),
    ];
    for (text, expected) in &cases {
        house.check(&[(text, &[*expected])]);
    }
    let config = house.config(&server(&format!("{both}tls_poll = \"0s\"\n")));
    assert!(config.server.tls_poll.is_zero());
    assert_eq!(config.server.tls.unwrap().min_version, TlsVersion::V1_2);
}

#[test]
fn a_plain_port_needs_a_place_to_send_to() {
    let house = House::new();
    let tls = "tls_cert = \"$DIR/cert.pem\"\ntls_key = \"$DIR/key.pem\"\n";
    let plain = "redirect_listen = [\"127.0.0.1:80\", \"127.0.0.1:81\"]\n";
    let https =
        "2:1: `redirect_listen` sends clients to https, which needs `tls_cert` and `tls_key`";
    let place =
        "2:1: `redirect_listen` sends clients to `public_url`, which must be there and be https";
    let taken = "`redirect_listen`: this address is already taken by [server]";
    let cases: [(String, &[&str]); 8] = [
        (server(&format!("{plain}{tls}{PUBLIC}")), &[]),
        (server(&format!("{plain}{PUBLIC}")), &[https]),
        (server(&format!("{plain}{tls}")), &[place]),
        (server(plain), &[https, place]),
        (server(&format!("{plain}{tls}public_url = \"http://git.example.com\"\n")), &[place]),
        (
            server(&format!("redirect_listen = \"127.0.0.1:8080\"\n{tls}{PUBLIC}")),
            &[&format!("2:19: {taken}")],
        ),
        (
            format!(
                "[server]\n{plain}{tls}{PUBLIC}[operations]\nlisten = \"127.0.0.1:81\"\n{LEAST}"
            ),
            &["7:10: `listen`: this address is already taken by [server]"],
        ),
        (
            server(&format!("redirect_listen = \"80\"\n{tls}{PUBLIC}")),
            &["2:19: `redirect_listen`: an address is \"127.0.0.1:8080\", \"[::1]:8080\", \
               \"unix:/run/gitlatch.sock\", or \"systemd\" for what a .socket unit passes"],
        ),
    ];
    for (text, expected) in &cases {
        house.check(&[(text, expected)]);
    }
    let proxies = house.config(&server("proxy_protocol = [\"10.0.0.1\", \"unix\"]\n"));
    assert!(proxies.server.proxy_protocol.unix);
    house.check(&[(
        &server("proxy_protocol = [\"lb\"]\n"),
        &["2:19: `proxy_protocol`: each is an address, a network like \"10.0.0.0/8\", or \"unix\""],
    )]);
}

#[test]
fn trusted_proxies() {
    let house = House::new();
    let everybody = "`trusted_proxies`: this trusts everybody: any client can claim any address, \
                     and the `from` limits of tokens hold nobody";
    let form = "`trusted_proxies`: each is an address, a network like \"10.0.0.0/8\", or \"unix\"";
    let both = [format!("2:20: warning: {everybody}"), format!("2:33: warning: {everybody}")];
    house.check(&[
        (
            &server("trusted_proxies = [\"0.0.0.0/0\", \"::/0\"]\n"),
            &[both[0].as_str(), both[1].as_str()],
        ),
        (&server("trusted_proxies = [\"lb.internal\"]\n"), &[&format!("2:20: {form}")]),
    ]);
    let trusted = house.config(&server("trusted_proxies = [\"10.0.0.1/8\", \"unix\"]\n"));
    assert!(trusted.server.trusted_proxies.unix);
    assert_eq!(trusted.server.trusted_proxies.networks[0].to_string(), "10.0.0.0/8");
}

/// Who may connect to a socket in a list may claim to be anybody.
#[test]
fn everybody_at_a_unix_socket() {
    let house = House::new();
    let text = "warning: `KEY`: \"unix\" is whoever connects to a Unix socket, and by `unix_mode` that is every \
                user of this machine: any of them can claim any address; let a group alone connect (`unix_group` \
                with a mode of \"0660\")";
    let (unix, tcp) = ("unix:/run/x.sock", "127.0.0.1:1");
    for (listen, mode, key, warned) in [
        (unix, "0666", "trusted_proxies", true),
        (unix, "0602", "proxy_protocol", true),
        (unix, "0660", "trusted_proxies", false),
        (unix, "0664", "trusted_proxies", false),
        // Nobody connects to what is not there, and what is passed has a mode of its own.
        (tcp, "0666", "trusted_proxies", false),
        ("systemd", "0666", "trusted_proxies", false),
    ] {
        let lines = format!("listen = \"{listen}\"\nunix_mode = \"{mode}\"\n{key} = [\"unix\"]\n");
        let lines = lines.replace(&format!("\"{listen}\""), &format!("[\"{listen}\"]"));
        let expected = format!("4:{}: {}", key.len() + 5, text.replace("KEY", key));
        let expected: &[&str] = if warned { &[&expected] } else { &[] };
        house.check(&[(&server(&lines), expected)]);
    }
}

/// A PROXY header that names nobody leaves the proxy the peer, and then the client's own X-Forwarded-For
/// would count.
#[test]
fn a_proxy_is_in_one_list() {
    let house = House::new();
    let text = "warning: `proxy_protocol`: some of these are in `trusted_proxies` too. Where their PROXY header \
                names nobody (UNKNOWN, LOCAL), the X-Forwarded-For that the client itself wrote is believed: list \
                in `trusted_proxies` only who writes that header";
    for (trusted, proxies, column) in [
        ("\"10.0.0.1\"", "\"10.0.0.1\"", Some(19)),
        ("\"unix\"", "\"10.0.0.1\", \"unix\"", Some(31)),
        ("\"10.0.0.0/8\"", "\"10.0.0.1\"", Some(19)),
        ("\"10.0.0.1\"", "\"10.0.0.0/8\"", Some(19)),
        ("\"::ffff:10.0.0.1\"", "\"10.0.0.1\"", Some(19)),
        ("\"10.0.0.1\"", "\"10.0.0.2\", \"unix\"", None),
        ("\"unix\"", "\"10.0.0.2\"", None),
    ] {
        let file =
            server(&format!("proxy_protocol = [{proxies}]\ntrusted_proxies = [{trusted}]\n"));
        let expected: Vec<String> =
            column.map(|column| format!("2:{column}: {text}")).into_iter().collect();
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        house.check(&[(&file, &expected)]);
    }
}

#[test]
fn exceptions_for_people_are_asked_for() {
    let house = House::new();
    let protect = |line: &str| {
        format!("{LEAST}[[protect]]\nrefs = [\"refs/heads/main\"]\ndeny = [\"push\"]\n{line}\n")
    };
    for (line, expected) in
        [("", false), ("except_people = \"nobody\"", false), ("except_people = \"by-name\"", true)]
    {
        let config = house.config(&protect(line));
        assert_eq!(config.push.protections[0].except_people, expected, "{line}");
    }
    house.check(&[(
        &protect("except_people = \"by_name\""),
        &["7:17: `except_people` is one of \"nobody\", \"by-name\", did you mean `by-name`?"],
    )]);
}

#[test]
fn the_database() {
    let house = House::new();
    let store = |path: &str| format!("[store]\npath = \"{path}\"\n{LEAST}");
    house.folder("wide");
    let wide = house.path("wide");
    std::fs::set_permissions(&wide, PermissionsExt::from_mode(0o777)).unwrap();
    house.check(&[
        (
            &store("$DIR/open.db"),
            &["2:8: `path`: others than its owner may use \"$DIR/open.db\" (mode 0644); \
              run: chmod 600 \"$DIR/open.db\""],
        ),
        (&store("$DIR"), &["2:8: `path`: it is no regular file"]),
        (&store("$DIR/no/x.db"), &["2:8: `path`: the folder \"$DIR/no\" does not exist"]),
        (
            &store("$DIR/wide/x.db"),
            &["2:8: warning: `path`: others than its owner may replace files in \"$DIR/wide\", \
              the database too; run: chmod go-w \"$DIR/wide\""],
        ),
    ]);
    std::fs::set_permissions(&wide, PermissionsExt::from_mode(0o1777)).unwrap();
    house.check(&[(&store("$DIR/wide/x.db"), &[])]);
}
