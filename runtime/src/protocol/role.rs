//! What a client and a server do differently.

use std::time::{Duration, Instant};

use super::{Endpoint, ProtocolViolation, RpcMessage};
use crate::error::ConnectionError;

/// The result of taking a message; the error is a rule that the peer broke.
pub(super) type Received = Result<(), ProtocolViolation>;

/// The role of an [`Endpoint`]: [`Client`](super::client::Client) or [`Server`](super::server::Server).
pub trait Role: Sized {
    /// Whether the peer is told about its mistakes before the handshake is over.
    const REPORTS_EARLY: bool;

    /// Whether the role takes messages, on a connection that has not ended.
    fn wants_input(_: &Endpoint<Self>) -> bool {
        true
    }

    /// Called when bytes have arrived, before they are decoded.
    fn start_receiving(_: &mut Endpoint<Self>) {}

    /// Takes a message before the connection is open.
    fn receive_handshake(core: &mut Endpoint<Self>, message: RpcMessage, now: Instant) -> Received;

    /// Takes a message on stream 0 that is not an application message.
    fn receive_control(core: &mut Endpoint<Self>, message: &RpcMessage) -> Received;

    /// Takes an application message on a stream.
    fn receive_application(core: &mut Endpoint<Self>, message: RpcMessage) -> Received;

    /// See [`Endpoint::fail`].
    fn fail(core: &mut Endpoint<Self>, error: ConnectionError);

    /// Called when the deadline of the role has passed.
    fn expire(core: &mut Endpoint<Self>, now: Instant);

    /// Whether an open connection can send at all.
    fn can_send(&self) -> bool {
        true
    }

    /// Whether senders wait for a connection that is not open.
    fn waits_for_open(&self) -> bool {
        false
    }

    /// See [`Endpoint::closing_grace`].
    fn closing_grace(_: &Endpoint<Self>) -> Option<Duration> {
        None
    }

    /// See [`Endpoint::direct_output`].
    fn writes_directly(_: &Endpoint<Self>) -> bool {
        false
    }
}
