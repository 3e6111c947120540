//! The head of a push, whole and in pieces, right and wrong.

use super::*;
use proptest::prelude::*;

const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
const ZERO: &str = "0000000000000000000000000000000000000000";

/// Lines as packets: `A`, `B` and `Z` are object ids, `\0` and `\n` are what they say, `-` is a flush.
fn wire(lines: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in lines {
        if *line == "-" {
            pkt_line::flush(&mut bytes);
            continue;
        }
        let ids = line.replace("{A}", A).replace("{B}", B).replace("{Z}", ZERO);
        pkt_line::write(&mut bytes, ids.as_bytes());
    }
    bytes
}

fn whole(bytes: &[u8]) -> Result<Push, Malformed> {
    Reader::new().read(bytes)?.ok_or(Malformed::Short)
}

fn describe(read: Result<Push, Malformed>) -> String {
    let push = match read {
        Ok(push) => push,
        Err(Malformed::Packet(_)) => return "Packet".to_owned(),
        Err(Malformed::Name(_)) => return "Name".to_owned(),
        Err(malformed) => return format!("{malformed:?}"),
    };
    let changes = push.changes.iter().map(|change| {
        let mark = match (change.creates(), change.deletes()) {
            (_, true) => '-',
            (true, false) => '+',
            (false, false) => '=',
        };
        format!("{mark}{}", change.name)
    });
    let options = push.options.iter().map(|option| format!("o:{option}"));
    changes.chain(options).collect::<Vec<_>>().join(" ")
}

/// Every line: the packets, and what is read.
const CASES: &[(&[&str], &str)] = &[
    (&["-"], ""),
    (&["{A} {B} refs/heads/main\0 report-status side-band-64k", "-"], "=refs/heads/main"),
    (
        &[
            "{A} {B} refs/heads/main\0report-status",
            "{Z} {B} refs/tags/v1",
            "{A} {Z} refs/heads/x",
            "-",
        ],
        "=refs/heads/main +refs/tags/v1 -refs/heads/x",
    ),
    (&["{A} {B} refs/heads/main", "-"], "=refs/heads/main"),
    (&["{A} {B} refs/heads/main\n", "-"], "=refs/heads/main"),
    (&["shallow {A}", "shallow {B}\n", "{A} {B} refs/heads/main\0 x", "-"], "=refs/heads/main"),
    (
        &["{A} {B} refs/heads/m\0 push-options", "-", "ci.skip", "a=b\n", "-"],
        "=refs/heads/m o:ci.skip o:a=b",
    ),
    (&["{A} {B} refs/heads/m\0 push-options", "-", "-"], "=refs/heads/m"),
    // What must not be taken for anything.
    (&["{A} {B} refs/heads/m\0 push-options", "-", "ci.skip"], "Short"),
    (&["{A} {B} refs/heads/m"], "Short"),
    (&["{A} {B} refs/heads/m", "{A} {B} refs/heads/x\0 push-options", "-"], "Name"),
    (&["{A} {B} refs/heads/m\0 a\0 push-options", "-"], "Capabilities"),
    (&["{A} {B} refs/heads/m\0 a\tpush-options", "-"], "Capabilities"),
    (&["{A} {B} refs/heads/m\0 a\npush-options", "-"], "Capabilities"),
    (&["shallow {A}\0push-options", "-"], "Capabilities"),
    (&["{A} {B} refs/heads/m", "shallow {A}", "-"], "Line"),
    (&["{A} {B} refs/heads/m", "{A} {B} refs/heads/m", "-"], "Twice"),
    (&["{A} {B}", "-"], "Line"),
    (&["", "-"], "Line"),
    (&["{A}  {B} refs/heads/m", "-"], "Id"),
    (&["{A} {B}  refs/heads/m", "-"], "Name"),
    (&["{A} {B} refs/heads/m ", "-"], "Name"),
    (&["{A} {B} refs/heads/m\n\n", "-"], "Name"),
    (&["{A} {B} main", "-"], "Name"),
    (&["{A} {B} HEAD", "-"], "Name"),
    (&["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA {B} refs/heads/m", "-"], "Id"),
    (&["{A}a {B} refs/heads/m", "-"], "Id"),
    (&["{A} {B} refs/heads/m\0 object-format=sha256", "-"], "Id"),
    (&["{A} {B} refs/heads/m\0 object-format=sha1 object-format=sha256", "-"], "Capabilities"),
    (&["{A} {B} refs/heads/m\0 object-format=md5", "-"], "Capabilities"),
    (&["shallow x", "-"], "Id"),
    (&["{A} {B} refs/heads/m\0 push-options", "-", "a\0b", "-"], "Option"),
    (&["push-cert\0 report-status", "certificate version 0.1\n"], "Certificate"),
    (&["push-cert", "\n", "{A} {B} refs/heads/m\n", "-----BEGIN FOO-----\n"], "Certificate"),
    (&["push-cert-x", "-"], "Certificate"),
    (&["{A} {B} refs/heads/m", "push-cert", "-"], "Line"),
    (&["{A} {B} refs/heads/m\0 push-options=1", "-", "ci.skip", "-"], "=refs/heads/m o:ci.skip"),
    (&["{A} {B} refs/heads/m\0 object-format=sha1=x", "-"], "Capabilities"),
    (&["{A} {B} refs/heads/m\0 object-format", "-"], "Capabilities"),
];

