//! Decoding of events.

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

/// An event of a subscription, or an error instead of it.
pub(crate) type Event<O> =
    Result<<O as StreamingOperation>::ResponseEvent, SdkError<<O as Operation>::Error>>;

/// An event or a notice of a subscription, or an error instead of it.
pub(crate) type Item<O> = Result<
    SubscriptionItem<<O as StreamingOperation>::ResponseEvent>,
    SdkError<<O as Operation>::Error>,
>;

/// Decodes an item as the types of an operation.
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

/// The error that an event contains, if the model has errors among its events and this is one of them. The server of
/// this crate sends such an error as an error message of the protocol; other servers may send it as a member of the
/// union.
fn error_event<O: StreamingOperation>(message: &RpcMessage) -> Option<SdkError<O::Error>> {
    if O::ERROR_EVENTS.is_empty() || message.message_type != MessageType::ApplicationMessage {
        return None;
    }
    let members: BTreeMap<String, &RawValue> = serde_json::from_slice(message.payload()).ok()?;
    let is_set = |name: &str| members.get(name).filter(|it| it.get() != "null");
    let (id, value) = O::ERROR_EVENTS.iter().find_map(|(name, id)| Some((id, is_set(name)?)))?;
    let error = O::Error::from_payload(id, value.get().as_bytes())?;
    Some(match error {
        Ok(error) => SdkError::ServiceError { error, hint: None },
        Err(source) => ResponseError::Payload { shape_id: id, source }.into(),
    })
}

/// Whether an item is the last of its stream: an error that the model has among its events.
pub(crate) fn is_last<O: StreamingOperation>(item: &Item<O>) -> bool {
    !O::ERROR_EVENTS.is_empty() && matches!(item, Err(SdkError::ServiceError { .. }))
}
