//! gitlatch: an authenticating reverse proxy that stands in front of a Git host.

pub mod app;
pub mod auth;
pub mod cli;
pub mod config;
pub mod domain;
pub mod forward;
pub mod gate;
pub mod manage;
pub mod reply;
pub mod server;
pub mod store;
pub mod telemetry;
