//! Conformance tests, one for each promise, that also run against other clients.
//!
//! A promise is a property of clients or servers on which applications rely, such as "no loss under load". Each promise
//! is a [`Row`](row::Row) of a table and each client a [`Column`](column::Column). A client is tested by a scripted
//! server, which sends raw messages, and a driver: a small program that uses the client as its documentation describes,
//! executes the commands of the test and prints what it receives as JSON. This project's server is tested by a scripted
//! client.
//!
//! The tests of this package run this project's clients and server and the official SDKs for Python and JavaScript.
//! The binary `conformance` also runs the other crates and writes the table in the README.

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
