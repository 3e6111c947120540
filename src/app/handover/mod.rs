//! A restart without a gap, at SIGUSR2: the process that serves starts its program anew, shares its
//! listening sockets with the new process, and drains once that one serves. The sockets are never closed,
//! so no connection is refused and none that waits is lost.
//!
//! The two talk over a pair of sockets, of which the new process has one as its standard input:
//!
//! | from | word | meaning |
//! | --- | --- | --- |
//! | the old one | a [`channel::Legacy`] with the sockets, and then the key of tickets | to begin with |
//! | the new one | `ready` | everything is built; nothing is accepted yet |
//! | the old one | `take` | serve |
//! | the new one | `taken` | from here on there is no way back |
//! | the old one | `main` | the service manager knows |
//!
//! In place of its words the new one may say `no: ` and why it will not serve.
//!
//! Whatever goes wrong before `taken` ends the new process, and the old one goes on.

mod channel;
mod predecessor;
mod program;
mod successor;

pub(super) use predecessor::Predecessor;
pub(super) use program::Program;
pub(super) use successor::Successor;

use std::time::Duration;

/// The variable that tells a process to look at its standard input. It says nothing else.
const VARIABLE: &str = "GITLATCH_HANDOVER";

/// How long the new process may take until it could serve.
const STARTING: Duration = Duration::from_secs(30);
/// How long each other word may take.
const ANSWERING: Duration = Duration::from_secs(10);

const READY: &[u8] = b"ready";
const TAKE: &[u8] = b"take";
const TAKEN: &[u8] = b"taken";
const MAIN: &[u8] = b"main";
/// How the word begins that says why there will be no other.
const NO: &[u8] = b"no: ";
