//! One section: a value for every key that is asked for, or a mistake at its place.

use super::document::{Asked, suggestion};
use crate::config::mistake::{Notes, Place};
use crate::domain::duration;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value and where it was found.
#[derive(Clone, Debug)]
pub(in crate::config) struct Found<T> {
    /// The value.
    pub(in crate::config) value: T,
    /// Where it stands; its section's header when it is a default.
    pub(in crate::config) place: Place,
    /// Whether the file says it, and not only the embedded example.
    pub(in crate::config) own: bool,
}

impl<T> Found<T> {
    /// The same place with another value.
    pub(in crate::config) fn with<U>(&self, value: U) -> Found<U> {
        Found { value, place: self.place, own: self.own }
    }
}

/// A section of the file above the same section of the example.
///
/// Every way to ask gives `None` when the key has no value at all, and also when its value is wrong,
/// which is noted then. No note shows the value: it may be a secret in the wrong place.
pub(in crate::config) struct Section<'d> {
    pub(super) name: &'static str,
    pub(super) own: Option<&'d DeTable<'d>>,
    pub(super) example: Option<&'d DeTable<'d>>,
    pub(super) place: Place,
    pub(super) text: &'d str,
    pub(super) asked: &'d mut Vec<Asked>,
    /// The mistakes so far.
    pub(in crate::config) notes: &'d mut Notes,
}

impl<'d> Section<'d> {
    /// Where its header stands.
    pub(in crate::config) const fn place(&self) -> Place {
        self.place
    }

    /// Where the file sets this key; `None` when it does not.
    pub(in crate::config) fn set(&self, key: &str) -> Option<Place> {
        let (key, _) = self.own?.get_key_value(key)?;
        Some(Place::at(self.text, key.span().start))
    }

    /// A string.
    pub(in crate::config) fn text(&mut self, key: &'static str) -> Option<Found<&'d str>> {
        let found = self.find(key)?;
        match found.value.as_str() {
            Some(text) => Some(found.with(text)),
            None => self.wrong(key, "a string", &found),
        }
    }

    /// A string that `parse` understands.
    pub(in crate::config) fn parsed<T, E: ToString>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<Found<T>> {
        let found = self.text(key)?;
        match parse(found.value) {
            Ok(value) => Some(found.with(value)),
            Err(fault) => {
                self.notes.error(found.place, format!("`{key}`: {}", fault.to_string()));
                None
            }
        }
    }

    /// A string, or a list of them.
    pub(in crate::config) fn texts(&mut self, key: &'static str) -> Option<Vec<Found<&'d str>>> {
        const EXPECTED: &str = "a string or a list of strings";
        let found = self.find(key)?;
        let Some(items) = found.value.as_array() else {
            return match found.value.as_str() {
                Some(text) => Some(vec![found.with(text)]),
                None => self.wrong(key, EXPECTED, &found),
            };
        };
        let mut texts = Vec::new();
        for item in items {
            let item = self.located(item, found.own);
            match item.value.as_str() {
                Some(text) => texts.push(item.with(text)),
                None => return self.wrong(key, EXPECTED, &item),
            }
        }
        Some(texts)
    }

    /// A whole number in this range.
    pub(in crate::config) fn whole(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u64>,
    ) -> Option<Found<u64>> {
        let found = self.find(key)?;
        let Some(integer) = found.value.as_integer() else {
            return self.wrong(key, "a whole number", &found);
        };
        let number = u64::from_str_radix(integer.as_str(), integer.radix()).ok();
        if let Some(number) = number.filter(|number| range.contains(number)) {
            return Some(found.with(number));
        }
        let (least, most) = (range.start(), range.end());
        self.notes.error(found.place, format!("`{key}` is a whole number from {least} to {most}"));
        None
    }

    /// `true` or `false`.
    pub(in crate::config) fn flag(&mut self, key: &'static str) -> Option<Found<bool>> {
        let found = self.find(key)?;
        match found.value.as_bool() {
            Some(flag) => Some(found.with(flag)),
            None => self.wrong(key, "true or false", &found),
        }
    }

    /// A duration.
    pub(in crate::config) fn duration(&mut self, key: &'static str) -> Option<Found<Duration>> {
        self.parsed(key, duration::parse)
    }

    /// One of a few words.
    pub(in crate::config) fn choice<T: Copy>(
        &mut self,
        key: &'static str,
        words: &[(&'static str, T)],
    ) -> Option<Found<T>> {
        let found = self.text(key)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == found.value) {
            return Some(found.with(*value));
        }
        let known = words.iter().map(|(word, _)| format!("\"{word}\"")).collect::<Vec<_>>();
        let hint = suggestion(found.value, words.iter().map(|(word, _)| *word));
        self.notes.error(found.place, format!("`{key}` is one of {}{hint}", known.join(", ")));
        None
    }

    /// A path of the file system.
    pub(in crate::config) fn path(&mut self, key: &'static str) -> Option<Found<PathBuf>> {
        self.parsed(key, |text| match text {
            "" => Err("a path is not empty"),
            _ if text.contains('\0') => Err("a path has no NUL character"),
            _ => Ok(PathBuf::from(text)),
        })
    }

    fn find(&mut self, key: &'static str) -> Option<Found<&'d DeValue<'d>>> {
        self.asked.push((self.name, key));
        let (own, example) = (self.own, self.example);
        if let Some(value) = own.and_then(|table| table.get(key)) {
            return Some(self.located(value, true));
        }
        let value = example.and_then(|table| table.get(key))?;
        Some(self.located(value, false))
    }

    fn located(&self, value: &'d Spanned<DeValue<'d>>, own: bool) -> Found<&'d DeValue<'d>> {
        let place = if own { Place::at(self.text, value.span().start) } else { self.place };
        Found { value: value.get_ref(), place, own }
    }

    fn wrong<T>(&mut self, key: &str, expected: &str, found: &Found<&DeValue<'_>>) -> Option<T> {
        let kind = found.value.type_str();
        let article = if kind.starts_with(['a', 'i']) { "an" } else { "a" };
        self.notes.error(found.place, format!("`{key}` is {expected}, not {article} {kind}"));
        None
    }
}
