//! Both sides of a connection as values, each against messages made by hand: no socket, no task, no clock.

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
