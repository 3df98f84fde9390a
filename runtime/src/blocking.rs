//! The blocking client: connections, calls and subscriptions without an asynchronous runtime.
//!
//! It is for programs that use threads, or only one thread, and for small devices. Its guarantees are those of the
//! [asynchronous client](crate::client). Request builders and blocking handlers work with both clients.
//!
//! # Which thread reads
//!
//! A thread that waits, for a response or for the next event of a subscription, becomes the leader if there is no other
//! leader: it waits for the socket, reads for all threads, and writes what did not fit into the socket before. The
//! other threads that wait, the followers, sleep until the leader has received something for them. When the leader has
//! what it waits for, a follower becomes the leader.
//!
//! While a subscription, a handler, a [`LifecycleHandler`] or a [`ReconnectPolicy`] exists, the connection has a
//! background thread, which leads when no other thread does. So events are read while their receiver is busy, pings are
//! answered, and the end of the connection is noticed. A connection without these has no thread; it answers a ping, and
//! notices its end, at the next call. There is one exception: if a thread gives up, after a timeout for example, when
//! half a message has been written and no other thread waits, a background thread writes the rest and ends.
//!
//! Consequences:
//!
//! - No application code runs while a thread leads. So a handler may make calls and wait for other subscriptions, and a
//!   handler that blocks delays only its own events. They are queued up to the
//!   [limit](SubscribeOptions::queue_limit) of its subscription.
//! - The thread that makes a call writes the request. A thread that waits for room to write also reads, so that two
//!   sides that both write do not block each other.
//! - Deadlines need no timer: a thread waits no longer than until its own deadline.
//! - Many threads can use one connection at the same time; each call gets its own response.
//!
//! # Resources
//!
//! A connection holds one file descriptor. The first time that a thread leads, for any connection, it creates a pair of
//! sockets by which other threads wake it, and keeps them until it ends.
//!
//! # Logs
//!
//! The same as those of the [asynchronous client](crate::client#logs).

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
