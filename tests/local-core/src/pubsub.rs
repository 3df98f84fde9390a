//! Local publish and subscribe.

use std::{
    cell::LazyCell,
    sync::{
        Arc, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use greengrass_core_ipc::{
    operation::subscribe_to_topic::SubscribeToTopic,
    server::{EncodedEvent, EventSender},
    types::{
        BinaryMessage, JsonMessage, MessageContext, PublishMessage, ReceiveMode,
        SubscriptionResponseMessage, error::InvalidArgumentsError,
    },
};

use crate::topics::{FilterTree, has_levels, has_wildcard, is_wildcard_filter};

/// The longest topic or filter, in bytes. Nucleus lite has 256, and the Java nucleus no limit.
const MAX_TOPIC_LEN: usize = 1024;

#[derive(Debug, Default)]
pub(crate) struct PubSub {
    subscriptions: RwLock<FilterTree<Arc<Subscription>>>,
    next: AtomicU64,
}

#[derive(Debug)]
struct Subscription {
    component: String,
    receives_own: bool,
    events: EventSender<SubscribeToTopic>,
}

/// Ends a subscription when dropped.
#[derive(Debug)]
pub(crate) struct Unsubscribe {
    pubsub: Arc<PubSub>,
    filter: String,
    key: u64,
}

impl Drop for Unsubscribe {
    fn drop(&mut self) {
        self.pubsub.write().remove(&self.filter, self.key);
    }
}

impl PubSub {
    /// Whether a topic or filter is one that this core takes.
    pub(crate) fn check_len(topic: &str) -> Result<(), InvalidArgumentsError> {
        if topic.len() <= MAX_TOPIC_LEN {
            return Ok(());
        }
        let text = format!("a topic of {} bytes; this core takes {MAX_TOPIC_LEN}", topic.len());
        Err(InvalidArgumentsError::builder().message(text).build())
    }

    /// Whether a topic is one to publish to.
    pub(crate) fn check_topic(topic: &str) -> Result<(), InvalidArgumentsError> {
        Self::check_len(topic)?;
        let text = if has_wildcard(topic) {
            "the topic to publish to must not have a wildcard: +, # or *"
        } else if !has_levels(topic) {
            "the topic to publish to has no level"
        } else {
            return Ok(());
        };
        Err(InvalidArgumentsError::builder().message(text).build())
    }

    pub(crate) fn subscribe(
        self: &Arc<Self>,
        component: &str,
        filter: String,
        mode: Option<ReceiveMode>,
        events: EventSender<SubscribeToTopic>,
    ) -> Unsubscribe {
        let receives_own = match mode {
            Some(ReceiveMode::ReceiveAllMessages) => true,
            Some(ReceiveMode::ReceiveMessagesFromOthers) => false,
            // None, or one that this core does not know.
            _ => !is_wildcard_filter(&filter),
        };
        let key = self.next.fetch_add(1, Ordering::Relaxed);
        let component = component.to_owned();
        let subscription = Arc::new(Subscription { component, receives_own, events });
        self.write().insert(&filter, key, subscription);
        Unsubscribe { pubsub: Arc::clone(self), filter, key }
    }

    /// Hands a message to every subscription that matches, in the order of the calls.
    pub(crate) fn publish(&self, component: &str, topic: &str, message: PublishMessage) {
        let context = MessageContext::builder().topic(topic).build();
        let event = match message {
            PublishMessage::JsonMessage(JsonMessage { message, .. }) => {
                let event = JsonMessage::builder().set_message(message).context(context).build();
                SubscriptionResponseMessage::JsonMessage(event)
            }
            PublishMessage::BinaryMessage(BinaryMessage { message, .. }) => {
                let event = BinaryMessage::builder().set_message(message).context(context).build();
                SubscriptionResponseMessage::BinaryMessage(event)
            }
            // The service has refused it.
            _ => return,
        };
        // Once for all, and only if there is someone. JSON that could be read can be written.
        let encoded = LazyCell::new(|| EncodedEvent::new(&event).ok());
        let subscriptions = self.subscriptions.read().unwrap_or_else(|it| it.into_inner());
        subscriptions.for_each_match(topic, |subscription| {
            if subscription.receives_own || subscription.component != component {
                // One that has ended is about to be removed.
                encoded.iter().for_each(|it| drop(subscription.events.send_encoded(it.clone())));
            }
        });
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, FilterTree<Arc<Subscription>>> {
        self.subscriptions.write().unwrap_or_else(|it| it.into_inner())
    }
}
