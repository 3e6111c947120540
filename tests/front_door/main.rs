//! Tests through the front door: the real program, a real store, real git, and for faults an upstream
//! of raw sockets. Each case is one line of data.
#![expect(unreachable_pub, reason = "one crate of tests: pub says what a module offers the others")]

mod support;

mod bodies;
mod carriers;
mod operations;
