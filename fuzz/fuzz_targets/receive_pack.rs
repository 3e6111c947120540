#![no_main]

#[path = "../properties/receive_pack.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| property::holds(bytes));
