//! Tests through the front door: the real program, a real store, real git, and for faults an upstream
//! of raw sockets. Each case is one line of data.
#![expect(unreachable_pub, reason = "one crate of tests: pub says what a module offers the others")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "clippy.toml lets tests do so, but does not know helpers of tests for what they are"
)]

#[path = "../samples/mod.rs"]
mod samples;
mod support;

mod accidents;
mod api;
mod api_bodies;
mod api_callers;
mod api_document;
mod api_guide;
mod api_lists;
mod api_paths;
mod api_records;
mod api_settings;
mod api_throttle;
mod api_tokens;
mod backend;
mod bitbucket;
mod bitbucket_clients;
mod bitbucket_table;
mod bodies;
mod carriers;
mod clients;
mod clock;
mod concurrency;
mod crowds;
mod descriptors;
mod disk;
mod faults;
mod git;
mod handover;
mod hostile;
#[path = "../data/hostile.rs"]
mod hostile_cases;
mod hostile_http2;
mod hostile_wire;
mod lfs;
mod lifecycle;
mod limits;
mod listeners;
mod logging;
mod operations;
mod passwords;
mod people;
mod people_refs;
mod proxy_protocol;
mod redirect;
mod refs;
mod scope;
mod stages;
mod stored;
mod streams;
mod tls;
