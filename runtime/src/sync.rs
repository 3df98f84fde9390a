//! Locks and atomics: those of `std`, or those of the interleaving explorer with `cfg(shuttle)`, which
//! `tests/interleavings` sets.

#[cfg(not(shuttle))]
pub(crate) use std::sync::*;

#[cfg(shuttle)]
pub(crate) use shuttle::sync::*;
