//! What the tests share: scripted peers, echo servers, recorded traffic, random numbers, waiting.

#![allow(missing_docs, missing_debug_implementations, reason = "helpers of tests")]

mod alone;
pub mod blocking;
mod echo_server;
mod echo_service;
mod feed;
mod figures;
mod pair;
mod random;
mod wait;

pub use alone::alone;
pub use echo_server::Echo;
pub use echo_service::{EchoService, authenticate};
pub use feed::Feed;
pub use figures::Figures;
pub use pair::{CONNECT, END, MESSAGE, PING, Pair, Wire, control, event, frame, message, serve};
pub use random::Random;
pub use wait::{PATIENCE, begin, in_time, poll_times, run, socket_path};
