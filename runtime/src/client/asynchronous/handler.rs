//! The handle to a handler on a task of its own.

use tokio::task::coop::cooperative;

use super::runtime::Tokio;
use crate::session::handler::HandledStream;

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
