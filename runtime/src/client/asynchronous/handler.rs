//! Handlers on tasks of their own.

use std::ops::ControlFlow;

use tokio::task::coop::cooperative;

use super::{StreamHandler, runtime::Tokio};
use crate::{
    error::SdkError,
    operation::StreamingOperation,
    session::handler::{HandledStream, log_error},
};

/// An asynchronous closure as a handler.
pub(super) struct Closure<F>(pub(super) F);

impl<O, F, Fut> StreamHandler<O> for Closure<F>
where
    O: StreamingOperation,
    F: FnMut(O::ResponseEvent) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send,
{
    async fn on_stream_event(&mut self, event: O::ResponseEvent) {
        (self.0)(event).await;
    }

    async fn on_stream_error(&mut self, error: SdkError<O::Error>) -> ControlFlow<()> {
        log_error::<O>(&error)
    }
}

/// The handle to a subscription whose events go to a handler. Dropping it unsubscribes.
#[must_use = "dropping the handle unsubscribes"]
#[derive(Debug)]
pub struct SubscriptionHandle {
    pub(super) stream: HandledStream<Tokio>,
}

impl SubscriptionHandle {
    /// Waits until the stream has ended and the handler has been told so.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops waiting.
    pub async fn closed(&self) {
        cooperative(self.stream.closed()).await;
    }

    /// Unsubscribes, and waits until the handler has finished its current event and has been told that the stream has
    /// ended.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops waiting; the subscription ends nevertheless.
    pub async fn close(self) {
        self.stream.end();
        self.closed().await;
    }
}
