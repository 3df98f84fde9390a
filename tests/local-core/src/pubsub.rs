//! Local publish/subscribe.

mod requests;

use std::{
    cell::LazyCell,
    sync::{
        Arc, RwLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use greengrass_core_ipc::{
    operation::subscribe_to_topic::SubscribeToTopic,
    server::{EncodedEvent, EventSender},
    types::{
        BinaryMessage, JsonMessage, MessageContext, PublishMessage, ReceiveMode,
        SubscriptionResponseMessage, error::InvalidArgumentsError,
    },
};

use crate::{
    core::LocalCore,
    edition::Edition,
    topics::{FilterTree, Rules, has_wildcard, is_wildcard_filter, levels},
};

/// The maximum number of levels of a topic or filter. A nucleus has no limit. Trees of filters are traversed recursively.
const MAX_LEVELS: usize = 1_000;

#[derive(Debug)]
pub(crate) struct PubSub {
    edition: Edition,
    subscriptions: RwLock<FilterTree<Arc<Subscription>>>,
    next: AtomicU64,
    /// The number of subscriptions.
    open: AtomicUsize,
}

#[derive(Debug)]
struct Subscription {
    component: String,
    receives_own: bool,
    events: EventSender<SubscribeToTopic>,
}

/// A guard that ends a subscription when dropped.
#[derive(Debug)]
pub(crate) struct Unsubscribe {
    pubsub: Arc<PubSub>,
    filter: String,
    key: u64,
}

impl Drop for Unsubscribe {
    fn drop(&mut self) {
        self.pubsub.write().remove(&self.filter, self.key);
        self.pubsub.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl PubSub {
    pub(crate) fn new(edition: Edition) -> Self {
        let (next, open) = (AtomicU64::new(0), AtomicUsize::new(0));
        Self { edition, subscriptions: RwLock::new(FilterTree::new(Rules::Local)), next, open }
    }

    /// Whether no further subscription is possible.
    pub(crate) fn is_full(&self) -> bool {
        self.open.load(Ordering::Relaxed) >= self.edition.max_subscriptions()
    }

    /// Checks the length of a topic or filter.
    pub(crate) fn check_len(&self, topic: &str) -> Result<(), InvalidArgumentsError> {
        let limit = self.edition.max_topic_len();
        let text = if topic.is_empty() {
            // One that is given and empty is not authorized.
            "topic is required".to_owned()
        } else if topic.len() > limit {
            format!("the topic has {} bytes; the limit is {limit}", topic.len())
        } else if levels(topic).nth(MAX_LEVELS).is_some() {
            format!("the topic has more than {MAX_LEVELS} levels")
        } else {
            return Ok(());
        };
        Err(InvalidArgumentsError::builder().message(text).build())
    }

    /// Checks a topic to publish to.
    pub(crate) fn check_topic(&self, topic: &str) -> Result<(), InvalidArgumentsError> {
        self.check_len(topic)?;
        if !has_wildcard(topic) {
            return Ok(());
        }
        let text = "the topic to publish to must not contain a wildcard: +, # or *";
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
            // No mode or an unknown mode.
            _ => !is_wildcard_filter(&filter),
        };
        self.open.fetch_add(1, Ordering::Relaxed);
        let key = self.next.fetch_add(1, Ordering::Relaxed);
        let component = component.to_owned();
        let subscription = Arc::new(Subscription { component, receives_own, events });
        self.write().insert(&filter, key, subscription);
        Unsubscribe { pubsub: Arc::clone(self), filter, key }
    }

    /// Sends a message to all matching subscriptions.
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
            _ => SubscriptionResponseMessage::Unknown,
        };
        // Encoded once, and only if a subscription matches. Decoded JSON can always be encoded.
        let encoded = LazyCell::new(|| match &event {
            // A union without a member has no other encoding.
            SubscriptionResponseMessage::Unknown => Some(Bytes::from_static(b"{}").into()),
            event => EncodedEvent::new(event).ok(),
        });
        let subscriptions = self.subscriptions.read().unwrap_or_else(|it| it.into_inner());
        subscriptions.for_each_match(topic, |subscription| {
            if subscription.receives_own || subscription.component != component {
                // Ignored: an ended subscription is about to be removed.
                encoded.iter().for_each(|it| drop(subscription.events.send_encoded(it.clone())));
            }
        });
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, FilterTree<Arc<Subscription>>> {
        self.subscriptions.write().unwrap_or_else(|it| it.into_inner())
    }
}

impl LocalCore {
    /// Publishes a message on a local topic, as a further component does: for example the delta of a shadow on
    /// `$aws/things/THING/shadow/update/delta`. Permissions are not checked.
    pub fn publish_to_topic(&self, topic: &str, message: impl Into<PublishMessage>) {
        self.nucleus().pubsub.publish("", topic, message.into());
    }
}
