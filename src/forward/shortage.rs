//! No file descriptors are left: trouble of this house, which is told apart from that of the host and from
//! what is not there.

use super::ForwardError;
use rustix::io::Errno;
use std::io;

/// Whether this process, or the system, has no more file descriptors.
pub(super) fn is_shortage(error: &io::Error) -> bool {
    let short = [Errno::MFILE, Errno::NFILE].map(Errno::raw_os_error);
    error.raw_os_error().is_some_and(|code| short.contains(&code))
}

impl ForwardError {
    /// What keeps `git http-backend` from being run.
    pub(super) fn backend(error: io::Error) -> Self {
        Self::of_system(error, Self::Backend)
    }

    /// What a failed call of the system is: a shortage, or what it would be `otherwise`.
    pub(super) fn of_system(error: io::Error, otherwise: fn(io::Error) -> Self) -> Self {
        if is_shortage(&error) { Self::Shortage(error) } else { otherwise(error) }
    }
}
