//! TLS to the host: keys of `[upstream]`.

use super::House;
use crate::config::Target;

const HTTPS: &str = "[upstream]\nkind = \"git\"\nurl = \"https://127.0.0.1:3000\"\n";
const BOTH: &str = "client_cert = \"$DIR/cert.pem\"\nclient_key = \"$DIR/key.pem\"\n";

#[test]
fn whom_to_believe_and_what_to_show() {
    let house = House::new();
    let cases: [(String, &str); 10] = [
        (
            format!("{}ca_file = \"$DIR/cert.pem\"\n", HTTPS.replace("https", "http")),
            "4:1: warning: `ca_file` is for TLS, and this host is reached by an http URL: whoever answers there is \
             believed, and what it is sent is not encrypted",
        ),
        (
            "[server]\ntls_min_version = \"1.1\"\n[upstream]\nkind = \"git\"\nrepositories = \"$DIR\"\n"
                .to_owned(),
            "2:19: `tls_min_version`: TLS \"1.2\" and \"1.3\" are served, and no other version",
        ),
        (
            format!("{HTTPS}system_roots = false\n"),
            "4:16: `system_roots` = false needs `ca_file`: no authority would be believed",
        ),
        (
            format!("{HTTPS}system_roots = 1\n"),
            "4:16: `system_roots` is true or false, not an integer",
        ),
        (
            format!("{HTTPS}client_cert = \"$DIR/cert.pem\"\n"),
            "4:1: `client_cert` needs `client_key`: they are shown to the host together",
        ),
        (
            format!("{HTTPS}client_key = \"$DIR/key.pem\"\n"),
            "4:1: `client_key` needs `client_cert`: they are shown to the host together",
        ),
        (
            format!("{}{BOTH}", HTTPS.replace("https", "http")),
            "4:1: `client_cert` is shown over TLS only, and this host is reached by an http URL",
        ),
        (
            format!("{HTTPS}{}", BOTH.replace("key.pem", "open-key.pem")),
            "5:14: `client_key`: others than its owner and its group may use \"$DIR/open-key.pem\" (mode 0644); \
             run: chmod 600 \"$DIR/open-key.pem\"",
        ),
        (
            format!("{HTTPS}ca_file = \"$DIR/cert.pem\"\n{}", BOTH.replace("cert.pem", "key.pem")),
            "5:15: `client_cert`: there is no certificate in it",
        ),
        (
            "[upstream]\nkind = \"git\"\nrepositories = \"$DIR\"\nsystem_roots = true\n".to_owned(),
            "4:1: `system_roots` belongs to `url` and not to `repositories`",
        ),
    ];
    for (text, expected) in &cases {
        house.check(&[(text, &[*expected])]);
    }
    let config =
        house.config(&format!("{HTTPS}{BOTH}ca_file = \"$DIR/cert.pem\"\nsystem_roots = false\n"));
    let Target::Url(remote) = config.upstream.target else { panic!("a host") };
    assert!(!remote.tls.system_roots && remote.tls.ca.is_some() && remote.tls.client.is_some());
}
