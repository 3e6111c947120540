//! Reads `hostile.tsv`.

/// A line of the table.
pub(crate) struct Case<'a> {
    /// As it stands there.
    pub(crate) line: &'a str,
    /// The statuses, and whether the connection ends with the last of them.
    pub(crate) expected: &'a str,
    /// What is sent, with places still to be filled.
    pub(crate) bytes: Vec<u8>,
}

/// What stands for the usual parts of a request.
const PLACES: [(&str, &str); 6] = [
    ("{push}", "POST /team/app.git/git-receive-pack HTTP/1.1\r\n{host}{auth}{type}"),
    ("{get}", "GET /team/app.git/HEAD HTTP/1.1\r\n{host}{auth}"),
    ("{host}", "Host: gitlatch.test\r\n"),
    ("{type}", "Content-Type: application/x-git-receive-pack-request\r\n"),
    ("{chunked}", "Transfer-Encoding: chunked\r\n"),
    ("{4}", "4\r\n0000\r\n0\r\n\r\n"),
];

/// Every case of the table.
pub(crate) fn cases(table: &str) -> impl Iterator<Item = Case<'_>> {
    table.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let (expected, text) = line.split_once('\t').expect("two columns");
        Case { line, expected, bytes: unescaped(text) }
    })
}

/// Bytes with everything in its place.
pub(crate) fn filled(bytes: &[u8], token: &str) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let auth = format!("Authorization: Bearer {token}\r\n");
    for (place, with) in PLACES.into_iter().chain([("{auth}", &auth[..]), ("{token}", token)]) {
        while let Some(at) = bytes.windows(place.len()).position(|w| w == place.as_bytes()) {
            bytes.splice(at..at + place.len(), with.bytes());
        }
    }
    bytes
}

/// Escapes as in Rust's byte strings.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'\\' => match rest.next().expect("an escape") {
                b'r' => b'\r',
                b'n' => b'\n',
                b't' => b'\t',
                b'x' => {
                    let digits = [rest.next().expect("a digit"), rest.next().expect("a digit")];
                    let digits = std::str::from_utf8(&digits).expect("digits");
                    u8::from_str_radix(digits, 16).expect("digits")
                }
                literal @ (b'\\' | b'"') => literal,
                other => panic!("no escape: {other}"),
            },
            plain => plain,
        });
    }
    bytes
}
