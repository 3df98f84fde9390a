//! What is to be written, and the tasks that wait. Both roles have one.

use std::{
    fmt,
    task::{Context, Waker},
};

use bytes::{Buf, BytesMut};

use super::{
    JSON, MessageType, Outgoing, SendTurn, Wakers, header,
    waiting::{QueueLimit, SendQueue, Until, WaitList},
};
use crate::{
    error::{BuildError, ConnectionError},
    frame::{Header, Limits},
};

/// How long a buffer may be that is kept when it is empty, in bytes: one large message must not cost its memory for
/// as long as the connection is open.
const MAX_KEPT: usize = 256 * 1024;

/// A position in the output of a client: everything that had been queued at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Counts the connections.
    generation: u32,
    bytes: u64,
}

impl Mark {
    /// How many bytes had been queued, on all connections so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// The frames that are to be written, and the wakers of the tasks that wait.
#[derive(Default)]
pub(super) struct Output {
    /// Frames that the driver has not taken yet.
    buffer: BytesMut,
    /// How many more times an empty buffer may be one that has become long: the driver has another one.
    long_buffers: u8,
    /// Counts the connections.
    pub(super) generation: u32,
    /// How many bytes of frames there have been so far, on all connections.
    pub(super) queued: u64,
    /// How many of them have been written, or were lost with earlier connections.
    pub(super) written: u64,
    /// How many of them may have been written: a driver has taken them, or they were lost with earlier connections.
    pub(super) taken: u64,
    /// Where the introduction to the current socket ends, which does not count as lost.
    introduced: u64,
    lost: Option<Loss>,
    /// Up to where losses have been reported, in bytes.
    reported: u64,
    /// Nothing more will be written.
    pub(super) is_finished: bool,
    pub(super) waiting: WaitList,
    /// Futures that wait for room to send, for each [`QueueLimit`].
    pub(super) senders: [SendQueue; 2],
    /// Some of the senders have been woken, and the driver is to see whether they come.
    are_senders_called: bool,
    driver: Option<Waker>,
    /// How much is left of a message whose beginning has been written directly, in bytes.
    begun: usize,
    /// Something has been queued since the driver was woken.
    has_news: bool,
    /// Wakers to be called once the lock is released.
    woken: Wakers,
}

/// Bytes that lost connections have not taken: those of the last loss, and of losses before it that no flush has
/// reported. What was written in between counts as lost as well.
struct Loss {
    from: u64,
    to: u64,
    /// Why the connection of the first of them was lost.
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
    /// The position behind everything that has been queued.
    pub(super) fn mark(&self) -> Mark {
        Mark { generation: self.generation, bytes: self.queued }
    }

    /// How many bytes wait to be written.
    pub(super) fn waiting_bytes(&self) -> u64 {
        self.queued - self.written
    }