#[test]
fn heads_of_pushes() {
    for (lines, expected) in CASES {
        assert_eq!(describe(whole(&wire(lines))), *expected, "{lines:?}");
    }
}

#[test]
fn a_push_of_sha_256() {
    let (old, new) = ("a".repeat(64), "0".repeat(64));
    let line = format!("{old} {new} refs/heads/m\0 object-format=sha256");
    assert_eq!(describe(whole(&wire(&[&line, "-"]))), "-refs/heads/m");
    let unnamed = format!("{old} {new} refs/heads/m");
    assert_eq!(describe(whole(&wire(&[&unnamed, "-"]))), "Id");
}

#[test]
fn the_manner_of_the_answer() {
    let cases = [
        ("", false, None),
        ("report-status", true, None),
        ("report-status-v2 side-band", true, Some(1000)),
        ("side-band-64k side-band report-status", true, Some(pkt_line::MOST)),
        ("side-band side-band-64k", false, Some(pkt_line::MOST)),
        ("report-statusx xside-band", false, None),
        ("report-status=1 side-band-64k=x", true, Some(pkt_line::MOST)),
    ];
    for (capabilities, reports, side_band) in cases {
        let line = format!("{{A}} {{B}} refs/heads/m\0{capabilities}");
        let push = whole(&wire(&[&line, "-"])).expect(capabilities);
        assert_eq!(push.manner, Manner { reports, side_band }, "{capabilities}");
    }
}

#[test]
fn twenty_thousand_refs() {
    let lines: Vec<String> = (0..20_000).map(|n| format!("{{Z}} {{A}} refs/heads/b{n}")).collect();
    let mut lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    lines.push("-");
    assert_eq!(whole(&wire(&lines)).expect("a push").changes.len(), 20_000);
}

proptest! {
    #[test]
    fn however_it_is_cut_it_reads_the_same(case in 0..CASES.len(), cuts in prop::collection::vec(1_usize..9, 0..40)) {
        let mut bytes = wire(CASES[case].0);
        bytes.extend_from_slice(b"PACK and whatever follows");
        let at_once = whole(&bytes);
        let mut reader = Reader::new();
        let (mut end, mut cuts) = (0, cuts.into_iter());
        let piecewise = loop {
            end = (end + cuts.next().unwrap_or(7)).min(bytes.len());
            match reader.read(&bytes[..end]) {
                Ok(None) if end == bytes.len() => break Err(Malformed::Short),
                Ok(None) => {}
                Ok(Some(push)) => break Ok(push),
                Err(error) => break Err(error),
            }
        };
        prop_assert_eq!(piecewise, at_once);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
        let _ = whole(&bytes);
    }
}
