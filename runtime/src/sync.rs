//! Locks, atomics and thread-locals: those of `std`, or those of the interleaving explorer with `cfg(shuttle)`,
//! which `tests/interleavings` sets.

#[cfg(not(shuttle))]
pub(crate) use std::{sync::*, thread_local};

#[cfg(shuttle)]
pub(crate) use shuttle::{sync::*, thread_local};
