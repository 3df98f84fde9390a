//! See `robustness::invariants::server_core`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| robustness::invariants::server_core(data));
