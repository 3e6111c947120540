//! The beginning of a push as it is read: the bytes as they came, or what gzip makes of them.
//!
//! git compresses no push, but JGit does with every one that is small. Only the head is unpacked, to be
//! judged; what goes on are the bytes as they came. It must stand in the first member of the gzip: what
//! readers make of that is the same everywhere (RFC 1952), and some read on behind it while others stop.

use super::refusal::Refusal;
use crate::domain::git::receive_pack::Malformed;
use flate2::write::GzDecoder;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use std::io::{self, Write};

/// What unpacks.
pub(super) enum Unpacked {
    /// Nothing: the bytes are what they are.
    Plain,
    /// gzip.
    Gzip(Box<GzDecoder<Bounded>>),
}

impl Unpacked {
    /// As the headers say; at most so many bytes.
    pub(super) fn of(headers: &HeaderMap, most: usize) -> Result<Self, Refusal> {
        let mut named = headers.get_all(CONTENT_ENCODING).iter();
        let (Some(one), None) = (named.next(), named.next()) else {
            // Two lines are one list, and a list is packed twice.
            return if headers.contains_key(CONTENT_ENCODING) {
                Err(Refusal::EncodedPush)
            } else {
                Ok(Self::Plain)
            };
        };
        match one.as_bytes().to_ascii_lowercase().as_slice() {
            b"identity" => Ok(Self::Plain),
            // They are the same (RFC 9110 §8.4.1.3), and git's http-backend takes both.
            b"gzip" | b"x-gzip" => {
                let bounded = Bounded { bytes: Vec::new(), most };
                Ok(Self::Gzip(Box::new(GzDecoder::new(bounded))))
            }
            _ => Err(Refusal::EncodedPush),
        }
    }

    /// Takes bytes that came. What was unpacked before the fault can be read all the same.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        let Self::Gzip(decoder) = self else { return Ok(()) };
        let taken = decoder.write_all(bytes);
        let unpacked = decoder.flush();
        match taken.and(unpacked) {
            Ok(()) => Ok(()),
            Err(_) if decoder.get_ref().is_full() => Err(Malformed::Many),
            Err(_) => Err(Malformed::Packed),
        }
    }

    /// Everything so far, of which `held` is what came.
    pub(super) fn read<'a>(&'a self, held: &'a [u8]) -> &'a [u8] {
        match self {
            Self::Plain => held,
            Self::Gzip(decoder) => &decoder.get_ref().bytes,
        }
    }

    /// How many bytes are held of it besides those that came.
    pub(super) fn held(&self) -> usize {
        match self {
            Self::Plain => 0,
            Self::Gzip(decoder) => decoder.get_ref().bytes.len(),
        }
    }
}

/// Bytes up to a bound: a few can unpack to a thousand times as many.
pub(super) struct Bounded {
    bytes: Vec<u8>,
    most: usize,
}

impl Bounded {
    fn is_full(&self) -> bool {
        self.bytes.len() >= self.most
    }
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_full() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let taken = bytes.len().min(self.most - self.bytes.len());
        self.bytes.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use http::HeaderValue;

    fn headers(values: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(CONTENT_ENCODING, HeaderValue::from_static(value));
        }
        headers
    }

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).expect("a vector takes them");
        encoder.finish().expect("a vector takes them")
    }

    /// What is read of bytes that come in pieces of this size, and the first fault.
    fn unpacked(bytes: &[u8], size: usize, most: usize) -> (Vec<u8>, Option<Malformed>) {
        let mut unpacked = Unpacked::of(&headers(&["gzip"]), most).expect("it is known");
        let fault = bytes.chunks(size).find_map(|piece| unpacked.take(piece).err());
        (unpacked.read(b"").to_vec(), fault)
    }

    #[test]
    fn encodings() {
        let cases: [(&[&str], &str); 10] = [
            (&[], "plain"),
            (&["identity"], "plain"),
            (&["gzip"], "gzip"),
            (&["GZip"], "gzip"),
            (&["x-gzip"], "gzip"),
            (&["deflate"], "refused"),
            (&["gzip, gzip"], "refused"),
            (&["gzip", "gzip"], "refused"),
            (&["identity", "gzip"], "refused"),
            (&[""], "refused"),
        ];
        for (values, expected) in cases {
            let values: Vec<&'static str> =
                values.iter().map(|v| String::leak((*v).to_owned()) as &str).collect();
            let said = match Unpacked::of(&headers(&values), 10) {
                Ok(Unpacked::Plain) => "plain",
                Ok(Unpacked::Gzip(_)) => "gzip",
                Err(_) => "refused",
            };
            assert_eq!(said, expected, "{values:?}");
        }
    }

    #[test]
    fn however_it_comes_the_first_member_is_read() {
        let text: Vec<u8> = (0..50_000_u32).flat_map(|n| n.to_string().into_bytes()).collect();
        let member = packed(&text);
        let two = [member.clone(), packed(b"and more")].concat();
        let cut = &member[..member.len() / 2];
        for size in [1, 7, 1000, 1_000_000] {
            assert_eq!(unpacked(&member, size, 1 << 20), (text.clone(), None), "{size}");
            let (read, fault) = unpacked(&two, size, 1 << 20);
            assert_eq!((read == text, fault), (true, Some(Malformed::Packed)), "{size}");
            let (read, fault) = unpacked(cut, size, 1 << 20);
            assert!(text.starts_with(&read) && read.len() > 1000 && fault.is_none(), "{size}");
            let (read, fault) = unpacked(&member, size, 100);
            assert_eq!((read.as_slice(), fault), (&text[..100], Some(Malformed::Many)), "{size}");
        }
        assert_eq!(unpacked(&[b'0'; 20], 4, 100).1, Some(Malformed::Packed));
    }
}
