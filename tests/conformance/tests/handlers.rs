//! Stream handlers of this project's client, on a runtime with one thread.

use std::{
    any::Any,
    ops::ControlFlow,
    sync::mpsc::{Receiver, Sender},
};

use conformance::{
    pair::{pair, receive},
    session::{configuration, event, subscribed},
};
use eventstream_rpc::client::BlockingStreamHandler;
use greengrass_core_ipc::{
    Client, StreamHandler, Subscription,
    error::SdkError,
    operation::subscribe_to_topic::{SubscribeToTopic, SubscribeToTopicError},
    types::SubscriptionResponseMessage,
};
use test_util::wire::{END, MESSAGE, MessageBuilder, Peer};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

async fn connect() -> (Client, Peer) {
    let (client, peer, _) = pair(Client::builder().auth_token("t")).await;
    (client, peer)
}

/// Opens a subscription. Returns it with its stream id.
async fn subscribe(client: &Client, peer: &mut Peer) -> (Subscription<SubscribeToTopic>, i32) {
    let subscribing = tokio::spawn(client.subscribe_to_topic().topic("t").send());
    let stream = receive(peer).await.stream;
    peer.send(&subscribed(stream)).await.unwrap();
    (subscribing.await.unwrap().unwrap(), stream)
}

/// Makes a call and answers it.
async fn call(client: &Client, peer: &mut Peer) {
    let call = tokio::spawn(client.get_configuration().key_path(["k"]).send());
    let request = receive(peer).await;
    assert_eq!(request.text("operation"), Some("aws.greengrass#GetConfiguration"));
    peer.send(&configuration(request.stream, "well")).await.unwrap();
    call.await.unwrap().unwrap();
}

fn text(event: &SubscriptionResponseMessage) -> String {
    let message = event.as_json_message().unwrap().message.as_ref().unwrap();
    message["text"].as_str().unwrap().to_owned()
}

/// A handler that makes a call and waits for an event of another subscription, for each event.
struct NestedWaits {
    client: Client,
    other: Subscription<SubscribeToTopic>,
    done: UnboundedSender<(serde_json::Value, String)>,
}

impl StreamHandler<SubscribeToTopic> for NestedWaits {
    async fn on_stream_event(&mut self, _: SubscriptionResponseMessage) {
        let response = self.client.get_configuration().key_path(["k"]).send().await.unwrap();
        let event = self.other.next().await.unwrap().unwrap();
        self.done.send((response.value.unwrap()["k"].clone(), text(&event))).unwrap();
    }
}

#[tokio::test]
async fn a_handler_may_call_and_wait_for_another_subscription() {
    let (client, mut peer) = connect().await;
    let (other, other_stream) = subscribe(&client, &mut peer).await;
    let (subscription, stream) = subscribe(&client, &mut peer).await;
    let (done, mut is_done) = unbounded_channel();
    let handle = subscription.spawn_handler(NestedWaits { client, other, done });
    for (called, waited_for) in [("one", "two"), ("three", "four")] {
        peer.send(&event(stream, "next")).await.unwrap();
        let request = receive(&mut peer).await;
        peer.send(&configuration(request.stream, called)).await.unwrap();
        peer.send(&event(other_stream, waited_for)).await.unwrap();
        assert_eq!(is_done.recv().await.unwrap(), (called.into(), waited_for.to_owned()));
    }
    drop(handle);
}

/// A handler that logs its callbacks and panics for errors and for events that request it.
struct Panics {
    sender: UnboundedSender<String>,
    after_panic: ControlFlow<()>,
}

impl Panics {
    fn new(after_panic: ControlFlow<()>) -> (Self, UnboundedReceiver<String>) {
        let (sender, receiver) = unbounded_channel();
        (Self { sender, after_panic }, receiver)
    }

    fn log(&self, what: impl Into<String>) {
        self.sender.send(what.into()).unwrap();
    }

    fn panicked(&self, panic: &(dyn Any + Send)) -> ControlFlow<()> {
        self.log(format!("panic: {}", panic.downcast_ref::<&str>().unwrap()));
        self.after_panic
    }
}

impl StreamHandler<SubscribeToTopic> for Panics {
    async fn on_stream_event(&mut self, event: SubscriptionResponseMessage) {
        match &*text(&event) {
            "panic" => panic!("immediately"),
            "panic later" => {
                tokio::task::yield_now().await;
                panic!("later");
            }
            text => self.log(text),
        }
    }

    async fn on_stream_error(&mut self, _: SdkError<SubscribeToTopicError>) -> ControlFlow<()> {
        panic!("for an error");
    }

    async fn on_stream_closed(&mut self) {
        self.log("closed");
    }

