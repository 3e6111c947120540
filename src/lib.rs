//! gitlatch: an authenticating reverse proxy that stands in front of a Git host.

pub mod domain;
