//! AWS IoT Core: the subscriptions of components, the messages that wait for a connection, and the state of the connection.
//!
//! By default, messages stay in this process: the core delivers them as a broker does.

#[cfg(feature = "mqtt")]
mod broker;
mod limits;
mod message;
mod requests;
mod retained;
mod setup;
mod spool;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, Once, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use greengrass_core_ipc::{
    operation::{
        subscribe_to_iot_core::SubscribeToIoTCore,
        subscribe_to_iot_core_connection_status::SubscribeToIoTCoreConnectionStatus,
    },
    server::EventSender,
    types::{ConnectionStatus, ConnectionStatusEvent, IoTCoreConnectionStatusEvent},
};
use tokio::sync::{Notify, watch};

use self::{message::Message, retained::Retained, spool::Spool};
use crate::{
    clock::Clock,
    edition::Edition,
    topics::{FilterTree, Rules},
};
pub(crate) use setup::Target;

/// The time that a subscription waits for the connection and the answer of the broker. Shorter than the default time
/// limit of a call, so that the caller receives the reason.
const SUBSCRIBE_TIME: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct IotCore {
    edition: Edition,
    clock: Clock,
    link: Link,
    state: Mutex<State>,
    is_connected: watch::Sender<bool>,
    /// Wakes the task that sends messages to a broker.
    queued: Arc<Notify>,
    /// Logs once that messages stay in this process.
    explained: Once,
}

/// Where messages go.
#[derive(Debug)]
enum Link {
    /// To the subscribers in this process.
    Loopback,
    /// Nowhere: the device is configured to run offline.
    Nowhere,
    #[cfg(feature = "mqtt")]
    Broker(Box<broker::Broker>),
}

#[derive(Debug)]
struct State {
    subscriptions: FilterTree<Arc<Subscription>>,
    next: u64,
    /// The messages that wait for the connection.
    spool: Spool,
    retained: Retained,
    /// The number of messages so far.
    delivered: u64,
    statuses: Vec<EventSender<SubscribeToIoTCoreConnectionStatus>>,
}

#[derive(Debug)]
struct Subscription {
    events: EventSender<SubscribeToIoTCore>,
    filter: String,
    /// One of the subscribers of a shared subscription receives each message.
    is_shared: bool,
    /// The number of the last message that it has received as one of them.
    last: AtomicU64,
}

/// A subscription that is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) reason: String,
    /// The MQTT 5 reason code of the broker.
    pub(crate) code: Option<u8>,
}

impl<T: Into<String>> From<T> for Refused {
    fn from(reason: T) -> Self {
        Self { reason: reason.into(), code: None }
    }
}

/// A guard that ends a subscription when dropped.
#[derive(Debug)]
pub(crate) struct Unsubscribe {
    iot_core: Arc<IotCore>,
    subscription: Arc<Subscription>,
    key: u64,
}

impl Drop for Unsubscribe {
    fn drop(&mut self) {
        let filter = &self.subscription.filter;
        let inner = limits::without_share(filter).unwrap_or(filter);
        self.iot_core.lock().subscriptions.remove(inner, self.key);
        #[cfg(feature = "mqtt")]
        if let Link::Broker(broker) = &self.iot_core.link {
            broker.release(filter, &self.iot_core.is_connected);
        }
    }
}

impl IotCore {
    fn new(edition: Edition, clock: Clock, link: Link) -> Self {
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
        let is_connected = watch::Sender::new(matches!(link, Link::Loopback));
        let queued = Arc::new(Notify::new());
        Self {
            edition,
            clock,
            link,
            state: Mutex::new(state),
            is_connected,
            queued,
            explained: Once::new(),
        }
    }

    /// Connects to the broker, if there is one.
    pub(crate) fn start(self: &Arc<Self>) {
        #[cfg(feature = "mqtt")]
        if let Link::Broker(broker) = &self.link {
            broker.start(self);
        }
    }

    /// Sends what waits to the broker, if there is one, for a limited time.
    pub(crate) async fn flush(&self) {
        #[cfg(feature = "mqtt")]
        if let Link::Broker(broker) = &self.link {
            broker.flush(self).await;
        }
    }

    /// Publishes a message, or keeps it until there is a connection. The error says why neither is possible.
    fn publish(&self, message: Message) -> Result<(), String> {
        limits::check_message(&message)?;
        if matches!(self.link, Link::Nowhere) {
            return Err("the device is configured to run offline".to_owned());
        }
        self.explain();
        let mut state = self.lock();
        let is_connected = *self.is_connected.borrow();
        if is_connected && matches!(self.link, Link::Loopback) {
            return self.loop_back(&mut state, message);
        }
        if message.qos == 0 && !is_connected {
            return Err("there is no connection, and messages with QoS 0 are not kept".to_owned());
        }
        state.spool.push(message)?;
        self.queued.notify_one();
        Ok(())
    }

