//! HTTP/1 as RFC 9112 has it, read by somebody else than hyper: nothing is guessed, and where it says that a
//! reader may be lenient (a bare LF ends a line of the head), so is this.

/// A request or an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) method: String,
    pub(crate) target: String,
    /// Of an answer.
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    /// The body came to its end.
    pub(crate) whole: bool,
    /// Nothing of the connection is read after it.
    pub(crate) last: bool,
    /// How many bytes it takes.
    pub(crate) length: usize,
}

impl Message {
    /// What begins no message.
    pub(crate) fn garbled(bytes: &[u8]) -> Self {
        Self { method: format!("garbled: {}", bytes.escape_ascii()), ..Self::default() }
    }

    /// The values of a header.
    pub(crate) fn values(&self, name: &str) -> Vec<&[u8]> {
        let own = self.headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name));
        own.map(|(_, value)| &value[..]).collect()
    }

    /// What the host answers to it, so that one can tell whose answer it is.
    pub(crate) fn echo(&self) -> String {
        format!("{} {}", self.method, self.target)
    }
}

/// How the end of a body is told.
enum Framing {
    Length(u64),
    Chunks,
    /// Of an answer only.
    End,
}

/// The requests at the beginning of what a client sends, up to the first thing that is none. The last of
/// them may not have come whole.
pub(crate) fn requests(bytes: &[u8]) -> Vec<Message> {
    let mut found = Vec::new();
    let mut rest = bytes;
    while !found.last().is_some_and(|one: &Message| one.last || !one.whole) {
        // RFC 9112 §2.2.
        while let Some(behind) = rest.strip_prefix(b"\r\n").or(rest.strip_prefix(b"\n")) {
            rest = behind;
        }
        let Some(one) = request(rest) else { break };
        rest = &rest[one.length..];
        found.push(one);
    }
    found
}

fn request(bytes: &[u8]) -> Option<Message> {
    let mut rest = bytes;
    let line = line(&mut rest)?;
    let mut words = line.split(|byte| *byte == b' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    let plain = |byte: &u8| *byte > b' ' && *byte != 0x7f;
    let good = is_token(method) && !target.is_empty() && target.iter().all(plain);
    if words.next().is_some() || !good || !matches!(version, b"HTTP/1.1" | b"HTTP/1.0") {
        return None;
    }
    let headers = headers(&mut rest)?;
    let mut one = Message {
        method: String::from_utf8(method.to_vec()).ok()?,
        target: String::from_utf8(target.to_vec()).ok()?,
        headers,
        ..Message::default()
    };
    let old = version == b"HTTP/1.0";
    let (lengths, codings) = (one.values("content-length"), one.values("transfer-encoding"));
    let framing = match (&lengths[..], &codings[..]) {
        // RFC 9112 §6.1: the length beside it does not count, and nothing follows.
        (_, [coding]) if !old && coding.eq_ignore_ascii_case(b"chunked") => Framing::Chunks,
        (_, [_, ..]) => return None,
        ([], []) => Framing::Length(0),
        (lengths, []) => Framing::Length(length(lengths)?),
    };
    let both = !lengths.is_empty() && !codings.is_empty();
    let says = |option: &str| {
        let lines = one.values("connection");
        let mut options = lines.iter().flat_map(|line| line.split(|byte| *byte == b','));
        options.any(|own| own.trim_ascii().eq_ignore_ascii_case(option.as_bytes()))
    };
    one.last = both || says("close") || (old && !says("keep-alive"));
    body(&mut one, &mut rest, &framing);
    one.length = bytes.len() - rest.len();
    Some(one)
}

/// The answers that a client got to requests by these methods. What nobody can read may have been a `HEAD`:
/// a 400 beyond the last request may lack the body that it tells of.
///
/// # Errors
/// What is left when it is none.
pub(crate) fn answers(bytes: &[u8], methods: &[&str]) -> Result<Vec<Message>, String> {
    let mut found = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let method = methods.get(found.len()).copied();
        let one = answer(rest, method);
        let one = one.ok_or_else(|| format!("{}", rest.escape_ascii()))?;
        rest = &rest[one.length..];
        if one.status != 100 {
            found.push(one);
        }
    }
    Ok(found)
}

