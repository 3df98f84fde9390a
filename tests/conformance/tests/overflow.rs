//! Slow subscribers of this project's client.

use conformance::{
    pair::{pair, receive},
    session::{configuration, event, subscribed},
};
use eventstream_rpc::client::SubscriptionItem;
use greengrass_core_ipc::{
    Client, StreamHandler, Subscription,
    client::{Notice, Overflow},
    error::SdkError,
    operation::subscribe_to_topic::SubscribeToTopic,
    types::SubscriptionResponseMessage,
};
use test_util::wire::Peer;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// The number of events that fit into the queue of a subscriber.
const CAPACITY: usize = 12;
/// The number of events that are sent.
const SENT: usize = 1_000;

fn number(event: &SubscriptionResponseMessage) -> usize {
    let message = event.as_json_message().unwrap().message.as_ref().unwrap();
    message["text"].as_str().unwrap().parse().unwrap()
}

/// An event whose length does not depend on its number. Its payload is much larger than its overhead in the queue.
fn numbered(stream: i32, number: usize) -> test_util::wire::MessageBuilder {
    event(stream, &format!("{number:03500}"))
}

/// A client with a subscriber that has not read any event, and whose queue has overflowed.
async fn flooded(overflow: Overflow) -> (Client, Peer, Subscription<SubscribeToTopic>, i32) {
    let (client, mut peer, _) = pair(Client::builder().auth_token("t")).await;
    // Leaves space for the overhead of the queue, which is less than one event.
    let limit = CAPACITY * numbered(1, 0).encode().len() + 3_000;
    let subscribing = client.subscribe_to_topic().topic("t").overflow(overflow).queue_limit(limit);
    let subscribing = tokio::spawn(subscribing.send());
    let stream = receive(&mut peer).await.stream;
    peer.send(&subscribed(stream)).await.unwrap();
    let slow = subscribing.await.unwrap().unwrap();
    for number in 0..SENT {
        peer.send(&numbered(stream, number)).await.unwrap();
        if number % 100 == 0 {
            // Calls are answered during the flood.
            call(&client, &mut peer).await;
        }
    }
    // All events have arrived when this call is answered.
    call(&client, &mut peer).await;
    (client, peer, slow, stream)
}

async fn call(client: &Client, peer: &mut Peer) {
    let call = tokio::spawn(client.get_configuration().key_path(["k"]).send());
    loop {
        let request = receive(peer).await;
        if !request.is_end() {
            peer.send(&configuration(request.stream, "well")).await.unwrap();
            break;
        }
    }
    call.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_slow_subscriber_receives_events_up_to_its_limit_and_then_an_error() {
    let (client, mut peer, mut slow, _) = flooded(Overflow::End).await;
    for expected in 0..CAPACITY {
        assert_eq!(number(&slow.next().await.unwrap().unwrap()), expected);
    }
    match slow.next().await.unwrap().unwrap_err() {
        SdkError::Lagged { dropped, bytes, .. } => {
            assert_eq!(dropped, (SENT - CAPACITY) as u64);
            let payload = numbered(1, 0).encode().len() - numbered(1, 0).payload("").encode().len();
            assert_eq!(bytes, dropped * payload as u64);
        }
        other => panic!("{other:?}"),
    }
    assert!(slow.next().await.is_none());
    call(&client, &mut peer).await;
}

#[tokio::test]
async fn the_oldest_events_are_dropped_and_counted() {
    let (_client, mut peer, mut slow, stream) = flooded(Overflow::DropOldest).await;
    for expected in SENT - CAPACITY..SENT {
        assert_eq!(number(&slow.next().await.unwrap().unwrap()), expected);
    }
    assert_eq!(slow.dropped(), (SENT - CAPACITY) as u64);
    // The stream continues.
    peer.send(&numbered(stream, SENT)).await.unwrap();
    assert_eq!(number(&slow.next().await.unwrap().unwrap()), SENT);
}

/// A handler that reports each event with the number of events dropped before it.
struct Counter(UnboundedSender<(u64, usize)>, u64);

impl StreamHandler<SubscribeToTopic> for Counter {
    async fn on_stream_event(&mut self, event: SubscriptionResponseMessage) {
        self.0.send((std::mem::take(&mut self.1), number(&event))).unwrap();
    }

    async fn on_dropped(&mut self, count: u64) {
        self.1 += count;
    }
}

#[tokio::test]
async fn a_handler_learns_how_many_events_were_dropped_before_an_event() {
    let (_client, _peer, slow, _) = flooded(Overflow::DropOldest).await;
    let (sender, mut receiver) = unbounded_channel();
    let _handle = slow.spawn_handler(Counter(sender, 0));
    let dropped = SENT - CAPACITY;
    assert_eq!(receiver.recv().await, Some((dropped as u64, dropped)));
    for expected in dropped + 1..SENT {
        assert_eq!(receiver.recv().await, Some((0, expected)));
    }
}

#[tokio::test]
async fn only_the_latest_event_is_kept_and_dropped_events_are_counted() {
    let (_client, mut peer, slow, stream) = flooded(Overflow::LatestOnly).await;
    let mut slow = slow.with_notices();
    let dropped = SubscriptionItem::Notice(Notice::Dropped(SENT as u64 - 1));
    assert_eq!(slow.next().await.unwrap().unwrap(), dropped);
    for expected in [SENT - 1, SENT] {
        match slow.next().await.unwrap().unwrap() {
            SubscriptionItem::Event(event) => assert_eq!(number(&event), expected),
            notice => panic!("{notice:?}"),
        }
        peer.send(&numbered(stream, SENT)).await.unwrap();
    }
}
