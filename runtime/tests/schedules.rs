//! Random schedules of a client and a server core that talk to each other, without sockets, tasks and clocks.

#![cfg(feature = "server")]

use std::{
    collections::VecDeque,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use bytes::{BufMut, BytesMut};
use eventstream_rpc::{
    client::SubscribeOptions,
    error::Unhandled,
    protocol::{
        MessageType, RpcMessage, StreamId, client,
        server::{self, Answer},
    },
};
use proptest::{collection::vec, prelude::*, sample::Index};

const REQUEST: &str = "test#Request";
const RESPONSE: &str = "test#Response";
const EVENT: &str = "test#Event";

#[derive(Clone, Debug)]
enum Step {
    Call,
    Subscribe,
    /// The client sends an event on one of its streams.
    ClientEvent(Index),
    ClientEnds(Index),
    Respond(Index),
    ServerEvent(Index),
    ServerEnds(Index),
    ServerFails(Index),
    /// Some of the bytes in flight arrive.
    ToServer(usize),
    ToClient(usize),
    /// Time passes.
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<Index>;
    prop_oneof![
        2 => Just(Step::Call),
        2 => Just(Step::Subscribe),
        3 => index().prop_map(Step::ClientEvent),
        1 => index().prop_map(Step::ClientEnds),
        3 => index().prop_map(Step::Respond),
        4 => index().prop_map(Step::ServerEvent),
        1 => index().prop_map(Step::ServerEnds),
        1 => index().prop_map(Step::ServerFails),
        6 => (1_usize..400).prop_map(Step::ToServer),
        6 => (1_usize..400).prop_map(Step::ToClient),
        1 => (1_u64..3_000).prop_map(Step::Wait),
    ]
}

/// The expected state of one stream on both sides.
struct Stream {
    key: client::Key,
    id: StreamId,
    is_subscription: bool,
    /// The request has arrived, and the server knows the stream.
    is_served: bool,
    has_response: bool,
    client_ended: bool,
    server_ended: bool,
    sent: [u32; 2],
    received: [u32; 2],
    reply: Option<Result<(), &'static str>>,
}

struct Pair {
    client: client::Core,
    server: server::Core,
    now: Instant,
    to_server: BytesMut,
    to_client: BytesMut,
    server_input: BytesMut,
    client_input: BytesMut,
    streams: Vec<Stream>,
}

fn number(dst: &mut BytesMut, number: u32) -> Result<(), eventstream_rpc::json::Error> {
    dst.put_slice(number.to_string().as_bytes());
    Ok(())
}

fn cx() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

fn read(message: &RpcMessage) -> u32 {
    std::str::from_utf8(message.payload()).unwrap().parse().unwrap()
}

impl Pair {
    fn new() -> Self {
        let now = Instant::now();
        let client =
            client::Core::new(client::Config::default(), &client::Connect::default()).unwrap();
        let server = server::Core::new(server::Config::default(), now);
        let mut pair = Self {
            client,
            server,
            now,
            to_server: BytesMut::new(),
            to_client: BytesMut::new(),
            server_input: BytesMut::new(),
            client_input: BytesMut::new(),
            streams: Vec::new(),
        };
        pair.settle();
        assert!(pair.client.poll_connected(&cx()).is_ready());
        pair
    }

    fn collect(&mut self) {
        let mut out = BytesMut::new();
        self.client.take_output(&mut out);
        self.client.wrote(out.len());
        self.to_server.unsplit(out);
        let mut out = BytesMut::new();
        self.server.take_output(&mut out);
        self.server.wrote(out.len());
        self.to_client.unsplit(out);
    }

    fn move_to_server(&mut self, bytes: usize) {
        self.collect();
        let len = bytes.min(self.to_server.len());
        self.server_input.unsplit(self.to_server.split_to(len));
        self.server.receive(&mut self.server_input, self.now);
        while let Poll::Ready(Some(incoming)) = self.server.poll_incoming(&cx()) {
            if incoming.message_type == MessageType::Connect {
                self.server.accept();
                self.server.receive(&mut self.server_input, self.now);
            } else {
                self.serve(&incoming);
            }
        }
        self.read_client_events();
    }

    fn serve(&mut self, request: &RpcMessage) {
        let index = read(request) as usize;
        let stream = &mut self.streams[index];
        assert_eq!(request.stream_id, stream.id, "requests arrive under their own ids");
        stream.is_served = true;
        self.server.expect_events(stream.id, stream.is_subscription);
    }

    fn read_client_events(&mut self) {
        for stream in &mut self.streams {
            while let Poll::Ready(Some(event)) = self.server.poll_event(stream.id, &cx()) {
                assert_eq!(read(&event), stream.received[1], "events of the client in order");
                stream.received[1] += 1;
            }
        }
    }

    fn move_to_client(&mut self, bytes: usize) {
        self.collect();
        let len = bytes.min(self.to_client.len());
        self.client_input.unsplit(self.to_client.split_to(len));
        self.client.receive(&mut self.client_input, self.now);
        for index in 0..self.streams.len() {
            self.read_replies(index);
        }
    }

    fn read_replies(&mut self, index: usize) {
        let stream = &mut self.streams[index];
        if stream.reply.is_none() {
            let reply = match self.client.poll_reply(stream.key, &cx()) {
                Poll::Pending => return,
                Poll::Ready(Ok(reply)) if reply.service_model_type() == Some(RESPONSE) => {
                    assert_eq!(read(&reply) as usize, index, "each call gets its own response");
                    Ok(())
                }
                Poll::Ready(Ok(_)) => Err("error"),
                Poll::Ready(Err(client::Failure::NoResponse)) => Err("ended"),
                Poll::Ready(Err(client::Failure::Timeout)) => Err("timeout"),
                Poll::Ready(Err(failure)) => panic!("{failure:?}"),
            };
            stream.reply = Some(reply);
        }
        if stream.reply == Some(Ok(())) && stream.is_subscription {
            while let Poll::Ready(Some(next)) = self.client.poll_event(stream.key, &cx()) {
                let Ok(client::SubscriptionItem::Event(event)) = next else { panic!("{next:?}") };
                if event.service_model_type() == Some(EVENT) {
                    assert_eq!(read(&event), stream.received[0], "events of the server in order");
                    stream.received[0] += 1;
                }
            }
        }
    }

    /// All bytes in flight arrive.
    fn settle(&mut self) {
        loop {
            self.move_to_server(usize::MAX);
            self.move_to_client(usize::MAX);
            self.collect();
            if self.to_server.is_empty() && self.to_client.is_empty() {
                break;
            }
        }
    }

    fn open(&mut self, is_subscription: bool) {
        let index = u32::try_from(self.streams.len()).unwrap();
        let options = SubscribeOptions::default();
        let request = client::Request {
            operation: "test#Operation",
            request_shape: REQUEST,
            response_shape: RESPONSE,
            deadline: Some(self.now + Duration::from_secs(10)),
            subscribe: is_subscription.then_some(&options),
        };
        let key = self.client.open(&request, |dst| number(dst, index)).unwrap();
        self.streams.push(Stream {
            key,
            // Stream ids are sent in order and without gaps.
            id: StreamId(i32::try_from(index).unwrap() + 1),
            is_subscription,
            is_served: false,
            has_response: false,
            client_ended: false,
            server_ended: false,
            sent: [0; 2],
            received: [0; 2],
            reply: None,
        });
    }

    fn run(&mut self, step: &Step) {
        let pick = |streams: &[Stream], index: &Index, wanted: fn(&Stream) -> bool| {
            let found: Vec<_> = (0..streams.len()).filter(|it| wanted(&streams[*it])).collect();
            (!found.is_empty()).then(|| found[index.index(found.len())])
        };
        let is_open = |it: &Stream| it.is_served && !it.server_ended;
        match step {
            Step::Call => self.open(false),
            Step::Subscribe => self.open(true),
            Step::ToServer(bytes) => self.move_to_server(*bytes),
            Step::ToClient(bytes) => self.move_to_client(*bytes),
            Step::Wait(millis) => {
                self.now += Duration::from_millis(*millis);
                self.client.expire(self.now);
                self.server.expire(self.now);
            }
            Step::ClientEvent(index) => {
                let wanted = |it: &Stream| it.is_subscription && !it.client_ended;
                let Some(index) = pick(&self.streams, index, wanted) else { return };
                let stream = &mut self.streams[index];
                let event = stream.sent[1];
                // The stream may have ended already, which is also an answer.
                if self.client.send_event(stream.key, EVENT, |dst| number(dst, event)).is_ok() {
                    stream.sent[1] += 1;
                }
            }
            Step::ClientEnds(index) => {
                let wanted = |it: &Stream| !it.client_ended;
                let Some(index) = pick(&self.streams, index, wanted) else { return };
                let stream = &mut self.streams[index];
                stream.client_ended = true;
                stream.reply.get_or_insert(Err("dropped"));
                self.client.forget(stream.key);
            }
            Step::Respond(index) => {
                let wanted = |it: &Stream| it.is_served && !it.server_ended && !it.has_response;
                let Some(index) = pick(&self.streams, index, wanted) else { return };
                self.respond(index);
            }
            Step::ServerEvent(index) => {
                let wanted =
                    |it: &Stream| it.has_response && it.is_subscription && !it.server_ended;
                let Some(index) = pick(&self.streams, index, wanted) else { return };
                let stream = &mut self.streams[index];
                let event = stream.sent[0];
                if self
                    .server
                    .send(stream.id, Answer::Event, EVENT, |dst| number(dst, event))
                    .is_ok()
                {
                    stream.sent[0] += 1;
                }
            }
            Step::ServerEnds(index) => {
                let Some(index) = pick(&self.streams, index, is_open) else { return };
                self.streams[index].server_ended = true;
                self.server.terminate(self.streams[index].id);
            }
            Step::ServerFails(index) => {
                let Some(index) = pick(&self.streams, index, is_open) else { return };
                self.streams[index].server_ended = true;
                let json = Some("application/json");
                let error = Unhandled::from_reply(Some("test#Error"), json, "{}".into());
                self.server.send_error(self.streams[index].id, &error).unwrap();
            }
        }
    }

    fn respond(&mut self, index: usize) {
        let stream = &mut self.streams[index];
        stream.has_response = true;
        let payload = |dst: &mut BytesMut| number(dst, u32::try_from(index).unwrap());
        // The client may have ended the stream.
        let _ = if stream.is_subscription {
            self.server.send(stream.id, Answer::OpenResponse, RESPONSE, payload)
        } else {
            stream.server_ended = true;
            self.server.send(stream.id, Answer::Response, RESPONSE, payload)
        };
    }

    fn finish(&mut self) {
        self.settle();
        for index in 0..self.streams.len() {
            if !self.streams[index].has_response && !self.streams[index].server_ended {
                self.respond(index);
            }
        }
        self.settle();
        assert!(!self.client.is_closed() && !self.server.is_closed(), "neither side broke a rule");
        for stream in &mut self.streams {
            let reply = stream.reply.expect("every call ends");
            let nothing_happened = !stream.client_ended && reply == Ok(());
            if nothing_happened && stream.is_subscription {
                assert_eq!(stream.received[0], stream.sent[0], "no event of the server is lost");
            }
            if !stream.server_ended {
                assert_eq!(stream.received[1], stream.sent[1], "no event of the client is lost");
            }
            self.client.forget(stream.key);
        }
        self.settle();
        assert!(self.server.poll_idle(&cx()).is_ready(), "the server has forgotten every stream");
        assert_eq!(self.client.next_deadline(), None, "and so has the client");
    }
}

proptest! {
    #[test]
    fn whatever_happens_calls_end_events_keep_their_order_and_nothing_is_left(
        steps in vec(step(), 0..120),
    ) {
        let mut pair = Pair::new();
        for step in &steps {
            pair.run(step);
        }
        pair.finish();
    }

    #[test]
    fn a_connection_that_is_cut_anywhere_ends_every_call(steps in vec(step(), 0..60)) {
        let mut pair = Pair::new();
        for step in &steps {
            pair.run(step);
        }
        pair.client.fail(eventstream_rpc::error::ConnectionError::ClosedByPeer);
        pair.server.fail(eventstream_rpc::error::ConnectionError::ClosedByPeer);
        prop_assert!(matches!(pair.server.poll_incoming(&cx()), Poll::Ready(None)));
        pair.read_client_events();
        for stream in &pair.streams {
            prop_assert!(pair.server.poll_ended(stream.id, &cx()).is_ready());
            if stream.client_ended {
                continue;
            }
            if stream.reply.is_none() {
                prop_assert!(pair.client.poll_reply(stream.key, &cx()).is_ready());
            }
            if stream.is_subscription {
                // The events that had arrived, then the error or the end, and nothing after it.
                let mut left = VecDeque::new();
                while let Poll::Ready(Some(next)) = pair.client.poll_event(stream.key, &cx()) {
                    left.push_back(next);
                }
                prop_assert!(matches!(pair.client.poll_event(stream.key, &cx()), Poll::Ready(None)));
            }
        }
    }
}
