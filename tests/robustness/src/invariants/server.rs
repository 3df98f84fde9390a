//! Invariants of the server core under arbitrary messages of a client and operations of a service.

mod service;

use std::{
    task::Poll,
    time::{Duration, Instant},
};

use bytes::BytesMut;
use eventstream_rpc::{
    error::{ConnectionError, Unhandled},
    protocol::{
        MessageType, RpcMessage, SendError,
        server::{Answer, Config, Core},
    },
};

use crate::invariants::{
    Input,
    client::is_application,
    frames::{self, InFlight, RESPONSE},
    seal,
    task::{Task, Wait, Waiter, check_room, cx, wake},
    wire::{Wire, messages},
};

use service::Served;

/// A server core with the state that the checks need.
struct Server {
    core: Core,
    config: Config,
    now: Instant,
    arriving: InFlight,
    input: BytesMut,
    number: u32,
    largest: usize,
    wire: Wire,
    served: Vec<Served>,
    /// The total number of bytes taken from the core.
    taken: u64,
    /// The number of taken bytes that have not been written.
    unwritten: usize,
    /// Whether the connect message was received.
    has_connect: bool,
    /// The task that waits for the connect message and for requests.
    service: Task,
    incoming: Wait,
    /// The tasks that wait for queue capacity for events and for replies.
    waiters: [[Waiter; 3]; 2],
    /// The task that reads, while the core does not want input.
    reader: Task,
    reading: Wait,
}

/// Runs a server core with operations derived from `data` and checks that
///
/// - nothing panics,
/// - the output decodes and follows the protocol rules (see `wire`),
/// - each request is delivered once, in the order of the stream ids, and the limit of streams is kept,
/// - a client's events are delivered in order, and event queues keep their limits,
/// - tasks that wait for queue capacity or for reading are woken,
/// - the end of the connection ends all operations.
///
/// The first byte selects the configuration. Each further byte selects an operation and is followed by its arguments.
pub fn server_core(data: &[u8]) {
    let mut input = Input::new(data);
    let mut server = Server::new(&mut input);
    while !input.is_empty() {
        server.step(&mut input);
        server.take();
        wake(&mut server.core);
        server.check();
    }
    server.finish();
}

impl Server {
    fn new(input: &mut Input<'_>) -> Self {
        let how = input.byte();
        let mut config = Config::default();
        config.max_streams = if how & 1 != 0 { 2 } else { 10_000 };
        config.write_queue_limit = if how & 2 != 0 { 300 } else { 1024 * 1024 };
        config.max_frame_len = if how & 4 != 0 { 250 } else { 24 * 1024 * 1024 };
        config.reply_queue_limit = if how & 32 != 0 { 600 } else { 16 * 1024 * 1024 };
        config.event_queue_limit = if how & 8 != 0 { 2_000 } else { 16 * 1024 * 1024 };
        let now = Instant::now();
        let mut server = Self {
            core: Core::new(config, now),
            config,
            now,
            arriving: InFlight::default(),
            input: BytesMut::new(),
            number: 0,
            largest: 0,
            wire: Wire::default(),
            served: Vec::new(),
            taken: 0,
            unwritten: 0,
            has_connect: false,
            service: Task::default(),
            incoming: Wait::default(),
            waiters: [Default::default(), [(); 3].map(|()| Waiter::of_reply())],
            reader: Task::default(),
            reading: Wait::default(),
        };
        // Most operations require a completed handshake.
        if how & 16 == 0 {
            server.arriving.push(&frames::control(MessageType::Connect, 0));
            server.arrive(usize::MAX);
            server.poll_incoming();
            server.core.accept();
            server.take();
        }
        server
    }

    fn step(&mut self, input: &mut Input<'_>) {
        let what = input.byte();
        match what % 32 {
            0..=5 => {
                let message = frames::of_client(input, self.number, self.wire.last_id);
                self.number += 1;
                self.arriving.push(&message);
                if what & 64 == 0 {
                    self.arrive(usize::MAX);
                }
            }
            6 | 7 => self.arrive(input.short().into()),
            8 if what & 224 == 224 => {
                let len = input.short();
                self.arriving.push(&seal(input.bytes(len.into())));
                self.arrive(usize::MAX);
            }
            9 if what & 224 == 224 => {
                let len = input.short();
                self.arriving.push(input.bytes(len.into()));
                self.arrive(usize::MAX);
            }
            // A second connect message ends the connection.
            10 if !self.has_connect || what & 224 == 224 => {
                self.arriving.push(&frames::control(MessageType::Connect, 0));
                self.arrive(usize::MAX);
            }
            8..=13 => {
                self.poll_incoming();
            }
            14..=16 => self.with_served(input, Self::respond),
            17..=19 => self.with_served(input, Self::send_event),
            20 => self.with_served(input, |server, at| {
                let payload = if what & 128 != 0 { vec![b' '; 300].into() } else { "{}".into() };
                let json = Some("application/json");
                let error = Unhandled::from_reply(Some("test#Error"), json, payload);
                let sent = server.core.send_error(server.served[at].id, &error);
                assert!(sent.is_ok() || what & 128 != 0, "{sent:?}");
            }),
            21 => self.with_served(input, |server, at| {
                server.core.terminate(server.served[at].id);
            }),
            22 => self.with_served(input, |server, at| {
                server.core.expect_events(server.served[at].id, what & 32 == 0);
            }),
            23 => self.with_served(input, |server, at| {
                let id = server.served[at].id;
                match what >> 5 {
                    0..=2 => server.core.stop_reading(id),
                    3 | 4 => server.core.set_handler(id, true),
                    5 => server.core.set_handler(id, false),
                    6 => drop(server.core.poll_phase(id, &cx())),
                    _ => server.core.abandon(),
                }
            }),
            24 | 25 => self.with_served(input, |server, at| {
                server.poll_event(at);
            }),
            26 => {
                self.now += Duration::from_millis(input.short().into());
                self.core.expire(self.now);
                assert!(self.core.next_deadline().is_none_or(|it| it > self.now));
            }
            27 | 28 => {
                let len = usize::from(input.short()).min(self.unwritten);
                self.unwritten -= len;
                self.core.wrote(len);
            }
            // A client is accepted or rejected only after its connect message was received.
            29 if self.has_connect && what & 96 == 96 => self.core.refuse(),
            29 if self.has_connect => self.core.accept(),
            30 if what & 224 == 96 => self.core.drain(),
            30 if what & 128 != 0 => {
                let which = usize::from(what & 64 != 0);
                let at = input.index(self.waiters[which].len());
                self.waiters[which][at].step(&mut self.core, false);
            }
            30 => {
                let _ = self.core.poll_idle(&cx());
            }
            _ if what & 224 == 224 => self.core.fail(ConnectionError::ClosedByPeer),
            _ if what & 96 != 0 => {
                let which = usize::from(what & 64 != 0);
                let at = input.index(2 * self.waiters[which].len());
                let (at, gives_up) = (at / 2, at & 1 == 1);
                self.waiters[which][at].step(&mut self.core, gives_up);
            }
            _ => {
                let _ = self.core.poll_finished(&cx());
                let _ = self.core.missing(&self.input);
            }
        }
    }

