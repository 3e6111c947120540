//! The PROXY protocol, versions 1 and 2, by which a proxy in front says whose connection it hands on
//! (haproxy.org, `doc/proxy-protocol.txt`). Whoever may send a header must: it is read before anything
//! else, and not a byte behind it is taken.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use tokio::io::{AsyncRead, AsyncReadExt};

/// What version 2 begins with (section 2.2).
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// What comes before the addresses of version 2: the signature, and four bytes.
const HEAD: usize = 16;
/// The longest header of version 1 with its CRLF (section 2.1).
const LONGEST_V1: usize = 107;
/// The longest header of version 2 that is taken. The format has room for 64 KiB of TLVs, of which none is
/// read; certificates are what makes them long.
const LONGEST_V2: usize = 4096;

/// What a header says: whose connection it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Header {
    /// This client's.
    Client(IpAddr),
    /// A client's on a Unix socket, which has no address.
    Unix,
    /// The proxy's own (LOCAL), or one of which it cannot say more (UNKNOWN).
    Peer,
}

/// Why there is no header.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProxyError {
    #[error("{0}")]
    Malformed(&'static str),
    #[error("the connection ended, or broke, before its PROXY header did")]
    Read(#[from] io::Error),
}

/// Takes the header off the beginning of a connection.
pub(super) async fn read<I: AsyncRead + Unpin>(stream: &mut I) -> Result<Header, ProxyError> {
    // No header is shorter: version 1's shortest is `PROXY UNKNOWN` with its CRLF.
    let mut begun = [0; SIGNATURE.len()];
    stream.read_exact(&mut begun).await?;
    if begun == SIGNATURE {
        let mut head = [0; HEAD - SIGNATURE.len()];
        stream.read_exact(&mut head).await?;
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        if HEAD + length > LONGEST_V2 {
            return Err(ProxyError::Malformed("a header of version 2 that is too long"));
        }
        let mut rest = vec![0; length];
        stream.read_exact(&mut rest).await?;
        return version_2(head[0], head[1], &rest).map_err(ProxyError::Malformed);
    }
    if !begun.starts_with(b"PROXY ") {
        return Err(ProxyError::Malformed("no PROXY header"));
    }
    let mut line = begun.to_vec();
    // Byte by byte, for what is behind the line is TLS's or HTTP's.
    while line.last() != Some(&b'\n') {
        if line.len() == LONGEST_V1 {
            return Err(ProxyError::Malformed("a header of version 1 that is too long"));
        }
        line.push(stream.read_u8().await?);
    }
    version_1(&line).map_err(ProxyError::Malformed)
}

/// Reads a line of version 1, with its ending (section 2.1): exactly one space between words, addresses
/// and ports in their shortest decimal or hexadecimal form.
fn version_1(line: &[u8]) -> Result<Header, &'static str> {
    let line = line.strip_suffix(b"\r\n").ok_or("a line that does not end in CRLF")?;
    let line = std::str::from_utf8(line).map_err(|_| "bytes that are no ASCII")?;
    let mut words = line.split(' ');
    let (Some("PROXY"), Some(family)) = (words.next(), words.next()) else {
        return Err("no PROXY header");
    };
    // Whatever follows is to be ignored.
    if family == "UNKNOWN" {
        return Ok(Header::Peer);
    }
    let rest: Vec<&str> = words.collect();
    let [source, destination, from, to] = rest[..] else {
        return Err("not two addresses and two ports");
    };
    let (source, destination) = match family {
        "TCP4" => (v4(source), v4(destination)),
        "TCP6" => (v6(source), v6(destination)),
        _ => return Err("a family that is none of TCP4, TCP6 and UNKNOWN"),
    };
    let (Some(source), Some(_)) = (source, destination) else {
        return Err("an address that is none of its family");
    };
    if !is_port(from) || !is_port(to) {
        return Err("a port that is none");
    }
    Ok(Header::Client(source))
}

fn v4(text: &str) -> Option<IpAddr> {
    text.parse::<Ipv4Addr>().ok().map(IpAddr::V4)
}

fn v6(text: &str) -> Option<IpAddr> {
    text.parse::<Ipv6Addr>().ok().map(|address| address.to_canonical())
}

