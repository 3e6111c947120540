//! The file as a whole: its syntax, its sections, and the keys that nobody knows.

use super::Section;
use crate::config::EXAMPLE;
use crate::config::mistake::{Notes, Place};
use toml::de::{DeTable, DeValue};

/// How alike two names are, from 0 to 1, for one to be suggested in place of the other.
const ALIKE: f64 = 0.8;

/// A key that was asked for, with its section.
pub(super) type Asked = (&'static str, &'static str);

/// The file, above the layer of the embedded example.
///
/// Whoever reads a section asks it for keys by their names; a key that nobody asked for is unknown.
pub(in crate::config) struct Document<'t> {
    text: &'t str,
    file: DeTable<'t>,
    example: DeTable<'static>,
    sections: Vec<&'static str>,
    asked: Vec<Asked>,
    /// The mistakes so far.
    pub(in crate::config) notes: Notes,
}

impl<'t> Document<'t> {
    /// Reads the syntax.
    ///
    /// # Errors
    /// The mistakes when it is not TOML. What can be read in spite of them is not looked at: it may
    /// be half of what was meant.
    pub(in crate::config) fn parse(text: &'t str) -> Result<Self, Notes> {
        let (file, faults) = DeTable::parse_recoverable(text);
        let mut notes = Notes::default();
        for fault in &faults {
            let offset = fault.span().map_or(text.len(), |span| span.start);
            // Its `Display` would print the line, which may hold a secret.
            notes.error(Place::at(text, offset), fault.message());
        }
        if !faults.is_empty() {
            return Err(notes);
        }
        // A test reads the example; should it be broken, keys without a default end in an error.
        let example = DeTable::parse(EXAMPLE).map(toml::Spanned::into_inner).unwrap_or_default();
        let file = file.into_inner();
        Ok(Self { text, file, example, sections: Vec::new(), asked: Vec::new(), notes })
    }

    /// The section of this name, `upstream.identity` for one within another; it may be absent.
    pub(in crate::config) fn section(&mut self, name: &'static str) -> Section<'_> {
        self.sections.push(name);
        let mut place = Place::START;
        let (mut own, mut example) = (Some(&self.file), Some(&self.example));
        let mut other = false;
        for part in name.split('.') {
            example = example.and_then(|table| table.get(part)?.get_ref().as_table());
            let found = own.and_then(|table| table.get(part));
            if let Some(value) = found {
                place = Place::at(self.text, value.span().start);
            }
            own = found.and_then(|value| value.get_ref().as_table());
            other = found.is_some() && own.is_none();
        }
        if other {
            self.notes.error(place, format!("`{name}` is a section; begin it with [{name}]"));
        }
        Section {
            name,
            own,
            example,
            place,
            text: self.text,
            asked: &mut self.asked,
            notes: &mut self.notes,
        }
    }

    /// Has every section of this name read, which may stand in the file as often as it likes: `[[name]]`.
    pub(in crate::config) fn each<T>(
        &mut self,
        name: &'static str,
        mut read: impl FnMut(&mut Section<'_>) -> T,
    ) -> Vec<T> {
        self.sections.push(name);
        let Some(value) = self.file.get(name) else { return Vec::new() };
        let Some(array) = value.get_ref().as_array() else {
            let place = Place::at(self.text, value.span().start);
            self.notes
                .error(place, format!("`{name}` stands as often as it is needed: [[{name}]]"));
            return Vec::new();
        };
        let mut found = Vec::new();
        for item in array {
            let place = Place::at(self.text, item.span().start);
            let Some(table) = item.get_ref().as_table() else {
                self.notes.error(place, format!("each `{name}` is a section: [[{name}]]"));
                continue;
            };
            found.push(read(&mut Section {
                name,
                own: Some(table),
                example: None,
                place,
                text: self.text,
                asked: &mut self.asked,
                notes: &mut self.notes,
            }));
        }
        found
    }

    /// Ends the reading: what nobody asked for is unknown.
    pub(in crate::config) fn finish(mut self) -> Notes {
        let mut notes = std::mem::take(&mut self.notes);
        self.unknown("", &self.file, &mut notes);
        notes
    }

    /// The keys that were asked for so far.
    #[cfg(test)]
    pub(in crate::config) fn asked(&self) -> &[Asked] {
        &self.asked
    }

    fn unknown(&self, section: &str, table: &DeTable<'_>, notes: &mut Notes) {
        for (key, value) in table {
            let (place, name) = (Place::at(self.text, key.span().start), key.get_ref().as_ref());
            let path =
                if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") };
            // A quoted name with a dot in it is one key, and not the section it looks like.
            if !name.contains('.') && self.sections.contains(&path.as_str()) {
                let tables = value.get_ref().as_array().into_iter().flatten();
                let tables = tables.filter_map(|item| item.get_ref().as_table());
                for table in value.get_ref().as_table().into_iter().chain(tables) {
                    self.unknown(&path, table, notes);
                }
            } else if self.asked.iter().all(|asked| *asked != (section, name)) {
                if is_section(value.get_ref()) {
                    let siblings = self.sections.iter().filter(|of| parent(of) == section);
                    let hint = suggestion(&path, siblings.copied());
                    notes.error(place, format!("unknown section `{}`{hint}", shown(&path)));
                } else {
                    let hint = self.hint(section, name);
                    notes.error(place, format!("unknown key `{}`{hint}", shown(name)));
                }
            }
        }
    }

    /// Where a key of this name belongs, or which other was meant.
    fn hint(&self, section: &str, name: &str) -> String {
        if let Some((other, _)) = self.asked.iter().find(|(_, key)| *key == name) {
            return format!("; it belongs in [{other}]");
        }
        let here = self.asked.iter().filter(|(of, _)| *of == section).map(|(_, key)| *key);
        suggestion(name, here)
    }
}

/// Whether a value was written as a section: `[name]` or `[[name]]`.
fn is_section(value: &DeValue<'_>) -> bool {
    let tables = |array: &toml::de::DeArray<'_>| array.iter().any(|v| v.get_ref().is_table());
    value.is_table() || value.as_array().is_some_and(tables)
}

/// The section that holds this one; none is empty.
fn parent(section: &str) -> &str {
    section.rsplit_once('.').map_or("", |(parent, _)| parent)
}

/// A name out of the file, fit for one line: a quoted key may hold anything.
fn shown(name: &str) -> String {
    name.escape_debug().take(80).collect()
}

/// `, did you mean …?` with the closest of `known`, or nothing when none is close.
pub(super) fn suggestion<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> String {
    known
        .map(|candidate| (likeness(name, candidate), candidate))
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map_or_else(String::new, |(_, candidate)| format!(", did you mean `{candidate}`?"))
}

fn likeness(name: &str, candidate: &str) -> f64 {
    let whole = strsim::jaro_winkler(name, candidate);
    // `timeout` is a good part of `idle_timeout`, which the measure alone would not see.
    let tail = candidate.split_once('_').map_or(0.0, |(_, tail)| strsim::jaro_winkler(name, tail));
    whole.max(tail * 0.95)
}
