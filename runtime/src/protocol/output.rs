//! The output of a connection, and the tasks that wait for something. Both roles have one.

use std::{fmt, task::Waker};

use bytes::{Buf, BytesMut};

use super::{
    JSON, MessageType, Outgoing, SendTurn, VERSION, Wakers,
    client::Connect,
    header,
    waiting::{QueueLimit, SendQueue, Until, WaitList},
};
use crate::{
    error::{BuildError, ConnectError, ConnectionError},
    frame::{FrameEncoder, Header, Limits},
};

/// The longest empty buffer that is kept, in bytes: a large message must not occupy memory for as long as the connection
/// is open.
const MAX_KEPT: usize = 256 * 1024;

/// A position in the output of a client, in bytes: the end of what had been queued at some time, on all connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(pub u64);

/// The frames to be written, and the wakers of the tasks that wait.
#[derive(Default)]
pub(super) struct Output {
    /// Frames that the driver has not taken yet.
    pub(super) buffer: BytesMut,
    /// How many bytes of frames have been queued so far, on all connections.
    pub(super) queued: u64,
    /// How many of them have been written or were lost with earlier connections.
    pub(super) written: u64,
    /// How many of them may have been written: a driver has taken them or they were lost with earlier connections.
    pub(super) taken: u64,
    /// Values of `queued` at which the output for the last socket ended, and that for the one before it.
    ends: [u64; 2],
    /// The end of the connect message on the current socket, which does not count as lost.
    introduced: u64,
    lost: Option<Loss>,
    /// Losses up to this position have been reported.
    reported: u64,
    /// Nothing more will be written.
    pub(super) is_finished: bool,
    pub(super) waiting: WaitList,
    /// Senders that wait for room, for each [`QueueLimit`].
    pub(super) senders: [SendQueue; 2],
    /// Senders have been woken, and the driver will check whether they have sent.
    are_senders_called: bool,
    pub(super) driver: Option<Waker>,
    /// How much is left of a message that has been written directly in part, in bytes.
    begun: usize,
    /// Frames were queued since the driver was last woken.
    has_news: bool,
    /// Wakers to call after the lock has been released.
    pub(super) woken: Wakers,
}

/// The range of bytes that was lost with the last connection. Earlier losses that no flush has reported are included, with
/// all bytes in between.
struct Loss {
    from: u64,
    to: u64,
    /// Why the first of these connections was lost.
    error: ConnectionError,
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Frames hold tokens and payloads.
        f.debug_struct("Output")
            .field("queued", &self.queued)
            .field("written", &self.written)
            .field("taken", &self.taken)
            .finish_non_exhaustive()
    }
}

impl Output {
    /// How many bytes wait to be written.
    pub(super) fn waiting_bytes(&self) -> u64 {
        self.queued - self.written
    }

