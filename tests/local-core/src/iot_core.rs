//! AWS IoT Core: the subscriptions of components, the messages that wait for a connection, and the state of the connection.
//!
//! By default, messages stay in this process: the core delivers them as a broker does.

mod limits;
mod message;
mod requests;
mod retained;
mod spool;

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use greengrass_core_ipc::{
    operation::{
        subscribe_to_iot_core::SubscribeToIoTCore,
        subscribe_to_iot_core_connection_status::SubscribeToIoTCoreConnectionStatus,
    },
    server::EventSender,
    types::{ConnectionStatus, ConnectionStatusEvent, IoTCoreConnectionStatusEvent, MqttMessage},
};
use tokio::{sync::watch, time::Instant};

use crate::{
    Builder,
    core::LocalCore,
    edition::Edition,
    topics::{FilterTree, Rules},
};
pub(crate) use message::Message;
use retained::Retained;
use spool::Spool;

/// The time that a subscription waits for the connection. Shorter than the default time limit of a call, so that the
/// caller receives the reason.
const CONNECT_TIME: Duration = Duration::from_secs(5);

/// Where messages go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Target {
    /// The subscribers in this process.
    #[default]
    Loopback,
    /// Nowhere: the device is configured to run offline.
    Nowhere,
}

#[derive(Debug)]
pub(crate) struct IotCore {
    edition: Edition,
    target: Target,
    state: Mutex<State>,
    is_connected: watch::Sender<bool>,
}

#[derive(Debug)]
struct State {
    subscriptions: FilterTree<Arc<Subscription>>,
    next: u64,
    /// The messages that wait for the connection.
    spool: Spool,
    retained: Retained,
    /// The number of messages so far, which selects the receivers in shared subscriptions.
    delivered: usize,
    statuses: Vec<EventSender<SubscribeToIoTCoreConnectionStatus>>,
}

#[derive(Debug)]
struct Subscription {
    events: EventSender<SubscribeToIoTCore>,
    /// The whole filter of a shared subscription: one of its subscribers receives each message.
    shared: Option<String>,
}

/// A subscription that is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) reason: String,
    /// The MQTT 5 reason code of the broker.
    pub(crate) code: Option<u8>,
}

impl From<String> for Refused {
    fn from(reason: String) -> Self {
        Self { reason, code: None }
    }
}

/// A guard that ends a subscription when dropped.
#[derive(Debug)]
pub(crate) struct Unsubscribe {
    iot_core: Arc<IotCore>,
    filter: String,
    key: u64,
}

impl Drop for Unsubscribe {
    fn drop(&mut self) {
        let filter = limits::without_share(&self.filter).unwrap_or(&self.filter);
        self.iot_core.lock().subscriptions.remove(filter, self.key);
    }
}

impl IotCore {
    pub(crate) fn new(edition: Edition, target: Target) -> Self {
        let rules = match edition {
            Edition::Java => Rules::MqttBelow,
            Edition::Lite => Rules::Mqtt,
        };
        let state = State {
            subscriptions: FilterTree::new(rules),
            next: 0,
            spool: Spool::default(),
            retained: Retained::default(),
            delivered: 0,
            statuses: Vec::new(),
        };
        let is_connected = watch::Sender::new(target == Target::Loopback);
        Self { edition, target, state: Mutex::new(state), is_connected }
    }

    /// Publishes a message, or keeps it until there is a connection. The error says why neither is possible.
    pub(crate) fn publish(&self, message: Message) -> Result<(), String> {
        limits::check_message(&message)?;
        let mut state = self.lock();
        if self.target == Target::Nowhere {
            return Err("the device is configured to run offline".to_owned());
        }
        if *self.is_connected.borrow() {
            return state.deliver(message, self.edition);
        }
        if message.qos == 0 {
            return Err("there is no connection, and messages with QoS 0 are not kept".to_owned());
        }
        state.spool.push(message)
    }

