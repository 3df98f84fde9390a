//! The items of a subscription.

use super::Failure;
use crate::protocol::RpcMessage;

/// An item of a subscription with notices.
#[derive(Clone, Debug, PartialEq)]
pub enum SubscriptionItem<E> {
    /// An event.
    Event(E),
    /// Something that happened between two events.
    Notice(Notice),
}

/// Something that happened between two events of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// So many events were dropped, because the queue was full.
    Dropped(u64),
    /// The connection was lost, and the client reconnects as its
    /// [`ReconnectPolicy`](crate::client::ReconnectPolicy) says. Events that are sent until the subscription is open
    /// again do not arrive.
    Disconnected,
    /// The client has reconnected and opened the subscription again with its original request. The following events
    /// belong to the new subscription: a server that repeats events for new subscribers repeats them here.
    Resubscribed,
}

/// The next item of a stream that stays open. An error is the last: the queue was full, the connection is lost, or the
/// request was not answered when it was sent again.
pub type Next = Result<SubscriptionItem<RpcMessage>, Failure>;
