//! Packet lines: four hexadecimal digits of length, which count themselves, and the data.

/// The longest packet with its four digits (git's `LARGE_PACKET_MAX`).
pub const MOST: usize = 65520;

/// One packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// `0000`.
    Flush,
    /// The data, without the four digits.
    Data(&'a [u8]),
}

/// Bytes that are no packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// Not four hexadecimal digits.
    #[error("a packet's length is not four hexadecimal digits")]
    Digits,
    /// `0001` to `0003`, which stand for other things in other conversations.
    #[error("a packet has the length {0}, which means nothing here")]
    Special(usize),
    /// Longer than any packet.
    #[error("a packet is longer than {MOST} bytes")]
    Long,
}

/// Reads the packet at the beginning of `bytes`, and how many bytes it takes. `None` when they end
/// before it does.
///
/// # Errors
/// When there is none, whatever may follow.
pub fn read(bytes: &[u8]) -> Result<Option<(Packet<'_>, usize)>, PacketError> {
    let Some(digits) = bytes.get(..4) else {
        // What has come of the digits can be wrong already.
        let fine = bytes.iter().all(u8::is_ascii_hexdigit);
        return if fine { Ok(None) } else { Err(PacketError::Digits) };
    };
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(PacketError::Digits);
    }
    let text = std::str::from_utf8(digits).map_err(|_| PacketError::Digits)?;
    let length = usize::from_str_radix(text, 16).map_err(|_| PacketError::Digits)?;
    match length {
        0 => Ok(Some((Packet::Flush, 4))),
        1..=3 => Err(PacketError::Special(length)),
        _ if length > MOST => Err(PacketError::Long),
        _ => Ok(bytes.get(4..length).map(|data| (Packet::Data(data), length))),
    }
}

/// Writes data as one packet. It is cut where a packet ends.
pub fn write(into: &mut Vec<u8>, data: &[u8]) {
    let data = &data[..data.len().min(MOST - 4)];
    into.extend_from_slice(format!("{:04x}", data.len() + 4).as_bytes());
    into.extend_from_slice(data);
}

/// Writes `0000`.
pub fn flush(into: &mut Vec<u8>) {
    into.extend_from_slice(b"0000");
}

#[cfg(test)]
mod tests {
    use super::*;

    type Read<'a> = Result<Option<(Packet<'a>, usize)>, PacketError>;

    #[test]
    fn packets() {
        let cases: [(&[u8], Read<'_>); 15] = [
            (b"", Ok(None)),
            (b"000", Ok(None)),
            (b"0000", Ok(Some((Packet::Flush, 4)))),
            (b"0000rest", Ok(Some((Packet::Flush, 4)))),
            (b"0004", Ok(Some((Packet::Data(b""), 4)))),
            (b"0006ab", Ok(Some((Packet::Data(b"ab"), 6)))),
            (b"0006abc", Ok(Some((Packet::Data(b"ab"), 6)))),
            (b"0006a", Ok(None)),
            (b"000Aabcdef", Ok(Some((Packet::Data(b"abcdef"), 10)))),
            (b"0001", Err(PacketError::Special(1))),
            (b"0003", Err(PacketError::Special(3))),
            (b"fff1", Err(PacketError::Long)),
            (b"+006ab", Err(PacketError::Digits)),
            (b"00 6ab", Err(PacketError::Digits)),
            (b"x", Err(PacketError::Digits)),
        ];
        for (bytes, expected) in cases {
            assert_eq!(read(bytes), expected, "{bytes:?}");
        }
        assert_eq!(read(b"fff0"), Ok(None));
    }

    #[test]
    fn what_is_written_is_read() {
        for length in [0, 1, 1000, MOST - 4, MOST] {
            let (data, mut written) = (vec![b'x'; length], Vec::new());
            write(&mut written, &data);
            let kept = &data[..length.min(MOST - 4)];
            assert_eq!(read(&written), Ok(Some((Packet::Data(kept), written.len()))));
        }
    }
}