    /// Subscribes to a filter as soon as there is a connection.
    pub(crate) async fn subscribe(
        self: &Arc<Self>,
        filter: String,
        events: EventSender<SubscribeToIoTCore>,
    ) -> Result<Unsubscribe, Refused> {
        limits::check_filter(&filter)?;
        if self.target == Target::Nowhere {
            return Err("the device is not configured to connect to AWS".to_owned().into());
        }
        self.connected().await?;
        let mut state = self.lock();
        let inner = limits::without_share(&filter);
        let shared = inner.map(|_| filter.clone());
        if shared.is_none() {
            for message in state.retained.matching(&filter, state.subscriptions.rules()) {
                // Ignored, as below: an ended subscription is about to be removed.
                let _ = message.event(self.edition, true).map(|it| events.send_encoded(it));
            }
        }
        let key = state.next;
        state.next += 1;
        let subscription = Arc::new(Subscription { events, shared });
        state.subscriptions.insert(inner.unwrap_or(&filter), key, subscription);
        drop(state);
        Ok(Unsubscribe { iot_core: Arc::clone(self), filter, key })
    }

    /// Waits for a connection.
    async fn connected(&self) -> Result<(), Refused> {
        let mut changes = self.is_connected.subscribe();
        let connected = changes.wait_for(|it| *it);
        match tokio::time::timeout(CONNECT_TIME, connected).await {
            Ok(_) => Ok(()),
            Err(_) => Err("there is no connection".to_owned().into()),
        }
    }

    /// Sends the state of the connection, and then its changes.
    pub(crate) fn follow(&self, events: EventSender<SubscribeToIoTCoreConnectionStatus>) {
        let mut state = self.lock();
        let _ = events.send(&status(*self.is_connected.borrow()));
        state.statuses.retain(EventSender::is_open);
        state.statuses.push(events);
    }

    /// Sets whether there is a connection. Sends what waits for it.
    pub(crate) fn set_connected(&self, is_connected: bool) {
        let mut state = self.lock();
        if self.is_connected.send_replace(is_connected) == is_connected {
            return;
        }
        tracing::info!(
            "AWS IoT Core is {}",
            if is_connected { "connected" } else { "disconnected" }
        );
        state.statuses.retain(|it| it.send(&status(is_connected)).is_ok());
        while is_connected {
            let Some(message) = state.spool.pop() else { break };
            // A message that cannot be retained any more is lost, as with a broker.
            let _ = state.deliver(message, self.edition);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Sends a message to all matching subscriptions, and keeps it if it is to be retained.
    fn deliver(&mut self, message: Message, edition: Edition) -> Result<(), String> {
        if message.is_expired(Instant::now()) {
            return Ok(());
        }
        let mut encoded = None;
        let mut send = |subscription: &Subscription| {
            let event = encoded.get_or_insert_with(|| message.event(edition, false));
            if let Some(event) = event {
                let _ = subscription.events.send_encoded(event.clone());
            }
        };
        let mut shared = Vec::new();
        self.subscriptions.for_each_match(&message.topic, |it| match it.shared {
            None => send(it),
            Some(_) => shared.push(Arc::clone(it)),
        });
        self.delivered = self.delivered.wrapping_add(1);
        let groups: HashSet<_> = shared.iter().map(|it| &it.shared).collect();
        for group in groups {
            let members: Vec<_> = shared.iter().filter(|it| it.shared == *group).collect();
            send(members[self.delivered % members.len()]);
        }
        self.retained.put(message)
    }
}

fn status(is_connected: bool) -> IoTCoreConnectionStatusEvent {
    let status = match is_connected {
        true => ConnectionStatus::Connected,
        false => ConnectionStatus::Disconnected,
    };
    let event = ConnectionStatusEvent::builder().status(status).build();
    IoTCoreConnectionStatusEvent::ConnectionStatusEvent(event.expect("the status is set"))
}

impl Builder {
    /// Configures the device to run offline: publishing to AWS IoT Core and subscribing fail. Default: what components
    /// publish reaches the subscribers of this core.
    pub fn offline(mut self) -> Self {
        self.iot_core = Target::Nowhere;
        self
    }
}

impl LocalCore {
    /// Publishes a message as another client of AWS IoT Core: each component with a matching subscription receives it.
    ///
    /// # Panics
    ///
    /// If the message exceeds a limit of AWS IoT Core.
    pub fn publish_to_iot_core(&self, message: MqttMessage) {
        let published = self.nucleus().iot_core.publish(message.into());
        published.unwrap_or_else(|reason| panic!("the message cannot be published: {reason}"));
    }

    /// Sets whether the core is connected to AWS IoT Core, which it is at first. Without a connection, messages with
    /// QoS 1 wait for it and others are refused. Subscriptions stay.
    pub fn connect_iot_core(&self, is_connected: bool) {
        self.nucleus().iot_core.set_connected(is_connected);
    }
}
