//! One line of JSON, written member by member. A record is written in every request: against going through
//! `serde_json`, which looks for what must be escaped in every name too, this takes a third of the time.

use std::fmt::{self, Write as _};
use std::io::Write as _;

/// An object that grows at the end of a buffer.
pub(super) struct Object<'a> {
    to: &'a mut Vec<u8>,
}

impl<'a> Object<'a> {
    /// Begins one.
    pub(super) fn begin(to: &'a mut Vec<u8>) -> Self {
        to.push(b'{');
        Self { to }
    }

    /// The name of the next member, which must need no escape.
    fn name(&mut self, name: &'static str) {
        if !matches!(self.to.last(), Some(b'{')) {
            self.to.push(b',');
        }
        self.to.push(b'"');
        self.to.extend_from_slice(name.as_bytes());
        self.to.extend_from_slice(b"\":");
    }

    /// A member that is text.
    pub(super) fn text(&mut self, name: &'static str, value: &str) {
        self.name(name);
        write_text(self.to, value);
    }

    /// A member that is text, as the value shows itself.
    pub(super) fn shown(&mut self, name: &'static str, value: &dyn fmt::Display) {
        self.name(name);
        let mut text = Escaping { to: self.to };
        text.to.push(b'"');
        // Writing to a vector cannot fail.
        let _ = write!(text, "{value}");
        self.to.push(b'"');
    }

    /// A member that is text and needs no escape, as `write` writes it.
    pub(super) fn plain(&mut self, name: &'static str, write: impl FnOnce(&mut Vec<u8>)) {
        self.name(name);
        self.to.push(b'"');
        write(self.to);
        self.to.push(b'"');
    }

    /// A member that is a number.
    pub(super) fn number(&mut self, name: &'static str, value: impl itoa::Integer) {
        self.name(name);
        self.to.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    }

    /// A member that is a list of objects.
    pub(super) fn objects<T>(
        &mut self,
        name: &'static str,
        items: &[T],
        write: impl Fn(&mut Object<'_>, &T),
    ) {
        self.name(name);
        self.to.push(b'[');
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                self.to.push(b',');
            }
            let mut object = Object::begin(self.to);
            write(&mut object, item);
            object.end();
        }
        self.to.push(b']');
    }

    /// Ends it.
    pub(super) fn end(self) {
        self.to.push(b'}');
    }
}

/// Text that is escaped on its way.
struct Escaping<'a> {
    to: &'a mut Vec<u8>,
}

impl fmt::Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape(self.to, text);
        Ok(())
    }
}

fn write_text(to: &mut Vec<u8>, text: &str) {
    to.push(b'"');
    escape(to, text);
    to.push(b'"');
}

/// Appends text as it stands within quotes (RFC 8259 §7).
fn escape(to: &mut Vec<u8>, text: &str) {
    let odd = |odd: bool, b: &u8| odd | matches!(b, 0..0x20 | b'"' | b'\\');
    if !text.as_bytes().iter().fold(false, odd) {
        to.extend_from_slice(text.as_bytes());
        return;
    }
    for character in text.chars() {
        match character {
            '"' => to.extend_from_slice(b"\\\""),
            '\\' => to.extend_from_slice(b"\\\\"),
            '\0'..'\u{20}' => {
                let _ = write!(to, "\\u{:04x}", u32::from(character));
            }
            _ => to.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever is written is read again as it was.
        #[test]
        fn nothing_breaks_out_of_its_member(text in any::<String>(), number in any::<u64>()) {
            let mut line = Vec::new();
            let mut object = Object::begin(&mut line);
            object.text("text", &text);
            object.shown("shown", &text);
            object.number("number", number);
            object.plain("plain", |to| to.extend_from_slice(b"::1"));
            object.objects("objects", &[&text, &text], |object, text| object.text("it", text));
            object.end();
            let read: serde_json::Value = serde_json::from_slice(&line).unwrap();
            let expected = serde_json::json!({
                "text": text, "shown": text, "number": number, "plain": "::1",
                "objects": [{ "it": text }, { "it": text }],
            });
            prop_assert_eq!(read, expected);
        }
    }
}
