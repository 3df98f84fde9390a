//! What concerns the connection as a whole.

use std::task::{Context, Poll, ready};

use super::{ConnectionEvent, Core, State};
use crate::{
    error::ConnectionError,
    frame::Header,
    protocol::{MessageType, Outgoing, header, ping_text},
};

impl Core {
    /// Sends a ping, with a header of its own and a payload; its answer has come when
    /// [`poll_pong`](Self::poll_pong) says so.
    ///
    /// # Errors
    ///
    /// The connection is not open.
    pub fn ping(&mut self) -> Result<u64, ConnectionError> {
        match &self.state {
            State::Open => {}
            State::Closed(error) => return Err(error.clone()),
            State::Down(_) | State::Connecting => return Err(ConnectionError::Reconnecting),
        }
        let number = self.role.pongs + self.role.pings.len() as u64 + 1;
        let text = ping_text(number);
        let headers = [Header::new(header::PING, text.as_str().into())];
        let head = Outgoing::of_connection(MessageType::Ping);
        self.output.write_control(&head, &headers, text.as_bytes());
        self.role.pings.push_back(number);
        Ok(number)
    }

    /// Whether the answer to a ping has come. Answers come in the order of the pings.
    pub fn poll_pong(
        &mut self,
        number: u64,
        cx: &Context<'_>,
    ) -> Poll<Result<(), ConnectionError>> {
        if self.role.pongs >= number {
            // Those that were lost count as well, so that the numbers go on.
            let is_lost = number > self.role.lost_pings.0 && number <= self.role.lost_pings.1;
            return Poll::Ready(if is_lost { Err(self.loss()) } else { Ok(()) });
        }
        match &self.state {
            State::Closed(error) => Poll::Ready(Err(error.clone())),
            _ => self.output.wait(cx),
        }
    }

    /// How many bytes have been queued so far: what [`poll_written`](Self::poll_written) waits for.
    pub fn queued(&self) -> u64 {
        self.output.queued()
    }

    /// Whether there is something to [take](crate::protocol::Endpoint::take_output).
    pub fn has_output(&self) -> bool {
        self.output.has_frames()
    }

    /// As [`poll_written`](Self::poll_written), and fails as well if something that was queued before was discarded
    /// when the connection was lost, unless an earlier call has reported it.
    pub fn poll_flushed(
        &mut self,
        bytes: u64,
        cx: &Context<'_>,
    ) -> Poll<Result<(), ConnectionError>> {
        let written = ready!(self.poll_written(bytes, cx));
        Poll::Ready(match self.output.take_loss(bytes) {
            Some(error) => Err(error.clone()),
            None => written,
        })
    }

    /// Whether that many bytes have been written.
    pub fn poll_written(
        &mut self,
        bytes: u64,
        cx: &Context<'_>,
    ) -> Poll<Result<(), ConnectionError>> {
        if let Some(error) = self.output.loss_of(bytes) {
            return Poll::Ready(Err(error.clone()));
        }
        if self.output.written() >= bytes {
            return Poll::Ready(Ok(()));
        }
        match &self.state {
            State::Down(_) | State::Closed(_) if self.output.is_finished() => {
                Poll::Ready(Err(self.loss()))
            }
            _ => self.output.wait_for_written(bytes, cx),
        }
    }

    /// What is said about something that was on its way when the connection was lost.
    fn loss(&self) -> ConnectionError {
        match (&self.state, &self.role.lost_by) {
            (
                State::Closed(ConnectionError::Closed) | State::Connecting | State::Open,
                Some(error),
            ) => error.clone(),
            (State::Down(error) | State::Closed(error), _) => error.clone(),
            (State::Connecting | State::Open, None) => ConnectionError::Reconnecting,
        }
    }

    /// Why the connection ended, once it has for good.
    pub fn poll_closed(&mut self, cx: &Context<'_>) -> Poll<ConnectionError> {
        match &self.state {
            State::Closed(error) => Poll::Ready(error.clone()),
            _ => self.output.wait_for_end(cx),
        }
    }

    /// What happened to the connection; `None` after the last.
    pub fn poll_connection_event(&mut self, cx: &Context<'_>) -> Poll<Option<ConnectionEvent>> {
        match self.role.events.pop() {
            Some(event) => Poll::Ready(Some(event)),
            None if matches!(self.state, State::Closed(_)) => Poll::Ready(None),
            None => self.output.wait(cx),
        }
    }

    /// Ends the connection because of an error that the other side reported, unless it has been lost
    /// since.
    pub fn judge(&mut self, error: ConnectionError) {
        if self.role.has_unjudged_error {
            self.lose(error);
        }
    }

    /// Closes the connection from this side: ends every stream, on the wire as well.
    pub fn close(&mut self) {
        let mut open: Vec<_> = self.role.keys.iter().map(|(id, key)| (*id, *key)).collect();
        open.sort_unstable();
        for (_, key) in open {
            self.terminate(key);
        }
        self.lose(ConnectionError::Closed);
    }
}
