//! The head of a push, read from any bytes.

use gitlatch::domain::git::pkt_line::{self, Packet};
use gitlatch::domain::git::receive_pack::{Malformed, Push, Reader};
use gitlatch::domain::git::report;
use gix_packetline::PacketLineRef;
use gix_packetline::decode::{Stream, streaming};

/// The most bytes that are also read one by one: reading by prefixes takes their square.
const ONE_BY_ONE: usize = 16 * 1024;

/// Reading is the same however the bytes come; what is read stands in the lines that gix-packetline finds;
/// and the answer that refuses it is one that it can read.
pub(crate) fn holds(bytes: &[u8]) {
    let at_once = Reader::new().read(bytes);
    let lines = lines_by_the_oracle(bytes);
    for step in [1, 2, 3, 5, 64, 4096] {
        if step > 1 || bytes.len() <= ONE_BY_ONE {
            assert_eq!(in_steps(bytes, step), at_once, "in steps of {step}");
        }
    }
    packets_are_those_of_the_oracle(bytes);
    let push = match at_once {
        Ok(Some(push)) => push,
        Ok(None) => return nothing_is_waited_for_in_vain(&lines, bytes),
        Err(_) => return,
    };
    what_was_read_stands_there(&push, &lines);
    what_follows_changes_nothing(bytes, &push);
    the_refusal_can_be_read(&push);
}

/// What a reader says that is given more and more of the bytes.
fn in_steps(bytes: &[u8], step: usize) -> Result<Option<Push>, Malformed> {
    let mut reader = Reader::new();
    let mut end = 0;
    while end < bytes.len() {
        end = (end + step).min(bytes.len());
        match reader.read(&bytes[..end]) {
            Ok(None) => {}
            done => return done,
        }
    }
    Ok(None)
}

/// Every packet at the beginning of the bytes, as gix-packetline divides them: `None` is a flush.
fn lines_by_the_oracle(mut bytes: &[u8]) -> Vec<Option<&[u8]>> {
    let mut lines = Vec::new();
    loop {
        // The one thing that git takes and gix-packetline does not: a line without data.
        if let Some(rest) = bytes.strip_prefix(b"0004") {
            lines.push(Some(&b""[..]));
            bytes = rest;
            continue;
        }
        let Ok(Stream::Complete { line, bytes_consumed }) = streaming(bytes) else { return lines };
        lines.push(match line {
            PacketLineRef::Data(data) => Some(data),
            PacketLineRef::Flush => None,
            PacketLineRef::Delimiter | PacketLineRef::ResponseEnd => return lines,
        });
        bytes = &bytes[bytes_consumed..];
    }
}

/// Packet by packet: what is data, a flush, or unfinished here is so there, and the other way round.
fn packets_are_those_of_the_oracle(mut bytes: &[u8]) {
    for line in lines_by_the_oracle(bytes) {
        let Ok(Some((packet, length))) = pkt_line::read(bytes) else {
            panic!("a packet that is none here: {line:?}")
        };
        assert_eq!(
            line,
            match packet {
                Packet::Data(data) => Some(data),
                Packet::Flush => None,
            }
        );
        bytes = &bytes[length..];
    }
    // Then come bytes that end too soon, or that begin no packet. The oracle waits for four digits before
    // it looks at them, and takes what has another meaning in other conversations.
    let ours = pkt_line::read(bytes);
    match streaming(bytes) {
        Ok(Stream::Incomplete { .. }) if bytes.len() < 4 => {
            let digits = bytes.iter().all(u8::is_ascii_hexdigit);
            assert_eq!(ours.is_ok(), digits, "{bytes:?}");
        }
        Ok(Stream::Incomplete { .. }) => assert_eq!(ours, Ok(None), "{bytes:?}"),
        Ok(Stream::Complete { .. }) | Err(_) => assert!(ours.is_err(), "{bytes:?}"),
    }
}

/// More is waited for only while the flush has not come that ends the head: the first, or the second
/// where options were announced.
fn nothing_is_waited_for_in_vain(lines: &[Option<&[u8]>], bytes: &[u8]) {
    let flushes = lines.iter().filter(|line| line.is_none()).count();
    let announced = bytes.windows(12).any(|window| window == b"push-options");
    assert!(flushes <= usize::from(announced), "{flushes} flushes and no end");
}

/// Each change is one line of the commands, word by word and in their order; each option one of those behind.
fn what_was_read_stands_there(push: &Push, lines: &[Option<&[u8]>]) {
    let end = |lines: &[Option<&[u8]>]| lines.iter().position(Option::is_none).expect("a flush");
    let (commands, rest) = lines.split_at(end(lines));
    let plain = |line: Option<&[u8]>| {
        let line = line.expect("no flush is among them");
        // Capabilities are behind the first NUL.
        let line = line.split(|byte| *byte == 0).next().unwrap_or_default();
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        String::from_utf8(line.to_vec()).expect("what was taken is text")
    };
    let commands: Vec<String> =
        commands.iter().copied().map(plain).filter(|line| !line.starts_with("shallow ")).collect();
    let changes: Vec<String> =
        push.changes.iter().map(|one| format!("{} {} {}", one.old, one.new, one.name)).collect();
    assert_eq!(changes, commands);
    let options = &rest[1..];
    let count = push.options.len();
    if count > 0 {
        let told: Vec<String> = options[..count].iter().copied().map(plain).collect();
        assert_eq!(push.options, told);
        assert_eq!(options[count], None, "a flush ends the options");
    }
}

/// The pack behind the head is none of its business.
fn what_follows_changes_nothing(bytes: &[u8], push: &Push) {
    let mut longer = bytes.to_vec();
    longer.extend_from_slice(b"PACK0000zzzz");
    assert_eq!(Reader::new().read(&longer).as_ref(), Ok(&Some(push.clone())));
}

/// Each packet of the answer is one of the oracle's too, no longer than the client takes.
fn the_refusal_can_be_read(push: &Push) {
    let refs: Vec<_> =
        push.changes.iter().map(|one| (&one.name, format!("no: {}", one.name))).collect();
    let Some(answer) = report::refused(push.manner, &refs, "no") else {
        assert!(!push.manner.reports);
        return;
    };
    let mut rest = &answer[..];
    while !rest.is_empty() {
        let Ok(Stream::Complete { bytes_consumed, .. }) = streaming(rest) else {
            panic!("the answer has something that is no packet: {rest:?}")
        };
        assert!(bytes_consumed <= push.manner.side_band.unwrap_or(pkt_line::MOST));
        rest = &rest[bytes_consumed..];
    }
}
