//! The client's side of a connection, as a value.
//!
//! [`Core`] takes the bytes that arrive and the calls that are made, and has the bytes to send, the
//! results of the calls and the next point in time at which something is due. Behind a lock it can be
//! shared: a call takes its stream id and writes its request in one step, so that ids go out in order and
//! none is lost when a caller is dropped. Payloads are opaque here.
//!
//! A core outlives its socket if it is told to: after an outage it starts over with another, and opens the
//! subscriptions again that were open.

mod calls;
mod config;
mod item;
mod queue;
mod receive;
mod stream;
#[cfg(test)]
mod tests;

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};

use super::{
    Endpoint, MessageType, Outgoing, StreamId,
    endpoint::{Settings, State},
    header,
    numbers::NumberMap,
    ping_text,
    queue::Queue,
    waiting::Until,
};
use crate::{
    error::{ConnectError, ConnectionError, EncodeError},
    frame::{Decoder, Header},
};

pub use super::output::Mark;
pub use config::{Config, Connect, ConnectionEvent, Request};
pub use item::{Next, Notice, SubscriptionItem};
use stream::Stream;
pub use stream::{Failure, Key};

/// The client's side of a connection.
pub type Core = Endpoint<Client>;

/// The role of a client.
#[derive(Debug, Default)]
pub struct Client {
    config: Config,
    /// What the server said to the connect message, once it has.
    is_accepted: Option<bool>,
    /// Whether a server has ever accepted.
    was_open: bool,
    streams: NumberMap<Key, Stream>,
    keys: NumberMap<StreamId, Key>,
    next_key: u64,
    next_id: Option<i32>,
    deadlines: BinaryHeap<Reverse<(Instant, Key)>>,
    /// How many pings have been sent, on all connections so far.
    pings: u64,
    /// How many of them have been answered, or were lost with earlier connections.
    pongs: u64,
    /// How many streams are of operations with one response.
    calls: usize,
    answers: Answers,
    /// Why the connection was lost for the last time.
    lost_by: Option<ConnectionError>,
    events: Queue<ConnectionEvent>,
    records_events: bool,
    /// An error of the other side has been recorded, and the application has not said whether it is the end.
    has_unjudged_error: bool,
    /// The error that the other side reported, if it has sent nothing since: why it closes, if it does.
    last_error: Option<ConnectionError>,
}

/// The answers to the pings of the server, which may not pile up.
#[derive(Debug, Default)]
struct Answers {
    /// How many bytes of them have been queued since all were last written.
    queued: u64,
    /// Where the last of them ends in the output.
    end: u64,
    /// How many of the bytes, at most, had not been written before what was read last.
    unread: u64,
}

/// A ping that has been sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ping {
    /// The connection that it was sent on.
    generation: u32,
    number: u64,
}

impl Core {
    /// A connection that is about to introduce itself.
    ///
    /// # Errors
    ///
    /// A connect message over the limits of the encoding.
    pub fn new(config: Config, connect: &Connect) -> Result<Self, EncodeError> {
        let frame = connect.encode()?;
        let settings = Settings {
            max_frame_len: config.max_frame_len,
            write_queue_limit: config.write_queue_limit,
            reply_queue_limit: usize::MAX,
            frame_timeout: config.frame_timeout,
        };
        let role = Client { config, next_id: Some(1), ..Client::default() };
        let mut core = Self::with_role(role, settings, Decoder::default());
        core.output.introduce(&frame);
        Ok(core)
    }

    /// Keeps what happens to the connection for [`poll_connection_event`](Self::poll_connection_event).
    pub fn record_events(&mut self) {
        self.role.records_events = true;
    }

    /// Whether the server has accepted the connection; the error says why not.
    pub fn poll_connected(&mut self, cx: &Context<'_>) -> Poll<Result<(), ConnectError>> {
        match (self.role.is_accepted, self.ended()) {
            // It may have ended since: whatever is tried on it then says why.
            (Some(true), _) => Poll::Ready(Ok(())),
            (Some(false), _) => Poll::Ready(Err(ConnectError::Rejected)),
            (None, Some(ConnectionError::ClosedByPeer)) => {
                Poll::Ready(Err(ConnectError::ClosedDuringHandshake))
            }
            (None, Some(error)) => Poll::Ready(Err(ConnectError::Handshake(error.clone()))),
            (None, None) => self.output.waiting.wait(Until::Change, cx),
        }
    }

