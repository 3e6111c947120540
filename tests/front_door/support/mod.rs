//! What the tests stand on: a running gitlatch, git without anybody's configuration, raw sockets.

mod git;
mod http;
mod site;
mod upstream;

pub use git::Git;
pub use http::{Reply, basic, bearer, raw, request};
pub use site::{Ran, Site, SiteBuilder};
pub use upstream::{Seen, Upstream, read_head};
