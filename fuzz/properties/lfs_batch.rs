//! A batch of Git LFS and what a host answers to it: read, and written anew.
//!
//! The bytes are two documents with a line of `--` between them: what the client asks, and what the host says.

use super::house::{Exchange, House, SECRET, SESSION, times};
use super::reading::{self, Message};
use gitlatch::domain::git::lfs::{Answer, Batch, BatchRef, Operation};
use gitlatch::domain::token::contains_form;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::HashSet;

thread_local! {
    static HOUSE: RefCell<House> = RefCell::new(House::new(true));
}

const TARGET: &str = "/team/app.git/info/lfs/objects/batch";

/// What is judged of a batch is what the host reads in it, and a client is told nothing that only the host
/// may know: not its credential, nor a way past gitlatch to it.
pub(crate) fn holds(bytes: &[u8]) {
    let middle = bytes.windows(4).position(|window| window == b"\n--\n");
    let (asked, said) = match middle {
        Some(at) => (&bytes[..at], &bytes[at + 4..]),
        None => (bytes, &b"{}"[..]),
    };
    let batch = Batch::read(asked).ok();
    if let Some(batch) = &batch {
        what_goes_on_is_what_was_judged(batch, asked);
    }
    for operation in [Operation::Download, Operation::Upload] {
        what_comes_back_is_read_alike(said, operation);
    }
    House::with(&HOUSE, |house| through_the_gate(house, asked, batch.as_ref(), said));
}

fn what_goes_on_is_what_was_judged(batch: &Batch, asked: &[u8]) {
    let text = batch.to_json();
    assert_eq!(Batch::read(text.as_bytes()).as_ref(), Ok(batch), "{text}");
    assert!(!says_twice(text.as_bytes()), "{text}");
    let value: Value = serde_json::from_str(&text).unwrap();
    // Whoever keeps the last of two keys read the same in what the client sent: there are no two.
    let before: Value = serde_json::from_slice(asked).unwrap();
    assert!(!says_twice(asked), "{text}");
    for field in ["operation", "hash_algo"] {
        assert_eq!(value.get(field), before.get(field).filter(|value| !value.is_null()), "{field}");
    }
    let operation = value["operation"].as_str().unwrap();
    assert_eq!(operation, batch.operation.name());
    let name = value.get("ref").map(|named| named["name"].as_str().unwrap());
    let judged = batch.belongs.as_ref().map(|belongs| match belongs {
        BatchRef::Name(name) => name.as_str(),
        BatchRef::Other(text) => text,
    });
    assert_eq!(name, judged);
    assert_eq!(name, before["ref"]["name"].as_str());
    let pairs = |value: &Value| -> Vec<(String, u64)> {
        let objects = value["objects"].as_array().unwrap().iter();
        let pair = |o: &Value| (o["oid"].as_str().unwrap().to_owned(), o["size"].as_u64().unwrap());
        objects.map(pair).collect()
    };
    let objects = pairs(&value);
    assert_eq!(objects, pairs(&before));
    assert!(objects.len() <= Batch::MOST);
    let judged = batch.objects.iter().map(|o| (o.oid.as_str().to_owned(), o.size));
    assert_eq!(objects, judged.collect::<Vec<_>>());
    for key in value.as_object().unwrap().keys() {
        let known = ["operation", "transfers", "ref", "objects", "hash_algo"];
        assert!(known.contains(&key.as_str()), "{key}");
    }
    // No more is sent on than came, but for what every batch has.
    assert!(text.len() <= asked.len() * 6 + 128, "{} of {}", text.len(), asked.len());
}

fn what_comes_back_is_read_alike(said: &[u8], operation: Operation) {
    let Ok(answer) = Answer::read(said, operation) else { return };
    let text = answer.to_json();
    assert_eq!(Answer::read(text.as_bytes(), operation).as_ref(), Ok(&answer), "{text}");
    assert!(!says_twice(text.as_bytes()), "{text}");
    for object in &answer.objects {
        for (verb, _) in &object.actions {
            assert!(operation.verbs().contains(verb), "{text}");
        }
    }
}

/// The same through the gate, with a host that is told one credential for everybody.
fn through_the_gate(house: &House, asked: &[u8], batch: Option<&Batch>, said: &[u8]) {
    let head = format!(
        "POST {TARGET} HTTP/1.1\r\nHost: git.test\r\nAuthorization: Bearer {}\r\nAccept: \
         application/vnd.git-lfs+json\r\nContent-Type: application/vnd.git-lfs+json\r\nContent-Length: {}\r\n\r\n",
        house.tokens[0].secret,
        asked.len()
    );
    let own = String::from_utf8_lossy(said).replace("{host}", &house.address.to_string());
    let said = if said.is_ascii() { own.as_bytes() } else { said };
    let sent = [head.as_bytes(), asked].concat();
    let exchange = house.exchange(&sent, Some(said));
    match (&exchange.seen[..], batch) {
        ([], _) => {}
        ([seen], Some(batch)) => {
            assert_eq!(seen.echo(), format!("POST {TARGET}"));
            assert_eq!(String::from_utf8_lossy(&seen.body), batch.to_json());
            assert_eq!(seen.values("authorization"), [SECRET.as_bytes()]);
            assert!(!contains_form(&seen.body), "a token goes on: {seen:?}");
        }
        (seen, batch) => panic!("{seen:?} of {batch:?}"),
    }
    let answers = reading::answers(&exchange.received, &["POST"]).unwrap();
    let [answer] = &answers[..] else { panic!("{answers:?}") };
    // Who writes the host's secret into the name of a ref is told it back.
    let judged = batch.map(Batch::to_json).unwrap_or_default();
    let sends = |secret: &str| {
        [asked, judged.as_bytes()].iter().any(|own| times(own, secret.as_bytes()) > 0)
    };
    nothing_of_the_host_shows(house, &exchange, answer, sends);
    if answer.status == 200 {
        let batch = batch.expect("what is answered was understood");
        every_object_is_told_of(house, batch, answer);
    }
}

