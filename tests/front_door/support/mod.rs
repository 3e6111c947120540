//! What the tests stand on: a running gitlatch, git without anybody's configuration, raw sockets.

mod git;
mod host;
mod http;
mod knobs;
mod lfs;
mod site;
mod upstream;

pub use git::Git;
pub use host::{HOST_TOKEN, git_host};
pub use http::{Reply, basic, bearer, raw, replies, request};
pub use knobs::Knobs;
pub use lfs::{LfsServer, oid};
pub use site::{PASSWORD, PATIENCE, Ran, SECRET, Site, SiteBuilder, with_secret};
pub use upstream::{Seen, Upstream, read_head};

use std::time::{Duration, Instant};

/// Asks again and again until there is an answer.
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "{what}: it does not come to that");
        std::thread::sleep(Duration::from_millis(5));
    }
}
