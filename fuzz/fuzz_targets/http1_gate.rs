#![no_main]

#[path = "../properties/house.rs"]
mod house;
#[path = "../properties/http1_gate.rs"]
mod property;
#[path = "../properties/reading.rs"]
mod reading;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| property::holds(bytes));
