//! Scenarios for shuttle: threads that share a connection of the blocking client.

use std::{future::poll_fn, time::Instant};

use bytes::BytesMut;
use shuttle::thread::{self, JoinHandle};

use super::{
    background::BackgroundUse,
    link::Link,
    socket::{Interest, Socket},
};
use crate::{
    error::ConnectionError,
    frame::{Decoder, Limits},
    options::SubscribeOptions,
    protocol::{
        MessageFlags, MessageType, Outgoing, RpcMessage, StreamId,
        client::{Config, Connect, Core, Failure, Key, Request, SubscriptionItem},
    },
    session::{self, Runtime},
    sync::Arc,
};

/// The length of a large request, in bytes: several times the capacity of a socket.
const LARGE: usize = 300;

const END: i32 = MessageFlags::TERMINATE_STREAM.0;

/// The server at the other end of a connection.
struct Peer {
    socket: Socket,
    decoder: Decoder,
    input: BytesMut,
}

impl Peer {
    /// The next message; `None` after the last.
    fn read(&mut self) -> Option<RpcMessage> {
        loop {
            if let Some(frame) = self.decoder.decode(&mut self.input).unwrap() {
                return Some(RpcMessage::read(frame).unwrap());
            }
            self.socket.poll(Interest::Input, None, None);
            let mut buffer = [0; 100];
            match self.socket.receive(&mut buffer) {
                Ok(0) => break,
                Ok(len) => self.input.extend_from_slice(&buffer[..len]),
                // No other thread reads from this socket.
                Err(error) => panic!("{error}"),
            }
        }
        assert!(self.input.is_empty(), "only whole messages are written");
        None
    }

    /// Reads until so many requests and ends of streams have arrived; returns the stream ids of the requests.
    fn expect(&mut self, requests: usize, ends: usize) -> Vec<i32> {
        let (mut streams, mut ended) = (Vec::new(), 0);
        while streams.len() < requests || ended < ends {
            let message = self.read().expect("the connection is open");
            match message.flags.0 {
                END => ended += 1,
                _ => streams.push(message.stream_id.0),
            }
        }
        streams
    }

    fn write(&mut self, message_type: MessageType, flags: i32, stream: i32) {
        let (flags, stream_id) = (MessageFlags(flags), StreamId(stream));
        let message = Outgoing { message_type, flags, ..Outgoing::of_stream(stream_id, "x") };
        let mut bytes = BytesMut::new();
        message.start(&mut bytes, Limits::DEFAULT, &[]).unwrap().finish().unwrap();
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            match self.socket.send(rest) {
                Ok(len) => rest = &rest[len..],
                // The client has to read first.
                Err(_) => thread::yield_now(),
            }
        }
    }

    fn respond(&mut self, stream: i32) {
        self.write(MessageType::ApplicationMessage, END, stream);
    }
}

/// An open connection and its server.
fn open() -> (Arc<Link>, Peer) {
    let (socket, other) = Socket::pair();
    let core = Core::new(Config::default(), &Connect::default()).unwrap();
    let link = Arc::new(Link::new(core, None));
    link.attach(socket, |_| Ok(true)).unwrap();
    let mut peer = Peer { socket: other, decoder: Decoder::default(), input: BytesMut::new() };
    let flags = MessageFlags::CONNECTION_ACCEPTED.0;
    peer.write(MessageType::ConnectAck, flags, 0);
    let connected = link.shared.poll(|core, cx| core.poll_connected(cx));
    link.wait(connected).unwrap();
    peer.read().expect("the connect message");
    (link, peer)
}

fn request(link: &Link, len: usize, subscribe: Option<&SubscribeOptions>) -> Key {
    let request = Request {
        operation: "o",
        request_shape: "q",
        response_shape: "x",
        deadline: None,
        subscribe,
    };
    let payload = |dst: &mut BytesMut| {
        dst.extend_from_slice(&vec![b' '; len]);
        Ok(())
    };
    link.shared.with(|core| core.open(&request, payload)).unwrap()
}

fn forget(link: &Arc<Link>, key: Key) {
    link.update(|core| core.forget(key));
}

/// Makes a call with a deadline; `None` if the deadline has passed.
fn call(link: &Arc<Link>, len: usize, until: Option<Instant>) -> Option<Result<(), Failure>> {
    let key = request(link, len, None);
    let reply = poll_fn(|cx| link.shared.with(|core| core.poll_reply(key, cx)));
    let result = link.wait(session::until(link, until, reply));
    forget(link, key);
    result.map(|it| it.map(drop))
}

