//! What the two roles do differently.

use std::time::{Duration, Instant};

use super::{Endpoint, ProtocolViolation, RpcMessage};
use crate::error::ConnectionError;

/// The role of an [`Endpoint`]: [`Client`](super::client::Client) or [`Server`](super::server::Server).
pub trait Role: Behavior {}

impl<R: Behavior> Role for R {}

/// What a role makes of a message; the error is a rule that the other side broke.
pub(super) type Received = Result<(), ProtocolViolation>;

/// What the roles do differently.
pub trait Behavior: Sized {
    /// Whether the other side is told what it did wrong before the handshake is over.
    const REPORTS_EARLY: bool;

    /// Whether the role takes messages, in a connection that has not ended.
    fn wants_input(core: &Endpoint<Self>) -> bool;

    /// Bytes have arrived.
    fn start_receiving(_: &mut Endpoint<Self>) {}

    /// Takes a message before the connection is open.
    fn receive_handshake(core: &mut Endpoint<Self>, message: RpcMessage, now: Instant) -> Received;

    /// Takes a message of the connection itself; not an application message.
    fn receive_control(core: &mut Endpoint<Self>, message: &RpcMessage) -> Received;

    /// Takes an application message on a stream.
    fn receive_application(core: &mut Endpoint<Self>, message: RpcMessage) -> Received;

    /// See [`Endpoint::fail`].
    fn fail(core: &mut Endpoint<Self>, error: ConnectionError);

    /// When the role has something to end, at the earliest.
    fn next_deadline(core: &Endpoint<Self>) -> Option<Instant>;

    /// See [`Endpoint::expire_deadlines`].
    fn expire_deadlines(core: &mut Endpoint<Self>, now: Instant);

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
