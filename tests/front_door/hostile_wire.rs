//! Hundreds of ways to send one thing and mean another: `tests/data/hostile.tsv`, at once, byte by byte, and
//! over TLS.

use super::hostile::{House, INNOCENT};
use super::hostile_cases::{cases, filled};
use super::support::{basic, bearer, raw};
use std::panic::{AssertUnwindSafe, catch_unwind};

const TABLE: &str = include_str!("../data/hostile.tsv");

fn all(house: &House, every: usize) {
    let mut wrong = Vec::new();
    for case in cases(TABLE).step_by(every) {
        let sent = catch_unwind(AssertUnwindSafe(|| house.send(&case.bytes, case.expected)));
        if sent.is_err() {
            wrong.push(case.line);
        }
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
    house.check_log();
}

#[test]
fn at_once() {
    all(&House::new(), 1);
}

/// However the bytes come, they mean the same.
#[test]
fn byte_by_byte() {
    all(&House { slowly: true, ..House::new() }, 3);
}

#[test]
fn over_tls() {
    all(&House::secure(), 2);
}

/// Two credentials are one too many, whichever they are and in whichever order they stand; a cookie is none,
/// and what stands beside a token in any other header is looked at as well.
#[test]
fn two_credentials() {
    let house = House::new();
    let carriers: &[(&str, String)] = &[
        ("credential", bearer(&house.token)),
        ("credential", bearer(&house.token).to_uppercase().replace("BEARER", "Bearer")),
        ("credential", basic("alice", &house.token)),
        ("credential", basic(&house.token, "")),
        ("credential", basic(&house.token, "x-oauth-basic")),
        ("credential", basic("", "")),
        ("credential", basic("root", "password")),
        ("credential", "Authorization: token x\r\n".to_owned()),
        ("credential", "Authorization: \r\n".to_owned()),
        ("credential", format!("PRIVATE-TOKEN: {}\r\n", house.token)),
        ("credential", "Private-Token: glpat-x\r\n".to_owned()),
        ("cookie", "Cookie: a=b\r\n".to_owned()),
        ("cookie", format!("Cookie: t={}\r\n", house.token)),
        ("dropped", "Proxy-Authorization: Basic eDp5\r\n".to_owned()),
        ("dropped", "JOB-TOKEN: x\r\nDeploy-Token: y\r\nX-Auth-Token: z\r\n".to_owned()),
        ("elsewhere", format!("Proxy-Authorization: Bearer {}\r\n", house.token)),
        ("elsewhere", format!("X-Note: {}\r\n", house.token)),
    ];
    let good = bearer(&house.token);
    for (kind, one) in carriers {
        let expected = match *kind {
            "cookie" | "dropped" => "200",
            _ => "400",
        };
        for pair in
            [format!("{good}{one}"), format!("{one}{good}"), format!("{one}X-Note: a\r\n{good}")]
        {
            let head = format!("GET /team/app.git/HEAD HTTP/1.1\r\n{{host}}{pair}\r\n");
            house.send(head.as_bytes(), expected);
        }
    }
    let credentials = carriers.iter().filter(|(kind, _)| *kind == "credential");
    for (_, one) in credentials.clone() {
        for (_, other) in credentials.clone() {
            let head = format!("GET /team/app.git/HEAD HTTP/1.1\r\n{{host}}{one}{other}\r\n");
            house.send(head.as_bytes(), "400");
        }
    }
    house.check_log();
}

/// What is larger than is taken ends the connection, and nothing of it goes on.
#[test]
fn too_long() {
    let house = House::new();
    let long = "a".repeat(70_000);
    let many: Vec<_> = (0..200).map(|n| format!("X-Note-{n}: a\r\n")).collect();
    let many = many.concat();
    let get = "GET /team/app.git/HEAD HTTP/1.1\r\n{host}{auth}";
    let post = "{push}{chunked}\r\n";
    let cases = [
        (format!("GET /{long} HTTP/1.1\r\n{{host}}{{auth}}\r\n"), "431 close"),
        (format!("GET /team/app.git/HEAD?{long} HTTP/1.1\r\n{{host}}{{auth}}\r\n"), "431 close"),
        (format!("{long} /team/app.git/HEAD HTTP/1.1\r\n{{host}}{{auth}}\r\n"), "431 close"),
        (format!("{get}X-Note: {long}\r\n\r\n"), "431 close"),
        (format!("{get}{long}: a\r\n\r\n"), "431 close"),
        (format!("{get}{many}\r\n"), "431 close"),
        (format!("{post}4;{long}\r\n0000\r\n0\r\n\r\n"), "400 close"),
        (format!("{post}4\r\n0000\r\n0\r\nX-Note: {long}\r\n\r\n"), "400 close"),
        (format!("{post}4\r\n0000\r\n0\r\n{}\r\n", many.repeat(6)), "400 close"),
        (format!("{}{get}\r\n", "\r\n".repeat(1000)), "200"),
    ];
    for (request, expected) in cases {
        house.send(request.as_bytes(), expected);
    }
}

/// A lone LF behind the last chunk ends nothing: hyper takes what follows for trailers, up to an empty line
/// that ends in CRLF. It is never a request, so that nobody can hide one there.
#[test]
fn a_lone_lf_ends_no_trailers() {
    let house = House::new();
    let push = "{push}{chunked}\r\n4\r\n0000\r\n0\r\n\n";
    let hidden = "GET /team/hidden.git/HEAD HTTP/1.1\r\n{host}{auth}\r\n";
    house.send(format!("{push}{hidden}").as_bytes(), "200");
    let seen = house.upstream.seen();
    assert!(!seen.iter().any(|seen| seen.line().contains("hidden")), "{seen:?}");
}

/// Many requests on their way at once, forbidden ones among them: each gets its own answer, in their order.
#[test]
fn many_at_once() {
    let house = House::new();
    let mut bytes = Vec::new();
    let mut expected = Vec::new();
    for nth in 0..120 {
        let (line, status) = match nth % 4 {
            0 => (format!("GET /team/r{nth}.git/HEAD HTTP/1.1"), 200),
            1 => (format!("PUT /team/r{nth}.git/HEAD HTTP/1.1"), 405),
            2 => (format!("GET /team/r{nth}.git/../x.git/HEAD HTTP/1.1"), 400),
            _ => (format!("GET /nowhere/{nth} HTTP/1.1"), 403),
        };
        bytes.extend(format!("{line}\r\n{{host}}{{auth}}\r\n").into_bytes());
        expected.push((line, status));
    }
    bytes.extend(format!("{INNOCENT}\r\n{{host}}{{auth}}Connection: close\r\n\r\n").into_bytes());
    expected.push((INNOCENT.to_owned(), 200));
    let answers = raw(house.site.address(), &filled(&bytes, &house.token));
    assert_eq!(answers.len(), expected.len());
    for (answer, (line, status)) in answers.iter().zip(&expected) {
        assert_eq!(answer.status, *status, "{line}");
        assert_eq!(answer.text() == *line, *status == 200, "{line}: {}", answer.text());
    }
    let allowed: Vec<&str> =
        expected.iter().filter(|(_, status)| *status == 200).map(|(line, _)| &line[..]).collect();
    let seen = house.upstream.seen();
    assert_eq!(seen.iter().map(super::support::Seen::line).collect::<Vec<_>>(), allowed);
}
