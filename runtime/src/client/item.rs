//! What comes out of a subscription.

use super::reply::{decode, failed};
use crate::{
    error::SdkError,
    operation::{Operation, StreamingOperation},
    protocol::client::Next,
};

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
    /// The connection was lost. A [`ReconnectPolicy`](super::ReconnectPolicy) is at work: events that
    /// are sent until the subscription is open again do not arrive.
    Disconnected,
    /// The connection is back and the subscription has been opened again with its original request. What
    /// follows was sent to the new one; a server that repeats events repeats them here.
    Resubscribed,
}

/// What comes next on a subscription, or why it does not.
pub(crate) type Item<O> = Result<
    SubscriptionItem<<O as StreamingOperation>::ResponseEvent>,
    SdkError<<O as Operation>::Error>,
>;

/// What comes next as the types of an operation; adds to what has been dropped so far.
pub(crate) fn read<O: StreamingOperation>(next: Next, dropped: &mut u64) -> Item<O> {
    match next {
        Next::Message(message) => {
            decode::<O, O::ResponseEvent>(&message).map(SubscriptionItem::Event)
        }
        Next::Dropped(count) => {
            *dropped += count;
            Ok(SubscriptionItem::Notice(Notice::Dropped(count)))
        }
        Next::Lagged { dropped, bytes } => Err(SdkError::Lagged { dropped, bytes }),
        Next::Disconnected => Ok(SubscriptionItem::Notice(Notice::Disconnected)),
        Next::Resubscribed => Ok(SubscriptionItem::Notice(Notice::Resubscribed)),
        Next::Failed(failure) => Err(failed(failure)),
    }
}
