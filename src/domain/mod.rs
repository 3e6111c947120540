//! What gitlatch knows: names, tokens, permissions, requests as intents, and the verdict.
//!
//! Nothing here does anything. There is no I/O, no clock, no randomness and no environment in this
//! room: time and entropy are arguments. Everyone may import it; it imports nobody.

pub mod bounded;
pub mod client;
pub mod confined;
pub mod dialect;
pub mod duration;
pub mod git;
pub mod intent;
pub mod json;
pub mod key;
pub mod names;
pub mod pattern;
pub mod permission;
pub mod policy;
pub mod principal;
pub mod rate;
pub mod sealed;
pub mod secret;
pub mod segments;
pub mod service_user;
pub mod settings;
pub mod timestamp;
pub mod token;
pub mod trail;
