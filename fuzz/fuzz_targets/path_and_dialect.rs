#![no_main]

#[path = "../properties/path_and_dialect.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| property::holds(bytes));
