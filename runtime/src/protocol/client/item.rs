//! What comes out of a subscription.

use super::{Failure, stream::event_size};
use crate::protocol::RpcMessage;

/// What a subscription with notices yields.
#[derive(Clone, Debug, PartialEq)]
pub enum SubscriptionItem<E> {
    /// An event.
    Event(E),
    /// Something that happened between the events.
    Notice(Notice),
}

/// Something that happened between two events of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// So many events were dropped, because the queue was full.
    Dropped(u64),
    /// The connection was lost. A [`ReconnectPolicy`](crate::client::ReconnectPolicy) is at work: events that
    /// are sent until the subscription is open again do not arrive.
    Disconnected,
    /// The connection is back and the subscription has been opened again with its original request. What
    /// follows was sent to the new one; a server that repeats events repeats them here.
    Resubscribed,
}

/// What comes next on a stream that stays open. An error is the last: the queue was full, the connection is lost, or the
/// request was not answered when it was sent again.
pub type Next = Result<SubscriptionItem<RpcMessage>, Failure>;

impl SubscriptionItem<RpcMessage> {
    /// How many events it is, and how many bytes of payload.
    pub(super) fn size(&self) -> (u64, u64) {
        match self {
            Self::Event(message) => event_size(message),
            Self::Notice(_) => (0, 0),
        }
    }
}
