//! The events of a subscription.

use std::{
    sync::Arc,
    task::{Context, Poll, ready},
};

use super::{Event, Item, Notice, Runtime, StreamGuard, SubscriptionItem, item};
use crate::{
    error::{ConnectionError, SdkError},
    json::{self, Shape},
    operation::StreamingOperation,
    protocol::client::{Core, Next},
};

/// The response of a streaming operation, and the events that follow.
pub(crate) struct Events<R: Runtime, O: StreamingOperation> {
    pub(super) stream: StreamGuard<R>,
    pub(crate) response: O::Response,
    /// How many events have been dropped so far.
    pub(crate) dropped: u64,
}

impl<R: Runtime, O: StreamingOperation> Events<R, O> {
    pub(crate) fn runtime(&self) -> &R {
        &self.stream.session.runtime
    }

    /// The next message or notice; `None` after the end of the stream.
    pub(crate) fn poll_next(&self, cx: &Context<'_>) -> Poll<Option<Next>> {
        self.runtime().shared().with(|core| core.poll_event(self.stream.key, cx))
    }

    /// Decodes it as the types of the operation.
    pub(crate) fn read(&mut self, next: Option<Next>) -> Option<Item<O>> {
        let next = next?;
        if let Ok(SubscriptionItem::Notice(Notice::Dropped(count))) = &next {
            self.dropped += count;
        }
        let item = item::read::<O>(next);
        if item::is_last::<O>(&item) {
            self.runtime().shared().with(|core| core.forget(self.stream.key));
        }
        Some(item)
    }

    pub(crate) async fn send_event(
        &self,
        event: &O::RequestEvent,
    ) -> Result<(), SdkError<O::Error>> {
        let StreamGuard { session, key } = &self.stream;
        let queue = |core: &mut Core| {
            core.send_event(*key, O::RequestEvent::ID, |dst| json::append(dst, event))
        };
        session.send(session.deadline(None), queue).await
    }

    /// Ends the stream, and waits until the message that ends it has been written.
    pub(crate) async fn close(self) -> Result<(), ConnectionError> {
        let session = Arc::clone(&self.stream.session);
        drop(self);
        session.runtime.shared().written().await
    }
}

/// The next event, without the notices before it.
pub(crate) fn without_notices<O: StreamingOperation>(
    mut next: impl FnMut() -> Poll<Option<Item<O>>>,
) -> Poll<Option<Event<O>>> {
    loop {
        return Poll::Ready(match ready!(next()) {
            Some(Ok(SubscriptionItem::Notice(_))) => continue,
            Some(Ok(SubscriptionItem::Event(event))) => Some(Ok(event)),
            Some(Err(error)) => Some(Err(error)),
            None => None,
        });
    }
}
