//! What the driver of a connection sees.

use std::{
    task::{Context, Waker},
    time::{Duration, Instant},
};

use bytes::BytesMut;

use super::{CLOSING_GRACE, Core, State};
use crate::{
    error::ConnectionError,
    protocol::{Endpoint, Wakers, patience::Patience},
};

impl Endpoint for Core {
    fn receive_in(&mut self, input: &mut BytesMut, buffer_len: usize, now: Instant) -> usize {
        self.receive_all(input, buffer_len, now)
    }

    fn missing(&self, input: &BytesMut) -> usize {
        self.decoder.missing(input)
    }

    // A client should wait to be let in: what it sends before is not looked at until then. One that does not read
    // what it asked for is not read from either.
    fn wants_input(&self) -> bool {
        match self.state {
            State::New => true,
            State::Open => self.reply_room().is_some(),
            State::Deciding | State::Closed(_) => false,
        }
    }

    fn fail(&mut self, error: ConnectionError) {
        if self.is_closed() {
            return;
        }
        let is_open = matches!(self.state, State::Open);
        // What arrived before the client went away is still served.
        let is_ours = matches!(error, ConnectionError::Closed | ConnectionError::RuntimeStopped);
        self.state = State::Closed(error);
        for (id, stream) in std::mem::take(&mut self.streams) {
            self.retire(id, stream);
        }
        if is_ours || !is_open {
            self.drop_incoming();
        }
        self.deadline = None;
        self.patience = None;
        self.output.wake_all();
        self.wake_replies(u64::MAX);
        self.output.wake_driver();
    }

    fn ended(&self) -> Option<&ConnectionError> {
        match &self.state {
            State::Closed(error) => Some(error),
            _ => None,
        }
    }

    fn closing_grace(&self) -> Option<Duration> {
        use ConnectionError::{ClosedByPeer, Io, RuntimeStopped};
        match self.state {
            State::Closed(ClosedByPeer | Io(_) | RuntimeStopped) => None,
            _ if self.is_told => Some(CLOSING_GRACE),
            _ => Some(Duration::ZERO),
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        // There is one or the other.
        self.deadline.or(self.patience.as_ref().map(Patience::due))
    }

    fn expire_deadlines(&mut self, now: Instant) {
        if self.deadline.is_some_and(|it| it <= now) {
            self.fail(ConnectionError::Protocol("no connect message in time"));
        }
    }

    fn expire_frame(&mut self, now: Instant) {
        if self.patience.as_mut().is_some_and(|it| it.is_over(now)) {
            self.fail(ConnectionError::FrameTimeout { after: self.config.frame_timeout });
        }
    }

    fn take_output(&mut self, dst: &mut BytesMut) {
        let has_turns = !self.is_closed() && self.room().is_some();
        self.output.take(dst, has_turns);
    }

    fn wrote(&mut self, bytes: usize) {
        let was_congested = self.reply_room().is_none();
        self.output.wrote(bytes);
        match self.room() {
            Some(room) if self.output.has_line() => self.output.wake_line(room),
            _ => {}
        }
        if let Some(room) = self.reply_room() {
            self.wake_replies(room);
            if was_congested {
                // To be read from again.
                self.output.wake_driver();
            }
        }
    }

    fn finish(&mut self) {
        self.output.finish();
    }

    fn set_driver(&mut self, cx: &Context<'_>) {
        self.output.set_driver(cx);
    }

    fn release(&mut self, waker: &Waker) {
        self.output.release(waker);
    }

    fn take_woken(&mut self) -> Wakers {
        self.output.take_woken()
    }
}
