//! Invariants of the client core under arbitrary messages of a server and operations of an application.

mod driver;
mod streams;

use std::{
    task::Poll,
    time::{Duration, Instant},
};

use bytes::BytesMut;
use eventstream_rpc::{
    error::{ConnectError, ConnectionError},
    protocol::{
        MessageType, RpcMessage,
        client::{Config, Connect, ConnectionEvent, Core, Mark, Ping},
    },
};

use crate::invariants::{
    Input,
    frames::{self, InFlight},
    seal,
    task::{Task, Wait, Waiter, check_room, cx, wake},
    wire::Wire,
};

use streams::Stream;

/// A connect-ack that accepts the client.
fn connect_ack() -> BytesMut {
    frames::control(MessageType::ConnectAck, 1)
}

/// A client core with the state that the checks need.
struct Client {
    core: Core,
    config: Config,
    now: Instant,
    arriving: InFlight,
    input: BytesMut,
    /// The number of messages that the server has sent.
    number: u32,
    /// The number of streams that were opened on this connection.
    opened: i32,
    /// The length of the largest received message, in bytes.
    largest: usize,
    /// When the first byte of the incomplete message at the front of the input arrived.
    begun_at: Option<Instant>,
    wire: Wire,
    streams: Vec<Stream>,
    /// The number of bytes that the driver has taken from the core and has not written.
    unwritten: usize,
    written: u64,
    /// The written part of an incomplete message.
    begun: BytesMut,
    /// The position, in bytes queued, of the end of `begun`.
    at: u64,
    is_direct: bool,
    pings: Vec<Ping>,
    /// The position that a flush waits for.
    mark: Mark,
    /// The position of the end of the current connect message.
    connect_end: u64,
    /// Whether queued messages were discarded and no flush has reported that.
    has_loss: bool,
    /// The position up to which a flush has reported its result.
    flushed: u64,
    is_finished: bool,
    /// The task that waits for connection events and for the end of the connection.
    listener: Task,
    event: Wait,
    closed: Wait,
    waiters: [Waiter; 3],
}

