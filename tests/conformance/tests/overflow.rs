//! Subscribers of this project's client that are too slow.

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

/// How many events fit into the queue of a subscriber.
const FIT: usize = 12;
/// How many are sent.
const SENT: usize = 1_000;

fn number(event: &SubscriptionResponseMessage) -> usize {
    let message = event.as_json_message().unwrap().message.as_ref().unwrap();
    message["text"].as_str().unwrap().parse().unwrap()
}

/// All have the same length, against which it does not matter what an event takes besides its message.
fn numbered(stream: i32, number: usize) -> test_util::wire::MessageBuilder {
    event(stream, &format!("{number:03500}"))
}

/// A client with a slow subscriber, to which the server has sent more than fits into its queue.
async fn flooded(overflow: Overflow) -> (Client, Peer, Subscription<SubscribeToTopic>, i32) {
    let (client, mut peer, _) = pair(Client::builder().auth_token("t")).await;
    // The queue itself takes less than one event.
    let limit = FIT * numbered(1, 0).encode().len() + 3_000;
    let subscribing = client.subscribe_to_topic().topic("t").overflow(overflow).queue_limit(limit);
    let subscribing = tokio::spawn(subscribing.send());
    let stream = receive(&mut peer).await.stream;
    peer.send(&subscribed(stream)).await.unwrap();
    let slow = subscribing.await.unwrap().unwrap();
    for number in 0..SENT {
        peer.send(&numbered(stream, number)).await.unwrap();
        if number % 100 == 0 {
            // In the middle of it, calls are answered as ever.
            call(&client, &mut peer).await;
        }
    }
    // What was sent before a reply has arrived by the time that the reply has.
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
async fn a_slow_subscriber_loses_nothing_up_to_its_limit_and_is_told_what_it_lost_beyond() {
    let (client, mut peer, mut slow, _) = flooded(Overflow::End).await;
    for expected in 0..FIT {
        assert_eq!(number(&slow.next().await.unwrap().unwrap()), expected);
    }
    match slow.next().await.unwrap().unwrap_err() {
        SdkError::Lagged { dropped, bytes, .. } => {
            assert_eq!(dropped, (SENT - FIT) as u64);
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
    for expected in SENT - FIT..SENT {
        assert_eq!(number(&slow.next().await.unwrap().unwrap()), expected);
    }
    assert_eq!(slow.dropped(), (SENT - FIT) as u64);
    // It goes on.
    peer.send(&numbered(stream, SENT)).await.unwrap();
    assert_eq!(number(&slow.next().await.unwrap().unwrap()), SENT);
}

/// Says how many events were dropped before which.
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
async fn a_handler_is_told_how_many_were_dropped_before_which_event() {
    let (_client, _peer, slow, _) = flooded(Overflow::DropOldest).await;
    let (sender, mut receiver) = unbounded_channel();
    let _handle = slow.spawn_handler(Counter(sender, 0));
    let dropped = SENT - FIT;
    assert_eq!(receiver.recv().await, Some((dropped as u64, dropped)));
    for expected in dropped + 1..SENT {
        assert_eq!(receiver.recv().await, Some((0, expected)));
    }
}

#[tokio::test]
async fn only_the_latest_event_is_kept_and_the_others_are_counted() {
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
