//! What the tests share: scripted peers, echo servers, recorded traffic, random numbers, waiting.

#![allow(missing_debug_implementations, reason = "helpers of tests")]

mod alone;
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
mod figures;
#[cfg(feature = "rpc")]
mod messages;
#[cfg(feature = "rpc")]
mod pair;
#[cfg(feature = "rpc")]
mod wait;
#[cfg(feature = "rpc")]
pub mod wire;

pub use alone::alone;
#[cfg(feature = "rpc")]
pub use echo_server::Echo;
#[cfg(feature = "rpc")]
pub use echo_service::{EchoService, authenticate};
#[cfg(feature = "rpc")]
pub use feed::Feed;
#[cfg(feature = "rpc")]
pub use figures::Figures;
#[cfg(feature = "rpc")]
pub use messages::{assert_text, control, event, frame, message};
#[cfg(feature = "rpc")]
pub use pair::{Pair, Wire, serve};
pub use random::Random;
pub use signal::signal;
#[cfg(feature = "rpc")]
pub use wait::{PATIENCE, begin, in_time, poll_times, run, socket_path};
#[cfg(feature = "rpc")]
pub use wire::{CONNECT, CONNECT_ACK, Draft, END, Inbox, MESSAGE, PING, Peer, Received};
