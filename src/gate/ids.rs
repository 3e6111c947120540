//! The ids of requests.

use http::HeaderValue;
use std::cell::Cell;

/// The request ids of one worker: 64 bits, from a random start on, by steps that visit every number.
pub struct Ids {
    next: Cell<u64>,
}

impl Ids {
    /// Ids from this random number on.
    #[must_use]
    pub fn starting_at(random: u64) -> Self {
        Self { next: Cell::new(random) }
    }

    /// The next one as 16 hexadecimal digits.
    pub(super) fn next(&self) -> HeaderValue {
        // An odd step has a period of 2^64, and neighbours do not look alike.
        let id = self.next.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.next.set(id);
        let digit = |digit: u8| b"0123456789abcdef"[usize::from(digit & 15)];
        let mut text = [0; 16];
        for (two, byte) in text.as_chunks_mut().0.iter_mut().zip(id.to_be_bytes()) {
            *two = [digit(byte >> 4), digit(byte)];
        }
        // Hexadecimal digits always are a value.
        HeaderValue::from_bytes(&text).unwrap_or_else(|_| HeaderValue::from_static("-"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_sixteen_digits() {
        let step = 0x9E37_79B9_7F4A_7C15_u64;
        for id in [0, 1, 0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210, u64::MAX] {
            let written = Ids::starting_at(id.wrapping_sub(step)).next();
            assert_eq!(written, format!("{id:016x}"));
        }
    }
}