    /// Sends a ping, with a header of its own and a payload; its answer has come when
    /// [`poll_pong`](Self::poll_pong) says so.
    ///
    /// # Errors
    ///
    /// The connection is not open.
    pub fn ping(&mut self) -> Result<Ping, ConnectionError> {
        match &self.state {
            State::Open => {}
            State::Closed(error) => return Err(error.clone()),
            State::Down(_) | State::Connecting => return Err(ConnectionError::Reconnecting),
        }
        self.role.pings += 1;
        let text = ping_text(self.role.pings);
        let headers = [Header::new(header::PING, text.as_str().into())];
        let head = Outgoing::of_connection(MessageType::Ping);
        self.output.write_control(&head, &headers, text.as_bytes());
        Ok(Ping { generation: self.output.generation, number: self.role.pings })
    }

    /// Whether the answer to a ping has come. Answers come in the order of the pings. A ping on a connection that
    /// has been replaced since counts as lost.
    pub fn poll_pong(&mut self, ping: Ping, cx: &Context<'_>) -> Poll<Result<(), ConnectionError>> {
        let is_current = ping.generation == self.output.generation;
        if is_current && self.role.pongs >= ping.number {
            Poll::Ready(Ok(()))
        } else if !is_current || self.is_closed() {
            Poll::Ready(Err(self.loss()))
        } else {
            self.output.waiting.wait(Until::Change, cx)
        }
    }

    /// What has been queued so far: what [`poll_written`](Self::poll_written) waits for.
    pub fn queued(&self) -> Mark {
        self.output.mark()
    }

    /// Whether there is something to [take](Self::take_output).
    pub fn has_output(&self) -> bool {
        self.output.has_frames()
    }

    /// As [`poll_written`](Self::poll_written), and fails as well if something that was queued before was discarded
    /// when the connection was lost, unless an earlier call has reported it.
    pub fn poll_flushed(
        &mut self,
        mark: Mark,
        cx: &Context<'_>,
    ) -> Poll<Result<(), ConnectionError>> {
        let written = ready!(self.poll_written(mark, cx));
        Poll::Ready(match self.output.take_loss(mark) {
            Some(error) => Err(error),
            None => written,
        })
    }

    /// Whether everything before the mark has been written. On a connection before the last it counts as lost.
    pub fn poll_written(
        &mut self,
        mark: Mark,
        cx: &Context<'_>,
    ) -> Poll<Result<(), ConnectionError>> {
        match self.output.is_written(mark) {
            Some(true) => Poll::Ready(Ok(())),
            Some(false) => Poll::Ready(Err(self.loss())),
            None => self.output.waiting.wait(Until::Written(mark.bytes()), cx),
        }
    }

    /// The error of something that was on its way when the connection was lost.
    fn loss(&self) -> ConnectionError {
        match (self.ended(), &self.role.lost_by) {
            (None | Some(ConnectionError::Closed), Some(error)) => error.clone(),
            (Some(error), _) => error.clone(),
            (None, None) => ConnectionError::Reconnecting,
        }
    }

    /// Why the connection ended, once it has for good.
    pub fn poll_closed(&mut self, cx: &Context<'_>) -> Poll<ConnectionError> {
        match &self.state {
            State::Closed(error) => Poll::Ready(error.clone()),
            _ => self.output.waiting.wait(Until::End, cx),
        }
    }

    /// What happened to the connection; `None` after the last.
    pub fn poll_connection_event(&mut self, cx: &Context<'_>) -> Poll<Option<ConnectionEvent>> {
        match self.role.events.pop() {
            Some(event) => Poll::Ready(Some(event)),
            None if matches!(self.state, State::Closed(_)) => Poll::Ready(None),
            None => self.output.waiting.wait(Until::Change, cx),
        }
    }

    fn record(&mut self, event: ConnectionEvent) {
        if self.role.records_events {
            self.role.events.push(event);
            self.output.wake_waiting();
        }
    }

    /// Ends the connection because of an error that the other side reported, unless it has been lost
    /// since.
    pub fn judge(&mut self, error: ConnectionError) {
        if self.role.has_unjudged_error {
            self.fail(error);
        }
    }

