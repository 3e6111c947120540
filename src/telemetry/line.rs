//! One line of JSON, written member by member. A record is written in every request: against going through
//! `serde_json`, which looks for what must be escaped in every name too, this takes a fraction of the time.

use std::io::Write as _;

/// The name of a member as it stands before its value, in one piece. It begins with a comma, which becomes
/// the brace that opens the object where the member is the first one.
#[derive(Clone, Copy)]
pub(super) struct Member {
    /// As it stands before a number or a list: `,"name":`.
    pub(super) bare: &'static str,
    /// As it stands before text, with the quote: `,"name":"`.
    pub(super) quoted: &'static str,
}

/// The [`Member`] of this name, which must need no escape.
macro_rules! member {
    ($name:literal) => {
        $crate::telemetry::line::Member {
            bare: concat!(",\"", $name, "\":"),
            quoted: concat!(",\"", $name, "\":\""),
        }
    };
}

pub(super) use member;

/// An object that grows at the end of a buffer.
pub(super) struct Object<'a> {
    to: &'a mut Vec<u8>,
    start: usize,
}

impl<'a> Object<'a> {
    /// Begins one, which has at least one member.
    pub(super) fn begin(to: &'a mut Vec<u8>) -> Self {
        let start = to.len();
        Self { to, start }
    }

    /// A member that is text.
    #[inline]
    pub(super) fn text(&mut self, name: Member, value: &str) {
        self.pieces(name, [value]);
    }

    /// A member that is text which comes in pieces.
    #[inline]
    pub(super) fn pieces<const N: usize>(&mut self, name: Member, pieces: [&str; N]) {
        self.to.extend_from_slice(name.quoted.as_bytes());
        for piece in pieces {
            escape(self.to, piece);
        }
        self.to.push(b'"');
    }

    /// A member that is text of our own, which needs no escape.
    #[inline]
    pub(super) fn plain(&mut self, name: Member, value: &str) {
        self.written(name, |to| to.extend_from_slice(value.as_bytes()));
    }

    /// A member that is text and needs no escape, as `write` writes it.
    #[inline]
    pub(super) fn written(&mut self, name: Member, write: impl FnOnce(&mut Vec<u8>)) {
        self.to.extend_from_slice(name.quoted.as_bytes());
        write(self.to);
        self.to.push(b'"');
    }

    /// A member that is a number.
    #[inline]
    pub(super) fn number(&mut self, name: Member, value: impl itoa::Integer) {
        self.to.extend_from_slice(name.bare.as_bytes());
        self.to.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    }

    /// A member that is a list of objects.
    pub(super) fn objects<T>(
        &mut self,
        name: Member,
        items: &[T],
        write: impl Fn(&mut Object<'_>, &T),
    ) {
        self.to.extend_from_slice(name.bare.as_bytes());
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
        if let Some(comma) = self.to.get_mut(self.start) {
            *comma = b'{';
        }
        self.to.push(b'}');
    }
}

/// Appends text as it stands within quotes (RFC 8259 §7).
fn escape(to: &mut Vec<u8>, text: &str) {
    if any_odd(text.as_bytes()) {
        escape_odd(to, text);
    } else {
        to.extend_from_slice(text.as_bytes());
    }
}

/// The same for text that holds something to escape, which is rare.
#[cold]
fn escape_odd(to: &mut Vec<u8>, text: &str) {
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

/// Whether a byte of the text must be escaped. Pieces of a fixed length are looked at all bytes at once; the
/// last one overlaps the one before.
fn any_odd(text: &[u8]) -> bool {
    fn any(bytes: &[u8]) -> bool {
        // Without a branch, or it would be done byte for byte.
        let odd = |b: &u8| u8::from(*b < 0x20) | u8::from(*b == b'"') | u8::from(*b == b'\\');
        bytes.iter().fold(0, |seen, b| seen | odd(b)) != 0
    }
    match text.last_chunk::<8>() {
        Some(last) => text.as_chunks::<8>().0.iter().any(|piece| any(piece)) || any(last),
        None => any(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever is written is read again as it was, behind whatever stands before it.
        #[test]
        fn nothing_breaks_out_of_its_member(text in any::<String>(), number in any::<u64>()) {
            let mut line = b"{}\n".to_vec();
            let mut object = Object::begin(&mut line);
            object.text(member!("text"), &text);
            object.pieces(member!("pieces"), ["a ", &text, &text]);
            object.number(member!("number"), number);
            object.plain(member!("plain"), "info");
            object.written(member!("written"), |to| to.extend_from_slice(b"::1"));
            object.objects(member!("objects"), &[&text, &text], |object, text| {
                object.text(member!("it"), text);
            });
            object.end();
            let read: serde_json::Value = serde_json::from_slice(&line[3..]).unwrap();
            let expected = serde_json::json!({
                "text": text, "pieces": format!("a {text}{text}"), "number": number,
                "plain": "info", "written": "::1", "objects": [{ "it": text }, { "it": text }],
            });
            prop_assert_eq!(read, expected);
        }

        /// In text of every length, at every place, what must be escaped is seen.
        #[test]
        fn one_odd_byte_is_seen(before in "[ -!#-\\[\\]-~é]{0,40}", odd in "[\\x00-\\x1f\"\\\\]", after in "[a-z]{0,40}") {
            prop_assert!(!any_odd(before.as_bytes()));
            let text = before + &odd + &after;
            prop_assert!(any_odd(text.as_bytes()), "{text:?}");
        }
    }
}
