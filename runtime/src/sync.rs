//! Locks, atomics and threads: those of `std`, or those of the crate `shuttle` with `cfg(shuttle)`, which
//! `tests/interleavings` sets to explore interleavings.

#[cfg(not(shuttle))]
pub(crate) use std::sync::*;
#[cfg(all(feature = "blocking", not(shuttle)))]
pub(crate) use std::{thread, thread_local};

#[cfg(shuttle)]
pub(crate) use shuttle::sync::*;
#[cfg(all(feature = "blocking", shuttle))]
pub(crate) use shuttle::{thread, thread_local};
