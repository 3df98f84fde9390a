//! Short runs of the tests that the binaries of this package run for longer.

mod endurance;
mod faults;
mod invariants;
