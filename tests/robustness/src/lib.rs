//! What goes wrong for a client and a server, and what must hold all the same: any bytes in any order
//! ([`invariants`]), a wire that splits, delays, merges, corrupts and cuts ([`faults`]), and restarts, kills and a
//! long time ([`endurance`]).

pub mod endurance;
pub mod faults;
pub mod invariants;
