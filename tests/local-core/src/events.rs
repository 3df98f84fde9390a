//! Event queues of subscribers and the streams that they are for.

use std::{
    any::Any,
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

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

/// The event senders of open streams, by component and operation.
#[derive(Debug, Default)]
pub(crate) struct OpenStreams(Mutex<HashMap<(String, &'static str), Senders>>);

/// Senders, also of streams that have ended.
#[derive(Debug, Default)]
struct Senders {
    senders: Vec<AnySender>,
    /// The number above which those of ended streams are removed. It grows with the number of open streams, so that the
    /// cost of adding one does not.
    limit: usize,
}

/// An [`EventSender`] of any operation.
type AnySender = Box<dyn Any + Send>;

impl OpenStreams {
    pub(crate) fn add<O: StreamingOperation>(&self, component: &str, sender: EventSender<O>) {
        let mut streams = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of = streams.entry((component.to_owned(), O::ID)).or_default();
        of.senders.push(Box::new(sender));
        if of.senders.len() > of.limit {
            of.retain_open::<O>();
        }
    }

    /// The components with an open stream of an operation.
    pub(crate) fn components_of<O: StreamingOperation>(&self) -> Vec<String> {
        let mut streams = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_operation = streams.iter_mut().filter(|((_, operation), _)| *operation == O::ID);
        let open = of_operation.filter_map(|((component, _), senders)| {
            senders.retain_open::<O>();
            (!senders.senders.is_empty()).then(|| component.clone())
        });
        open.collect()
    }

    pub(crate) fn of<O: StreamingOperation>(&self, component: &str) -> Vec<EventSender<O>> {
        let mut streams = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of = streams.entry((component.to_owned(), O::ID)).or_default();
        of.retain_open::<O>();
        of.senders.iter().filter_map(|it| it.downcast_ref().cloned()).collect()
    }
}

impl Senders {
    fn retain_open<O: StreamingOperation>(&mut self) {
        self.senders
            .retain(|it| it.downcast_ref::<EventSender<O>>().is_some_and(EventSender::is_open));
        self.limit = 2 * self.senders.len() + 16;
    }
}
