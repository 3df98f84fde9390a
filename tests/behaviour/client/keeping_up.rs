//! A task that takes events as soon as it may keeps up with a peer that sends without a pause.

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

/// Enough for all that a test sends: the peer never waits.
const CAPACITY: usize = 256 * 1024 * 1024;

/// How much may wait for the task, in bytes.
const QUEUE_LIMIT: usize = 2 * 1024 * 1024;

/// How long the events are, and how many are sent: a read brings hundreds of small ones, and a part of a large one.
const SENT: [(usize, usize); 4] = [(1, 100_000), (1_000, 40_000), (20_000, 4_000), (300_000, 300)];

fn events(len: usize, count: usize) -> Bytes {
    let payload = format!("{{\"streamMessage\":{{\"stringMessage\":\"{}\"}}}}", "x".repeat(len));
    let shape = [("service-model-type", "awstest#EchoStreamingMessage")];
    frame(MESSAGE, 0, 1, &shape, &payload).repeat(count).into()
}

#[tokio::test]
async fn a_subscriber_loses_nothing() {
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

/// Tells how many events a client has sent before it ended its stream.
struct Counts(UnboundedSender<usize>);

impl EchoTestRpc for Counts {
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
async fn a_handler_loses_nothing() {
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
        let service = EchoTestRpcService::new(Counts(sender));
        let everyone = |_: &ConnectRequest| Ok(Identity(String::new()));
        let mut config = Config::default();
        config.event_queue_limit = QUEUE_LIMIT;
        let server = tokio::spawn(serve_connection(io, service, everyone, config));
        assert_eq!(in_time("they are counted", receiver.recv()).await, Some(count), "{len}");
        server.abort();
    }
}
