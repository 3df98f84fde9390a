//! The end of a connection, and its return.

use std::{cmp::Reverse, sync::Arc, time::Instant};

use super::{Connect, ConnectionEvent, Core, Key, OpenError, State, connect_frame, stream::Reopen};
use crate::{
    error::{ConnectError, ConnectionError, EncodeError},
    frame::Decoder,
};

impl Core {
    /// Tells everything that is open that the connection is gone: for good, or until it returns.
    pub(super) fn lose(&mut self, error: ConnectionError) {
        let was_open = match self.state {
            State::Closed(_) => return,
            State::Open => true,
            State::Connecting => false,
            // Only the end can follow.
            State::Down(_) if matches!(error, ConnectionError::Closed) => false,
            State::Down(_) => return,
        };
        let error = match self.role.last_words.take() {
            Some(reason) if matches!(error, ConnectionError::ClosedByPeer) => reason,
            _ => error,
        };
        let is_ours = matches!(error, ConnectionError::Closed);
        if !matches!(self.state, State::Down(_)) {
            self.role.lost_by = Some(error.clone());
        }
        let may_return = self.role.config.reconnects && self.role.was_open && !is_ours;
        // What this side closes is written to the end first; anything else is over now.
        let written = if is_ours { self.output.queued() } else { self.output.taken() };
        for stream in self.role.streams.values_mut() {
            self.output.wake(stream.lose(&error, written, may_return));
        }
        if !is_ours {
            self.output.discard();
        }
        self.role.keys.clear();
        self.frame_timer = None;
        self.role.has_unjudged_error = false;
        if !self.role.pings.is_empty() {
            self.role.lost_pings =
                (self.role.pongs, self.role.pongs + self.role.pings.len() as u64);
            self.role.pongs = self.role.lost_pings.1;
            self.role.pings.clear();
        }
        if was_open {
            self.record(ConnectionEvent::Disconnected((!is_ours).then(|| error.clone())));
        }
        self.state = if may_return { State::Down(error) } else { State::Closed(error) };
        self.output.wake_all();
        self.output.wake_driver();
    }

    /// Starts over with another socket, if the connection is down: introduces this side again. Whether
    /// it does.
    ///
    /// # Errors
    ///
    /// A connect message over the limits of the encoding.
    pub fn reconnect(&mut self, connect: &Connect) -> Result<bool, EncodeError> {
        let State::Down(error) = &self.state else { return Ok(false) };
        let frame = connect_frame(connect)?;
        self.output.restart(error.clone());
        self.output.introduce(&frame);
        self.decoder = Decoder::default();
        self.role.next_id = Some(1);
        self.role.is_accepted = None;
        self.state = State::Connecting;
        Ok(true)
    }

    /// An attempt to come back has failed. Of one that failed because this side has closed the connection
    /// nobody is told.
    pub fn reconnect_failed(&mut self, error: &Arc<ConnectError>) {
        if let State::Closed(_) = self.state {
            return;
        }
        self.record(ConnectionEvent::ReconnectFailed(Arc::clone(error)));
    }

    /// There will be no further attempt: ends a connection that is down, and one that is not with its loss.
    pub fn give_up(&mut self, error: ConnectionError) {
        self.role.config.reconnects = false;
        let State::Down(_) = self.state else { return };
        let written = self.output.taken();
        for stream in self.role.streams.values_mut() {
            self.output.wake(stream.lose(&error, written, false));
        }
        self.state = State::Closed(error);
        self.output.wake_all();
    }

    /// Opens again what was open, in the order in which it was opened at first.
    pub(super) fn resubscribe(&mut self, now: Instant) {
        let mut waiting: Vec<(Key, Reopen)> = self
            .role
            .streams
            .iter()
            .filter_map(|(key, stream)| Some((*key, stream.to_send_again()?)))
            .collect();
        waiting.sort_unstable_by_key(|(key, _)| *key);
        for (key, request) in waiting {
            let payload = request.payload;
            let sent = self.write_request(request.operation, request.request_shape, |dst| {
                dst.extend_from_slice(&payload);
                Ok(())
            });
            let Some(stream) = self.role.streams.get_mut(&key) else { continue };
            match sent {
                Ok(id) => {
                    stream.sent_again(id);
                    stream.deadline = now.checked_add(self.role.config.resubscribe_timeout);
                    self.role.keys.insert(id, key);
                    self.role.deadlines.extend(stream.deadline.map(|it| Reverse((it, key))));
                }
                // It was sent before, within the same limits; nobody is left waiting if it cannot be now.
                Err(error) => {
                    let error = match error {
                        OpenError::Closed(error) => error,
                        _ => ConnectionError::Reconnecting,
                    };
                    self.output.wake(stream.lose(&error, 0, false));
                }
            }
        }
    }
}