fn nothing_of_the_host_shows(
    house: &House,
    exchange: &Exchange,
    answer: &Message,
    sends: impl Fn(&str) -> bool,
) {
    let text = String::from_utf8_lossy(&exchange.received);
    let (_, credential) = SECRET.split_once(' ').unwrap();
    for secret in [credential, credential.trim_end_matches('='), "upstream-secret", SESSION] {
        assert!(sends(secret) || !text.contains(secret), "{secret} in {text}");
    }
    assert!(!contains_form(&exchange.received), "a token in {text}");
    assert_ne!(answer.status, 500, "{text}");
    let address = house.address.to_string();
    // An error's own words may name it.
    if let Ok(value) = serde_json::from_slice::<Value>(&answer.body) {
        for object in value["objects"].as_array().into_iter().flatten() {
            for action in object["actions"].as_object().into_iter().flat_map(|all| all.values()) {
                let href = action["href"].as_str().unwrap();
                assert_ne!(authority(href), address, "a way past gitlatch: {text}");
            }
        }
    }
    let tokens = house.tokens.iter();
    let tokens = tokens.flat_map(|known| [&*known.secret, known.basic.trim_end_matches('=')]);
    let own = [credential.trim_end_matches('='), "upstream-secret"];
    let own = own.into_iter().filter(|secret| !sends(secret));
    exchange.log_is_whole_and_clean(std::slice::from_ref(answer), tokens.chain(own));
}

fn authority(href: &str) -> String {
    let rest = href.split_once("://").map_or(href, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default().to_ascii_lowercase()
}

fn every_object_is_told_of(house: &House, batch: &Batch, answer: &Message) {
    let text = String::from_utf8_lossy(&answer.body);
    assert!(!says_twice(&answer.body), "{text}");
    let value: Value = serde_json::from_slice(&answer.body).unwrap();
    let told = value["objects"].as_array().unwrap();
    let told: HashSet<&str> = told.iter().map(|object| object["oid"].as_str().unwrap()).collect();
    let asked: HashSet<&str> = batch.objects.iter().map(|object| object.oid.as_str()).collect();
    assert_eq!(told, asked, "{text}");
    let read = Answer::read(&answer.body, batch.operation).expect("what a client can read");
    for (_, link) in read.objects.iter().flat_map(|object| &object.actions) {
        let ours = link.href.starts_with("https://git.test/");
        let ticket =
            link.header.iter().any(|(name, _)| name.eq_ignore_ascii_case("x-gitlatch-ticket"));
        assert_eq!(ours, ticket, "{}: {text}", house.address);
    }
}

/// Whether an object in a document has one key twice, in any case.
fn says_twice(bytes: &[u8]) -> bool {
    struct Twice;
    impl<'de> serde::de::DeserializeSeed<'de> for Twice {
        type Value = bool;
        fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<bool, D::Error> {
            from.deserialize_any(self)
        }
    }
    impl<'de> serde::de::Visitor<'de> for Twice {
        type Value = bool;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("JSON")
        }
        fn visit_unit<E>(self) -> Result<bool, E> {
            Ok(false)
        }
        fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
            Ok(false)
        }
        fn visit_u64<E>(self, _: u64) -> Result<bool, E> {
            Ok(false)
        }
        fn visit_i64<E>(self, _: i64) -> Result<bool, E> {
            Ok(false)
        }
        fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
            Ok(false)
        }
        fn visit_str<E>(self, _: &str) -> Result<bool, E> {
            Ok(false)
        }
        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<bool, A::Error> {
            let mut twice = false;
            while let Some(item) = items.next_element_seed(Twice)? {
                twice |= item;
            }
            Ok(twice)
        }
        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
            let (mut seen, mut twice) = (HashSet::new(), false);
            while let Some(key) = map.next_key::<String>()? {
                twice |= !seen.insert(key.to_lowercase());
                twice |= map.next_value_seed(Twice)?;
            }
            Ok(twice)
        }
    }
    let mut from = serde_json::Deserializer::from_slice(bytes);
    serde::de::DeserializeSeed::deserialize(Twice, &mut from).unwrap_or(false)
}
