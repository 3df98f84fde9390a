//! Events on their way to one subscriber.

use eventstream_rpc::operation::{Operation, StreamingOperation};
use greengrass_core_ipc::{
    server::{EventReceiver, EventSender, OnFull, event_queue},
    types::error::ServiceError,
};

/// How many bytes may wait for one subscriber: 16 MiB.
const LIMIT: usize = 16 * 1024 * 1024;

/// An open stream from both ends. A subscriber that is too far behind is cut off with a `ServiceError`.
pub(crate) fn channel<O: StreamingOperation>() -> (EventSender<O>, EventReceiver<O>)
where
    <O as Operation>::Error: From<ServiceError>,
{
    let error = ServiceError::builder().message("the subscriber is too slow").build();
    event_queue(LIMIT, OnFull::Fail(error.into()))
}
