//! The protocol state of a client's connection.
//!
//! The input of a [`Core`] are calls and the bytes that arrive; its output are the bytes to send, the results of the
//! calls and the next deadline. It can be shared behind a lock: a call takes its stream id and queues its request in
//! one step, so that ids are sent in order and none is lost when a caller is dropped. Payloads are not interpreted.
//!
//! If reconnecting is enabled, a core outlives its socket: after an outage it starts over with another one, and opens the
//! subscriptions again.

mod calls;
mod config;
mod item;
mod queue;
mod receive;
mod stream;
#[cfg(test)]
mod tests;

use std::{
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};

use super::{
    Endpoint, MessageType, Outgoing, StreamId,
    endpoint::{Settings, State},
    header,
    numbers::NumberMap,
    output, ping_text,
    queue::Queue,
    waiting::Until,
};
use crate::{
    error::{ConnectError, ConnectionError},
    frame::{Decoder, Header},
};

pub use super::output::Mark;
pub use config::{Config, Connect, ConnectionEvent, Request};
pub use item::{Next, Notice, SubscriptionItem};
use stream::Stream;
pub use stream::{Failure, Key};

/// The client's end of a connection.
pub type Core = Endpoint<Client>;

/// The role of a client.
#[derive(Debug, Default)]
pub struct Client {
    config: Config,
    /// Whether the server has accepted the connect message, once it has answered.
    is_accepted: Option<bool>,
    /// Whether any handshake has been accepted.
    was_open: bool,
    streams: NumberMap<Key, Stream>,
    /// The streams that are open on the current socket.
    keys: NumberMap<StreamId, Key>,
    next_key: u64,
    /// `None` when the ids are used up.
    next_id: Option<i32>,
    /// How many pings have been sent, on all connections so far.
    pings: u64,
    /// How many of them have been answered or were lost with earlier connections.
    pongs: u64,
    /// How many pings had been sent before the last reconnect.
    lost_pings: u64,
    /// How many of the streams are calls, not subscriptions.
    calls: usize,
    answers: Answers,
    /// Why the last connection was lost.
    lost_by: Option<ConnectionError>,
    events: Queue<ConnectionEvent>,
    records_events: bool,
    /// An error of the peer has been recorded, and the application has not judged it.
    has_unjudged_error: bool,
    /// The error that the peer reported, if it has sent nothing since. If it closes then, this is why.
    last_error: Option<ConnectionError>,
}

/// The answers to pings that have been queued and not written.
#[derive(Debug, Default)]
struct Answers {
    /// How many bytes of answers have been queued since all were written.
    queued: u64,
    /// The end of the last answer in the output.
    end: u64,
    /// How many bytes of the answers, at most, had not been written when input last arrived.
    unread: u64,
}

/// The number of a ping that has been sent, on all connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ping(u64);

impl Core {
    /// A connection whose connect message is to be sent.
    ///
    /// # Errors
    ///
    /// The connect message is too large.
    pub fn new(config: Config, connect: &Connect) -> Result<Self, ConnectError> {
        let settings = Settings {
            max_frame_len: config.max_frame_len,
            write_queue_limit: config.write_queue_limit,
            reply_queue_limit: usize::MAX,
            frame_timeout: config.frame_timeout,
        };
        let role = Client { config, next_id: Some(1), ..Client::default() };
        let mut core = Self::with_role(role, settings, Decoder::default());
        core.output.introduce(connect)?;
        Ok(core)
    }

    /// Records connection events for [`poll_connection_event`](Self::poll_connection_event).
    pub fn record_events(&mut self) {
        self.role.records_events = true;
    }

    /// Waits until the server has answered the connect message; the error says why it did not accept.
    pub fn poll_connected(&mut self, cx: &Context<'_>) -> Poll<Result<(), ConnectError>> {
        match (self.role.is_accepted, self.ended()) {
            // If it has ended since, the first call on it says why.
            (Some(true), _) => Poll::Ready(Ok(())),
            (Some(false), _) => Poll::Ready(Err(ConnectError::Rejected)),
            (None, Some(ConnectionError::ClosedByPeer)) => {
                Poll::Ready(Err(ConnectError::ClosedDuringHandshake))
            }
            (None, Some(error)) => Poll::Ready(Err(ConnectError::Handshake(error.clone()))),
            (None, None) => self.output.waiting.wait(Until::Change, cx),
        }
    }

    /// Sends a ping; [`poll_pong`](Self::poll_pong) waits for its answer.
    ///
    /// # Errors
    ///
    /// The connection is not open.
    pub fn ping(&mut self) -> Result<Ping, ConnectionError> {
        if !matches!(self.state, State::Open) {
            return Err(self.not_open());
        }
        self.role.pings += 1;
        let text = ping_text(self.role.pings);
        let headers = [Header::new(header::PING, text.as_str().into())];
        let head = Outgoing::of_connection(MessageType::Ping);
        self.output.write_control(&head, &headers, text.as_bytes());
        Ok(Ping(self.role.pings))
    }

