//! A clock that steps forth and back while gitlatch serves.

use super::support::PASSWORD;
use super::support::{Knobs, SiteBuilder, basic, bearer, eventually, raw, request};
use std::net::TcpStream;

const HEAD: &str = "GET /team/app.git/HEAD";
const DAY: i64 = 24 * 3600;
const TO_1960: i64 = -DAY * 366 * 80;

#[test]
fn a_clock_that_steps() {
    let builder = SiteBuilder::repositories();
    let knobs = Knobs::new(builder.folder());
    let site = knobs.on(builder).start();
    site.repository("team/app");
    site.user("alice");
    let team = ["--project", "team", "--permission", "REPO_READ"];
    let (ends, ends_id) = site.token(&[&team[..], &["--expires-in", "10d"]].concat());
    let (stays, _) = site.token(&team);
    // By how much the clock is wrong, and what both tokens get, and a call of the token API.
    let cases = [
        (0, 200, 200, 200),
        (9 * DAY, 200, 200, 200),
        (11 * DAY, 401, 200, 200),
        (100 * 366 * DAY, 401, 200, 200),
        // Expiry is a matter of the time that it is: nothing was decided for good meanwhile.
        (-DAY, 200, 200, 200),
        (-20 * 366 * DAY, 200, 200, 200),
        // No time that can be: that is trouble here, and no verdict about a token.
        (TO_1960, 503, 503, 503),
        (0, 200, 200, 200),
    ];
    for (seconds, of_ends, of_stays, of_call) in cases {
        knobs.turn_clock(seconds);
        // On one connection, which no step of the clock ends.
        let ask = |token: &str, last: &str| {
            format!("{HEAD} HTTP/1.1\r\nHost: a\r\n{last}{}\r\n", bearer(token))
        };
        let both = ask(&ends, "") + &ask(&stays, "Connection: close\r\n");
        let found: Vec<u16> =
            raw(site.address(), both.as_bytes()).iter().map(|r| r.status).collect();
        assert_eq!(found, [of_ends, of_stays], "{seconds}");
        let call = "GET /rest/access-tokens/latest/users/alice";
        let reply = request(site.address(), call, &basic("alice", PASSWORD), b"");
        assert_eq!(reply.status, of_call, "{seconds}: {}", reply.text());
        if of_ends == 503 {
            site.logged(&[r#""reason":"clock""#, r#""status":503"#]);
        }
    }
    // The last use is the latest that there was, and the trail is still one chain.
    eventually("a use in the years to come", || {
        let shown = site.done(&["token", "show", &ends_id, "--json"], "");
        let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
        let (used, made) = (shown["lastAuthenticated"].as_i64()?, shown["createdDate"].as_i64()?);
        (used > made + 8 * DAY * 1000).then_some(())
    });
    site.done(&["audit", "verify"], "");
    // A command says what is wrong.
    knobs.turn_clock(TO_1960);
    let mut create = site.command(&["token", "create", "--name", "t", "--project", "team"]);
    let made = create.envs(knobs.variables()).output().unwrap();
    assert_eq!((made.status.code(), made.stdout.as_slice()), (Some(1), &b""[..]), "{made:?}");
    let said = String::from_utf8(made.stderr).unwrap();
    assert!(said.contains("clock"), "{said}");
}

/// hyper cannot begin to tell the time before 1970, and every worker tells it for itself: all of them have
/// begun before anybody is accepted, and none can begin there.
#[test]
fn a_clock_before_1970_with_workers_who_have_answered_nobody() {
    const WORKERS: usize = 4;
    let builder = SiteBuilder::repositories().server(&format!("threads = {WORKERS}"));
    let knobs = Knobs::new(builder.folder());
    let mut site = knobs.on(builder).start();
    let (token, _) = site.token(&["--project", "team", "--permission", "REPO_READ"]);
    // What is answered has begun; the workers begin together, and this is the first one's answer.
    let ask = |status| {
        let reply = request(site.address(), HEAD, &bearer(&token), b"");
        assert_eq!(reply.status, status, "{}", reply.text());
    };
    ask(404);
    knobs.turn_clock(TO_1960);
    // A connection goes to the worker with the fewest, so each that stays open makes way to the next one.
    let mut held = Vec::new();
    for _ in 0..WORKERS {
        ask(503);
        held.push(TcpStream::connect(site.address()).unwrap());
    }
    assert_eq!(request(site.operations(), "GET /healthz", "", b"").status, 200);
    site.signal("TERM");
    drop(held);
    assert_eq!(site.wait(), Some(0));
    let mut serve = site.command(&["serve"]);
    let ended = serve.envs(knobs.variables()).output().unwrap();
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(said.contains("the clock stands before 1970; set it right"), "{said}");
}
