//! What the fuzz targets hold, over their seeds and many mutations of them: a short run of each, the same
//! every time. `fuzz/` has the targets, and CONTRIBUTING.md says how to run them for long.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "clippy.toml lets tests do so, but does not know helpers of tests for what they are"
)]

#[path = "../fuzz/properties/authorization.rs"]
mod authorization;
#[path = "data/hostile.rs"]
mod hostile;
#[path = "../fuzz/properties/house.rs"]
mod house;
#[path = "../fuzz/properties/http1_gate.rs"]
mod http1_gate;
#[path = "../fuzz/properties/lfs_batch.rs"]
mod lfs_batch;
#[path = "../fuzz/properties/path_and_dialect.rs"]
mod path_and_dialect;
#[path = "../fuzz/properties/reading.rs"]
mod reading;
#[path = "../fuzz/properties/receive_pack.rs"]
mod receive_pack;

use std::panic::catch_unwind;
use std::path::Path;

/// How many mutations of the seeds each property is shown.
const MUTATIONS: usize = 20_000;
/// The same of those that go through the whole gate.
const EXCHANGES: usize = 2_000;

#[test]
fn heads_of_pushes() {
    run(
        "receive_pack",
        receive_pack::holds,
        MUTATIONS,
        &[b"0000", b"0001", b"fff0", b"\0", b"\n", b" ", b"refs/"],
    );
}

#[test]
fn first_lines() {
    run(
        "path_and_dialect",
        path_and_dialect::holds,
        MUTATIONS,
        &[b"/", b"%2F", b".git", b"..", b"%25", b"?", b"/scm"],
    );
}

#[test]
fn credentials() {
    run(
        "authorization",
        authorization::holds,
        MUTATIONS,
        &[b"\n", b":", b" ", b"=", b"Basic ", b"latu_", b"Bearer"],
    );
}

#[test]
fn batches_of_lfs() {
    run(
        "lfs_batch",
        lfs_batch::holds,
        EXCHANGES,
        &[b"\"", b"{", b"}", b",", b"null", b"\\u0041", b"{host}", b"@", b"\n--\n"],
    );
}

#[test]
fn connections_of_http_1() {
    run(
        "http1_gate",
        http1_gate::holds,
        EXCHANGES,
        &[
            b"\r\n",
            b"\n",
            b"\r",
            b" ",
            b"\t",
            b"\0",
            b":",
            b"{a}",
            b"{b}",
            b"0\r\n\r\n",
            b"Content-Length: 4\r\n",
            b"Transfer-Encoding: chunked\r\n",
            b"Connection: ",
        ],
    );
}

/// Every case that the front door is shown, besides the seeds.
#[test]
fn hostile_connections() {
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/hostile.tsv");
    let table = std::fs::read_to_string(table).unwrap();
    let cases: Vec<_> = hostile::cases(&table).collect();
    assert!(cases.len() > 400);
    for case in cases {
        let innocent = b"GET /team/innocent.git/HEAD HTTP/1.1\r\n{host}{auth}\r\n";
        let bytes = hostile::filled(&[&case.bytes[..], innocent].concat(), "{a}");
        show(http1_gate::holds, &bytes, &format!("{} for {}", case.expected, case.line));
    }
}

/// Shows a property every seed of its target, and mutations by a generator that begins the same each time.
fn run(target: &str, holds: fn(&[u8]), mutations: usize, words: &[&[u8]]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let seeds: Vec<Vec<u8>> = files.iter().map(|path| std::fs::read(path).unwrap()).collect();
    assert!(seeds.len() >= 10, "{target} has {} seeds", seeds.len());
    for (path, seed) in files.iter().zip(&seeds) {
        show(holds, seed, &path.display().to_string());
    }
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    for nth in 0..mutations {
        let mut bytes = seeds[numbers.below(seeds.len())].clone();
        for _ in 0..=numbers.below(4) {
            mutate(&mut bytes, &seeds, words, &mut numbers);
        }
        bytes.truncate(4096);
        show(holds, &bytes, &format!("mutation {nth}"));
    }
}

/// A failure tells the bytes, escaped: a file of them in the folder of seeds is a test.
fn show(holds: fn(&[u8]), bytes: &[u8], what: &str) {
    let held = catch_unwind(|| holds(bytes));
    assert!(held.is_ok(), "{what}: b\"{}\"", bytes.escape_ascii());
}

/// One change: a byte, a word, a piece left out, repeated, or taken from another seed.
fn mutate(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], words: &[&[u8]], numbers: &mut Numbers) {
    let at = numbers.below(bytes.len() + 1);
    let end = at + numbers.below(bytes.len() - at + 1).min(64);
    match numbers.below(6) {
        0 if at < bytes.len() => bytes[at] ^= 1 << numbers.below(8),
        1 if at < bytes.len() => bytes[at] = numbers.byte(),
        2 => drop(bytes.splice(at..at, words[numbers.below(words.len())].iter().copied())),
        3 => drop(bytes.drain(at..end)),
        4 => {
            let piece = bytes[at..end].to_vec();
            bytes.splice(at..at, piece);
        }
        _ => {
            let other = &seeds[numbers.below(seeds.len())];
            let from = numbers.below(other.len() + 1);
            bytes.splice(at..end, other[from..].iter().copied());
        }
    }
}

/// xorshift64*: not random, and the same on every machine.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % end
    }

    fn byte(&mut self) -> u8 {
        self.next().to_be_bytes()[0]
    }
}
