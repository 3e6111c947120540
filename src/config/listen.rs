//! Where it is listened, and who may connect there.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// One address to listen on. Serialised, it goes to the next process of a restart that hands over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Listen {
    /// TCP.
    Tcp(SocketAddr),
    /// A Unix socket at this path (`unix:/run/gitlatch.sock`).
    Unix(PathBuf),
    /// The sockets that a service manager passes (`systemd:NAME`, `sd_listen_fds(3)`): those of this name,
    /// or all that no other address names.
    Systemd(Option<String>),
}

/// Who may connect to a Unix socket: its mode and its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnixAccess {
    /// The mode of its file, whatever the umask is; whoever may write may connect (unix(7)).
    pub mode: u32,
    /// The number of its group; `None` is the process's own.
    pub group: Option<u32>,
}

impl Default for UnixAccess {
    /// For its owner alone.
    fn default() -> Self {
        Self { mode: 0o600, group: None }
    }
}

impl fmt::Display for Listen {
    /// As the file says it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Systemd(None) => f.write_str("systemd"),
            Self::Systemd(Some(name)) => write!(f, "systemd:{name}"),
        }
    }
}