    /// Whether there are frames that the driver has not taken.
    pub(super) fn has_frames(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// Queues a message with these headers besides its own; an error leaves nothing behind.
    pub(super) fn write(
        &mut self,
        head: &Outgoing,
        headers: &[Header],
        max_frame_len: usize,
        payload: impl FnOnce(&mut BytesMut) -> Result<(), BuildError>,
    ) -> Result<(), BuildError> {
        let started = head.start(&mut self.buffer, Limits::DEFAULT, headers);
        let written = started.map_err(BuildError::Encode).and_then(|mut frame| {
            payload(frame.payload_mut())?;
            let len = frame.frame_len();
            if len > max_frame_len {
                return Err(BuildError::FrameTooLong { len, limit: max_frame_len });
            }
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
        if self.buffer.len() > MAX_KEPT {
            self.long_buffers = 2;
        }
        self.has_news = true;
        Ok(())
    }

    /// Queues a message that must go out whatever waits. It is short, or no longer than the message that it answers.
    pub(super) fn write_control(&mut self, head: &Outgoing, headers: &[Header], payload: &[u8]) {
        let written = self.write(head, headers, usize::MAX, |dst| {
            dst.extend_from_slice(payload);
            Ok(())
        });
        debug_assert!(written.is_ok(), "{head:?}: {written:?}");
    }

    /// Tells the other side what is wrong, before the connection ends.
    pub(super) fn report(&mut self, message_type: MessageType, rule: &str) {
        // Behind half a message it would not be understood.
        if self.begun > 0 {
            return;
        }
        let payload = serde_json::json!({ "message": rule }).to_string();
        let headers = [Header::new(header::CONTENT_TYPE, JSON.into())];
        self.write_control(&Outgoing::of_connection(message_type), &headers, payload.as_bytes());
    }

    /// Queues the frame that introduces this side to a new socket.
    pub(super) fn introduce(&mut self, frame: &[u8]) {
        self.buffer.extend_from_slice(frame);
        self.queued += frame.len() as u64;
        self.introduced = self.queued;
        self.has_news = true;
    }

    /// What has just been queued, if nothing before it is still to be written.
    pub(super) fn direct(&self) -> &[u8] {
        if self.has_news && self.taken == self.written { &self.buffer } else { &[] }
    }

    /// That much of it has been written.
    pub(super) fn wrote_directly(&mut self, bytes: usize) {
        let mut end = self.begun;
        while end < bytes {
            // Every message begins with its length.
            let len = self.buffer[end..].first_chunk().map_or(0, |it| u32::from_be_bytes(*it));
            end += (len as usize).max(1);
        }
        self.begun = end - bytes;
        self.taken += bytes as u64;
        if bytes == self.buffer.len() {
            // The driver need not come for it.
            self.has_news = false;
            if self.long_buffers > 0 {
                clear(&mut self.buffer);
            }
            self.buffer.clear();
        } else {
            self.buffer.advance(bytes);
        }
    }

    /// Moves the frames to `dst`, which must be empty. `can_send` says whether senders that wait have room.
    pub(super) fn take(&mut self, dst: &mut BytesMut, can_send: bool) {
        debug_assert!(dst.is_empty(), "what was taken before has been written");
        if self.has_senders() && self.buffer.is_empty() && self.waiting_bytes() == 0 && can_send {
            // The senders that were woken have had their chance when the driver comes for the second time.
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
        if self.long_buffers > 0 {
            self.long_buffers -= 1;
            clear(dst);
        }
        std::mem::swap(&mut self.buffer, dst);
    }

    /// Drops what no driver has taken: no peer is to act on it any more.
    pub(super) fn discard(&mut self) {
        clear(&mut self.buffer);
    }

    /// Starts over with another socket. What the one before, which was lost by `error`, did not take stays unwritten.
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
        self.generation += 1;
        self.written = self.queued;
        self.taken = self.queued;
        self.is_finished = false;
    }

    /// Whether everything before the mark was written to the socket that it was queued for; `None` if that may still
    /// be. Of connections before the last nothing is known, and it counts as lost.
    pub(super) fn is_written(&self, mark: Mark) -> Option<bool> {
        let is_lost = |it: &Loss| it.from < mark.bytes && mark.bytes <= it.to;
        match self.generation - mark.generation {
            0 if self.written < mark.bytes => self.is_finished.then_some(false),
            0 => Some(true),
            1 => Some(!self.lost.as_ref().is_some_and(is_lost)),
            _ => Some(false),
        }
    }

    /// Why something before the mark was lost, if it was and no call has reported it.
    pub(super) fn take_loss(&mut self, mark: Mark) -> Option<ConnectionError> {
        let reported = self.reported;
        self.reported = reported.max(mark.bytes);
        let loss = self.lost.as_ref().filter(|it| it.from < mark.bytes && reported < it.to)?;
        Some(loss.error.clone())
    }

    pub(super) fn wrote(&mut self, bytes: usize) {
        self.written += bytes as u64;
        let written = self.written;
        let has_come = |until| matches!(until, Until::Written(bytes) if bytes <= written);
        self.waiting.wake(has_come, &mut self.woken);
    }

    /// Whether futures wait for room to send.
    #[inline]
    pub(super) fn has_senders(&self) -> bool {
        self.senders.iter().any(|it| !it.is_empty())
    }

    /// Wakes as many of the senders as there may be room for.
    pub(super) fn wake_senders(&mut self, limit: QueueLimit, room: u64) {
        self.senders[limit as usize].wake(room, &mut self.woken);
        self.watch_senders();
    }

    /// Senders that have been woken may not come. If nothing is being written, after which others are woken, the
    /// driver has to come back and wake them.
    fn watch_senders(&mut self) {
        if self.has_senders() && self.waiting_bytes() == 0 {
            self.are_senders_called = true;
            self.wake_driver();
        }
    }

    pub(super) fn finish(&mut self) {
        self.is_finished = true;
        self.wake_all();
    }

    pub(super) fn leave(&mut self, turn: &mut SendTurn, has_room: bool) {
        self.senders[turn.limit as usize].leave(turn, has_room, &mut self.woken);
        if has_room {
            self.watch_senders();
        }
    }

    /// Something has happened that is neither the end nor about room.
    pub(super) fn wake_waiting(&mut self) {
        self.waiting.wake(|until| until == Until::Change, &mut self.woken);
    }

    /// Everything is different now.
    pub(super) fn wake_all(&mut self) {
        self.waiting.wake(|_| true, &mut self.woken);
        for limit in [QueueLimit::Write, QueueLimit::Reply] {
            self.wake_senders(limit, u64::MAX);
        }
    }

    /// Forgets a future that waited with this waker. It is woken, because its task may wait for something
    /// else as well.
    pub(super) fn release(&mut self, waker: &Waker) {
        self.waiting.release(waker, &mut self.woken);
    }

    pub(super) fn set_driver(&mut self, cx: &Context<'_>) {
        match &mut self.driver {
            Some(waker) => waker.clone_from(cx.waker()),
            None => self.driver = Some(cx.waker().clone()),
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
        // Mostly it is empty.
        if self.woken.is_empty() { Wakers::default() } else { std::mem::take(&mut self.woken) }
    }
}

/// Empties a buffer, so that it is used again from its start, and lets go of it if it is long.
fn clear(buffer: &mut BytesMut) {
    buffer.clear();
    // Its capacity is what is left of it behind what has been written.
    if buffer.try_reclaim(MAX_KEPT + 1) {
        *buffer = BytesMut::new();
    }
}
