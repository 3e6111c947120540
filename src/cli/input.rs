//! Passwords and secrets, which come by standard input and never by argument: arguments are seen by
//! every process of the machine and kept in the shell's history.

use super::output::wrong_call;
use crate::domain::secret::Secret;
use anyhow::Context;
use std::io::{self, BufRead, Read};
use zeroize::Zeroizing;

/// Longest secret, in bytes.
const MAX: usize = 1024;

/// Reads one line from standard input, without its ending (`\n` or `\r\n`).
///
/// What follows that line is not looked at.
pub(super) fn secret(what: &str) -> anyhow::Result<Secret> {
    read(&mut io::stdin().lock(), what)
}

fn read(input: &mut impl BufRead, what: &str) -> anyhow::Result<Secret> {
    // Two bytes for the ending and one that shows that there is too much; reserved at once, so that no
    // part of the secret stays behind in a buffer that was outgrown.
    let most = MAX + 3;
    let mut bytes = Zeroizing::new(Vec::with_capacity(most));
    input
        .take(most as u64)
        .read_until(b'\n', &mut bytes)
        .context("standard input cannot be read")?;
    let line = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.is_empty() {
        return Err(wrong_call(format_args!("standard input has no {what} on its first line")));
    }
    if line.len() > MAX {
        return Err(wrong_call(format_args!("a {what} has at most {MAX} bytes")));
    }
    match std::str::from_utf8(line) {
        Ok(text) => Ok(Secret::new(text.to_owned())),
        Err(_) => Err(wrong_call(format_args!("a {what} is UTF-8 text"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_without_its_ending() {
        let longest = "x".repeat(MAX);
        let cases: [(&[u8], Option<&str>); 12] = [
            (b"secret", Some("secret")),
            (b"secret\n", Some("secret")),
            (b"secret\r\n", Some("secret")),
            (b" secret \n", Some(" secret ")),
            (b"secret\nmore\n", Some("secret")),
            (b"se\rcret\n", Some("se\rcret")),
            (longest.as_bytes(), Some(&longest)),
            (&[longest.as_bytes(), b"\r\n"].concat(), Some(&longest)),
            (&[longest.as_bytes(), b"x\n"].concat(), None),
            (b"", None),
            (b"\r\nsecret\n", None),
            (b"\xff\n", None),
        ];
        for (input, expected) in cases {
            let read = read(&mut &*input, "password").ok();
            assert_eq!(read.as_ref().map(Secret::expose), expected, "{input:?}");
        }
    }
}
