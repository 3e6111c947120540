//! Certificates that clients must show: a lock before the tokens, and no more.

use super::super::support::{Git, Site, SiteBuilder, eventually, replies};
use super::authority::{Authority, Certificate, provider, replace};
use super::{ASKED, figure, speak};
use rustls::{ClientConfig, HandshakeKind, RootCertStore};
use std::fs;
use std::sync::Arc;

const FILES: &str = "tls_cert = 'cert.pem'\ntls_key = 'key.pem'\ntls_client_ca = 'clients.pem'";

fn site(server: &Authority, clients: &Authority, more: &str) -> Site {
    let builder = SiteBuilder::repositories();
    server.certify().write(builder.folder());
    replace(&builder.folder().join("clients.pem"), &clients.pem);
    replace(&builder.folder().join("revoked.pem"), &clients.revoke(&[], 2100));
    builder.server(&format!("{FILES}\n{more}")).start()
}

fn failures(site: &Site, kind: &str) -> u64 {
    let line = format!("gitlatch_tls_handshake_failures_total{{kind=\"{kind}\"}}");
    figure(site, &line).unwrap()
}

const TIMES: u64 = 20;

/// Whoever is not let in does not even get an answer, whatever else is sent.
#[test]
fn who_is_let_in() {
    let (server, clients, others) = (Authority::new(), Authority::new(), Authority::new());
    let (good, revoked) = (clients.certify_as(&["bot.test"]), clients.certify_as(&["bad.test"]));
    let expired = clients.certify_expired(&["bot.test"]);
    let foreign = others.certify_as(&["bot.test"]);
    let list = "tls_client_crl = 'revoked.pem'";
    let plain = site(&server, &clients, "");
    let listed = site(&server, &clients, list);
    let lists = listed.folder().join("revoked.pem");
    replace(&lists, &clients.revoke(&[&revoked], 2100));
    reload(&listed, 1);
    let thirteen = site(&server, &clients, "tls_min_version = '1.3'");
    // Where, what is shown, and the kind of failure; without one the answer is that a token is wanted.
    let cases: [(&Site, Option<&Certificate>, Option<&str>); 10] = [
        (&plain, Some(&good), None),
        (&plain, None, Some("no_certificate")),
        (&plain, Some(&foreign), Some("certificate")),
        (&plain, Some(&expired), Some("certificate")),
        (&plain, Some(&revoked), None),
        (&listed, Some(&good), None),
        (&listed, Some(&revoked), Some("certificate")),
        (&listed, None, Some("no_certificate")),
        (&thirteen, Some(&good), None),
        (&thirteen, None, Some("no_certificate")),
    ];
    let asked_and_more = [ASKED, b"x".repeat(48 * 1024).as_slice()].concat();
    for (at, (site, shown, failure)) in cases.iter().enumerate() {
        let counted = failure.map(|kind| (kind, failures(site, kind)));
        let client = server.client_showing(*shown, b"http/1.1");
        // Often, and with much that follows: what is sent on may not cost a client the alert.
        for nth in 1..=TIMES {
            let sent = if counted.is_some() { &asked_and_more } else { ASKED };
            let spoken = speak(site.address(), "localhost", &client, sent);
            match counted {
                None => assert_eq!(replies(&spoken.unwrap().bytes)[0].status, 401, "{at}"),
                Some((kind, before)) => {
                    let error = spoken.err().map(|error| error.to_string()).unwrap_or_default();
                    assert!(error.contains("received fatal alert"), "{at}, {nth}: {error}");
                    eventually(kind, || (failures(site, kind) == before + nth).then_some(()));
                }
            }
        }
    }
    // A list that was not renewed in time lets nobody in.
    replace(&lists, &clients.revoke(&[&revoked], 2023));
    reload(&listed, 2);
    let client = server.client_showing(Some(&good), b"http/1.1");
    assert!(speak(listed.address(), "localhost", &client, ASKED).is_err());
}

fn reload(site: &Site, times: usize) {
    site.signal("HUP");
    let reloaded = r#""message":"reloaded""#;
    eventually(reloaded, || (site.log().matches(reloaded).count() == times).then_some(()));
}

/// A certificate is looked at for each connection, and by the authorities of now.
#[test]
fn sessions_are_not_resumed_without_a_certificate() {
    let (server, clients, others) = (Authority::new(), Authority::new(), Authority::new());
    let site = site(&server, &clients, "");
    let good = clients.certify_as(&["bot.test"]);
    let client = |versions| {
        let mut roots = RootCertStore::empty();
        roots.add(server.der()).unwrap();
        let config =
            ClientConfig::builder_with_provider(provider()).with_protocol_versions(versions);
        let config = config.unwrap().with_root_certificates(roots);
        Arc::new(config.with_client_auth_cert(vec![good.der()], good.key_der()).unwrap())
    };
    let both = [client(&[&rustls::version::TLS12]), client(&[&rustls::version::TLS13])];
    for client in &both {
        for _ in 0..2 {
            let spoken = speak(site.address(), "localhost", client, ASKED).unwrap();
            assert_eq!(spoken.kind, HandshakeKind::Full);
        }
    }
    replace(&site.folder().join("clients.pem"), &others.pem);
    reload(&site, 1);
    for client in &both {
        assert!(speak(site.address(), "localhost", client, ASKED).is_err());
    }
}

#[test]
fn git_shows_a_certificate() {
    let (server, clients) = (Authority::new(), Authority::new());
    let site = site(&server, &clients, "");
    site.repository("team/app");
    let (token, _) = site.token(&["--project", "team", "--permission", "REPO_WRITE"]);
    let git = Git::new();
    fs::write(git.at("ca.pem"), &server.pem).unwrap();
    clients.certify_as(&["bot.test"]).write(git.home());
    let trust = format!("http.sslCAInfo={}", git.at("ca.pem").display());
    let cert = format!("http.sslCert={}", git.at("cert.pem").display());
    let key = format!("http.sslKey={}", git.at("key.pem").display());
    let url = format!("https://x-token-auth:{token}@{}/team/app.git", site.address());
    let refused = git.run(&["-c", &trust, "clone", "-q", &url, "without"]);
    assert_ne!(refused.code, Some(0), "{}", refused.said());
    let options = ["-c", &trust, "-c", &cert, "-c", &key];
    git.done(&[&options[..], &["clone", "-q", &url, "with"]].concat());
    git.commit("with", "more", 100_000);
    git.done(&[&options[..], &["-C", "with", "push", "-q", &url, "HEAD:main"]].concat());
    // It is no identity: without a token nobody is let in.
    let nobody = format!("https://{}/team/app.git", site.address());
    let refused = git.run(&[&options[..], &["clone", "-q", &nobody, "nobody"]].concat());
    assert_ne!(refused.code, Some(0), "{}", refused.said());
}
