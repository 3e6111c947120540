//! Which certificate a client is shown, and what `check` says of certificates.

use super::super::support::SiteBuilder;
use super::authority::{Authority, gullible};
use super::{ASKED, speak, start};

/// The names that each certificate is for, the one of `tls_cert` first.
const CERTIFICATES: [&[&str]; 5] = [
    &["default.test", "git.wild.test"],
    &["git.example.test", "GIT2.example.test"],
    &["*.example.test"],
    &["*.wild.test"],
    &["git.example.test", "only.here.test"],
];

/// The name that a client gives, and the number of the certificate that it is shown.
const NAMES: &[(&str, usize)] = &[
    ("default.test", 0),
    ("git.example.test", 1),
    ("GIT.EXAMPLE.TEST", 1),
    ("git2.example.test", 1),
    ("other.example.test", 2),
    // A wildcard is for one label, not for two and not for none.
    ("a.b.example.test", 0),
    ("example.test", 0),
    // The very name comes before a wildcard.
    ("git.wild.test", 0),
    ("other.wild.test", 3),
    ("only.here.test", 4),
    ("nobody.test", 0),
    ("localhost", 0),
    // No name at all is sent for an address.
    ("127.0.0.1", 0),
];

#[test]
fn by_the_name_that_a_client_gives() {
    let authority = Authority::new();
    let certificates = CERTIFICATES.map(|names| authority.certify_as(names));
    let mut builder = SiteBuilder::repositories();
    for (at, certificate) in certificates.iter().enumerate().skip(1) {
        certificate.write_as(builder.folder(), &format!("cert{at}.pem"), &format!("key{at}.pem"));
        builder = builder
            .section(&format!("[[certificate]]\ncert = 'cert{at}.pem'\nkey = 'key{at}.pem'"));
    }
    let site = start(builder, &certificates[0]);
    site.logged(&[
        "\"warn\"",
        "git.example.test: the certificate in ",
        "cert1.pem",
        "stands first",
    ]);
    let client = gullible();
    for (name, expected) in NAMES {
        let spoken = speak(site.address(), name, &client, ASKED).unwrap();
        let shown = certificates.iter().position(|certificate| certificate.der() == spoken.shown);
        assert_eq!(shown, Some(*expected), "{name}");
    }
}

/// What is wrong with the files, and what `check` says. `DIR` is their folder.
#[test]
fn what_check_says_of_certificates() {
    const FILES: &str = "tls_cert = 'cert.pem'\ntls_key = 'key.pem'";
    const MORE: &str = "[[certificate]]\ncert = 'more.pem'\nkey = 'more.key'";
    let authority = Authority::new();
    let good = authority.certify();
    let nameless = authority.certify_as(&["127.0.0.1"]);
    let expired = authority.certify_expired(&["old.test"]);
    let other = authority.certify_as(&["other.test"]);
    // The second pair: certificate and key; and a line of what is said.
    let cases = [
        (&other.pem, &other.key, Ok("proxy.toml: ok")),
        (
            &other.pem,
            &good.key,
            Err("proxy.toml:18:7: `key`: this key is not that of the certificate"),
        ),
        (
            &nameless.pem,
            &nameless.key,
            Err("proxy.toml:17:8: `cert`: the certificate is for no DNS name"),
        ),
        (
            &expired.pem,
            &expired.key,
            Ok("proxy.toml:17:8: warning: `cert`: the certificate expired at 2021-01-01T00:00:00Z"),
        ),
        (
            &good.pem,
            &good.key,
            Ok("proxy.toml:17:8: warning: `cert`: localhost: the certificate in"),
        ),
        (&other.key, &other.key, Err("proxy.toml:17:8: `cert`: there is no certificate in it")),
        (&other.pem, &other.pem, Err("proxy.toml:18:7: `key`: there is no private key in it")),
    ];
    for (cert, key, expected) in cases {
        let builder = SiteBuilder::repositories().server(FILES).section(MORE);
        good.write(builder.folder());
        super::authority::replace(&builder.folder().join("more.pem"), cert);
        super::authority::replace(&builder.folder().join("more.key"), key);
        let site = builder.prepare();
        let ran = site.run(&["check"], "");
        let (code, text) = expected.map_or_else(|text| (1, text), |text| (0, text));
        let said = ran.stdout.replace(&format!("{}/", site.folder().display()), "");
        assert!(said.contains(text), "no {text} in {ran:?}");
        assert_eq!(ran.code, Some(code), "{ran:?}");
    }
}