    /// Closes the connection from this side: ends every stream, on the wire as well.
    pub fn close(&mut self) {
        let mut open: Vec<_> = self.role.keys.iter().map(|(id, key)| (*id, *key)).collect();
        open.sort_unstable();
        for (_, key) in open {
            self.terminate(key);
        }
        self.fail(ConnectionError::Closed);
    }

    /// Ends everything that is open: for good, or until the connection returns.
    pub(super) fn lose(&mut self, error: ConnectionError) {
        let is_ours = matches!(error, ConnectionError::Closed);
        let (was_open, was_down) = match self.state {
            State::Closed(_) => return,
            // Only the end can follow.
            State::Down(_) if !is_ours => return,
            State::Down(_) => (false, true),
            State::Open => (true, false),
            State::Connecting => (false, false),
        };
        let error = match self.role.last_error.take() {
            Some(reason) if matches!(error, ConnectionError::ClosedByPeer) => reason,
            _ => error,
        };
        if !was_down {
            self.role.lost_by = Some(error.clone());
        }
        let may_return = self.role.config.reconnects && self.role.was_open && !is_ours;
        // What this side closes is written to the end first; anything else is over now.
        let written = if is_ours { self.output.queued } else { self.output.taken };
        self.lose_streams(&error, written, may_return);
        if !is_ours {
            self.output.discard();
        }
        self.role.keys.clear();
        self.frame_timer = None;
        self.role.has_unjudged_error = false;
        if was_open {
            self.record(ConnectionEvent::Disconnected((!is_ours).then(|| error.clone())));
        }
        self.state = if may_return { State::Down(error) } else { State::Closed(error) };
        self.output.wake_all();
        self.output.wake_driver();
    }

    fn lose_streams(&mut self, error: &ConnectionError, written: u64, may_return: bool) {
        for stream in self.role.streams.values_mut() {
            self.output.wake(stream.lose(error, written, may_return));
        }
    }

    /// Starts over with another socket, if the connection is down: introduces this side again. Whether
    /// it does.
    ///
    /// # Errors
    ///
    /// A connect message over the limits of the encoding.
    pub fn reconnect(&mut self, connect: &Connect) -> Result<bool, EncodeError> {
        let State::Down(error) = &self.state else { return Ok(false) };
        let frame = connect.encode()?;
        self.output.restart(error.clone());
        self.output.introduce(&frame);
        self.decoder = Decoder::default();
        self.role.pongs = self.role.pings;
        self.role.next_id = Some(1);
        self.role.is_accepted = None;
        self.state = State::Connecting;
        Ok(true)
    }

    /// An attempt to come back has failed. One that failed because this side has closed the connection is not
    /// reported.
    pub fn reconnect_failed(&mut self, error: &Arc<ConnectError>) {
        if !matches!(self.state, State::Closed(_)) {
            self.record(ConnectionEvent::ReconnectFailed(Arc::clone(error)));
        }
    }

    /// There will be no further attempt: ends a connection that is down, and one that is not with its loss.
    pub fn give_up(&mut self, error: ConnectionError) {
        self.role.config.reconnects = false;
        if let State::Down(_) = self.state {
            self.lose_streams(&error, self.output.taken, false);
            self.state = State::Closed(error);
            self.output.wake_all();
        }
    }

    /// Opens again what was open, in the order in which it was opened at first.
    pub(super) fn resubscribe(&mut self, now: Instant) {
        let streams = self.role.streams.iter();
        let mut waiting: Vec<(Key, _)> =
            streams.filter_map(|(key, it)| Some((*key, it.to_send_again()?))).collect();
        waiting.sort_unstable_by_key(|(key, _)| *key);
        let deadline = now.checked_add(self.role.config.resubscribe_timeout);
        for (key, request) in waiting {
            let sent = self.send_again(&request);
            let Some(stream) = self.role.streams.get_mut(&key) else { continue };
            match sent {
                Ok(id) => {
                    stream.sent_again(id, deadline);
                    self.role.keys.insert(id, key);
                    self.role.deadlines.extend(deadline.map(|it| Reverse((it, key))));
                }
                // It was sent before, within the same limits; if it cannot be sent now, the stream ends.
                Err(_) => {
                    let error = ConnectionError::Reconnecting;
                    self.output.wake(stream.lose(&error, 0, false));
                }
            }
        }
    }
}