fn answer(bytes: &[u8], method: Option<&str>) -> Option<Message> {
    let mut rest = bytes;
    let line = line(&mut rest)?;
    let status = line.strip_prefix(b"HTTP/1.1 ").or(line.strip_prefix(b"HTTP/1.0 "))?.get(..3)?;
    let status = std::str::from_utf8(status).ok()?.parse().ok()?;
    let mut one = Message { status, headers: headers(&mut rest)?, ..Message::default() };
    let (lengths, codings) = (one.values("content-length"), one.values("transfer-encoding"));
    let none = method == Some("HEAD") || matches!(status, 100..200 | 204 | 304);
    let framing = match (&lengths[..], &codings[..]) {
        _ if none => Framing::Length(0),
        ([], [coding]) if *coding == b"chunked" => Framing::Chunks,
        ([], []) => Framing::End,
        ([one], []) => Framing::Length(length(&[one])?),
        _ => return None,
    };
    body(&mut one, &mut rest, &framing);
    one.whole |= method.is_none() && status == 400 && one.body.is_empty() && rest.is_empty();
    one.length = bytes.len() - rest.len();
    one.whole.then_some(one)
}

/// Takes a line with its end.
fn line<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let line = &rest[..end];
    *rest = &rest[end + 1..];
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    (!line.contains(&b'\r')).then_some(line)
}

/// Takes the lines of headers with the empty one behind them.
fn headers(rest: &mut &[u8]) -> Option<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    loop {
        let line = line(rest)?;
        if line.is_empty() {
            return Some(found);
        }
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        let text = |byte: &u8| matches!(byte, b'\t' | b' '..=b'~' | 0x80..);
        if !is_token(name) || !value.iter().all(text) {
            return None;
        }
        let is_space = |byte: &&u8| matches!(byte, b' ' | b'\t');
        let front = value.iter().take_while(is_space).count();
        let back = value[front..].iter().rev().take_while(is_space).count();
        let value = value[front..value.len() - back].to_vec();
        found.push((String::from_utf8(name.to_vec()).ok()?, value));
    }
}

fn is_token(name: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !name.is_empty() && name.iter().all(plain)
}

/// A length, which may be told more than once.
fn length(lines: &[&[u8]]) -> Option<u64> {
    let mut lengths = lines.iter().map(|line| {
        let digits = !line.is_empty() && line.iter().all(u8::is_ascii_digit);
        digits.then(|| std::str::from_utf8(line).ok()?.parse::<u64>().ok()).flatten()
    });
    let first = lengths.next()??;
    lengths.all(|other| other == Some(first)).then_some(first)
}

/// Takes the body, as far as it is there.
fn body(one: &mut Message, rest: &mut &[u8], framing: &Framing) {
    match framing {
        Framing::Length(length) => {
            let length = usize::try_from(*length).unwrap_or(usize::MAX);
            let here = length.min(rest.len());
            one.body = rest[..here].to_vec();
            *rest = &rest[here..];
            one.whole = here == length;
        }
        Framing::Chunks => one.whole = chunks(&mut one.body, rest).is_some(),
        Framing::End => {
            one.body = std::mem::take(rest).to_vec();
            one.whole = true;
        }
    }
}

fn chunks(body: &mut Vec<u8>, rest: &mut &[u8]) -> Option<()> {
    loop {
        let size = chunk_size(rest)?;
        if size == 0 {
            return trailers(rest);
        }
        let here = size.min(rest.len());
        body.extend_from_slice(&rest[..here]);
        *rest = rest[here..].strip_prefix(b"\r\n")?;
    }
}

/// Takes what stands behind the last chunk, to an empty line that ends in CRLF. hyper reads it so, whatever
/// it finds there: a lone LF ends nothing, and what follows it is never a request.
fn trailers(rest: &mut &[u8]) -> Option<()> {
    if let Some(behind) = rest.strip_prefix(b"\r\n") {
        *rest = behind;
        return Some(());
    }
    let end = rest.windows(4).position(|window| window == b"\r\n\r\n")?;
    *rest = &rest[end + 4..];
    Some(())
}

/// Takes the line of a chunk's size, which ends in CRLF and nothing less.
fn chunk_size(rest: &mut &[u8]) -> Option<usize> {
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let line = rest[..end].strip_suffix(b"\r")?;
    *rest = &rest[end + 1..];
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let (digits, extension) = line.split_at(digits);
    let extension = extension.trim_ascii_start();
    let good = extension.is_empty() || extension.starts_with(b";");
    if !good || line.contains(&b'\r') {
        return None;
    }
    usize::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}