    /// Waits for the answer to a ping. Answers arrive in the order of the pings. A ping that was sent before a reconnect
    /// counts as lost.
    pub fn poll_pong(&mut self, ping: Ping, cx: &Context<'_>) -> Poll<Result<(), ConnectionError>> {
        let is_lost = ping.0 <= self.role.lost_pings;
        if !is_lost && ping.0 <= self.role.pongs {
            Poll::Ready(Ok(()))
        } else if is_lost || self.is_closed() {
            Poll::Ready(Err(self.loss()))
        } else {
            self.output.waiting.wait(Until::Change, cx)
        }
    }

    /// The end of what has been queued so far, for [`poll_written`](Self::poll_written).
    pub fn queued(&self) -> Mark {
        Mark(self.output.queued)
    }

    /// Whether there is output to [take](Self::take_output).
    pub fn has_output(&self) -> bool {
        !self.output.buffer.is_empty()
    }

    /// As [`poll_written`](Self::poll_written), and reports frames before the mark that were discarded when a connection
    /// was lost. Each loss is reported once.
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

    /// Waits until everything before the mark has been written. A mark on a connection before the last one counts as lost.
    pub fn poll_written(
        &mut self,
        mark: Mark,
        cx: &Context<'_>,
    ) -> Poll<Result<(), ConnectionError>> {
        match self.output.is_written(mark) {
            Some(true) => Poll::Ready(Ok(())),
            Some(false) => Poll::Ready(Err(self.loss())),
            None => self.output.waiting.wait(Until::Written(mark.0), cx),
        }
    }

    /// The error of a ping or frame that was lost with its connection.
    fn loss(&self) -> ConnectionError {
        match (self.ended(), &self.role.lost_by) {
            (None | Some(ConnectionError::Closed), Some(error)) => error.clone(),
            (Some(error), _) => error.clone(),
            (None, None) => ConnectionError::Reconnecting,
        }
    }

    /// Ready while the connection is lost or closed.
    pub fn poll_ended(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.is_closed() {
            return Poll::Ready(());
        }
        self.output.waiting.wait(Until::End, cx)
    }

    /// The next connection event; `None` after the last.
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

    /// Ends the connection because of an error that the peer reported, unless the connection has been lost since.
    pub fn judge(&mut self, error: ConnectionError) {
        if self.role.has_unjudged_error {
            self.fail(error);
        }
    }

    /// Closes the connection from this side. The peer is told about the end of each stream.
    pub fn close(&mut self) {
        let mut open: Vec<_> = self.role.keys.iter().map(|(id, key)| (*id, *key)).collect();
        open.sort_unstable();
        for (_, key) in open {
            self.terminate(key);
        }
        self.fail(ConnectionError::Closed);
    }

    /// Ends all streams, permanently or until the client has reconnected.
    pub(super) fn lose(&mut self, error: ConnectionError) {
        let is_ours = matches!(error, ConnectionError::Closed);
        let (was_open, was_down) = match self.state {
            State::Closed(_) => return,
            // An outage ends with a reconnect or a close.
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
        // A connection that this side closes is written to the end.
        let written = if is_ours { self.output.queued } else { self.output.taken };
        self.lose_streams(&error, written, may_return);
        if !is_ours {
            // The peer must not act on frames that no driver has taken.
            output::clear(&mut self.output.buffer);
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
            stream.lose(error, written, may_return);
            self.output.wake(stream.waker.take());
        }
    }

    /// Starts over with another socket, if the connection is down: queues the connect message. Returns whether the
    /// connection was down.
    ///
    /// # Errors
    ///
    /// The connect message is too large.
    pub fn reconnect(&mut self, connect: &Connect) -> Result<bool, ConnectError> {
        let State::Down(error) = &self.state else { return Ok(false) };
        self.output.restart(error.clone());
        self.output.introduce(connect)?;
        self.decoder = Decoder::default();
        self.role.pongs = self.role.pings;
        self.role.lost_pings = self.role.pings;
        self.role.next_id = Some(1);
        self.role.is_accepted = None;
        self.state = State::Connecting;
        Ok(true)
    }

    /// Records that an attempt to reconnect has failed, unless this side has closed the connection.
    pub fn reconnect_failed(&mut self, error: &Arc<ConnectError>) {
        if !matches!(self.state, State::Closed(_)) {
            self.record(ConnectionEvent::ReconnectFailed(Arc::clone(error)));
        }
    }

    /// Stops reconnecting: a connection that is down ends now, and one that is open ends when it is lost.
    pub fn give_up(&mut self, error: ConnectionError) {
        self.role.config.reconnects = false;
        if let State::Down(_) = self.state {
            self.lose_streams(&error, self.output.taken, false);
            self.state = State::Closed(error);
            self.output.wake_all();
        }
    }

    /// Opens the subscriptions again, in their original order.
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
                    self.add_deadline(deadline);
                }
                // The stream ends, which is unlikely: the request was sent before, within the same limits.
                Err(_) => {
                    stream.lose(&ConnectionError::Reconnecting, 0, false);
                    self.output.wake(stream.waker.take());
                }
            }
        }
    }
}
