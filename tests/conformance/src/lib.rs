//! One named test per promise, and who else keeps it.
//!
//! A promise is a [`Row`](row::Row). Whether a client keeps it, this project's or another, is found out
//! with a scripted server that sends it raw messages, and with a driver: a small program that uses the client
//! as its documentation says, does what it is told and prints what it sees as JSON. Whether this project's
//! server keeps it, a scripted client finds out.
//!
//! The tests run this project's client and server, and the official SDKs for Python and JavaScript. The
//! program `conformance` runs all, those of the other crates included, and writes the table in the README.

pub mod blocking_driver;
pub mod client;
pub mod column;
pub mod driver;
mod echo_server;
pub mod official;
pub mod pair;
pub mod process;
pub mod row;
pub mod server;
pub mod session;
pub mod table;
pub mod verdict;

pub use echo_server::EchoServer;
