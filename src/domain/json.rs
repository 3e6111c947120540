//! JSON, read strictly: what two readers could understand in two ways is refused.
//!
//! Of a name that comes twice some readers take the first and some the last, and some (Go's) tell names
//! apart without case: so no object has two names that differ in case only. A token of ours has no place
//! in JSON at all, which is shown, logged and stored.

use super::token::contains_form;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::collections::HashSet;
use std::fmt;

/// Reads one value, and nothing behind it.
///
/// # Errors
/// When it is no JSON in UTF-8 (RFC 8259), an object has a name twice, without case, or a token stands in
/// it.
pub fn read(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict.deserialize(&mut reader)?;
    reader.end().map(|()| value)
}

/// Reads a value in which no object has a name twice, and no text is or holds a token.
struct Strict;

impl Strict {
    fn text<E: serde::de::Error>(text: &str) -> Result<String, E> {
        if contains_form(text.as_bytes()) {
            return Err(E::custom("a gitlatch token stands in it, where it would be shown"));
        }
        Ok(text.to_owned())
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        Self::text(text).map(Value::String)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(Self)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let (mut members, mut seen) = (Map::new(), HashSet::new());
        while let Some(name) = map.next_key::<String>()? {
            let value = map.next_value_seed(Self)?;
            if !seen.insert(name.to_lowercase()) {
                return Err(A::Error::custom(format_args!(
                    "the field `{}` stands in it twice",
                    name.escape_debug()
                )));
            }
            members.insert(Self::text(&name)?, value);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_read_in_one_way() {
        let token = format!(r#"{{"a":"latu_{}"}}"#, "x".repeat(36));
        let cases: &[(&[u8], bool)] = &[
            (br#"{"a":{"b":[1,2.5,-3,null,true,"x"]}}"#, true),
            (b" null ", true),
            (br#"{"a":1,"b":{"a":1}}"#, true),
            (br#"{"a":1,"a":1}"#, false),
            (br#"{"a":1,"A":1}"#, false),
            (br#"{"x":[{"k":1,"K":2}]}"#, false),
            (br#"{"a":1,"\u0061":1}"#, false),
            (br#"{"a":1} {"b":1}"#, false),
            (br#"{"a":1,}"#, false),
            (b"\xef\xbb\xbf{}", false),
            (b"{\0}\0", false),
            (b"/* */{}", false),
            (b"", false),
            (token.as_bytes(), false),
        ];
        for (bytes, good) in cases {
            assert_eq!(read(bytes).is_ok(), *good, "{}", String::from_utf8_lossy(bytes));
        }
        let deep = "[".repeat(100_000);
        assert!(read(deep.as_bytes()).is_err());
    }
}
