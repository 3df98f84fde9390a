//! Robustness tests of clients and servers: arbitrary bytes and orders of operations ([`invariants`]), connections
//! that split, delay, merge, corrupt and drop bytes ([`faults`]), and restarts, killed processes and mixed traffic for
//! a long time ([`endurance`]).

pub mod endurance;
pub mod faults;
pub mod invariants;