    /// Queues a message; `headers` come before those of the protocol, and `fill` adds the rest. After an error nothing is
    /// queued.
    pub(super) fn write(
        &mut self,
        head: &Outgoing,
        headers: &[Header],
        max_frame_len: usize,
        fill: impl FnOnce(&mut FrameEncoder<'_>) -> Result<(), BuildError>,
    ) -> Result<(), BuildError> {
        let limits = Limits::DEFAULT;
        let limits = limits.with_max_message_len(max_frame_len.min(limits.max_message_len));
        let started = head.start(&mut self.buffer, limits, headers);
        let written = started.map_err(BuildError::Encode).and_then(|mut frame| {
            fill(&mut frame)?;
            frame.finish().map_err(BuildError::Encode)
        });
        match written {
            Ok(len) => self.queued += len as u64,
            Err(error) => {
                if self.buffer.is_empty() {
                    clear(&mut self.buffer);
                }
                return Err(error);
            }
        }
        self.has_news = true;
        Ok(())
    }

    /// Queues a message without regard to limits. It is short, or no longer than the message that it answers.
    pub(super) fn write_control(&mut self, head: &Outgoing, headers: &[Header], payload: &[u8]) {
        let written = self.write(head, headers, usize::MAX, |frame| {
            frame.payload(payload);
            Ok(())
        });
        debug_assert!(written.is_ok(), "{head:?}: {written:?}");
    }

    /// Tells the peer what it did wrong, before the connection ends.
    pub(super) fn report(&mut self, message_type: MessageType, rule: &str) {
        // The peer could not read it after half a message.
        if self.begun > 0 {
            return;
        }
        let payload = serde_json::json!({ "message": rule }).to_string();
        let headers = [Header::new(header::CONTENT_TYPE, JSON.into())];
        self.write_control(&Outgoing::of_connection(message_type), &headers, payload.as_bytes());
    }

    /// Queues the connect message.
    pub(super) fn introduce(&mut self, connect: &Connect) -> Result<(), ConnectError> {
        let head = Outgoing::of_connection(MessageType::Connect);
        let version = Header::new(header::VERSION, VERSION.into());
        self.write(&head, &[version], usize::MAX, |frame| {
            for header in &connect.headers {
                frame.header(&header.name, &header.value).map_err(BuildError::Encode)?;
            }
            frame.payload(&connect.payload);
            Ok(())
        })
        .map_err(|error| ConnectError::Build(error.into()))?;
        self.introduced = self.queued;
        Ok(())
    }

    /// The frames that have just been queued; empty if others before them are still to be written.
    pub(super) fn direct(&self) -> &[u8] {
        if self.has_news && self.taken == self.written { &self.buffer } else { &[] }
    }

    /// So many bytes of [`direct`](Self::direct) have been written.
    pub(super) fn wrote_directly(&mut self, bytes: usize) {
        let mut end = self.begun;
        while end < bytes {
            // Each message begins with its length.
            let len = self.buffer[end..].first_chunk().map_or(0, |it| u32::from_be_bytes(*it));
            end += (len as usize).max(1);
        }
        self.begun = end - bytes;
        self.taken += bytes as u64;
        if bytes == self.buffer.len() {
            // The driver need not be woken.
            self.has_news = false;
            clear(&mut self.buffer);
        } else {
            self.buffer.advance(bytes);
        }
    }

    /// Moves the frames to `dst`, which must be empty. `can_send` is whether senders that wait have room.
    pub(super) fn take(&mut self, dst: &mut BytesMut, can_send: bool) {
        debug_assert!(dst.is_empty(), "the frames before have been written");
        if self.has_senders() && self.buffer.is_empty() && self.waiting_bytes() == 0 && can_send {
            // Senders that were woken have had time to send when the driver comes for the second time.
            if !std::mem::take(&mut self.are_senders_called) {
                self.senders.iter_mut().for_each(|it| it.wake(0, &mut self.woken));
            }
            if self.has_senders() {
                self.wake_driver();
            }
        }
        self.has_news = false;
        self.begun = 0;
        self.taken += self.buffer.len() as u64;
        clear(dst);
        std::mem::swap(&mut self.buffer, dst);
    }

    /// Starts over with another socket. The frames that were not written to the last one, which failed with `error`, are
    /// lost.
    pub(super) fn restart(&mut self, error: ConnectionError) {
        clear(&mut self.buffer);
        self.begun = 0;
        let (from, to) = (self.written.max(self.introduced), self.queued);
        if from < to {
            match &mut self.lost {
                Some(loss) if self.reported < loss.to => loss.to = to,
                lost => *lost = Some(Loss { from, to, error }),
            }
        }
        // Nothing was queued for a socket whose connect message was too large.
        if self.queued > self.ends[0] {
            self.ends = [self.queued, self.ends[0]];
        }
        self.written = self.queued;
        self.taken = self.queued;
        self.is_finished = false;
    }

    /// Whether everything before the mark was written to the socket that it was queued for; `None` if it is still being
    /// written. A mark on a connection before the last one counts as lost.
    pub(super) fn is_written(&self, mark: Mark) -> Option<bool> {
        let [last, before_last] = self.ends;
        if mark.0 > last {
            return if self.written < mark.0 {
                self.is_finished.then_some(false)
            } else {
                Some(true)
            };
        }
        let is_lost = self.lost.as_ref().is_some_and(|it| it.from < mark.0 && mark.0 <= it.to);
        Some(mark.0 > before_last && !is_lost)
    }

    /// The error of a loss before the mark that no call has reported.
    pub(super) fn take_loss(&mut self, mark: Mark) -> Option<ConnectionError> {
        let reported = self.reported;
        self.reported = reported.max(mark.0);
        let loss = self.lost.as_ref().filter(|it| it.from < mark.0 && reported < it.to)?;
        Some(loss.error.clone())
    }

    pub(super) fn wrote(&mut self, bytes: usize) {
        self.written += bytes as u64;
        let written = self.written;
        let has_come = |until| matches!(until, Until::Written(bytes) if bytes <= written);
        self.waiting.take_if(|until, _| has_come(until), &mut self.woken);
    }

    /// Whether senders wait for room.
    #[inline]
    pub(super) fn has_senders(&self) -> bool {
        self.senders.iter().any(|it| !it.waiting.is_empty())
    }

    /// Wakes as many senders as there may be room for.
    pub(super) fn wake_senders(&mut self, limit: QueueLimit, room: u64) {
        self.senders[limit as usize].wake(room, &mut self.woken);
        self.watch_senders();
    }

    /// Senders that have been woken may not send. If nothing is being written, no end of a write wakes the next ones,
    /// and so the driver has to come back and wake them.
    fn watch_senders(&mut self) {
        if self.has_senders() && self.waiting_bytes() == 0 {
            self.are_senders_called = true;
            self.wake_driver();
        }
    }

    pub(super) fn leave(&mut self, turn: &mut SendTurn, has_room: bool) {
        self.senders[turn.limit as usize].leave(turn, has_room, &mut self.woken);
        if has_room {
            self.watch_senders();
        }
    }

    /// Wakes the tasks that wait for a change of the connection.
    pub(super) fn wake_waiting(&mut self) {
        self.waiting.take_if(|until, _| until == Until::Change, &mut self.woken);
    }

    /// Wakes all tasks and as many senders as there are.
    pub(super) fn wake_all(&mut self) {
        self.waiting.take_if(|_, _| true, &mut self.woken);
        for limit in [QueueLimit::Write, QueueLimit::Reply] {
            self.wake_senders(limit, u64::MAX);
        }
    }

    pub(super) fn wake_driver(&mut self) {
        self.woken.extend(self.driver.take());
    }

    pub(super) fn wake(&mut self, wakers: impl IntoIterator<Item = Waker>) {
        self.woken.extend(wakers);
    }

    #[inline]
    pub(super) fn take_woken(&mut self) -> Wakers {
        if std::mem::take(&mut self.has_news) {
            self.wake_driver();
        }
        // An empty list is returned without a move, because there is mostly nothing to wake.
        if self.woken.is_empty() { Wakers::default() } else { std::mem::take(&mut self.woken) }
    }
}

/// Empties a buffer, so that it is used again from its start, and frees it if it is long.
pub(super) fn clear(buffer: &mut BytesMut) {
    buffer.clear();
    // The capacity does not include the bytes at the start that have been written.
    if buffer.try_reclaim(MAX_KEPT + 1) {
        *buffer = BytesMut::new();
    }
}