/// Runs a client core with operations derived from `data` and checks that
///
/// - nothing panics,
/// - the output decodes and follows the protocol rules (see `wire`),
/// - each call has one outcome, which reports correctly whether the request was written,
/// - a flush reports whether messages were discarded,
/// - events are delivered in order, and event queues keep their limits,
/// - the end of the connection ends all operations.
///
/// The first byte selects the configuration. Each further byte selects an operation and is followed by its arguments.
pub fn client_core(data: &[u8]) {
    let mut input = Input::new(data);
    let mut client = Client::new(&mut input);
    while !input.is_empty() {
        client.step(&mut input);
        if std::mem::take(&mut client.is_direct) {
            client.write_directly(input.byte().into());
        }
        wake(&mut client.core);
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
        let mut core =
            Core::new(config, &Connect::default()).expect("the connect message is short");
        if how & 16 != 0 {
            core.record_events();
        }
        let mut client = Self {
            mark: core.queued(),
            core,
            config,
            now: Instant::now(),
            arriving: InFlight::default(),
            input: BytesMut::new(),
            number: 0,
            opened: 0,
            largest: 0,
            begun_at: None,
            wire: Wire::default(),
            streams: Vec::new(),
            unwritten: 0,
            written: 0,
            begun: BytesMut::new(),
            at: 0,
            is_direct: false,
            pings: Vec::new(),
            connect_end: 0,
            has_loss: false,
            flushed: 0,
            is_finished: false,
            listener: Task::default(),
            event: Wait::default(),
            closed: Wait::default(),
            waiters: Default::default(),
        };
        client.connect_end = client.core.queued().0;
        // Most operations require a completed handshake.
        if how & 32 == 0 {
            client.arriving.push(&connect_ack());
            client.arrive(usize::MAX);
        }
        client
    }

    fn step(&mut self, input: &mut Input<'_>) {
        let what = input.byte();
        self.is_direct = what & 128 != 0 && what % 32 < 6;
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
                let message = frames::of_server(input, self.number, self.opened);
                self.number += 1;
                self.arriving.push(&message);
                if what & 64 == 0 {
                    self.arrive(usize::MAX);
                }
            }
            16 | 17 => self.arrive(input.short().into()),
            18 if what & 224 == 224 => {
                let len = input.short();
                self.arriving.push(&seal(input.bytes(len.into())));
                self.arrive(usize::MAX);
            }
            19 if what & 224 == 224 => {
                let len = input.short();
                self.arriving.push(input.bytes(len.into()));
                self.arrive(usize::MAX);
            }
            18..=20 => {
                // A second connect-ack ends the connection.
                if !self.is_open() || what & 224 == 224 {
                    self.arriving.push(&connect_ack());
                    self.arrive(usize::MAX);
                }
            }
            21 => {
                self.now += Duration::from_millis(input.short().into());
                self.core.expire(self.now);
                assert!(self.core.next_deadline().is_none_or(|it| it > self.now));
            }
            22 | 23 => self.take(),
            24 | 25 => self.write(input.short().into()),
            26 if what & 224 == 224 => self.core.fail(ConnectionError::ClosedByPeer),
            26 => self.take(),
            27 => self.reconnect(),
            28 => match self.core.ping() {
                Ok(ping) => self.pings.push(ping),
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
            _ if what & 96 == 96 => self.flush(),
            _ if what & 32 != 0 => {
                let _ = self.core.poll_written(self.mark, &cx());
                if input.byte() % 2 == 0 {
                    self.mark = self.core.queued();
                }
            }
            _ => {
                let at = input.index(self.waiters.len());
                self.waiters[at].step(&mut self.core, what & 64 != 0);
            }
        }
    }

    fn check(&mut self) {
        assert_eq!(self.core.wants_input(), !self.core.is_closed(), "an open client always reads");
        let waiting = self.core.queued().0 - self.written;
        if self.is_open() && waiting <= self.config.write_queue_limit as u64 {
            check_room(&self.waiters);
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

    /// Delivers at most `limit` of the sent bytes, message by message.
    fn arrive(&mut self, limit: usize) {
        let mut left = limit;
        while self.core.wants_input() && left > 0 && !self.arriving.is_empty() {
            let taken = self.arriving.take(&self.input, left);
            left -= taken.len().min(left);
            self.input.extend_from_slice(&taken);
            let before = self.input.len();
            self.receive();
            self.check_frame(self.input.len() < before);
            if taken.is_empty() {
                break;
            }
        }
    }

    fn receive(&mut self) {
        let message = frames::peek(&self.input);
        let (before, queued, was_closed) =
            (self.input.len(), self.core.queued().0, self.core.is_closed());
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

    /// Checks that the frame timeout runs exactly while a message is incomplete.
    fn check_frame(&mut self, is_whole: bool) {
        if !self.is_open() || self.input.is_empty() || !self.core.wants_input() {
            self.begun_at = None;
        } else if is_whole || self.begun_at.is_none() {
            self.begun_at = Some(self.now);
        }
        // The deadline is checked at intervals of a sixteenth of the timeout.
        let latest = self.now + self.config.frame_timeout / 16;
        let due = self.core.frame_deadline();
        assert_eq!(due.is_some(), self.begun_at.is_some());
        assert!(due.is_none_or(|it| it <= latest));
    }

    /// Ends the connection and checks that all operations end.
    fn finish(&mut self) {
        self.take();
        self.write(usize::MAX);
        self.core.fail(ConnectionError::ClosedByPeer);
        self.core.give_up(ConnectionError::ClosedByPeer);
        self.take();
        self.core.finish();
        assert!(self.core.is_closed() && !self.core.wants_input());
        wake(&mut self.core);
        let core = &mut self.core;
        assert!(self.listener.poll(&mut self.closed, |cx| core.poll_closed(cx)).is_ready());
        self.waiters.iter_mut().for_each(|it| it.ends(core));
        assert!(self.core.poll_connected(&cx()).is_ready());
        let queued = self.core.queued();
        for mark in [self.mark, queued] {
            assert!(self.core.poll_written(mark, &cx()).is_ready());
        }
        self.flush();
        for ping in std::mem::take(&mut self.pings) {
            assert!(self.core.poll_pong(ping, &cx()).is_ready(), "a ping does not end");
        }
        for at in 0..self.streams.len() {
            let key = self.streams[at].key;
            self.poll_reply(at);
            assert!(!self.streams[at].reply.is_waiting(), "a call does not end");
            self.drain(at);
            assert!(!self.core.is_open(key));
            self.core.forget(key);
        }
        assert_eq!(self.core.next_deadline(), None, "no deadline is left");
        let mut events = 0;
        while let Poll::Ready(Some(_)) = self.core.poll_connection_event(&cx()) {
            events += 1;
        }
        assert!(events < 2000, "{events} connection events are queued");
        assert!(matches!(self.core.poll_connection_event(&cx()), Poll::Ready(None)));
    }
}

pub(crate) fn is_application(message: &RpcMessage) -> bool {
    matches!(message.message_type, MessageType::ApplicationMessage | MessageType::ApplicationError)
}