    fn check(&mut self) {
        assert!(!self.core.is_closed() || !self.core.wants_input());
        let most = self.config.write_queue_limit;
        for (waiters, limit) in self.waiters.iter().zip([most, self.reply_limit()]) {
            if !self.core.is_closed() && self.unwritten <= limit {
                check_room(waiters);
            }
        }
        let is_asleep = self.reader.must_sleep(&self.reading);
        assert!(
            !self.core.wants_input() || !is_asleep,
            "the reader sleeps although the core wants input"
        );
    }

    fn reply_limit(&self) -> usize {
        self.config.reply_queue_limit.max(self.config.write_queue_limit)
    }

    fn with_served(&mut self, input: &mut Input<'_>, f: impl FnOnce(&mut Self, usize)) {
        if !self.served.is_empty() {
            let at = input.index(self.served.len());
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
            self.receive();
            // Takes the output for one message before the next arrives.
            self.take();
            if taken.is_empty() {
                break;
            }
        }
        self.register_driver();
    }

    /// Registers the waker of the driver if the core does not want input.
    fn register_driver(&mut self) {
        self.reading = Wait::default();
        if !self.core.wants_input() {
            let core = &mut self.core;
            let _ = self.reader.poll_early(&mut self.reading, |cx| {
                core.set_driver(cx);
                Poll::<()>::Pending
            });
        }
    }

    fn receive(&mut self) {
        let message = frames::peek(&self.input);
        let (before, was_closed) = (self.input.len(), self.core.is_closed());
        self.core.receive(&mut self.input, self.now);
        assert!(self.input.len() <= before);
        if was_closed || self.input.len() == before {
            return;
        }
        self.largest = self.largest.max(before);
        let Some(message) = message.filter(is_application) else { return };
        if self.has_connect && message.stream_id.0 > 0 {
            // The stream id counts as used even if the service does not receive the request.
            if message.stream_id.0 == self.wire.last_id + 1 && !self.core.is_closed() {
                self.wire.last_id += 1;
            }
            if message.is_terminating() {
                self.wire.peer_ended(message.stream_id.0, self.taken);
            }
        }
    }

    /// Takes all output immediately, so that the order of input and output is known.
    fn take(&mut self) {
        let mut taken = BytesMut::new();
        self.core.take_output(&mut taken);
        self.unwritten += taken.len();
        if !taken.is_empty() {
            // The driver was awake to take the output.
            self.register_driver();
        }
        for message in messages(taken) {
            self.wire.server_wrote(&message, self.taken);
            self.taken += message.as_bytes().len() as u64;
        }
    }

    /// Ends the connection and checks that all operations end.
    fn finish(&mut self) {
        let mut waiting = 0;
        while self.poll_incoming() {
            waiting += 1;
            assert!(waiting <= self.config.max_streams + 1, "too many requests are queued");
        }
        for at in 0..self.served.len() {
            let mut waiting = 0;
            while let Some(len) = self.poll_event(at) {
                waiting += len;
            }
            let one = self.largest + size_of::<RpcMessage>();
            let most = self.config.event_queue_limit.max(one);
            assert!(waiting <= most, "{waiting} bytes of events are queued");
        }
        self.core.fail(ConnectionError::ClosedByPeer);
        self.take();
        self.core.finish();
        assert!(self.core.is_closed() && !self.core.wants_input());
        assert!(!self.poll_incoming() && !self.incoming.is_waiting());
        self.waiters.iter_mut().flatten().for_each(|it| it.ends(&mut self.core));
        for served in &self.served {
            self.core.set_handler(served.id, false);
        }
        assert!(self.core.poll_idle(&cx()).is_ready());
        assert!(self.core.poll_finished(&cx()).is_ready());
        assert_eq!(self.core.next_deadline(), None);
        for at in 0..self.served.len() {
            assert!(self.poll_event(at).is_none());
            let served = &self.served[at];
            assert!(!served.event.is_waiting() && !served.ended.is_waiting());
            let sent = self.core.send(served.id, Answer::Response, RESPONSE, |_| Ok(()));
            assert!(matches!(sent, Err(SendError::StreamEnded)));
        }
        let mut left = BytesMut::new();
        self.core.take_output(&mut left);
        assert!(left.is_empty(), "output after the end of the connection");
    }
}
