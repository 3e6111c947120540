//! Whatever bytes come on a connection of HTTP/1, put to the whole gate with a host behind it.

use super::house::{Exchange, House, IDENTITY, Known, SESSION, times};
use super::reading::{self, Message};
use base64::Engine as _;
use gitlatch::domain::dialect::{Classified, Kind, RequestLine};
use gitlatch::domain::git::lfs::Batch;
use gitlatch::domain::policy::{self, Circumstances};
use gitlatch::domain::timestamp::Timestamp;
use std::cell::RefCell;
use std::net::IpAddr;

/// Everything that the host may find in a request, whatever the client sent.
const KNOWN: &[&str] = &[
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "content-encoding",
    "content-length",
    "content-type",
    "git-protocol",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "pragma",
    "range",
    "traceparent",
    "tracestate",
    "transfer-encoding",
    "user-agent",
    "x-atlassian-token",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-request-id",
    IDENTITY,
];

thread_local! {
    static HOUSE: RefCell<House> = RefCell::new(House::new(false));
}

/// Each request that the host sees is one that a strict reader finds in the bytes, in their order, each once;
/// its token may make it, and the host is told that token's name and nothing else of who asks. Each answer
/// belongs to its request. No token is in anything that the host, the client or the log gets.
pub(crate) fn holds(bytes: &[u8]) {
    House::with(&HOUSE, |house| {
        let sent = house.fill(bytes);
        let read = reading::requests(&sent);
        let exchange = house.exchange(&sent, None);
        let mut candidates = read.iter();
        for seen in &exchange.seen {
            let told = is_clean(house, seen, exchange.peer);
            let from = candidates.find(|request| is_of(request, seen, told));
            assert!(from.is_some(), "nobody asked for {seen:?} in {read:?}");
        }
        let answers = answers_belong_to_their_requests(&read, &exchange);
        no_token_shows(house, &exchange);
        // Who writes the words of Basic into a path or a ref has them in the log; the header never is.
        let headers = read.iter().flat_map(|request| request.values("authorization"));
        let headers = headers.collect::<Vec<_>>().concat();
        let apart =
            |basic: &&str| times(&sent, basic.as_bytes()) == times(&headers, basic.as_bytes());
        let secrets = house.tokens.iter().map(|known| known.secret.as_str());
        let words = house.tokens.iter().map(|known| known.basic.trim_end_matches('='));
        exchange.log_is_whole_and_clean(&answers, secrets.chain(words.filter(apart)));
    });
}

/// Holds a request that the host got to what is true of all of them; whom it tells of.
fn is_clean<'a>(house: &'a House, seen: &Message, peer: IpAddr) -> &'a Known {
    for (name, _) in &seen.headers {
        assert!(KNOWN.contains(&name.to_ascii_lowercase().as_str()), "{name} in {seen:?}");
    }
    let one = |name: &str| {
        let values = seen.values(name);
        assert_eq!(values.len(), 1, "{name} in {seen:?}");
        String::from_utf8(values[0].to_vec()).unwrap()
    };
    assert_eq!(one("host"), house.address.to_string());
    assert_eq!(one("x-forwarded-for"), peer.to_string());
    assert_eq!(one("x-forwarded-host"), "git.test");
    assert_eq!(one("x-forwarded-proto"), "https");
    one("x-request-id");
    let framings = seen.values("content-length").len() + seen.values("transfer-encoding").len();
    assert!(framings <= 1, "{seen:?}");
    let name = one(IDENTITY);
    house.tokens.iter().find(|known| known.told == name).expect("one of the names")
}

/// Whether what the host got is this request, sent with a token that may make it.
fn is_of(request: &Message, seen: &Message, told: &Known) -> bool {
    let target = request.target.split('#').next().unwrap_or_default();
    if (request.method.as_str(), target) != (&seen.method, &seen.target) {
        return false;
    }
    let batch = target.ends_with("/info/lfs/objects/batch");
    let same_body = if batch {
        Batch::read(&request.body).is_ok_and(|batch| batch.to_json().into_bytes() == seen.body)
    } else if seen.whole {
        request.whole && request.body == seen.body
    } else {
        request.body.starts_with(&seen.body)
    };
    same_body && request.values("host").len() == 1 && is_permitted(request, seen, told)
}

/// Whether a request carries this token, once, and the token may ask for what the host got.
fn is_permitted(request: &Message, seen: &Message, told: &Known) -> bool {
    let [authorization] = request.values("authorization")[..] else { return false };
    let word = authorization.rsplit(u8::is_ascii_whitespace).next().unwrap_or_default();
    let decoded = base64::engine::general_purpose::STANDARD_NO_PAD
        .decode(word.strip_suffix(b"==").or(word.strip_suffix(b"=")).unwrap_or(word))
        .unwrap_or_default();
    let secret = told.secret.as_bytes();
    if word != secret && !decoded.windows(secret.len()).any(|window| window == secret) {
        return false;
    }
    let (path, query) = match seen.target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (seen.target.as_str(), None),
    };
    let line = RequestLine { method: &seen.method, path, query };
    let Ok(Classified::Known(intent)) = Kind::Git.classify("", line) else { return false };
    let at = Circumstances {
        now: Timestamp::from_millis(1),
        client: None,
        case: Kind::Git.case(),
        shared_identity: false,
    };
    policy::decide(&told.principal, &intent, at).is_ok()
}

fn answers_belong_to_their_requests(read: &[Message], exchange: &Exchange) -> Vec<Message> {
    let methods: Vec<&str> = read.iter().map(|request| request.method.as_str()).collect();
    let answers = reading::answers(&exchange.received, &methods)
        .unwrap_or_else(|rest| panic!("no answer: {rest}"));
    for (nth, answer) in answers.iter().enumerate() {
        assert_ne!(answer.status, 500, "{answer:?}");
        let challenged = !answer.values("www-authenticate").is_empty();
        assert_eq!(challenged, answer.status == 401, "{answer:?}");
        if let Some(request) = read.get(nth) {
            let target = request.target.split('#').next().unwrap_or_default();
            let echo = format!("{} {target}", request.method).into_bytes();
            let echoed = answer.values("x-echo");
            assert!(echoed.iter().all(|one| *one == echo), "{answer:?} to {request:?}");
        } else {
            // What cannot be read is answered once, and nothing behind it.
            assert_eq!(nth, read.len(), "more answers than requests: {answers:?} to {read:?}");
            assert!(answer.status >= 400 && answer.values("x-echo").is_empty(), "{answer:?}");
        }
    }
    answers
}

fn no_token_shows(house: &House, exchange: &Exchange) {
    let holds = |bytes: &[u8], text: &str| times(bytes, text.as_bytes()) > 0;
    for Known { secret, .. } in &house.tokens {
        for seen in &exchange.seen {
            // A body is the client's own business where it is handed on as it is.
            let mut values = seen.headers.iter().map(|(_, value)| value);
            assert!(!values.any(|value| holds(value, secret)), "{seen:?}");
            assert!(!seen.target.contains(secret.as_str()), "{seen:?}");
        }
        assert!(!holds(&exchange.received, secret), "a token comes back");
    }
    assert!(!holds(&exchange.received, SESSION), "a session of the host's comes back");
}
