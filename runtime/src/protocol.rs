//! The RPC protocol over event-stream messages, as values.
//!
//! Nothing here holds a socket, a task or a clock: bytes and points in time go in, bytes and points in
//! time come out. [`client`] and [`server`] are the two roles; what drives one over a socket is a loop
//! of a few lines.

pub mod client;
mod log;
mod message;
mod numbers;
mod output;
mod patience;
pub(crate) mod queue;
#[cfg(feature = "server")]
pub mod server;
mod waiting;
mod wakers;

pub use message::{MessageFlags, MessageType, RpcMessage, StreamId, Violation};
pub(crate) use message::{Outgoing, error_payload, header, peer_error, ping_text};
pub use waiting::Place;
pub use wakers::Wakers;

use std::{
    task::{Context, Waker},
    time::{Duration, Instant},
};

use bytes::BytesMut;

use crate::error::ConnectionError;

/// One side of a connection, as whoever drives it over a socket sees it.
pub trait Endpoint {
    /// Takes the whole messages off the front of what has arrived; gives how many.
    fn receive(&mut self, input: &mut BytesMut, now: Instant) -> usize {
        let buffer_len = input.capacity();
        self.receive_in(input, buffer_len, now)
    }

    /// As [`receive`](Self::receive), for those who know how long the buffer is that `input` is a part of, in
    /// bytes: messages that are small against it are copied, so that they do not keep all of it alive.
    fn receive_in(&mut self, input: &mut BytesMut, buffer_len: usize, now: Instant) -> usize;

    /// How many more bytes than `input` holds the message at its front needs, as far as that is known.
    fn missing(&self, input: &BytesMut) -> usize;

    /// Whether the driver should read.
    fn wants_input(&self) -> bool;

    /// Ends the connection: everything that is open ends with this error, at once.
    fn fail(&mut self, error: ConnectionError);

    /// Why the connection has ended, once it has. What is still to be written may then be written.
    fn ended(&self) -> Option<&ConnectionError>;

    /// Whether the connection has ended.
    fn is_closed(&self) -> bool {
        self.ended().is_some()
    }

    /// Once the connection has ended and everything has been written: how long the other side has to close it first.
    /// Meanwhile, and until it closes, the driver reads and discards what arrives: a socket that is closed while the
    /// other side writes to it may lose what was written last. `None`: the driver closes at once.
    fn closing_grace(&self) -> Option<Duration> {
        None
    }

    /// When [`expire`](Self::expire) has something to do, at the earliest.
    fn next_deadline(&self) -> Option<Instant>;

    /// Ends everything that is due, after a read that found nothing:
    /// [`expire_deadlines`](Self::expire_deadlines) and [`expire_frame`](Self::expire_frame).
    fn expire(&mut self, now: Instant) {
        self.expire_deadlines(now);
        self.expire_frame(now);
    }

    /// Ends what is due except for a message that is late. It may be called at any time.
    fn expire_deadlines(&mut self, now: Instant);

    /// Counts the time of a message of which only a part has arrived, and ends the connection if the message
    /// is late. It is called after a read that found nothing: what is still to be read may be the rest.
    fn expire_frame(&mut self, now: Instant);

    /// Moves the frames that are to be written to `dst`, which must be empty.
    fn take_output(&mut self, dst: &mut BytesMut);

    /// That many bytes of what was taken have been written.
    fn wrote(&mut self, bytes: usize);

    /// What may be written at once by whoever has just queued it, if it can be without waiting: then nobody
    /// has to be woken for it. Nothing where it is better to wait for more to go out with it.
    fn direct_output(&self) -> &[u8] {
        &[]
    }

    /// That many bytes of it have been written. The driver takes the rest.
    fn wrote_directly(&mut self, bytes: usize) {
        debug_assert_eq!(bytes, 0, "nothing was to be written");
    }

    /// When the driver comes by itself, at the latest; never if there is no point in time.
    fn set_timer(&mut self, at: Option<Instant>) {
        let _ = at;
    }

    /// The socket is gone: what has not been written will not be.
    fn finish(&mut self);

    /// Says who is to be woken when there is something for the driver to do.
    fn set_driver(&mut self, cx: &Context<'_>);

    /// A future that waited with this waker has been dropped.
    fn release(&mut self, waker: &Waker);

    /// Everyone to be woken because of what was done; to be called after the lock is released.
    fn take_woken(&mut self) -> Wakers;
}

/// The version that a connect message states, and that a server checks.
pub const VERSION: &str = "0.1.0";

/// The content type of everything but one kind of error.
pub const JSON: &str = "application/json";
