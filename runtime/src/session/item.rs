//! What comes out of a subscription.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::reply::{decode, failed};
use crate::{
    error::{OperationError, ResponseError, SdkError},
    operation::{Operation, StreamingOperation},
    protocol::{
        MessageType, RpcMessage,
        client::{Next, SubscriptionItem},
    },
};

/// The next event of a subscription, or an error in its place.
pub(crate) type Event<O> =
    Result<<O as StreamingOperation>::ResponseEvent, SdkError<<O as Operation>::Error>>;

/// What comes next on a subscription, or why it does not.
pub(crate) type Item<O> = Result<
    SubscriptionItem<<O as StreamingOperation>::ResponseEvent>,
    SdkError<<O as Operation>::Error>,
>;

/// What comes next as the types of an operation.
pub(crate) fn read<O: StreamingOperation>(next: Next) -> Item<O> {
    let message = match next.map_err(failed)? {
        SubscriptionItem::Event(message) => message,
        SubscriptionItem::Notice(notice) => return Ok(SubscriptionItem::Notice(notice)),
    };
    match error_event::<O>(&message) {
        Some(error) => Err(error),
        None => decode::<O, O::ResponseEvent>(&message).map(SubscriptionItem::Event),
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
        Err(source) => ResponseError::Payload { shape_id: id, source }.into(),
    })
}

/// Whether nothing comes after an item: it is an error that the model has among its events.
pub(crate) fn is_last<O: StreamingOperation>(item: &Item<O>) -> bool {
    !O::ERROR_EVENTS.is_empty() && matches!(item, Err(SdkError::ServiceError(_)))
}
