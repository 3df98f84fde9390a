//! The lifecycle handler of this project's client.

use conformance::pair::pair;
use eventstream_rpc::{client::LifecycleHandler, frame::Header};
use greengrass_core_ipc::{Client, error::ConnectionError};
use test_util::wire::{MessageBuilder, PING};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// The type of the message with which a server ends the connection.
const PROTOCOL_ERROR: i32 = 6;

/// Says what it is told, and panics over all of it.
struct Fragile(UnboundedSender<&'static str>);

impl Fragile {
    fn say(&self, what: &'static str) {
        self.0.send(what).unwrap();
    }
}

impl LifecycleHandler for Fragile {
    fn on_connect(&mut self) {
        self.say("connect");
        panic!("over the connection");
    }

    fn on_disconnect(&mut self, _: Option<&ConnectionError>) {
        self.say("disconnect");
        panic!("over its end");
    }

    fn on_error(&mut self, _: &(dyn std::error::Error + 'static)) -> bool {
        self.say("error");
        panic!("over an error");
    }

    fn on_ping(&mut self, _: &[Header], _: &[u8]) {
        self.say("ping");
        panic!("over a ping");
    }
}

#[tokio::test]
async fn a_handler_that_panics_is_told_of_everything_that_follows() {
    let (sender, mut told) = unbounded_channel();
    let builder = Client::builder().auth_token("t").lifecycle_handler(Fragile(sender));
    let (client, mut peer, _) = pair(builder).await;
    assert_eq!(told.recv().await, Some("connect"));
    peer.send(&MessageBuilder::new(PING, 0, 0)).await.unwrap();
    assert_eq!(told.recv().await, Some("ping"));
    // An error ends the connection unless someone says that it does not.
    peer.send(&MessageBuilder::new(PROTOCOL_ERROR, 0, 0)).await.unwrap();
    assert_eq!(told.recv().await, Some("error"));
    assert_eq!(told.recv().await, Some("disconnect"));
    let end = client.connection().closed().await.unwrap_err();
    assert!(matches!(end, ConnectionError::PeerError { .. }), "{end:?}");
}
