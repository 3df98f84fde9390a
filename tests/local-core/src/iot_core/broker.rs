//! A connection to a broker.
//!
//! Each filter has one subscription at the broker, for all its subscribers. Messages contain the identifiers of the
//! subscriptions that they are for: a broker may send a message once for each subscription that matches.

mod failure;
mod filters;
mod options;
mod packet;

use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use rumqttc::{AsyncClient, ConnAck, Event, EventLoop, Incoming, MqttOptions, PublishNoticeError};
use tokio::{
    sync::{Notify, mpsc, watch},
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{IotCore, Link, Message, Refused};
use filters::{Command, Filters, Status};
pub(super) use options::Options;

/// The number of messages that wait for an acknowledgement at a time.
const MAX_IN_FLIGHT: usize = 5;
/// The maximum number of times that a message is sent.
const MAX_ATTEMPTS: u8 = 100;
/// The capacity of the client's queue of requests.
const REQUESTS: usize = 10;
/// The time before the next attempt to connect, which doubles with each one.
const MIN_DELAY: Duration = Duration::from_millis(100);
const MAX_DELAY: Duration = Duration::from_secs(5);
/// The time that the broker has to acknowledge messages when the core stops.
const FLUSH_TIME: Duration = Duration::from_secs(5);

pub(super) struct Broker {
    /// The URL without a login.
    url: String,
    /// The client ID, unless it is a random one.
    client_id: Option<String>,
    client: AsyncClient,
    filters: Mutex<Filters>,
    limits: Mutex<packet::Limits>,
    tasks: Mutex<JoinSet<()>>,
    /// The number of messages that are being sent or wait for an acknowledgement.
    in_flight: AtomicUsize,
    /// Notifies of a change of the number, and of the end of the connection.
    settled: Notify,
    /// What the tasks take when they start.
    parts: Mutex<Option<(EventLoop, mpsc::UnboundedReceiver<Command>)>>,
}

impl Broker {
    fn new(url: String, client_id: Option<String>, options: MqttOptions) -> Self {
        let (client, event_loop) = AsyncClient::new(options, REQUESTS);
        let (commands, received) = mpsc::unbounded_channel();
        Self {
            url,
            client_id,
            client,
            filters: Mutex::new(Filters::new(commands)),
            limits: Mutex::default(),
            tasks: Mutex::default(),
            in_flight: AtomicUsize::new(0),
            settled: Notify::new(),
            parts: Mutex::new(Some((event_loop, received))),
        }
    }

    /// Starts the tasks, which end with the core.
    pub(super) fn start(&self, iot_core: &Arc<IotCore>) {
        let Some((event_loop, commands)) = lock(&self.parts).take() else { return };
        let (client, core) = (&self.client, || Arc::downgrade(iot_core));
        let mut tasks = lock(&self.tasks);
        tasks.spawn(connect(event_loop, core()));
        tasks.spawn(send_messages(client.clone(), core(), Arc::clone(&iot_core.queued)));
        tasks.spawn(filters::send(client.clone(), commands, core()));
    }

    /// Subscribes to a filter, for one more subscriber. Each call is followed by one of [`Self::release`].
    pub(super) async fn subscribe(
        &self,
        filter: &str,
        qos: u8,
        is_connected: &watch::Sender<bool>,
    ) -> Result<(), Refused> {
        let mut status = lock(&self.filters).add(filter, qos, is_connected);
        match status.wait_for(|it| *it != Status::Pending).await.as_deref() {
            Ok(Status::Refused(code)) => {
                let reason = "the broker has refused the subscription".to_owned();
                Err(Refused { reason, code: Some(*code) })
            }
            _ => Ok(()),
        }
    }

    /// Ends the subscription to a filter for one subscriber.
    pub(super) fn release(&self, filter: &str, is_connected: &watch::Sender<bool>) {
        lock(&self.filters).release(filter, is_connected);
    }

    /// Waits for a limited time until the broker has all accepted messages, while there is a connection.
    pub(super) async fn flush(&self, iot_core: &IotCore) {
        let unsent = || iot_core.lock().spool.len() + self.in_flight.load(Ordering::Relaxed);
        let flushed = async {
            loop {
                let settled = self.settled.notified();
                if unsent() == 0 || !*iot_core.is_connected.borrow() {
                    return;
                }
                settled.await;
            }
        };
        // A timeout is logged below.
        let _ = timeout(FLUSH_TIME, flushed).await;
        let unsent = unsent();
        if unsent > 0 {
            let url = &self.url;
            tracing::warn!("{unsent} accepted messages are lost: {url} has not acknowledged them");
        }
    }

    fn connected(&self, iot_core: &IotCore, connack: &ConnAck) {
        tracing::info!("connected to {}", self.url);
        *lock(&self.limits) = packet::Limits::new(connack);
        // Locked until all subscriptions are requested, so that each is requested once.
        let filters = lock(&self.filters);
        iot_core.set_connected(true);
        filters.subscribe_all();
    }

    fn deliver(&self, iot_core: &IotCore, publish: &rumqttc::Publish) {
        let now = iot_core.clock.instant();
        let Some(message) = packet::received(publish, now) else { return };
        let ids = publish.properties.as_ref().map_or(&[][..], |it| &it.subscription_identifiers);
        let filters = lock(&self.filters).named(ids);
        let is_wanted = |filter: &str| ids.is_empty() || filters.iter().any(|it| it == filter);
        let (edition, retain) = (iot_core.edition, message.retain);
        iot_core.lock().deliver(&message, edition, retain, now, |it| is_wanted(&it.filter));
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").field("filters", &self.filters).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The connection, while the core exists.
fn with_broker<T>(
    iot_core: &Weak<IotCore>,
    work: impl FnOnce(&Arc<IotCore>, &Broker) -> T,
) -> Option<T> {
    let iot_core = iot_core.upgrade()?;
    let Link::Broker(broker) = &iot_core.link else { return None };
    Some(work(&iot_core, broker))
}

/// Connects to the broker again and again, and receives its messages.
async fn connect(mut event_loop: EventLoop, iot_core: Weak<IotCore>) {
    let (mut delay, mut since, mut reported) = (MIN_DELAY, Instant::now(), String::new());
    loop {
        let handled = match event_loop.poll().await {
            Ok(Event::Incoming(Incoming::ConnAck(connack))) => {
                (since, reported) = (Instant::now(), String::new());
                with_broker(&iot_core, |core, broker| broker.connected(core, &connack))
            }
            Ok(Event::Incoming(Incoming::Publish(publish))) => {
                with_broker(&iot_core, |core, broker| broker.deliver(core, &publish))
            }
            Ok(_) => continue,
            Err(error) => {
                let text = with_broker(&iot_core, |core, broker| {
                    let was_connected = *core.is_connected.borrow();
                    let reason =
                        failure::reason(&error, was_connected, broker.client_id.as_deref());
                    let text = format!("there is no connection to {}: {reason}", broker.url);
                    core.set_connected(false);
                    broker.settled.notify_waiters();
                    text
                });
                let handled = text.map(|text| {
                    if text != reported {
                        tracing::warn!("{text}; the core tries again");
                        reported = text;
                    }
                });
                // Two clients with the same ID end each other's connections.
                if since.elapsed() > MAX_DELAY {
                    delay = MIN_DELAY;
                }
                sleep(delay).await;
                (delay, since) = ((delay * 2).min(MAX_DELAY), Instant::now());
                handled
            }
        };
        if handled.is_none() {
            return;
        }
    }
}

type Acknowledgement = Pin<Box<dyn Future<Output = Result<(), PublishNoticeError>> + Send>>;

/// Sends the queued messages while there is a connection. One that is not acknowledged returns to the queue.
async fn send_messages(client: AsyncClient, iot_core: Weak<IotCore>, queued: Arc<Notify>) {
    let mut in_flight = VecDeque::<(Message, Acknowledgement)>::new();
    loop {
        with_broker(&iot_core, |_, broker| {
            broker.in_flight.store(in_flight.len(), Ordering::Relaxed);
            broker.settled.notify_waiters();
        });
        let is_full = in_flight.len() >= MAX_IN_FLIGHT;
        let acknowledged = async {
            match in_flight.front_mut() {
                Some((_, it)) => it.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // Those that return to the queue are sent before the others in it.
            biased;
            result = acknowledged => match result {
                Ok(()) => drop(in_flight.pop_front()),
                Err(error) => retry(&mut in_flight, error, &iot_core).await,
            },
            message = next_message(&iot_core, &queued), if !is_full => {
                let Some(message) = message else { return };
                if let Some(acknowledgement) = send(&client, &message, &iot_core).await {
                    in_flight.push_back((message, acknowledgement));
                }
            }
        }
    }
}

/// Takes the next message when there is a connection; `None` at the end of the core.
async fn next_message(iot_core: &Weak<IotCore>, queued: &Notify) -> Option<Message> {
    loop {
        let message = with_broker(iot_core, |core, broker| {
            // Locked first, as by all that read whether there is a connection.
            let mut state = core.lock();
            let message = core.is_connected.borrow().then(|| state.spool.pop()).flatten();
            broker.in_flight.fetch_add(message.is_some().into(), Ordering::Relaxed);
            message
        })?;
        if message.is_some() {
            return message;
        }
        queued.notified().await;
    }
}

/// Sends a message. Logs why it cannot be sent.
async fn send(
    client: &AsyncClient,
    message: &Message,
    iot_core: &Weak<IotCore>,
) -> Option<Acknowledgement> {
    let packet = with_broker(iot_core, |core, broker| {
        packet::sent(message, core.clock.instant(), *lock(&broker.limits))
    })?;
    let sent = match packet {
        Ok((qos, retain, properties)) => {
            let payload = message.payload.clone().into_inner();
            let topic = message.topic.clone();
            let sent =
                client.publish_with_properties_tracked(topic, qos, retain, payload, properties);
            sent.await.map_err(|error| error.to_string())
        }
        Err(reason) => Err(reason.to_owned()),
    };
    let warn = |reason| tracing::warn!("a message to {} is lost: {reason}", message.topic);
    let notice = sent.map_err(warn).ok()?;
    Some(Box::pin(notice.wait_async()))
}

/// Puts the first message in flight and all others whose sending has failed back into the queue, in their order.
async fn retry(
    in_flight: &mut VecDeque<(Message, Acknowledgement)>,
    error: PublishNoticeError,
    iot_core: &Weak<IotCore>,
) {
    let mut failed = Vec::new();
    let mut error = Some(error);
    for (message, acknowledgement) in in_flight.drain(..) {
        let result = match error.take() {
            Some(error) => Err(error),
            None => acknowledgement.await,
        };
        match result {
            Ok(()) => {}
            Err(
                PublishNoticeError::Recv
                | PublishNoticeError::SessionReset
                | PublishNoticeError::Qos0NotFlushed,
            ) => failed.push(message),
            Err(refused) => tracing::warn!("a message to {} is lost: {refused}", message.topic),
        }
    }
    for mut message in failed.into_iter().rev() {
        message.attempts += 1;
        if message.qos == 0 {
            continue;
        }
        if message.attempts >= MAX_ATTEMPTS {
            let topic = &message.topic;
            tracing::warn!(
                "a message to {topic} is lost: it was sent {MAX_ATTEMPTS} times without an answer"
            );
            continue;
        }
        with_broker(iot_core, |core, _| core.lock().spool.put_back(message));
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        sync::mpsc,
        task::{Context, Waker},
        thread,
    };

    use super::{super::Target, *};
    use crate::{clock::Clock, edition::Edition};

    #[test]
    fn the_queue_does_not_block_a_change_of_the_connection() {
        let options = Options { url: "mqtt://localhost".to_owned(), ..Options::default() };
        let target = Target::Broker(options);
        let core = target.prepare(Edition::Java, Clock::default(), None).unwrap();
        core.set_connected(true);
        let state = core.lock();
        let (sender, received) = mpsc::channel();
        let (started, weak) = (sender.clone(), Arc::downgrade(&core));
        thread::spawn(move || {
            started.send(()).unwrap();
            let queued = Notify::new();
            let next = pin!(next_message(&weak, &queued));
            let _ = next.poll(&mut Context::from_waker(Waker::noop()));
        });
        received.recv().unwrap();
        // The thread waits for the lock then, which has no event.
        thread::sleep(Duration::from_millis(50));
        let is_connected = core.is_connected.clone();
        thread::spawn(move || {
            is_connected.send_replace(false);
            sender.send(()).unwrap();
        });
        received.recv_timeout(Duration::from_secs(10)).expect("the connection can change");
        drop(state);
    }
}
