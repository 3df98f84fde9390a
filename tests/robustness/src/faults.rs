//! Client and server over a wire that splits, delays, merges, corrupts and cuts.
//!
//! A [session](mod@session) is everything that the echo service has to offer, once. It goes through a
//! [proxy](wire) that does one thing to one of its bytes, or many by a seed; whatever that is, every call and
//! every subscription ends with the right result or a clear error, and nothing is left behind. Time is
//! virtual, so that nothing depends on the machine.
//!
//! [`blocking`] has the same session by the blocking client, and [`reconnect`] clients that come back, both over
//! real sockets. [`replay`] has what official SDKs and servers have sent instead, in pieces of every length.

pub mod blocking;
mod check;
pub mod every;
mod outcome;
pub mod random;
pub mod reconnect;
pub mod replay;
mod serve;
pub mod session;
mod steps;
mod tally;
pub mod wire;

pub use tally::Tally;
