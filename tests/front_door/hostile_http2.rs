//! HTTP/2 by hand: `tests/data/hostile-http2.tsv`, and floods.

use super::hostile::{House, INNOCENT};
use super::hostile_cases::{cases, filled};
use super::streams::Frames;
use std::io::{ErrorKind, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

const TABLE: &str = include_str!("../data/hostile-http2.tsv");

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// What became of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Stream {
    status: Option<u16>,
    body: Vec<u8>,
    reset: bool,
    ended: bool,
}

/// A number with a prefix of seven bits (RFC 7541 section 5.1).
fn number(block: &mut Vec<u8>, mut number: usize) {
    if number < 0x7f {
        return block.push(u8::try_from(number).unwrap());
    }
    block.push(0x7f);
    number -= 0x7f;
    while number >= 0x80 {
        block.push(u8::try_from(number % 0x80).unwrap() | 0x80);
        number /= 0x80;
    }
    block.push(u8::try_from(number).unwrap());
}

/// Fields as literals that no table keeps.
fn block(fields: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            number(&mut block, text.len());
            block.extend(*text);
        }
    }
    block
}

/// `:status`, which is the first field of an answer.
fn status(block: &[u8]) -> u16 {
    const KNOWN: [u16; 7] = [200, 204, 206, 304, 400, 404, 500];
    // A change of the table's size stands in front.
    let skipped = block.iter().take_while(|byte| **byte & 0xe0 == 0x20).count();
    let block = &block[skipped..];
    if let 0x88..=0x8e = block[0] {
        return KNOWN[usize::from(block[0] - 0x88)];
    }
    assert!(matches!(block[0], 0x08 | 0x18 | 0x48), "no status: {block:x?}");
    let text = &block[2..2 + usize::from(block[1] & 0x7f)];
    if block[1] & 0x80 == 0 {
        return std::str::from_utf8(text).unwrap().parse().unwrap();
    }
    // RFC 7541, appendix B: 0 to 2 have five bits, the other digits six.
    let bits = text.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
    let mut left = 8 * text.len();
    (0..3).fold(0, |status, _| {
        let top = |count: usize| (bits >> (left - count)) & ((1 << count) - 1);
        let (digit, count) = match top(5) {
            digit @ 0..=2 => (digit, 5),
            _ => (top(6) - 0x19 + 3, 6),
        };
        left -= count;
        status * 10 + u16::try_from(digit).unwrap()
    })
}

/// One request on a stream, as the table has it.
fn send(frames: &mut Frames, stream: u32, request: &[u8]) -> std::io::Result<()> {
    let pieces: Vec<&[u8]> = request.split(|byte| *byte == b'|').collect();
    let is_frame = |piece: &&[u8]| piece.starts_with(b">");
    let (fields, later): (Vec<_>, Vec<_>) = pieces.into_iter().partition(|piece| !is_frame(piece));
    let end = |last: bool| if last { END_STREAM } else { 0 };
    let fields: Vec<_> = fields.into_iter().map(divided).collect();
    frames.send(HEADERS, END_HEADERS | end(later.is_empty()), stream, &block(&fields))?;
    for (nth, piece) in later.iter().enumerate() {
        let last = end(nth + 1 == later.len());
        match piece.strip_prefix(b">>") {
            Some(trailer) => {
                frames.send(HEADERS, END_HEADERS | last, stream, &block(&[divided(trailer)]))?;
            }
            None => frames.send(DATA, last, stream, &piece[1..])?,
        }
    }
    Ok(())
}

fn divided(piece: &[u8]) -> (&[u8], &[u8]) {
    let equals = piece.iter().position(|byte| *byte == b'=').expect("a field");
    (&piece[..equals], &piece[equals + 1..])
}

/// What became of stream 1 and of stream 3; and whether the connection was ended.
fn outcome(frames: &mut Frames) -> ([Stream; 2], bool) {
    let mut streams = <[Stream; 2]>::default();
    let mut going = false;
    while !streams.iter().all(|one| one.ended || one.reset) {
        let (kind, flags, stream, payload) = match frames.next_of_any() {
            Ok(frame) => frame,
            Err(error) => {
                let waited = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
                assert!(!waited, "no end: {error}, {streams:?}");
                return (streams, true);
            }
        };
        going |= kind == GOAWAY;
        let Some(one) = [1, 3].iter().position(|number| *number == stream) else { continue };
        let one = &mut streams[one];
        match kind {
            HEADERS if one.status.is_none() => one.status = Some(status(&payload)),
            DATA => one.body.extend(&payload),
            RESET => one.reset = true,
            _ => {}
        }
        one.ended |= matches!(kind, HEADERS | DATA) && flags & END_STREAM != 0;
    }
    (streams, going)
}

fn innocent() -> &'static [u8] {
    b":method=GET|:scheme=https|:authority=localhost|:path=/team/innocent.git/HEAD\
      |authorization=Bearer {token}"
}

