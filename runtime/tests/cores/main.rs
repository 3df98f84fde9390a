//! Both protocol cores, each tested with hand-written messages, without sockets, tasks and clocks.

mod client_calls;
mod client_connection;
mod client_direct;
mod client_frames;
mod client_handshake;
mod client_losses;
mod client_memory;
mod client_outages;
mod client_streams;
mod client_waiting;
#[path = "../message/mod.rs"]
mod message;
#[cfg(feature = "server")]
mod server_connection;
#[cfg(feature = "server")]
mod server_events;
#[cfg(feature = "server")]
mod server_handshake;
#[cfg(feature = "server")]
mod server_limits;
#[cfg(feature = "server")]
mod server_streams;
mod support;
