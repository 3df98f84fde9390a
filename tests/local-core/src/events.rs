//! Event queues of subscribers.

use eventstream_rpc::operation::{Operation, StreamingOperation};
use greengrass_core_ipc::{
    server::{EventReceiver, EventSender, OnFull, event_queue},
    types::error::ServiceError,
};

/// The limit of an event queue, in bytes.
const LIMIT: usize = 16 * 1024 * 1024;

/// Creates an event queue. If it overflows, the stream ends with a `ServiceError`.
pub(crate) fn channel<O: StreamingOperation>() -> (EventSender<O>, EventReceiver<O>)
where
    <O as Operation>::Error: From<ServiceError>,
{
    let error = ServiceError::builder().message("the subscriber is too slow").build();
    event_queue(LIMIT, OnFull::Fail(error.into()))
}
