//! The head of a CGI answer (RFC 3875 §6): headers, an empty line, and the status among them.

use super::malformed;
use super::output::ChildOutput;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use std::io;

/// The most that a head may hold.
const MOST: usize = 64 * 1024;

/// Reads the head off the program's output; what follows is the body.
pub(super) async fn read_head(output: &mut ChildOutput) -> io::Result<(StatusCode, HeaderMap)> {
    loop {
        if let Some(length) = end_of_head(output.buffered()) {
            let head = output.take(length);
            return parse(&head);
        }
        if output.buffered().len() > MOST {
            return Err(malformed("the head of its answer is too long"));
        }
        if !output.fill().await? {
            return Err(malformed("it ended without an answer"));
        }
    }
}

/// Where the empty line ends. git ends lines with CR LF.
fn end_of_head(bytes: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, b"\r\n\r\n").map(|at| at + 4)
}

fn parse(head: &[u8]) -> io::Result<(StatusCode, HeaderMap)> {
    let text = std::str::from_utf8(head).map_err(|_| malformed("its head is not text"))?;
    let mut status = StatusCode::OK;
    let mut headers = HeaderMap::new();
    for line in text.split("\r\n").filter(|line| !line.is_empty()) {
        let (name, value) =
            line.split_once(':').ok_or_else(|| malformed("a header has no colon"))?;
        let value = value.trim();
        if name.eq_ignore_ascii_case("status") {
            let code = value.split(' ').next().and_then(|code| code.parse::<u16>().ok());
            status = code
                .and_then(|code| StatusCode::from_u16(code).ok())
                .ok_or_else(|| malformed("its status is none"))?;
            continue;
        }
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| malformed("a header's name is none"))?;
        let value =
            HeaderValue::from_str(value).map_err(|_| malformed("a header's value is none"))?;
        headers.append(name, value);
    }
    Ok((status, headers))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads() {
        let (status, headers) =
            parse(b"Status: 403 Forbidden\r\nExpires: x\r\nPragma: no-cache\r\n\r\n").unwrap();
        assert_eq!((status.as_u16(), headers.len()), (403, 2));
        let (status, _) = parse(b"Content-Type: text/plain\r\n\r\n").unwrap();
        assert_eq!(status, StatusCode::OK);
        for bad in
            [&b"no colon\r\n\r\n"[..], b"Status: x\r\n\r\n", b"a b: c\r\n\r\n", b"\xff: a\r\n\r\n"]
        {
            assert!(parse(bad).is_err());
        }
        assert_eq!(end_of_head(b"a: b\r\n\r\nbody"), Some(8));
        assert_eq!(end_of_head(b"a: b\r\n"), None);
    }
}
