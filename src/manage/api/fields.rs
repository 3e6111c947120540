//! The members of a call's body: JSON, read strictly.
//!
//! What two readers could understand in two ways is refused: a name that comes twice, at any depth. So is
//! a token wherever it stands, since names and patterns are shown, logged and written into the trail.

use super::refusal::Refused;
use crate::domain::json;
use bytes::Bytes;
use serde_json::{Map, Value};

/// Largest body of a call, in bytes.
pub const MOST: usize = 64 * 1024;

/// The members of a JSON object.
#[derive(Debug, Default)]
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    /// Reads a body that is JSON by its own account. An empty one is an empty object where `optional`.
    pub(super) fn read(
        body: Option<&Bytes>,
        media_type: Option<&str>,
        optional: bool,
    ) -> Result<Self, Refused> {
        let body = body.ok_or_else(|| Refused::too_large(MOST))?;
        if body.is_empty() && optional {
            return Ok(Self::default());
        }
        let essence = media_type.and_then(|text| text.split(';').next()).map(str::trim);
        if !essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json")) {
            return Err(Refused::media_type());
        }
        match json::read(body) {
            Ok(Value::Object(members)) => Ok(Self(members)),
            Ok(_) => Err(Refused::invalid(None, "the body is JSON, but no object")),
            Err(error) => Err(Refused::invalid(None, format!("the body is no JSON: {error}"))),
        }
    }

    /// Takes one member out.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.0.shift_remove(name)
    }

    /// As [`Fields::take`], where `null` is the same as nothing.
    pub(super) fn take_some(&mut self, name: &str) -> Option<Value> {
        self.take(name).filter(|value| !value.is_null())
    }

    /// Refuses what is left over.
    pub(super) fn end(self, known: &[&str]) -> Result<(), Refused> {
        let Some(name) = self.0.keys().next() else { return Ok(()) };
        let near = known
            .iter()
            .map(|known| (strsim::damerau_levenshtein(known, name), known))
            .filter(|(distance, _)| *distance <= 3)
            .min();
        let hint = near.map(|(_, known)| format!(", did you mean `{known}`?"));
        let shown: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
        let hint = hint.unwrap_or_else(|| format!("; there are {}", known.join(", ")));
        Err(Refused::invalid(Some(&shown), format!("unknown field `{shown}`{hint}")))
    }
}

/// A list of texts.
pub(super) fn strings(name: &str, value: &Value) -> Result<Vec<String>, Refused> {
    let list = value.as_array().and_then(|list| {
        list.iter().map(|text| text.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
    });
    list.ok_or_else(|| Refused::invalid(Some(name), format!("`{name}` is a list of texts")))
}

/// True or false.
pub(super) fn truth(name: &str, value: &Value) -> Result<bool, Refused> {
    let fault = || Refused::invalid(Some(name), format!("`{name}` is true or false"));
    value.as_bool().ok_or_else(fault)
}

/// A number from 1 on; `null` is none.
pub(super) fn count(name: &str, value: &Value) -> Result<Option<u32>, Refused> {
    if value.is_null() {
        return Ok(None);
    }
    let number = value.as_u64().and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0);
    let fault = || {
        let text = format!("`{name}` is a number, 1 or more, or null for no limit");
        Refused::invalid(Some(name), text)
    };
    number.map(Some).ok_or_else(fault)
}
