//! The blocking client: connections, calls and subscriptions, without an asynchronous runtime.
//!
//! It is the client for programs that have threads anyway, or only one, and for small devices: nothing but the
//! operating system's own waiting stands between a call and its answer. What it promises is what the
//! [asynchronous client](crate::client) promises, and what is built for the one, a request or a handler that
//! may block, can be used with the other.
//!
//! # Which thread reads
//!
//! A thread that waits, for the response to a call or for the next event of a subscription, leads if no other
//! thread does: it waits for the socket, reads for all threads, and writes what there was no room for before. Other
//! threads that wait meanwhile sleep until it has read something for them. When it has what it waited for, one of
//! the others leads.
//!
//! While there is a subscription, a handler, a [`LifecycleHandler`] or a [`ReconnectPolicy`], the connection
//! has one thread in the background, which leads when no other thread does. So events are read while their
//! receiver is busy, pings are answered, and the end of the connection is noticed. A connection with none of
//! these has no thread; it answers a ping, and notices its end, at the next call. The exception is a thread that
//! gives up, after a timeout for example, when half a message has been written and no other thread waits: a
//! background thread writes the rest and ends.
//!
//! Consequences:
//!
//! - No code of yours runs while a thread leads. A call made in a handler, or a wait for another subscription
//!   there, always works, and a handler that blocks holds up nothing but its own events. They are queued up to
//!   the [limit](SubscribeOptions::queue_limit) of its subscription.
//! - A request is written by the thread that makes the call, together with what other threads have queued in
//!   the meantime. A thread that waits for room to write reads as well: two sides that both write do not block
//!   each other.
//! - Deadlines need no timer: a thread waits no longer than its own.
//! - One connection can be used by many threads at once; each call gets its own answer.
//!
//! # Resources
//!
//! A connection holds one descriptor. A thread that leads for the first time, for any connection, creates a
//! pair of sockets by which other threads can wake it; it keeps them until it ends.
//!
//! # Logs
//!
//! As those of the [asynchronous client](crate::client#logs).

mod background;
mod connection;
mod link;
mod parker;
mod subscription;
mod threads;

#[cfg(shuttle)]
#[path = "../../tests/interleavings/blocking/scenarios.rs"]
pub mod interleavings;

use crate::transport::socket;

pub use connection::Connection;
pub use subscription::{Subscription, SubscriptionHandle, WithNotices};

pub use crate::{
    options::{CallOptions, Overflow, SubscribeOptions},
    session::{
        BlockingStreamHandler, LifecycleHandler, Notice, PingError, ReconnectPolicy,
        SubscriptionItem,
    },
};

/// Builds and opens a [`Connection`].
pub type ConnectionBuilder = crate::session::Builder<Connection>;
