//! Helpers that the tests share: scripted peers, echo servers, recorded traffic, random numbers, timeouts.

#![allow(missing_debug_implementations, reason = "test helpers")]

mod insertion;
mod own_process;
mod random;
mod signal;

#[cfg(feature = "rpc")]
pub mod blocking;
#[cfg(feature = "rpc")]
mod echo_server;
#[cfg(feature = "rpc")]
mod echo_service;
#[cfg(feature = "rpc")]
mod feed;
#[cfg(feature = "rpc")]
#[path = "../../../runtime/tests/message/mod.rs"]
pub mod message;
#[cfg(feature = "rpc")]
mod messages;
#[cfg(feature = "rpc")]
mod pair;
#[cfg(feature = "rpc")]
mod resources;
#[cfg(feature = "rpc")]
mod wait;
#[cfg(feature = "rpc")]
pub mod wire;

#[cfg(feature = "rpc")]
pub use echo_server::EchoServer;
#[cfg(feature = "rpc")]
pub use echo_service::{EchoService, authenticate};
#[cfg(feature = "rpc")]
pub use feed::Feed;
pub use insertion::insert;
#[cfg(feature = "rpc")]
pub use messages::{assert_text, control, event, frame, message};
pub use own_process::{in_own_process, in_own_process_with};
#[cfg(feature = "rpc")]
pub use pair::{Pair, Wire, serve};
pub use random::Random;
#[cfg(feature = "rpc")]
pub use resources::ResourceUsage;
pub use signal::{Watchdog, signal};
#[cfg(feature = "rpc")]
pub use wait::{in_time, poll_once, poll_times, run, socket_path};
#[cfg(feature = "rpc")]
pub use wire::{
    CONNECT, CONNECT_ACK, END, ERROR, MESSAGE, MessageBuilder, MessageReader, PING, Peer, Received,
};

/// The time after which a test counts as hanging.
pub const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(60);
