//! The client's side of a connection under anything that a server may send and an application may do.

use std::{
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use bytes::{BufMut, BytesMut};
use eventstream_rpc::{
    client::{Overflow, SubscribeOptions},
    error::{ConnectError, ConnectionError},
    protocol::{
        Endpoint, MessageType, Place, RpcMessage,
        client::{Config, Connect, ConnectionEvent, Core, Failure, Key, Next, OpenError, Request},
    },
};

use crate::{
    Input,
    frames::{self, Arriving, EVENT, RESPONSE},
    seal,
    task::{Task, Wait},
    wire::{Wire, messages},
};

/// The first message of a server: it accepts.
fn acknowledgement() -> BytesMut {
    frames::control(MessageType::ConnectAck, 1)
}

/// One stream, as the application knows it.
struct Stream {
    key: Key,
    is_subscription: bool,
    overflow: Overflow,
    /// How many bytes of events may wait, if they are few.
    limit: Option<usize>,
    /// A driver has taken the request to write it.
    is_sent: bool,
    has_reply: bool,
    /// The number of the last event that was delivered.
    last_event: Option<u32>,
    is_forgotten: bool,
    is_over: bool,
    /// Who waits for the reply and the events.
    task: Task,
    reply: Wait,
    event: Wait,
}

/// Somebody who waits for room to send.
#[derive(Default)]
struct Waiter {
    place: Place,
    task: Task,
    room: Wait,
}

struct Client {
    core: Core,
    config: Config,
    now: Instant,
    arriving: Arriving,
    input: BytesMut,
    /// How many messages of the server there have been.
    number: u32,
    /// The largest message that has arrived, in bytes.
    largest: usize,
    wire: Wire,
    streams: Vec<Stream>,
    /// Bytes that a driver has taken to write and has not written yet.
    unwritten: usize,
    written: u64,
    pings: Vec<u64>,
    is_finished: bool,
    /// Who waits for what happens to the connection, and for its end.
    listener: Task,
    event: Wait,
    closed: Wait,
    waiters: [Waiter; 3],
}

fn cx() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

/// Lets a client go through what the bytes say, and checks that
///
/// - nothing panics,
/// - what it writes decodes and keeps the rules: see `wire`,
/// - every call has one outcome, and says the truth about whether its request was written,
/// - events come in order, and no more wait than is allowed,
/// - when the connection ends everything ends, and nothing is left.
///
/// The first two bytes choose the configuration; each further byte is something that happens, followed by
/// what it needs.
pub fn client_core(data: &[u8]) {
    let mut input = Input::new(data);
    let mut client = Client::new(&mut input);
    while !input.is_empty() {
        client.step(&mut input);
        client.wake();
        client.check();
    }
    client.finish();
}

impl Client {
    fn new(input: &mut Input<'_>) -> Self {
        let how = input.byte();
        let mut config = Config::default();
        config.reconnects = how & 1 != 0;
        config.calls_wait = how & 2 != 0;
        config.write_queue_limit = if how & 4 != 0 { 300 } else { 1024 * 1024 };
        config.max_frame_len = if how & 8 != 0 { 250 } else { 24 * 1024 * 1024 };
        let mut core = Core::new(config, &Connect::default()).expect("it is short");
        if how & 16 != 0 {
            core.record_events();
        }
        let mut client = Self {
            core,
            config,
            now: Instant::now(),
            arriving: Arriving::default(),
            input: BytesMut::new(),
            number: 0,
            largest: 0,
            wire: Wire::default(),
            streams: Vec::new(),
            unwritten: 0,
            written: 0,
            pings: Vec::new(),
            is_finished: false,
            listener: Task::default(),
            event: Wait::default(),
            closed: Wait::default(),
            waiters: Default::default(),
        };
        // Most of what can happen happens after the handshake.
        if how & 32 == 0 {
            client.arriving.push(&acknowledgement());
            client.arrive(usize::MAX);
        }
        client
    }

    fn step(&mut self, input: &mut Input<'_>) {
        let what = input.byte();
        match what % 32 {
            0..=2 => self.open(input, what & 32 != 0),
            3 => self.send_event(input),
            4 => self.with_stream(input, |client, at| {
                client.core.end(client.streams[at].key);
                client.streams[at].is_over = true;
            }),
            5 => self.with_stream(input, |client, at| {
                client.core.forget(client.streams[at].key);
                client.streams[at].is_over = true;
                client.streams[at].is_forgotten = true;
            }),
            6..=8 => self.with_stream(input, Self::poll_reply),
            9 | 10 => self.with_stream(input, |client, at| {
                client.poll_event(at);
            }),
            11..=15 => {
                let message = frames::message(input, self.number, self.wire.last_id);
                self.number += 1;
                self.arriving.push(&message);
                if what & 64 == 0 {
                    self.arrive(usize::MAX);
                }
            }
            16 | 17 => self.arrive(input.short().into()),
            18 => {
                let len = input.short();
                self.arriving.push(&seal(input.bytes(len.into())));
                self.arrive(usize::MAX);
            }
            19 => {
                let len = input.short();
                self.arriving.push(input.bytes(len.into()));
                self.arrive(usize::MAX);
            }
            20 => self.arriving.push(&acknowledgement()),
            21 => {
                self.now += Duration::from_millis(input.short().into());
                self.core.expire(self.now);
                assert!(self.core.next_deadline().is_none_or(|it| it > self.now));
            }
            22 | 23 => self.take(),
            24 | 25 => self.write(input.short().into()),
            26 => self.core.fail(ConnectionError::ClosedByPeer),
            27 => self.reconnect(),
            28 => match self.core.ping(input.bytes(3)) {
                Ok(number) => self.pings.push(number),
                Err(_) => assert!(!self.is_open()),
            },
            29 => {
                let core = &mut self.core;
                let event =
                    self.listener.poll(&mut self.event, |cx| core.poll_connection_event(cx));
                let _ = self.listener.poll(&mut self.closed, |cx| core.poll_closed(cx));
                if let Poll::Ready(Some(ConnectionEvent::Error(error))) = event
                    && what & 32 != 0
                {
                    self.core.judge(error);
                }
            }
            30 if what & 224 == 224 => self.core.close(),
            30 => {
                let error = ConnectError::NoAddress;
                self.core.reconnect_failed(&error.into());
            }
            _ if what & 224 == 224 => self.core.give_up(ConnectionError::ClosedByPeer),
            _ if what & 32 != 0 => {
                let written = self.core.queued().saturating_sub(u64::from(input.byte()));
                let _ = self.core.poll_written(written, &cx());
            }
            _ => {
                let (at, core) = (input.index(3), &mut self.core);
                let Waiter { place, task, room } = &mut self.waiters[at];
                let there = task.poll_early(room, |cx| core.poll_room(place, cx));
                // Whoever has room sends, or goes away.
                if there.is_ready() || what & 64 != 0 {
                    core.leave(place);
                    *room = Wait::default();
                }
            }
        }
    }

    /// Whoever is to be woken is.
    fn wake(&mut self) {
        self.core.take_woken().into_iter().for_each(Waker::wake);
    }

    fn check(&mut self) {
        assert!(!self.core.is_closed() || !self.core.wants_input());
        let waiting = self.core.queued() - self.written;
        if self.is_open() && waiting <= self.config.write_queue_limit as u64 {
            let mut waiters = self.waiters.iter().filter(|it| it.room.is_waiting()).peekable();
            let is_stuck = |it: &Waiter| it.task.must_sleep(&it.room);
            assert!(
                waiters.peek().is_none() || !waiters.all(is_stuck),
                "there is room, and nobody of those who wait for it knows"
            );
        }
    }

    fn is_open(&mut self) -> bool {
        !self.core.is_closed() && self.wire.open_from.is_some()
    }

    fn with_stream(&mut self, input: &mut Input<'_>, f: impl FnOnce(&mut Self, usize)) {
        if !self.streams.is_empty() {
            let at = input.index(self.streams.len());
            f(self, at);
        }
    }

    fn open(&mut self, input: &mut Input<'_>, is_subscription: bool) {
        let how = input.byte();
        let (mut options, mut limit) = (SubscribeOptions::default(), None);
        let overflow =
            [Overflow::End, Overflow::DropOldest, Overflow::LatestOnly, Overflow::PauseConnection]
                [usize::from(how & 3)];
        options = options.overflow(overflow);
        if how & 4 != 0 {
            let bytes = usize::from(how >> 4) * 64;
            limit = Some(bytes);
            options = options.queue_limit(bytes);
        }
        let deadline = (how & 8 == 0).then(|| self.now + Duration::from_secs(10));
        let request = Request {
            operation: "test#Operation",
            request_shape: "test#Request",
            response_shape: RESPONSE,
            deadline,
            subscribe: is_subscription.then_some(&options),
        };
        let queued = self.core.queued();
        let (index, text) = (self.streams.len(), input.bytes(usize::from(how >> 4)));
        let opened = self.core.open(&request, |dst| {
            dst.put_slice(format!("#{index} ").as_bytes());
            dst.put_slice(text);
            Ok(())
        });
        match opened {
            Ok(key) => {
                assert!(self.is_open());
                let len = (self.core.queued() - queued) as usize;
                assert!(len > 0 && len <= self.config.max_frame_len);
                self.streams.push(Stream {
                    key,
                    is_subscription,
                    overflow,
                    limit,
                    is_sent: false,
                    has_reply: false,
                    last_event: None,
                    is_forgotten: false,
                    is_over: false,
                    task: Task::default(),
                    reply: Wait::default(),
                    event: Wait::default(),
                });
            }
            Err(error) => {
                assert_eq!(self.core.queued(), queued, "nothing has been sent: {error:?}");
                if let OpenError::Closed(_) = error {
                    assert!(!self.is_open());
                }
            }
        }
    }

    fn send_event(&mut self, input: &mut Input<'_>) {
        if self.streams.is_empty() {
            return;
        }
        let at = input.index(self.streams.len());
        let key = self.streams[at].key;
        let can = self.core.is_open(key) && self.is_open();
        let sent = self.core.send_event(key, EVENT, |dst| {
            dst.put_slice(b"{}");
            Ok(())
        });
        assert!(can || sent.is_err(), "there is no stream to send on");
        if let Err(OpenError::Closed(_)) = sent {
            assert!(!can);
        }
    }

    /// Some of what is on its way arrives, up to the end of a message each time.
    fn arrive(&mut self, most: usize) {
        let mut left = most;
        while self.core.wants_input() && left > 0 && !self.arriving.is_empty() {
            let taken = self.arriving.take(&self.input, left);
            left -= taken.len().min(left);
            self.input.extend_from_slice(&taken);
            self.receive();
            if taken.is_empty() {
                break;
            }
        }
    }

    fn receive(&mut self) {
        let message = frames::peek(&self.input);
        let (before, queued, was_closed) =
            (self.input.len(), self.core.queued(), self.core.is_closed());
        let was_open = self.is_open();
        self.core.receive(&mut self.input, self.now);
        assert!(self.input.len() <= before);
        if was_closed || self.input.len() == before {
            return;
        }
        self.largest = self.largest.max(before);
        let Some(message) = message else { return };
        if !was_open {
            if let Poll::Ready(Ok(())) = self.core.poll_connected(&cx()) {
                self.wire.open_from = Some(queued);
            }
        } else if is_application(&message) && message.is_terminating() {
            self.wire.peer_ended(message.stream_id.0, queued);
        }
    }

    /// A driver takes what is to be written.
    fn take(&mut self) {
        if self.unwritten > 0 || self.is_finished {
            return;
        }
        let mut taken = BytesMut::new();
        self.core.take_output(&mut taken);
        self.unwritten += taken.len();
        let mut at = self.core.queued() - taken.len() as u64;
        for message in messages(taken) {
            // A ping may have such a header too, and its answer then has it.
            if is_application(&message) && message.operation().is_some() {
                let index = frames::number(message.payload()).expect("it was put there");
                self.streams[index as usize].is_sent = true;
            }
            self.wire.client_wrote(&message, at);
            at += message.frame_len() as u64;
        }
    }

    fn write(&mut self, most: usize) {
        let len = most.min(self.unwritten);
        self.unwritten -= len;
        self.written += len as u64;
        self.core.wrote(len);
    }

    /// The driver has ended, and another begins.
    fn reconnect(&mut self) {
        if !self.core.is_closed() {
            return;
        }
        self.core.finish();
        self.is_finished = true;
        let queued = self.core.queued();
        if self.core.reconnect(&Connect::default()).expect("it is short") {
            // What was left over will not be written.
            self.written = queued;
            assert!(self.config.reconnects, "nobody asked for it");
            self.is_finished = false;
            self.unwritten = 0;
            self.wire = Wire::default();
            self.input.clear();
            self.arriving.clear();
        }
    }

    fn poll_reply(&mut self, at: usize) {
        self.wake();
        let (core, stream) = (&mut self.core, &mut self.streams[at]);
        let reply = stream.task.poll(&mut stream.reply, |cx| core.poll_reply(stream.key, cx));
        let Poll::Ready(reply) = reply else {
            assert!(!stream.is_forgotten && !stream.has_reply);
            return;
        };
        match reply {
            Ok(message) => {
                assert!(!stream.has_reply, "there is one reply");
                assert!(!stream.is_forgotten, "nobody waits for it");
                assert!(is_application(&message));
                stream.has_reply = true;
            }
            Err(Failure::Lost { error, request_written }) => {
                // What this side closes is still written.
                let is_ours = matches!(error, ConnectionError::Closed);
                assert!(is_ours || request_written == stream.is_sent, "{error:?}");
            }
            Err(Failure::Timeout | Failure::NoResponse) => {}
        }
    }

    /// Whether there was something.
    fn poll_event(&mut self, at: usize) -> Option<usize> {
        self.wake();
        let (core, stream) = (&mut self.core, &mut self.streams[at]);
        let next = stream.task.poll(&mut stream.event, |cx| core.poll_event(stream.key, cx));
        let next = match next {
            Poll::Pending => {
                assert!(!stream.is_over, "nothing comes any more, and nobody says so");
                return None;
            }
            Poll::Ready(None) => return None,
            Poll::Ready(Some(next)) => next,
        };
        assert!(!stream.is_over, "nobody wants {next:?}");
        assert!(stream.is_subscription, "a call has no events: {next:?}");
        match next {
            Next::Message(message) => {
                assert!(is_application(&message));
                if let Some(number) = frames::number(message.payload()) {
                    assert!(stream.last_event < Some(number), "events come in their order");
                    stream.last_event = Some(number);
                }
                Some(message.frame_len())
            }
            Next::Dropped(count) => {
                assert!(count > 0);
                assert!(matches!(stream.overflow, Overflow::DropOldest | Overflow::LatestOnly));
                Some(0)
            }
            Next::Lagged { .. } => {
                assert_eq!(stream.overflow, Overflow::End);
                Some(0)
            }
            Next::Disconnected | Next::Resubscribed => {
                assert!(self.config.reconnects);
                Some(0)
            }
            Next::Failed(_) => Some(0),
        }
    }

    /// The connection ends, and so does everything else.
    fn finish(&mut self) {
        self.take();
        self.write(usize::MAX);
        self.core.fail(ConnectionError::ClosedByPeer);
        self.core.give_up(ConnectionError::ClosedByPeer);
        self.take();
        self.core.finish();
        assert!(self.core.is_closed() && !self.core.wants_input());
        self.wake();
        let core = &mut self.core;
        assert!(self.listener.poll(&mut self.closed, |cx| core.poll_closed(cx)).is_ready());
        for Waiter { place, task, room } in &mut self.waiters {
            assert!(task.poll(room, |cx| core.poll_room(place, cx)).is_ready());
            core.leave(place);
        }
        assert!(self.core.poll_connected(&cx()).is_ready());
        let queued = self.core.queued();
        assert!(self.core.poll_written(queued, &cx()).is_ready());
        for number in std::mem::take(&mut self.pings) {
            assert!(self.core.poll_pong(number, &cx()).is_ready(), "a ping is never answered");
        }
        for at in 0..self.streams.len() {
            let key = self.streams[at].key;
            self.poll_reply(at);
            assert!(!self.streams[at].reply.is_waiting(), "a call never ends");
            self.drain(at);
            assert!(!self.core.is_open(key));
            self.core.forget(key);
        }
        assert_eq!(self.core.next_deadline(), None, "nothing is left to wait for");
        let mut events = 0;
        while let Poll::Ready(Some(_)) = self.core.poll_connection_event(&cx()) {
            events += 1;
        }
        assert!(events < 2000, "{events} events wait");
        assert!(matches!(self.core.poll_connection_event(&cx()), Poll::Ready(None)));
    }

    /// Reads what is left of a stream, which is no more than may wait.
    fn drain(&mut self, at: usize) {
        let mut waiting = 0;
        let mut count = 0;
        while let Some(len) = self.poll_event(at) {
            waiting += len;
            count += 1;
            assert!(count < 100_000, "it never ends");
        }
        let stream = &self.streams[at];
        if let Some(limit) = stream.limit {
            // One that is over the limit by itself, and an error in the place of the last event.
            let most = limit.max(self.largest) + 2 * self.largest;
            assert!(waiting <= most, "{waiting} bytes wait, and {limit} may");
        }
        assert!(matches!(self.core.poll_event(stream.key, &cx()), Poll::Ready(None)));
    }
}

pub(crate) fn is_application(message: &RpcMessage) -> bool {
    matches!(message.message_type, MessageType::ApplicationMessage | MessageType::ApplicationError)
}