fn spawn_call(link: &Arc<Link>) -> JoinHandle<()> {
    let link = Arc::clone(link);
    thread::spawn(move || call(&link, 1, None).unwrap().unwrap())
}

fn time_out(link: &Arc<Link>) {
    assert!(call(link, LARGE, Some(Instant::now())).is_none());
}

/// Closes the connection as if its last handle were dropped, and waits until the server has read everything.
fn close(link: &Arc<Link>, mut peer: Peer) {
    link.start_closing();
    while peer.read().is_some() {}
}

/// A call times out when half of its request has been written, while another thread waits for a response. The server
/// responds when it has read the whole request.
pub fn the_rest_of_a_request_is_written_by_a_thread_that_waits() {
    let (link, mut peer) = open();
    let waiting = spawn_call(&link);
    let giving_up = thread::spawn({
        let link = Arc::clone(&link);
        move || time_out(&link)
    });
    let streams = peer.expect(2, 1);
    giving_up.join().unwrap();
    streams.into_iter().for_each(|it| peer.respond(it));
    waiting.join().unwrap();
    close(&link, peer);
}

/// The same without a thread that waits.
pub fn the_rest_of_a_request_is_written_though_no_thread_waits() {
    let (link, mut peer) = open();
    for _ in 0..2 {
        time_out(&link);
        peer.expect(1, 1);
    }
    close(&link, peer);
}

/// A connection that is closed when half of a request has been written ends when the rest has been written.
pub fn a_connection_is_closed_when_the_rest_is_written() {
    let (link, mut peer) = open();
    time_out(&link);
    let closing = thread::spawn(move || link.start_closing());
    peer.expect(1, 1);
    assert!(peer.read().is_none());
    closing.join().unwrap();
}

/// Calls are answered in reverse order, and the leading thread hands over to the next.
pub fn the_lead_is_handed_over() {
    let (link, mut peer) = open();
    let mut waiting: Vec<_> = (0..3).map(|_| spawn_call(&link)).collect();
    let mut streams = peer.expect(3, 0);
    // Another call starts while the others end.
    waiting.push(spawn_call(&link));
    streams.reverse();
    streams.into_iter().for_each(|it| peer.respond(it));
    let last = peer.expect(1, 0);
    peer.respond(last[0]);
    waiting.into_iter().for_each(|it| it.join().unwrap());
    close(&link, peer);
}

/// The background thread reads the events of a subscription while other threads make calls, and ends with it.
pub fn the_background_thread_leads_when_no_other_does() {
    let (link, mut peer) = open();
    let background = BackgroundUse::new(&link).unwrap();
    let key = request(&link, 1, Some(&SubscribeOptions::default()));
    link.update(|_| ());
    let stream = peer.expect(1, 0)[0];
    peer.write(MessageType::ApplicationMessage, 0, stream);
    let waiting = spawn_call(&link);
    // The ping is answered even if no other thread waits.
    peer.write(MessageType::Ping, 0, 0);
    let (mut has_answer, mut call) = (false, None);
    while !has_answer || call.is_none() {
        let message = peer.read().expect("the connection is open");
        match message.message_type {
            MessageType::PingResponse => has_answer = true,
            _ => call = Some(message.stream_id.0),
        }
    }
    peer.write(MessageType::ApplicationMessage, 0, stream);
    peer.respond(call.unwrap());
    waiting.join().unwrap();
    let event = poll_fn(|cx| link.shared.with(|core| core.poll_event(key, cx)));
    assert!(matches!(link.wait(event), Some(Ok(SubscriptionItem::Event(_)))));
    forget(&link, key);
    drop(background);
    peer.expect(0, 1);
    close(&link, peer);
}

/// Closing ends the calls of all threads, no matter which thread leads.
pub fn closing_ends_what_other_threads_wait_for() {
    let (link, mut peer) = open();
    let waiting: Vec<_> = (0..2)
        .map(|_| {
            let link = Arc::clone(&link);
            thread::spawn(move || {
                let failure = call(&link, 1, None).unwrap().unwrap_err();
                let Failure::Lost { error, .. } = failure else { panic!("{failure:?}") };
                assert!(matches!(error, ConnectionError::Closed));
            })
        })
        .collect();
    peer.expect(2, 0);
    let closing = thread::spawn({
        let link = Arc::clone(&link);
        move || link.close()
    });
    while peer.read().is_some() {}
    closing.join().unwrap().unwrap();
    waiting.into_iter().for_each(|it| it.join().unwrap());
}