fn is_port(text: &str) -> bool {
    let shortest = text == "0" || !text.starts_with('0');
    shortest && text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

/// Reads what is behind the signature of version 2 (section 2.2): version and command, family and
/// protocol, and `rest`, of which the addresses come first and TLVs follow.
fn version_2(command: u8, family: u8, rest: &[u8]) -> Result<Header, &'static str> {
    match command {
        // LOCAL: the proxy's own, such as a check of health; the rest is to be ignored.
        0x20 => return Ok(Header::Peer),
        0x21 => {}
        _ => return Err("a version that is not 2, or a command that is neither LOCAL nor PROXY"),
    }
    let short = "fewer bytes than the addresses of the family have";
    match family {
        0x00 => Ok(Header::Peer),
        0x11 if rest.len() < 12 => Err(short),
        0x11 => {
            let (source, _) = rest.split_first_chunk::<4>().ok_or(short)?;
            Ok(Header::Client(IpAddr::from(*source)))
        }
        0x21 if rest.len() < 36 => Err(short),
        0x21 => {
            let (source, _) = rest.split_first_chunk::<16>().ok_or(short)?;
            Ok(Header::Client(IpAddr::from(*source).to_canonical()))
        }
        0x31 if rest.len() < 216 => Err(short),
        0x31 => Ok(Header::Unix),
        _ => Err("a family that is no stream of TCP or of a Unix socket"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read, and how many bytes are left behind the header; nothing when it is refused.
    fn read_all(bytes: &[u8]) -> Option<(Header, usize)> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut rest = bytes;
        let source = runtime.block_on(read(&mut rest)).ok()?;
        Some((source, rest.len()))
    }

    fn client(text: &str) -> Header {
        Header::Client(text.parse().unwrap())
    }

    #[test]
    fn lines_of_version_1() {
        let longest = "PROXY TCP6 ffff:f000:ffff:ffff:ffff:ffff:ffff:ffff \
                       ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n";
        let most = format!("PROXY UNKNOWN {}\r\n", "x".repeat(LONGEST_V1 - 16));
        let good = [
            ("PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n", client("192.0.2.7")),
            (
                "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
                client("255.255.255.255"),
            ),
            ("PROXY TCP4 192.0.2.7 198.51.100.1 0 0\r\n", client("192.0.2.7")),
            ("PROXY TCP6 2001:db8::7 2001:db8::1 56324 443\r\n", client("2001:db8::7")),
            ("PROXY TCP6 ::ffff:192.0.2.7 ::1 56324 443\r\n", client("192.0.2.7")),
            (longest, client("ffff:f000:ffff:ffff:ffff:ffff:ffff:ffff")),
            ("PROXY UNKNOWN\r\n", Header::Peer),
            ("PROXY UNKNOWN 192.0.2.7 192.0.2.1 1 2\r\n", Header::Peer),
            (&most, Header::Peer),
        ];
        for (line, expected) in good {
            for behind in ["", "x", "GET / HTTP/1.1\r\n\r\n", line, "\x16\x03\x01"] {
                let read = read_all(format!("{line}{behind}").as_bytes());
                assert_eq!(read, Some((expected, behind.len())), "{line}{behind}");
            }
        }
    }

    #[test]
    fn what_is_no_line_of_version_1() {
        let more = format!("PROXY UNKNOWN {}\r\n", "x".repeat(LONGEST_V1 + 1 - 16));
        let bad = [
            "",
            "PROXY",
            "PROXY TCP4 192.0.2.7 198.51.100.1 56324 443",
            "PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r",
            "PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 56324 443 \r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 56324\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 56324 443 1\r\n",
            "PROXY  TCP4 192.0.2.7 198.51.100.1 56324 443\r\n",
            "PROXY TCP4  192.0.2.7 198.51.100.1 56324 443\r\n",
            "PROXY\tTCP4 192.0.2.7 198.51.100.1 56324 443\r\n",
            "proxy TCP4 192.0.2.7 198.51.100.1 56324 443\r\n",
            "PROXY tcp4 192.0.2.7 198.51.100.1 56324 443\r\n",
            " PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n",
            "PROXY TCP5 192.0.2.7 198.51.100.1 56324 443\r\n",
            "PROXY UDP4 192.0.2.7 198.51.100.1 56324 443\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 65536 443\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 56324 443000\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 -1 443\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 +1 443\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 01 443\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 0x1 443\r\n",
            "PROXY TCP4 192.0.2.007 198.51.100.1 1 443\r\n",
            "PROXY TCP4 192.0.2.256 198.51.100.1 1 443\r\n",
            "PROXY TCP4 3221225991 198.51.100.1 1 443\r\n",
            "PROXY TCP4 192.0.2.7 x 1 443\r\n",
            "PROXY TCP4 2001:db8::7 2001:db8::1 1 443\r\n",
            "PROXY TCP6 192.0.2.7 198.51.100.1 1 443\r\n",
            "PROXY TCP6 2001:db8::7%eth0 2001:db8::1 1 443\r\n",
            "PROXY TCP6 [2001:db8::7] 2001:db8::1 1 443\r\n",
            "PROXY UNKNOWN\n",
            "PROXY UNKNOWNS\r\n",
            &more,
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST /PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n",
            "\x16\x03\x01\x02\x00\x01\x00\x01\x7c\x03\x03",
        ];
        for line in bad {
            assert_eq!(read_all(line.as_bytes()), None, "{line}");
        }
    }

    /// A header of version 2 whose length is that of `rest`.
    fn header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, rest].concat()
    }

    #[test]
    fn headers_of_version_2() {
        let four = [192, 0, 2, 7, 198, 51, 100, 1, 0xdc, 4, 1, 0xbb];
        let six: Vec<u8> = (0..36).map(|at| if at == 0 { 0x20 } else { at }).collect();
        let mut mapped = vec![0; 36];
        mapped[10..16].copy_from_slice(&[0xff, 0xff, 192, 0, 2, 7]);
        // PP2_TYPE_SSL, as long as it may be, and something that is no TLV: none of it is looked at.
        let tlv = |len: usize| [&four[..], &[0x20, 0xff, 0xff], &vec![1; len - 15]].concat();
        let (most, more) = (tlv(LONGEST_V2 - HEAD), tlv(LONGEST_V2 - HEAD + 1));
        let first = client("2001:203:405:607:809:a0b:c0d:e0f");
        let good: [(u8, u8, &[u8], Header); 11] = [
            (0x21, 0x11, &four, client("192.0.2.7")),
            (0x21, 0x11, &most, client("192.0.2.7")),
            (0x21, 0x21, &six, first),
            (0x21, 0x21, &mapped, client("192.0.2.7")),
            (0x21, 0x31, &[b'x'; 216], Header::Unix),
            (0x21, 0x00, &[], Header::Peer),
            (0x21, 0x00, &four, Header::Peer),
            (0x20, 0x00, &[], Header::Peer),
            (0x20, 0x11, &four, Header::Peer),
            (0x20, 0x11, &[1], Header::Peer),
            (0x20, 0xff, &[1; 500], Header::Peer),
        ];
        for (command, family, rest, expected) in good {
            let whole = header(command, family, rest);
            for behind in [&b""[..], b"x", &whole, b"PROXY UNKNOWN\r\n"] {
                let read = read_all(&[&whole, behind].concat());
                assert_eq!(read, Some((expected, behind.len())), "{command:x} {family:x}");
            }
            // A header that is cut is none.
            for end in 0..whole.len() {
                assert_eq!(read_all(&whole[..end]), None, "{command:x} {family:x} {end}");
            }
        }
        let bad: [(u8, u8, &[u8]); 15] = [
            (0x21, 0x11, &more),
            (0x20, 0x00, &vec![0; usize::from(u16::MAX)]),
            (0x21, 0x11, &four[..11]),
            (0x21, 0x11, &[]),
            (0x21, 0x21, &six[..35]),
            (0x21, 0x21, &four),
            (0x21, 0x31, &[b'x'; 215]),
            (0x11, 0x11, &four),
            (0x31, 0x11, &four),
            (0x22, 0x11, &four),
            (0x01, 0x11, &four),
            (0x21, 0x12, &four),
            (0x21, 0x10, &four),
            (0x21, 0x41, &four),
            (0x21, 0x01, &four),
        ];
        for (command, family, rest) in bad {
            let whole = header(command, family, rest);
            assert_eq!(read_all(&whole), None, "{command:x} {family:x} {}", rest.len());
        }
        // A length that says more than there is waits for what never comes, and one that says less leaves the
        // rest to whoever reads on.
        let mut less = header(0x21, 0x11, &most);
        less[15] = 12;
        less[14] = 0;
        assert_eq!(read_all(&less), Some((client("192.0.2.7"), most.len() - 12)));
        for at in 0..SIGNATURE.len() {
            let mut whole = header(0x21, 0x11, &four);
            whole[at] ^= 0x20;
            assert_eq!(read_all(&whole), None, "{at}");
        }
    }
}
