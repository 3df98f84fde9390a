//! The subscriptions at a broker.

use std::collections::HashMap;
use std::sync::Weak;

use rumqttc::{
    AsyncClient, RequestNoticeError, SubscribeProperties, SubscribeReasonCode as Reason,
    UnsubscribeProperties,
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};

use super::{IotCore, lock, packet, with_broker};

/// The filters that have subscribers.
#[derive(Debug)]
pub(super) struct Filters {
    filters: HashMap<String, Filter>,
    last_id: usize,
    commands: mpsc::UnboundedSender<Command>,
}

#[derive(Debug)]
struct Filter {
    /// The identifier of the subscription.
    id: usize,
    qos: u8,
    subscribers: usize,
    status: watch::Sender<Status>,
}

/// The state of a subscription.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Status {
    /// It waits for the connection or the answer of the broker.
    Pending,
    Active,
    /// With the MQTT 5 reason code.
    Refused(u8),
}

/// A request to the broker. Requests stay in their order.
#[derive(Debug)]
pub(super) enum Command {
    Subscribe { filter: String, id: usize, qos: u8 },
    Unsubscribe(String),
}

impl Filters {
    pub(super) fn new(commands: mpsc::UnboundedSender<Command>) -> Self {
        Self { filters: HashMap::new(), last_id: 0, commands }
    }

    /// Adds a subscriber of a filter. Requests the subscription if it is the first one; without a connection, this is
    /// done when there is one.
    pub(super) fn add(
        &mut self,
        name: &str,
        qos: u8,
        is_connected: &watch::Sender<bool>,
    ) -> watch::Receiver<Status> {
        if !self.filters.contains_key(name) {
            self.last_id += 1;
            let status = watch::Sender::new(Status::Pending);
            let filter = Filter { id: self.last_id, qos, subscribers: 0, status };
            self.filters.insert(name.to_owned(), filter);
            if *is_connected.borrow() {
                self.subscribe(name);
            }
        }
        let filter = self.filters.get_mut(name).expect("it has just been added");
        filter.subscribers += 1;
        filter.status.subscribe()
    }

    /// Removes a subscriber of a filter, and the subscription with the last one.
    pub(super) fn release(&mut self, name: &str, is_connected: &watch::Sender<bool>) {
        let Some(filter) = self.filters.get_mut(name) else { return };
        filter.subscribers -= 1;
        if filter.subscribers > 0 {
            return;
        }
        self.filters.remove(name);
        if *is_connected.borrow() {
            // An error means that the core is ending.
            let _ = self.commands.send(Command::Unsubscribe(name.to_owned()));
        }
    }

    /// Requests all subscriptions, for a new connection.
    pub(super) fn subscribe_all(&self) {
        self.filters.keys().for_each(|it| self.subscribe(it));
    }

    /// The filters of subscriptions with these identifiers.
    pub(super) fn named(&self, ids: &[usize]) -> Vec<String> {
        let filters = self.filters.iter().filter(|(_, it)| ids.contains(&it.id));
        filters.map(|(name, _)| name.clone()).collect()
    }

    fn subscribe(&self, name: &str) {
        let Some(filter) = self.filters.get(name) else { return };
        filter.status.send_replace(Status::Pending);
        let (filter, id, qos) = (name.to_owned(), filter.id, filter.qos);
        let _ = self.commands.send(Command::Subscribe { filter, id, qos });
    }

    fn set(&self, name: &str, id: usize, status: Status) {
        match self.filters.get(name) {
            Some(filter) if filter.id == id => drop(filter.status.send_replace(status)),
            _ => {}
        }
    }
}

/// Sends requests to the broker, and sets the states of subscriptions with its answers.
pub(super) async fn send(
    client: AsyncClient,
    mut commands: mpsc::UnboundedReceiver<Command>,
    iot_core: Weak<IotCore>,
) {
    let mut answers = JoinSet::new();
    while let Some(command) = commands.recv().await {
        // Frees those that have ended.
        while answers.try_join_next().is_some() {}
        match command {
            Command::Unsubscribe(filter) => {
                let properties = UnsubscribeProperties { user_properties: Vec::new() };
                // An error means that the core is ending, as above.
                let _ = client.unsubscribe_with_properties(filter, properties).await;
            }
            Command::Subscribe { filter, id, qos } => {
                let has_ids = with_broker(&iot_core, |_, it| lock(&it.limits).has_ids);
                let id_sent = Some(id).filter(|_| has_ids == Some(true));
                let properties = SubscribeProperties { id: id_sent, user_properties: Vec::new() };
                let qos = packet::qos(qos);
                let sent =
                    client.subscribe_with_properties_tracked(&*filter, qos, properties).await;
                let iot_core = Weak::clone(&iot_core);
                answers.spawn(async move {
                    let status = match sent {
                        Ok(notice) => status(notice.wait_async().await),
                        // It is not a filter.
                        Err(_) => Some(Status::Refused(code(Reason::TopicFilterInvalid))),
                    };
                    let Some(status) = status else { return };
                    if let Status::Refused(code) = status {
                        tracing::warn!(
                            "the broker refuses the filter {filter}: reason code {code}"
                        );
                    }
                    with_broker(&iot_core, |_, it| lock(&it.filters).set(&filter, id, status));
                });
            }
        }
    }
}

/// The state of a subscription after an answer; `None` if the connection has ended before it.
fn status(answer: Result<(), RequestNoticeError>) -> Option<Status> {
    match answer {
        Ok(()) => Some(Status::Active),
        Err(RequestNoticeError::V5SubAckFailure(reasons)) => {
            let reason = reasons.first().copied().unwrap_or(Reason::Unspecified);
            Some(Status::Refused(code(reason)))
        }
        Err(_) => None,
    }
}

fn code(reason: Reason) -> u8 {
    match reason {
        Reason::Success(qos) => qos as u8,
        Reason::Failure | Reason::Unspecified => 0x80,
        Reason::ImplementationSpecific => 0x83,
        Reason::NotAuthorized => 0x87,
        Reason::TopicFilterInvalid => 0x8F,
        Reason::PkidInUse => 0x91,
        Reason::QuotaExceeded => 0x97,
        Reason::SharedSubscriptionsNotSupported => 0x9E,
        Reason::SubscriptionIdNotSupported => 0xA1,
        Reason::WildcardSubscriptionsNotSupported => 0xA2,
    }
}