fn judge(house: &House, request: &[u8], expected: &str) {
    let mut frames = Frames::open(&house.site, house.authority.as_ref().unwrap());
    let before = house.upstream.seen().len();
    frames.begin(0xffff);
    // No table, so that an answer's status can be read alone.
    frames.send(SETTINGS, 0, 0, &[0, 1, 0, 0, 0, 0]).unwrap();
    let sent = send(&mut frames, 1, &filled(request, &house.token))
        .and_then(|()| send(&mut frames, 3, &filled(innocent(), &house.token)));
    let ([one, other], ended) = outcome(&mut frames);
    assert!(sent.is_ok() || ended, "{sent:?}");
    let mut seen = house.upstream.seen().split_off(before);
    match expected {
        "reset" => assert!(one.status.is_none() || one.reset && one.status != Some(200), "{one:?}"),
        status => assert_eq!(one.status, Some(status.parse().unwrap()), "{one:?}"),
    }
    if other.status.is_some() || !ended {
        assert_eq!(other.status, Some(200), "the innocent one: {other:?}");
        assert_eq!(String::from_utf8_lossy(&other.body), INNOCENT);
        let own = seen.iter().position(|seen| seen.line() == INNOCENT).expect("the innocent one");
        house.check(&seen.remove(own), "the innocent one");
    }
    assert!(!ended || expected == "reset", "the connection ended");
    let allowed = usize::from(expected == "200");
    assert_eq!(seen.len(), allowed, "{seen:?}");
    for seen in &seen {
        house.check(seen, "stream 1");
    }
    for body in [one.body, other.body] {
        assert!(!String::from_utf8_lossy(&body).contains(&house.token), "a token comes back");
    }
}

#[test]
fn requests() {
    let house = House::secure();
    let mut wrong = Vec::new();
    for case in cases(TABLE) {
        let judged = AssertUnwindSafe(|| judge(&house, &case.bytes, case.expected));
        if catch_unwind(judged).is_err() {
            wrong.push(case.line);
        }
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
    house.check_log();
}

/// Takes what has come, without waiting for more; false at the end of the connection.
fn taken(frames: &mut Frames) -> bool {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match frames.stream.read(&mut buffer) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) => {
                return matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
            }
        }
    }
}

/// What is sent again and again: the frames of round `nth`.
type Flood = fn(&mut Frames, &House, u32) -> std::io::Result<()>;

fn open(frames: &mut Frames, house: &House, stream: u32, more: &[u8]) -> std::io::Result<()> {
    send(frames, stream, &filled(&[innocent(), more].concat(), &house.token))
}

/// Each flood, how often, and what is sent each time.
const FLOODS: &[(&str, u32, Flood)] = &[
    ("resets", 20_000, |frames, house, nth| {
        open(frames, house, 2 * nth + 1, b"")?;
        frames.send(RESET, 0, 2 * nth + 1, &8_u32.to_be_bytes())
    }),
    ("broken streams", 20_000, |frames, house, nth| {
        open(frames, house, 2 * nth + 1, b"|>")?;
        frames.send(WINDOW, 0, 2 * nth + 1, &0_u32.to_be_bytes())
    }),
    ("CONTINUATION without end", 4_000, |frames, _, nth| {
        let kind = if nth == 0 { HEADERS } else { CONTINUATION };
        let name = format!("x-{nth}");
        frames.send(kind, 0, 1, &block(&[(name.as_bytes(), &[b'a'; 8000])]))
    }),
    ("empty CONTINUATION", 50_000, |frames, _, nth| {
        let kind = if nth == 0 { HEADERS } else { CONTINUATION };
        frames.send(kind, 0, 1, b"")
    }),
    ("empty DATA", 50_000, |frames, house, nth| match nth {
        0 => {
            let request = filled(innocent(), &house.token);
            let fields: Vec<_> = request.split(|byte| *byte == b'|').map(divided).collect();
            frames.send(HEADERS, END_HEADERS, 1, &block(&fields))
        }
        _ => frames.send(DATA, 0, 1, b""),
    }),
    ("SETTINGS", 50_000, |frames, _, _| frames.send(SETTINGS, 0, 0, &[0, 4, 0, 0, 0xff, 0xff])),
    ("PING", 50_000, |frames, _, nth| frames.send(PING, 0, 0, &u64::from(nth).to_be_bytes())),
    ("PRIORITY", 50_000, |frames, _, nth| frames.send(PRIORITY, 0, 2 * nth + 1, &[0, 0, 0, 0, 9])),
    ("WINDOW_UPDATE", 50_000, |frames, _, _| frames.send(WINDOW, 0, 0, &1_u32.to_be_bytes())),
    ("frames of unknown kinds", 50_000, |frames, _, _| frames.send(0x77, 0, 0, b"abcd")),
    ("answers that are not taken", 2_000, |frames, house, nth| {
        if nth == 0 {
            frames.send(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0])?;
        }
        open(frames, house, 2 * nth + 1, b"")
    }),
    ("one large field, named again and again", 2_000, |frames, house, nth| {
        if nth == 0 {
            open(frames, house, 1, b"")?;
        }
        // Kept in the table (RFC 7541 section 6.2.1), and then named by one byte each.
        let mut large = vec![0x40, 1, b'x'];
        number(&mut large, 4000);
        large.extend([b'a'; 4000]);
        large.extend([0xbe; 12_000]);
        frames.send(HEADERS, END_HEADERS | END_STREAM, 2 * nth + 3, &large)
    }),
];

/// Floods are cut off, or taken in within bounds of memory; and others are served meanwhile.
#[test]
fn floods() {
    const MOST: u64 = 48 * 1024 * 1024;
    let house = House::secure();
    judge(&house, innocent(), "200");
    let before = house.site.peak_memory();
    for (what, rounds, flood) in FLOODS {
        let mut frames = Frames::open(&house.site, house.authority.as_ref().unwrap());
        frames.begin(0xffff);
        frames.stream.sock.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        for nth in 0..*rounds {
            let sent = flood(&mut frames, &house, nth);
            if sent.is_err() || (nth % 256 == 0 && !taken(&mut frames)) {
                break;
            }
        }
        // Others are served while that connection is still there.
        judge(&house, innocent(), "200");
        let grown = house.site.peak_memory().saturating_sub(before);
        assert!(grown < MOST, "{what}: {} KiB more", grown / 1024);
    }
    house.check_log();
}
