//! Tests over connections that split, delay, merge, corrupt and drop bytes.
//!
//! A [session](mod@session) uses each feature of the echo service once. Its bytes pass through a [proxy](wire) with one
//! fault, or with many random faults. Each call and subscription must end with the right result or a clear error, and
//! release its resources. The clock is virtual, so that results do not depend on the machine.
//!
//! [`blocking`] runs the same session with the blocking client, and [`reconnect`] tests clients that reconnect, both
//! over real sockets. [`replay`] delivers recorded messages of the official SDKs and servers in pieces of different
//! lengths.

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
