//! Lifecycle handlers of this project's client.

use conformance::pair::pair;
use eventstream_rpc::{client::LifecycleHandler, frame::Header};
use greengrass_core_ipc::{Client, error::ConnectionError};
use test_util::wire::{MessageBuilder, PING};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// The type of the message that reports a protocol error.
const PROTOCOL_ERROR: i32 = 6;

/// A lifecycle handler that reports each callback and then panics.
struct Panics(UnboundedSender<&'static str>);

impl Panics {
    fn report(&self, what: &'static str) {
        self.0.send(what).unwrap();
    }
}

impl LifecycleHandler for Panics {
    fn on_connect(&mut self) {
        self.report("connect");
        panic!("in on_connect");
    }

    fn on_disconnect(&mut self, _: Option<&ConnectionError>) {
        self.report("disconnect");
        panic!("in on_disconnect");
    }

    fn on_error(&mut self, _: &(dyn std::error::Error + 'static)) -> bool {
        self.report("error");
        panic!("in on_error");
    }

    fn on_ping(&mut self, _: &[Header], _: &[u8]) {
        self.report("ping");
        panic!("in on_ping");
    }
}

#[tokio::test]
async fn a_lifecycle_handler_receives_all_callbacks_despite_panics() {
    let (sender, mut callbacks) = unbounded_channel();
    let builder = Client::builder().auth_token("t").lifecycle_handler(Panics(sender));
    let (client, mut peer, _) = pair(builder).await;
    assert_eq!(callbacks.recv().await, Some("connect"));
    peer.send(&MessageBuilder::new(PING, 0, 0)).await.unwrap();
    assert_eq!(callbacks.recv().await, Some("ping"));
    // An error ends the connection unless the handler returns `false`.
    peer.send(&MessageBuilder::new(PROTOCOL_ERROR, 0, 0)).await.unwrap();
    assert_eq!(callbacks.recv().await, Some("error"));
    assert_eq!(callbacks.recv().await, Some("disconnect"));
    let end = client.connection().closed().await.unwrap_err();
    assert!(matches!(end, ConnectionError::PeerError { .. }), "{end:?}");
}
