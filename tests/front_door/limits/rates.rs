//! How often tokens and addresses may ask.

use super::{GET, OK, ask, metric, reconfigure, with_token};
use crate::support::{Git, PATIENCE, SiteBuilder, Upstream, basic, bearer, eventually, request};
use std::os::unix::net::UnixStream;

const REST: &str = "GET /rest/api/latest/projects/TEAM/repos/app/branches";
const REFS: &str = "GET /scm/team/app.git/info/refs?service=git-upload-pack";

/// The caller, what is asked, and in which language the refusal comes.
#[test]
fn a_token_asks_as_often_as_it_may() {
    let upstream = Upstream::answering(OK);
    let (site, token) = with_token(
        SiteBuilder::bitbucket(&upstream.url(), "")
            .section("[limits]\nrequests_per_token = '3/h'")
            .start(),
    );
    let address = site.address();
    let (other, _) = site.token(&["--user", "alice", "--permission", "REPO_READ"]);
    // However it is presented, and whatever for: gitlatch's own API is asked as well.
    let cases = [
        (REFS, bearer(&token), 200),
        (REFS, basic("alice", &token), 200),
        ("GET /rest/access-tokens/latest/self", bearer(&token), 200),
    ];
    for (line, headers, status) in cases {
        let reply = request(address, line, &headers, b"");
        assert_eq!(reply.status, status, "{line}: {}", reply.text());
    }
    let cases = [
        (REFS, bearer(&token), "text/plain", "gitlatch: too many requests with this token"),
        (
            "GET /scm/team/app.git/info/lfs/locks",
            bearer(&token),
            "application/vnd.git-lfs+json",
            "\"message\"",
        ),
        (REST, bearer(&token), "application/json", "\"errors\""),
        (
            "GET /rest/access-tokens/latest/self",
            basic("alice", &token),
            "application/json",
            "\"errors\"",
        ),
    ];
    for (line, headers, kind, text) in cases {
        let reply = request(address, line, &headers, b"");
        assert_eq!(reply.status, 429, "{line}: {}", reply.text());
        let after: u64 = reply.header("retry-after").unwrap().parse().unwrap();
        assert!((1190..=1200).contains(&after), "{line}: {after} s");
        assert!(reply.header("content-type").unwrap().starts_with(kind), "{line}");
        assert!(reply.text().contains(text), "{line}: {}", reply.text());
    }
    assert_eq!(request(address, REFS, &bearer(&other), b"").status, 200, "another token");
    assert_eq!(metric(&site, "gitlatch_requests_limited_total{by=\"token\"}"), 4);
    site.logged(&["\"reason\":\"rate-token\"", "\"verdict\":\"refused\"", "\"status\":429"]);
    assert_eq!(upstream.seen().len(), 3);
    reconfigure(&site, "'3/h'", "'60/m'");
    assert_eq!(request(address, REFS, &bearer(&token), b"").status, 429, "nothing is forgiven");
    reconfigure(&site, "'60/m'", "'1000/s'");
    eventually("the faster rate holds", || {
        (request(address, REFS, &bearer(&token), b"").status == 200).then_some(())
    });
}

/// Who asks from where, with what, and how it is answered; two requests an hour from each address.
#[test]
fn an_address_asks_as_often_as_it_may() {
    let upstream = Upstream::answering(OK);
    let builder = SiteBuilder::url(&upstream.url(), "");
    let socket = builder.folder().join("socket");
    let lines = format!(
        "listen = ['127.0.0.1:0', 'unix:{}']\ntrusted_proxies = ['127.0.0.1']",
        socket.display()
    );
    let limits = "[limits]\nrequests_per_address = '2/h'";
    let (site, token) = with_token(builder.server(&lines).section(limits).start());
    let cases = [
        ("9.9.9.9", true, 200),
        // A challenge counts, and so does a token that is none.
        ("9.9.9.9", false, 401),
        ("9.9.9.9", true, 429),
        ("9.9.9.9", false, 429),
        ("::ffff:9.9.9.9", true, 429),
        ("1.1.1.1, 9.9.9.9", true, 429),
        ("9.9.9.8", true, 200),
        ("2001:db8:0:1::1", true, 200),
        ("2001:db8:0:1:ffff::1", true, 200),
        ("2001:db8:0:1::2", true, 429),
        ("2001:db8:0:2::1", true, 200),
    ];
    for (from, with, status) in cases {
        let mut headers = format!("X-Forwarded-For: {from}\r\n");
        if with {
            headers += &bearer(&token);
        }
        let reply = request(site.address(), GET, &headers, b"");
        assert_eq!(reply.status, status, "{from} {with}: {}", reply.text());
        if status == 429 {
            let after: u64 = reply.header("retry-after").unwrap().parse().unwrap();
            assert!((1790..=1800).contains(&after), "{from}: {after} s");
        }
    }
    assert_eq!(metric(&site, "gitlatch_requests_limited_total{by=\"address\"}"), 5);
    site.logged(&["\"reason\":\"rate-address\""]);
    // Nobody's address is counted as nobody's.
    let mut local = UnixStream::connect(&socket).unwrap();
    local.set_read_timeout(Some(PATIENCE)).unwrap();
    for _ in 0..4 {
        assert_eq!(ask(&mut local, &token).unwrap().status, 200);
    }
}

/// git tells its person why.
#[test]
fn git_says_that_too_many_came() {
    let site = SiteBuilder::repositories().section("[limits]\nrequests_per_token = '3/h'").start();
    site.repository("team/app");
    let (token, _) = site.token(&["--project", "team", "--permission", "REPO_READ"]);
    let git = Git::new();
    let url = site.url("/team/app.git");
    let header = format!("http.extraHeader=Authorization: Bearer {token}");
    let clone = ["-c", header.as_str(), "clone", "-q", url.as_str()];
    // What it can do, its refs and its pack: that is all for now.
    let whole = git.run(&[&clone[..], &["first"]].concat());
    assert_eq!(whole.code, Some(0), "{}", whole.said());
    let refused = git.run(&[&clone[..], &["second"]].concat());
    assert_ne!(refused.code, Some(0));
    assert!(refused.said().contains("too many requests with this token"), "{}", refused.said());
}
