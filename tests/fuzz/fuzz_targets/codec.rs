//! See `robustness::invariants::codec`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| robustness::invariants::codec(data));
