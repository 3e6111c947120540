//! What operators see: health, metrics, and one line a request.

use super::support::{SiteBuilder, Upstream, bearer, request};

const REFS: &str = "GET /team/app.git/info/refs?service=git-upload-pack";
const NO_IDENTITY: &str = "[upstream.identity]\nmode = 'none'";
const GRANTS: &str = "[access]\nusers = 'grants'";

#[test]
fn the_operations_address() {
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let site = SiteBuilder::url(&upstream.url(), NO_IDENTITY).section(GRANTS).start();
    let (token, _) = site.token(&["--project", "team", "--permission", "REPO_READ"]);
    assert_eq!(request(site.address(), REFS, &bearer(&token), b"").status, 200);
    assert_eq!(request(site.address(), REFS, "", b"").status, 401);
    site.logged(&["\"status\":401"]);
    let cases = [
        ("GET /healthz", 200, "ok\n"),
        ("HEAD /healthz", 200, ""),
        ("GET /readyz", 200, "store: ok\nupstream: ok\n"),
        (
            "GET /metrics",
            200,
            "gitlatch_requests_total{action=\"fetch-refs\",verdict=\"allowed\"} 1",
        ),
        ("GET /metrics", 200, "{action=\"fetch-refs\",verdict=\"challenged\"} 1"),
        ("GET /metrics", 200, "gitlatch_request_duration_seconds_bucket{"),
        ("GET /metrics", 200, "gitlatch_bytes_sent_total"),
        ("GET /metrics", 200, "gitlatch_bytes_received_total"),
        ("GET /metrics", 200, "gitlatch_connections "),
        ("GET /metrics", 200, "gitlatch_connections_accepted_total 2"),
        ("GET /metrics", 200, "gitlatch_upstream_errors_total{kind=\"connect\"} 0"),
        ("GET /metrics", 200, "gitlatch_store_lookups_total{answer=\"database\"} 1"),
        ("GET /metrics", 200, "gitlatch_tokens 1"),
        ("GET /metrics", 200, "gitlatch_log_lines_dropped_total 0"),
        ("GET /else", 404, "/healthz"),
        ("POST /healthz", 405, "GET"),
    ];
    for (line, status, text) in cases {
        let reply = request(site.operations(), line, "", b"");
        assert_eq!(reply.status, status, "{line}");
        assert!(reply.text().contains(text), "{line}: no {text} in\n{}", reply.text());
    }
    for line in ["GET /healthz", "GET /readyz", "GET /metrics"] {
        let public = request(site.address(), line, &bearer(&token), b"");
        assert_eq!(public.status, 403, "{line} on the public address");
    }
}

#[test]
fn readiness_names_what_is_missing() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let site = SiteBuilder::url(&format!("http://{gone}"), NO_IDENTITY).section(GRANTS).start();
    let reply = request(site.operations(), "GET /readyz", "", b"");
    assert_eq!(reply.status, 503);
    let text = reply.text();
    assert!(text.starts_with("store: ok\nupstream: ") && text.contains("refused"), "{text}");
    std::fs::remove_file(site.database()).unwrap();
    let reply = request(site.operations(), "GET /readyz", "", b"");
    assert!(reply.text().starts_with("store: the store at "), "{}", reply.text());
    assert_eq!(request(site.operations(), "GET /healthz", "", b"").status, 200);
}

#[test]
fn one_line_a_request() {
    let site = SiteBuilder::repositories().start();
    site.repository("team/app");
    let (token, id) = site.token(&["--project", "team", "--permission", "REPO_READ"]);
    let reply = request(site.address(), REFS, &bearer(&token), b"");
    let line = site.logged(&["\"event\":\"request\""]);
    let text = |key: &str| line[key].to_string().trim_matches('"').to_owned();
    let cases = [
        ("level", "info".to_owned()),
        ("id", reply.header("x-request-id").unwrap()),
        ("client", "127.0.0.1".to_owned()),
        ("token", id),
        ("token_name", "t".to_owned()),
        ("owner", "project team".to_owned()),
        ("action", "fetch-refs".to_owned()),
        ("project", "team".to_owned()),
        ("repository", "app".to_owned()),
        ("method", "GET".to_owned()),
        ("path", "/team/app.git/info/refs".to_owned()),
        ("status", "200".to_owned()),
        ("verdict", "allowed".to_owned()),
        ("bytes_in", "0".to_owned()),
        ("bytes_out", reply.body.len().to_string()),
    ];
    for (key, expected) in cases {
        assert_eq!(text(key), expected, "{key} of {line}");
    }
    assert!(line["duration_us"].as_u64() >= line["upstream_us"].as_u64());
    assert!(line["time"].as_str().unwrap().ends_with('Z'));

    // A file that git sends whole is sent whole, and a body that HEAD leaves out is not missed.
    for first in ["GET /team/app.git/HEAD", "HEAD /team/app.git/HEAD"] {
        let reply = request(site.address(), first, &bearer(&token), b"");
        assert_eq!((reply.status, reply.header("content-length").as_deref()), (200, Some("21")));
        let id = reply.header("x-request-id").unwrap();
        let line = site.logged(&[&format!("\"id\":\"{id}\"")]);
        assert!(line["reason"].is_null(), "{line}");
    }

    // Refusals tell their rule, and no line tells a query or a token.
    let secret = format!("GET /team/{token}.git/HEAD");
    let cases = [
        ("GET /team/app.git/info/refs?service=git-receive-pack", bearer(&token), "permission"),
        ("GET /other/app.git/HEAD", bearer(&token), "scope"),
        ("GET /team/app.git/config", bearer(&token), "unknown-path"),
        ("GET /team/gone.git/HEAD", bearer(&token), "no-repository"),
        ("GET /team/app.git/HEAD", String::new(), "no-credential"),
        ("GET /team/app.git/HEAD", bearer(&"x".repeat(41)), "no-credential"),
        ("GET /team/app.git/../x", bearer(&token), "target"),
        (&secret, bearer(&token), "target"),
        ("PROPFIND /team/app.git/HEAD", bearer(&token), "method"),
        ("GET /team/app.git/info/lfs/locks", bearer(&token), "lfs"),
    ];
    for (first, credential, reason) in cases {
        let reply = request(site.address(), first, &credential, b"");
        let id = reply.header("x-request-id").unwrap();
        let line = site.logged(&[&format!("\"id\":\"{id}\"")]);
        assert_eq!(line["reason"], reason, "{first}: {line}");
        assert_eq!(line["status"], reply.status);
        assert!(reply.text().contains(&id), "{first}: {}", reply.text());
    }
    let log = site.log();
    assert!(!log.contains(&token) && !log.contains("service="), "{log}");
}