    /// Logs at the first call what differs from a device.
    fn explain(&self) {
        if matches!(self.link, Link::Loopback) {
            self.explained.call_once(|| {
                tracing::info!("messages to AWS IoT Core reach the subscribers of this core only, without a broker");
            });
        }
    }

    /// Does with a message what a broker does.
    fn loop_back(&self, state: &mut State, message: Message) -> Result<(), String> {
        let now = self.clock.instant();
        if message.is_expired(now) {
            return Ok(());
        }
        if message.retain {
            state.retained.put(message.clone())?;
        }
        state.deliver(&message, self.edition, false, now, |_| true);
        Ok(())
    }

    /// Subscribes to a filter as soon as there is a connection.
    async fn subscribe(
        self: &Arc<Self>,
        filter: String,
        qos: u8,
        events: EventSender<SubscribeToIoTCore>,
    ) -> Result<Unsubscribe, Refused> {
        limits::check_filter(&filter)?;
        self.explain();
        let waiting = async {
            match &self.link {
                Link::Nowhere => Err("the device is not configured to connect to AWS".into()),
                Link::Loopback => {
                    let mut changes = self.is_connected.subscribe();
                    // The sender is not dropped before this core.
                    let _ = changes.wait_for(|it| *it).await;
                    Ok(self.add(filter, events))
                }
                #[cfg(feature = "mqtt")]
                Link::Broker(broker) => {
                    let guard = self.add(filter.clone(), events);
                    broker.subscribe(&filter, qos, &self.is_connected).await?;
                    Ok(guard)
                }
            }
        };
        #[cfg(not(feature = "mqtt"))]
        let _ = qos;
        tokio::select! {
            biased;
            result = waiting => result,
            () = self.clock.sleep(SUBSCRIBE_TIME) => Err("there is no connection".into()),
        }
    }

    /// Adds a subscription, which begins with the retained messages.
    fn add(
        self: &Arc<Self>,
        filter: String,
        events: EventSender<SubscribeToIoTCore>,
    ) -> Unsubscribe {
        let now = self.clock.instant();
        let mut state = self.lock();
        let is_shared = limits::without_share(&filter).is_some();
        if !is_shared {
            for message in state.retained.matching(&filter, state.subscriptions.rules(), now) {
                // Ignored, as below: an ended subscription is about to be removed.
                let _ = message.event(self.edition, true, now).map(|it| events.send_encoded(it));
            }
        }
        let key = state.next;
        state.next += 1;
        let last = AtomicU64::new(0);
        let subscription = Arc::new(Subscription { events, filter, is_shared, last });
        let inner = limits::without_share(&subscription.filter).unwrap_or(&subscription.filter);
        state.subscriptions.insert(inner, key, Arc::clone(&subscription));
        drop(state);
        Unsubscribe { iot_core: Arc::clone(self), subscription, key }
    }

    /// Sends the state of the connection, and then its changes.
    fn follow(&self, events: EventSender<SubscribeToIoTCoreConnectionStatus>) {
        let mut state = self.lock();
        let _ = events.send(&status(*self.is_connected.borrow()));
        state.statuses.retain(EventSender::is_open);
        state.statuses.push(events);
    }

    /// Sets whether there is a connection. Sends what waits for it.
    fn set_connected(&self, is_connected: bool) {
        let mut state = self.lock();
        if self.is_connected.send_replace(is_connected) == is_connected {
            return;
        }
        state.statuses.retain(|it| it.send(&status(is_connected)).is_ok());
        if !is_connected {
            state.spool.remove_qos0();
        } else if matches!(self.link, Link::Loopback) {
            while let Some(message) = state.spool.pop() {
                // A message that cannot be retained any more is lost, as with a broker.
                let _ = self.loop_back(&mut state, message);
            }
        }
        self.queued.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Sends a message to all matching subscriptions that want it.
    fn deliver(
        &mut self,
        message: &Message,
        edition: Edition,
        retain: bool,
        now: Instant,
        is_wanted: impl Fn(&Subscription) -> bool,
    ) {
        let mut encoded = None;
        let mut send = |subscription: &Subscription| {
            let event = encoded.get_or_insert_with(|| message.event(edition, retain, now));
            if let Some(event) = event {
                let _ = subscription.events.send_encoded(event.clone());
            }
        };
        let mut shared = Vec::new();
        self.subscriptions.for_each_match(&message.topic, |it| {
            if !is_wanted(it) {
            } else if it.is_shared {
                shared.push(Arc::clone(it));
            } else {
                send(it);
            }
        });
        self.delivered += 1;
        // The member of each group that has waited longest.
        let mut receivers = HashMap::new();
        for member in &shared {
            let receiver = receivers.entry(&member.filter).or_insert(member);
            if member.last.load(Ordering::Relaxed) < receiver.last.load(Ordering::Relaxed) {
                *receiver = member;
            }
        }
        for receiver in receivers.values() {
            receiver.last.store(self.delivered, Ordering::Relaxed);
            send(receiver);
        }
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
