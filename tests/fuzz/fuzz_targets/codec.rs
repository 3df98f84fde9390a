//! See `invariants::codec`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| invariants::codec(data));
