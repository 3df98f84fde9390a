//! See `invariants::json`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| invariants::json(data));
