//! What comes out of a subscription.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::reply::{decode, failed};
use crate::{
    error::{OperationError, ResponseError, SdkError},
    operation::{Operation, StreamingOperation},
    protocol::{MessageType, RpcMessage, client::Next},
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

/// The next event of a subscription, or why there is none.
pub(crate) type Event<O> =
    Result<<O as StreamingOperation>::ResponseEvent, SdkError<<O as Operation>::Error>>;

/// What comes next on a subscription, or why it does not.
pub(crate) type Item<O> = Result<
    SubscriptionItem<<O as StreamingOperation>::ResponseEvent>,
    SdkError<<O as Operation>::Error>,
>;

/// What comes next as the types of an operation; adds to what has been dropped so far.
pub(crate) fn read<O: StreamingOperation>(next: Next, dropped: &mut u64) -> Item<O> {
    match next {
        Next::Message(message) => match error_event::<O>(&message) {
            Some(error) => Err(error),
            None => decode::<O, O::ResponseEvent>(&message).map(SubscriptionItem::Event),
        },
        Next::Dropped(count) => {
            *dropped += count;
            Ok(SubscriptionItem::Notice(Notice::Dropped(count)))
        }
        Next::Disconnected => Ok(SubscriptionItem::Notice(Notice::Disconnected)),
        Next::Resubscribed => Ok(SubscriptionItem::Notice(Notice::Resubscribed)),
        Next::Failed(failure) => Err(failed(failure)),
    }
}

/// The error that an event is, if the model has errors among its events and this is one. Our server sends
/// such an error as the protocol has errors; others may send it as a member of the union.
fn error_event<O: StreamingOperation>(message: &RpcMessage) -> Option<SdkError<O::Error>> {
    if O::ERROR_EVENTS.is_empty() || message.message_type != MessageType::ApplicationMessage {
        return None;
    }
    let members: BTreeMap<String, &RawValue> = serde_json::from_slice(message.payload()).ok()?;
    let is_set = |name: &str| members.get(name).filter(|it| it.get() != "null");
    let (id, value) = O::ERROR_EVENTS.iter().find_map(|(name, id)| Some((id, is_set(name)?)))?;
    let error = O::Error::from_payload(id, value.get().as_bytes())?;
    Some(match error {
        Ok(error) => SdkError::ServiceError(error),
        Err(error) => ResponseError::payload(*id, error).into(),
    })
}

/// Whether nothing comes after an item: it is an error that the model has among its events.
pub(crate) fn is_last<O: StreamingOperation>(item: &Item<O>) -> bool {
    !O::ERROR_EVENTS.is_empty() && matches!(item, Err(SdkError::ServiceError(_)))
}
