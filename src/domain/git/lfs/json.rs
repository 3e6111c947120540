//! JSON that can be read in one way: an object has no key twice, also not in another case.
//!
//! Hosts that are written in Go match keys without case and keep the last of two, others keep the first.

use super::Fault;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::collections::HashSet;
use std::fmt;

/// A value, of which is kept what the batch call is made of.
#[derive(Debug)]
pub(super) enum Json {
    Null,
    Truth(bool),
    Whole(u64),
    /// Another number.
    Number,
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads a whole document.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Fault> {
        // A message of its own would quote the document, which may hold anything.
        serde_json::from_slice(bytes)
            .map_err(|error| if error.is_data() { Fault::Twice } else { Fault::NoJson })
    }

    /// The members, if it is an object.
    pub(super) fn object(self, what: &'static str) -> Result<Members, Fault> {
        match self {
            Self::Object(members) => Ok(Members(members)),
            _ => Err(Fault::Odd(what)),
        }
    }

    /// The items, if it is a list.
    pub(super) fn list(self, what: &'static str) -> Result<Vec<Self>, Fault> {
        match self {
            Self::List(items) => Ok(items),
            _ => Err(Fault::Odd(what)),
        }
    }

    /// The text, if it is one.
    pub(super) fn text(self, what: &'static str) -> Result<String, Fault> {
        match self {
            Self::Text(text) => Ok(text),
            _ => Err(Fault::Odd(what)),
        }
    }

    /// The number, if it is whole, not negative, and no larger than hosts count.
    pub(super) fn whole(self, what: &'static str) -> Result<u64, Fault> {
        match self {
            Self::Whole(number) if i64::try_from(number).is_ok() => Ok(number),
            _ => Err(Fault::Odd(what)),
        }
    }
}

/// The members of an object.
#[derive(Debug)]
pub(super) struct Members(pub(super) Vec<(String, Json)>);

impl Members {
    /// Takes one out. `null` is the same as none.
    pub(super) fn take(&mut self, key: &str) -> Option<Json> {
        let at = self.0.iter().position(|(name, _)| name == key)?;
        Some(self.0.swap_remove(at).1).filter(|value| !matches!(value, Json::Null))
    }

    /// Takes one out that must be there.
    pub(super) fn need(&mut self, key: &'static str) -> Result<Json, Fault> {
        self.take(key).ok_or(Fault::Missing(key))
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Json, E> {
        Ok(Json::Truth(truth))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(Json::Whole(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(u64::try_from(number).map_or(Json::Number, Json::Whole))
    }

    fn visit_f64<E>(self, _number: f64) -> Result<Json, E> {
        Ok(Json::Number)
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let (mut members, mut seen) = (Vec::new(), HashSet::new());
        while let Some(key) = entries.next_key::<String>()? {
            if !seen.insert(folded(&key)) {
                return Err(A::Error::custom("a key twice"));
            }
            members.push((key, entries.next_value()?));
        }
        Ok(Json::Object(members))
    }
}

/// A key as one that compares without case sees it, also where `ſ` is an s and the Kelvin sign a k
/// (Go's `encoding/json/fold.go`).
fn folded(key: &str) -> String {
    key.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}