    async fn on_panic(&mut self, panic: Box<dyn Any + Send>) -> ControlFlow<()> {
        self.panicked(&*panic)
    }
}

impl BlockingStreamHandler<SubscribeToTopic> for Panics {
    fn on_stream_event(&mut self, event: SubscriptionResponseMessage) {
        match &*text(&event) {
            "panic" => panic!("immediately"),
            "panic later" => panic!("later"),
            text => self.log(text),
        }
    }

    fn on_stream_error(&mut self, _: SdkError<SubscribeToTopicError>) -> ControlFlow<()> {
        panic!("for an error");
    }

    fn on_stream_closed(&mut self) {
        self.log("closed");
        panic!("at the end");
    }

    fn on_panic(&mut self, panic: Box<dyn Any + Send>) -> ControlFlow<()> {
        self.panicked(&*panic)
    }
}

#[tokio::test]
async fn a_handler_continues_after_a_panic() {
    for blocking in [false, true] {
        let (client, mut peer) = connect().await;
        let (subscription, stream) = subscribe(&client, &mut peer).await;
        let (handler, mut log) = Panics::new(ControlFlow::Continue(()));
        let handle = if blocking {
            subscription.spawn_blocking_handler(handler)
        } else {
            subscription.spawn_handler(handler)
        };
        for text in ["one", "panic", "two", "panic later"] {
            peer.send(&event(stream, text)).await.unwrap();
        }
        let unreadable = MessageBuilder::new(MESSAGE, 0, stream)
            .shape("aws.greengrass#SubscriptionResponseMessage");
        peer.send(&unreadable.payload("{")).await.unwrap();
        peer.send(&event(stream, "three")).await.unwrap();
        peer.send(&MessageBuilder::new(MESSAGE, END, stream)).await.unwrap();
        let panics = ["panic: immediately", "panic: later", "panic: for an error"];
        let [first, second, third] = panics;
        for expected in ["one", first, "two", second, third, "three", "closed"] {
            assert_eq!(log.recv().await.unwrap(), expected);
        }
        handle.closed().await;
        call(&client, &mut peer).await;
    }
}

#[tokio::test]
async fn a_handler_may_end_its_subscription_after_a_panic() {
    let (client, mut peer) = connect().await;
    let (subscription, stream) = subscribe(&client, &mut peer).await;
    let (handler, mut log) = Panics::new(ControlFlow::Break(()));
    let handle = subscription.spawn_handler(handler);
    peer.send(&event(stream, "panic")).await.unwrap();
    for expected in ["panic: immediately", "closed"] {
        assert_eq!(log.recv().await.unwrap(), expected);
    }
    handle.closed().await;
    let end = receive(&mut peer).await;
    assert!(end.is_end() && end.stream == stream, "{end:?}");
    call(&client, &mut peer).await;
}

/// A handler that blocks its thread for each event until the test releases it.
struct Blocking {
    started: UnboundedSender<String>,
    release: Receiver<()>,
}

impl BlockingStreamHandler<SubscribeToTopic> for Blocking {
    fn on_stream_event(&mut self, event: SubscriptionResponseMessage) {
        self.started.send(text(&event)).unwrap();
        self.release.recv().unwrap();
    }
}

fn blocking() -> (Blocking, UnboundedReceiver<String>, Sender<()>) {
    let (started, receiver) = unbounded_channel();
    let (sender, release) = std::sync::mpsc::channel();
    (Blocking { started, release }, receiver, sender)
}

#[tokio::test]
async fn a_blocking_handler_does_not_delay_other_streams() {
    let (client, mut peer) = connect().await;
    let (subscription, stream) = subscribe(&client, &mut peer).await;
    let (mut other, other_stream) = subscribe(&client, &mut peer).await;
    let (handler, mut started, release) = blocking();
    let handle = subscription.spawn_blocking_handler(handler);
    for text in ["one", "two"] {
        peer.send(&event(stream, text)).await.unwrap();
    }
    assert_eq!(started.recv().await.unwrap(), "one");
    // The handler is blocked. All else runs on this thread.
    call(&client, &mut peer).await;
    peer.send(&event(other_stream, "other")).await.unwrap();
    assert_eq!(text(&other.next().await.unwrap().unwrap()), "other");
    assert!(started.try_recv().is_err(), "the handler receives one event at a time");
    release.send(()).unwrap();
    assert_eq!(started.recv().await.unwrap(), "two");
    // Closing waits until the handler has finished its current event.
    let closing = tokio::spawn(handle.close());
    let end = receive(&mut peer).await;
    assert!(end.is_end() && end.stream == stream, "{end:?}");
    assert!(!closing.is_finished());
    release.send(()).unwrap();
    closing.await.unwrap();
}
