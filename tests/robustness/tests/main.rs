//! A part of what the programs of this package do for longer.

mod endurance;
mod faults;
mod invariants;
