//! Callbacks that may block.

use std::{
    any::Any,
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
};

use super::item::{Item, Notice, SubscriptionItem};
use crate::{
    error::{Logged, SdkError},
    operation::StreamingOperation,
};

/// Callbacks for one subscription that may block, in the order in which the events arrive. They run on a
/// thread of their own.
///
/// They may make calls and wait for other subscriptions. The next event waits until the callback for the
/// one before is done.
pub trait BlockingStreamHandler<O: StreamingOperation>: Send + 'static {
    /// An event arrived.
    fn on_stream_event(&mut self, event: O::ResponseEvent);

    /// The stream reported an error. `Break` ends the stream, and is the default.
    fn on_stream_error(&mut self, error: SdkError<O::Error>) -> ControlFlow<()> {
        let _ = error;
        ControlFlow::Break(())
    }

    /// The stream has ended; called once, last.
    fn on_stream_closed(&mut self) {}

    /// So many events were dropped before the next, because the queue was full.
    fn on_dropped(&mut self, count: u64) {
        let _ = count;
    }

    /// The connection was lost, and a [`ReconnectPolicy`](super::ReconnectPolicy) is at work. Events that
    /// are sent until [`on_resubscribed`](Self::on_resubscribed) do not arrive.
    fn on_disconnected(&mut self) {}

    /// The subscription is open again after an outage.
    fn on_resubscribed(&mut self) {}

    /// Another callback panicked; the panic has been caught and logged. By default the stream goes on with
    /// the next event, if it still can.
    ///
    /// Not called for [`on_stream_closed`](Self::on_stream_closed), which is the last in any case. A panic in
    /// this method ends the stream.
    fn on_panic(&mut self, panic: Box<dyn Any + Send>) -> ControlFlow<()> {
        let _ = panic;
        ControlFlow::Continue(())
    }
}

impl<O: StreamingOperation, F: FnMut(O::ResponseEvent) + Send + 'static> BlockingStreamHandler<O>
    for F
{
    fn on_stream_event(&mut self, event: O::ResponseEvent) {
        self(event);
    }

    fn on_stream_error(&mut self, error: SdkError<O::Error>) -> ControlFlow<()> {
        log_error::<O>(&error)
    }
}

/// What a closure does about errors: it has no other way to tell anyone.
pub(crate) fn log_error<O: StreamingOperation>(error: &SdkError<O::Error>) -> ControlFlow<()> {
    tracing::warn!(target: crate::LOG_TARGET, operation = O::ID, error = %Logged(error), "stream error");
    ControlFlow::Break(())
}

/// Calls the handler for everything until the stream ends: `next` waits for what comes next, and its end is the
/// end of the stream on the wire.
pub(crate) fn run<O: StreamingOperation>(
    mut next: impl FnMut() -> Option<Item<O>>,
    mut handler: impl BlockingStreamHandler<O>,
) {
    while let Some(item) = next() {
        let done = catch_unwind(AssertUnwindSafe(|| {
            match item {
                Ok(SubscriptionItem::Event(event)) => handler.on_stream_event(event),
                Ok(SubscriptionItem::Notice(notice)) => match notice {
                    Notice::Dropped(count) => handler.on_dropped(count),
                    Notice::Disconnected => handler.on_disconnected(),
                    Notice::Resubscribed => handler.on_resubscribed(),
                },
                Err(error) => return handler.on_stream_error(error),
            }
            ControlFlow::Continue(())
        }));
        let flow = done.unwrap_or_else(|panic| {
            log_panic::<O>();
            catch_unwind(AssertUnwindSafe(|| handler.on_panic(panic))).unwrap_or_else(|_| {
                log_panic::<O>();
                ControlFlow::Break(())
            })
        });
        if flow.is_break() {
            break;
        }
    }
    // The stream ends on the wire before the handler is told.
    drop(next);
    if catch_unwind(AssertUnwindSafe(|| handler.on_stream_closed())).is_err() {
        log_panic::<O>();
    }
}

pub(crate) fn log_panic<O: StreamingOperation>() {
    tracing::error!(target: crate::LOG_TARGET, operation = O::ID, "handler panicked");
}
