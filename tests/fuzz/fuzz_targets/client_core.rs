//! See `robustness::invariants::client_core`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| robustness::invariants::client_core(data));
