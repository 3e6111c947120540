//! The pair of sockets between the old process and the new one. Words keep their bounds (`SOCK_SEQPACKET`),
//! and descriptors travel with them (`SCM_RIGHTS`, unix(7)).

use super::NO;
use crate::config::Listen;
use rustix::cmsg_space;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg,
    sendmsg, socketpair,
};
use serde::{Deserialize, Serialize};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

/// The form of what is handed over. A process that knows another one refuses, and the old one goes on.
pub(super) const FORM: u32 = 1;
/// The most descriptors that one word carries (`SCM_MAX_FD`, unix(7)).
pub(super) const MOST: usize = 253;
/// The longest word, in bytes.
const LONGEST: usize = 64 * 1024;
/// How often it is looked whether there is still something to wait for.
const LOOK: Duration = Duration::from_millis(100);

/// What comes with the sockets: their addresses, in the same order.
#[derive(Serialize, Deserialize)]
pub(super) struct Legacy {
    /// [`FORM`].
    pub(super) form: u32,
    /// The addresses.
    pub(super) sockets: Vec<Listen>,
}

/// Why no word came.
#[derive(Debug, thiserror::Error)]
pub(super) enum Silence {
    #[error("the other process ended")]
    Ended,
    #[error("nothing came within {0:?}")]
    TooLong(Duration),
    #[error("told to stop meanwhile")]
    Stopped,
    #[error("{0}")]
    Declined(String),
    #[error("something else than {0:?} came")]
    Other(&'static str),
    #[error("the sockets between the two processes do not work")]
    Broken(#[from] io::Error),
}

impl From<rustix::io::Errno> for Silence {
    fn from(error: rustix::io::Errno) -> Self {
        match error {
            // It ended with words of ours unread.
            rustix::io::Errno::CONNRESET | rustix::io::Errno::PIPE => Self::Ended,
            error => Self::Broken(error.into()),
        }
    }
}

/// One end.
pub(super) struct Channel(OwnedFd);

impl Channel {
    /// One end, and the other one for a new process.
    pub(super) fn pair() -> io::Result<(Self, OwnedFd)> {
        let (flags, kind) = (SocketFlags::CLOEXEC, SocketType::SEQPACKET);
        let (here, there) = socketpair(AddressFamily::UNIX, kind, flags, None)?;
        Ok((Self(here), there))
    }

    /// The end that this is; `None` when it is something else.
    pub(super) fn of(socket: OwnedFd) -> Option<Self> {
        use rustix::net::sockopt::{socket_domain, socket_type};
        let is = socket_domain(&socket).ok()? == AddressFamily::UNIX
            && socket_type(&socket).ok()? == SocketType::SEQPACKET;
        is.then_some(Self(socket))
    }

    pub(super) fn send(&self, word: &[u8], sockets: &[BorrowedFd<'_>]) -> io::Result<()> {
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(MOST))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !sockets.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(sockets)) {
            return Err(io::Error::other("there are too many sockets"));
        }
        sendmsg(&self.0, &[IoSlice::new(word)], &mut ancillary, SendFlags::NOSIGNAL)?;
        Ok(())
    }

    /// The next word, and the descriptors that came with it, which no child inherits.
    pub(super) fn receive(
        &self,
        within: Duration,
        stop: &CancellationToken,
    ) -> Result<(Zeroizing<Vec<u8>>, Vec<OwnedFd>), Silence> {
        self.wait(within, stop)?;
        let mut word = Zeroizing::new(vec![0; LONGEST]);
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(MOST))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let mut slices = [IoSliceMut::new(&mut word)];
        let received = recvmsg(&self.0, &mut slices, &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
        if received.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC) {
            return Err(io::Error::other("a word was cut").into());
        }
        let mut sockets = Vec::new();
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = message {
                sockets.extend(rights);
            }
        }
        if received.bytes == 0 {
            return Err(Silence::Ended);
        }
        word.truncate(received.bytes);
        Ok((word, sockets))
    }

    /// Waits for this very word.
    pub(super) fn hear(
        &self,
        word: &'static [u8],
        within: Duration,
        stop: &CancellationToken,
    ) -> Result<(), Silence> {
        let (said, _) = self.receive(within, stop)?;
        if *said == word {
            return Ok(());
        }
        Err(match said.strip_prefix(NO) {
            Some(why) => Silence::Declined(String::from_utf8_lossy(why).into_owned()),
            None => Silence::Other(std::str::from_utf8(word).unwrap_or_default()),
        })
    }

    fn wait(&self, within: Duration, stop: &CancellationToken) -> Result<(), Silence> {
        let end = Instant::now() + within;
        loop {
            let left = end.saturating_duration_since(Instant::now()).min(LOOK);
            let left = Timespec::try_from(left).map_err(io::Error::other)?;
            let mut polled = [PollFd::new(&self.0, PollFlags::IN)];
            match poll(&mut polled, Some(&left)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
            if stop.is_cancelled() {
                return Err(Silence::Stopped);
            }
            if Instant::now() >= end {
                return Err(Silence::TooLong(within));
            }
        }
    }
}
