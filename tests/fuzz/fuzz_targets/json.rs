//! See `robustness::invariants::json`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| robustness::invariants::json(data));
