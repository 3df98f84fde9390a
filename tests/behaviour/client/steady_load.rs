//! A receiver that is always ready loses no events of a peer that sends without pause.

use bytes::{Bytes, BytesMut};
use echo::{
    Client,
    client::ConnectionBuilder,
    operation::echo_stream_messages::{EchoStreamMessages, EchoStreamMessagesError},
    server::{
        Config, ConnectRequest, EchoTestRpc, EchoTestRpcService, Identity, RequestContext,
        StreamingRequest, StreamingResponse, serve_connection,
    },
    types::EchoStreamingMessage,
};
use eventstream_rpc::{error::Unhandled, operation::Operation};
use test_util::{CONNECT, END, MESSAGE, control, frame, in_time};
use tokio::{
    io::{AsyncWriteExt, duplex},
    sync::mpsc::{UnboundedSender, unbounded_channel},
};

/// Enough for all bytes that a test sends, so that the peer never waits.
const CAPACITY: usize = 256 * 1024 * 1024;

/// The limit of the receiver's event queue, in bytes.
const QUEUE_LIMIT: usize = 2 * 1024 * 1024;

/// The length and number of the events of each test. A read returns hundreds of small events or a part of a large one.
const SENT: [(usize, usize); 4] = [(1, 100_000), (1_000, 40_000), (20_000, 4_000), (300_000, 300)];

fn events(len: usize, count: usize) -> Bytes {
    let payload = format!("{{\"streamMessage\":{{\"stringMessage\":\"{}\"}}}}", "x".repeat(len));
    let shape = [("service-model-type", "awstest#EchoStreamingMessage")];
    frame(MESSAGE, 0, 1, &shape, &payload).repeat(count).into()
}

#[tokio::test]
async fn a_subscriber_loses_no_events() {
    for (len, count) in SENT {
        let (io, mut server) = duplex(CAPACITY);
        server.write_all(&control(5, 1)).await.unwrap();
        let client = Client::new(ConnectionBuilder::default().connect_over(io).await.unwrap());
        let subscribing = client.echo_stream_messages().queue_limit(QUEUE_LIMIT);
        let subscribing = test_util::poll_once(subscribing.send()).await;
        let shape = [("service-model-type", "awstest#EchoStreamingResponse")];
        server.write_all(&frame(MESSAGE, 0, 1, &shape, "{}")).await.unwrap();
        server.write_all(&events(len, count)).await.unwrap();
        let mut events = subscribing.await.unwrap();
        for number in 0..count {
            let event = events.next().await.unwrap();
            let event = event.unwrap_or_else(|error| panic!("{len}, event {number}: {error:?}"));
            assert!(matches!(event, EchoStreamingMessage::StreamMessage(_)));
        }
    }
}

/// A handler that reports how many events the client has sent when the stream ends.
struct CountsEvents(UnboundedSender<usize>);

impl EchoTestRpc for CountsEvents {
    async fn echo_stream_messages(
        &self,
        mut request: StreamingRequest<EchoStreamMessages>,
        _context: RequestContext,
    ) -> Result<StreamingResponse<EchoStreamMessages>, EchoStreamMessagesError> {
        let mut count = 0;
        while std::future::poll_fn(|cx| request.events.as_mut().poll_next(cx)).await.is_some() {
            count += 1;
        }
        self.0.send(count).unwrap();
        Err(Unhandled::internal().into())
    }
}

#[tokio::test]
async fn a_handler_loses_no_events() {
    for (len, count) in SENT {
        let (mut client, io) = duplex(CAPACITY);
        let version = [(":version", "0.1.0")];
        let operation = [("operation", EchoStreamMessages::ID)];
        let mut sent = BytesMut::new();
        sent.unsplit(frame(CONNECT, 0, 0, &version, ""));
        sent.unsplit(frame(MESSAGE, 0, 1, &operation, "{}"));
        sent.extend_from_slice(&events(len, count));
        sent.unsplit(frame(MESSAGE, END, 1, &[], ""));
        client.write_all(&sent).await.unwrap();
        let (sender, mut receiver) = unbounded_channel();
        let service = EchoTestRpcService::new(CountsEvents(sender));
        let accept_all = |_: &ConnectRequest| Ok(Identity(String::new()));
        let mut config = Config::default();
        config.event_queue_limit = QUEUE_LIMIT;
        let server = tokio::spawn(serve_connection(io, service, accept_all, config));
        assert_eq!(in_time("the stream ends", receiver.recv()).await, Some(count), "{len}");
        server.abort();
    }
}
