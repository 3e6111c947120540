//! Goes on printing what is added to the trail.

use crate::cli::output;
use crate::domain::trail::Entry;
use crate::store::{Registry, TrailFilter};
use anyhow::Context;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io;

/// How long nothing is looked at between two looks.
const PAUSE: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// Prints entries until the reader goes away. An interrupt ends the process, as it does by default:
/// nothing is held that would have to be let go of.
pub(super) fn run(
    registry: &mut impl Registry,
    mut filter: TrailFilter,
    print: impl Fn(&[Entry]) -> String,
) -> anyhow::Result<()> {
    // Read before the first entries are: what comes between the two is in one of them.
    let mut seen = registry.trail_head()?.entries;
    loop {
        let entries = registry.trail(&filter)?;
        if let Some(newest) = entries.last() {
            seen = seen.max(newest.number);
            match output::deliver(&print(&entries)) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
                delivered => delivered.context("standard output cannot be written")?,
            }
        }
        // Of what was there the last so many are wanted, of what comes every one.
        filter = TrailFilter { after: seen, last: None, ..filter };
        if !reader_stays() {
            return Ok(());
        }
    }
}

/// Waits, unless the other end of standard output goes away meanwhile: without this a `| head` would
/// leave a process behind until the next entry.
fn reader_stays() -> bool {
    let out = io::stdout();
    let mut watched = [PollFd::new(&out, PollFlags::empty())];
    // A wait that a signal cut short is none the worse for it.
    matches!(poll(&mut watched, Some(&PAUSE)), Ok(0) | Err(_))
}
