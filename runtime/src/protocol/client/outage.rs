//! The end of a connection, and its return.

use std::{cmp::Reverse, sync::Arc, time::Instant};

use super::{Connect, ConnectionEvent, Core, Key};
use crate::{
    error::{ConnectError, ConnectionError, EncodeError},
    frame::Decoder,
    protocol::{SendError, endpoint::State},
};

impl Core {
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
                Err(SendError::Closed(error)) => self.output.wake(stream.lose(&error, 0, false)),
                Err(_) => {
                    let error = ConnectionError::Reconnecting;
                    self.output.wake(stream.lose(&error, 0, false));
                }
            }
        }
    }
}
