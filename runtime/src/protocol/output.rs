//! What is to be written, and who waits for what. Both roles have one.

use std::task::{Context, Poll, Waker};

use bytes::BytesMut;

use super::{MessageType, Outgoing, error_payload};
use crate::{
    error::BuildError,
    frame::{Header, Limits},
    serde,
};

/// The frames that are to be written, and the wakers of everyone who waits.
#[derive(Debug, Default)]
pub(super) struct Output {
    /// Frames that nobody has taken to write yet.
    buffer: BytesMut,
    /// How many bytes of frames there have been so far.
    queued: u64,
    /// How many of them have been written.
    written: u64,
    /// How many of them a driver has taken to write.
    taken: u64,
    /// What was queued for a socket that is gone, and was not written to it: more than the first number
    /// of bytes, and up to the second.
    lost: (u64, u64),
    /// Nothing more will be written.
    is_finished: bool,
    /// Whoever waits for something other than a stream of their own.
    waiting: Vec<Waker>,
    /// Whoever drives the connection.
    driver: Option<Waker>,
    /// Wakers to be called once the lock is released.
    woken: Vec<Waker>,
}

impl Output {
    pub(super) fn queued(&self) -> u64 {
        self.queued
    }

    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// How many bytes may have been written: those that are just being written count.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// How many bytes wait to be written.
    pub(super) fn waiting_bytes(&self) -> u64 {
        self.queued - self.written
    }

    pub(super) fn is_finished(&self) -> bool {
        self.is_finished
    }

    /// Queues a message whose payload is the JSON of `shape`; an error leaves nothing behind.
    pub(super) fn write(
        &mut self,
        head: &Outgoing<'_>,
        shape: &'static str,
        max_frame_len: usize,
        payload: impl FnOnce(&mut BytesMut) -> Result<(), serde::Error>,
    ) -> Result<(), BuildError> {
        let mut frame =
            head.start(&mut self.buffer, Limits::DEFAULT).map_err(BuildError::encode)?;
        payload(frame.payload_mut()).map_err(|error| BuildError::serialize(shape, error))?;
        let len = frame.frame_len();
        if len > max_frame_len {
            return Err(BuildError::frame_too_long(len, max_frame_len));
        }
        frame.finish().map_err(BuildError::encode)?;
        drop(frame);
        self.queued += len as u64;
        self.wake_driver();
        Ok(())
    }

    /// Queues a message that must go out whatever waits. Its parts are short, or came in by the same
    /// limits; one that is too long all the same is left out.
    pub(super) fn write_control(
        &mut self,
        head: &Outgoing<'_>,
        headers: &[Header],
        payload: &[u8],
    ) {
        let before = self.buffer.len();
        if let Ok(mut frame) = head.start(&mut self.buffer, Limits::DEFAULT) {
            let fits =
                headers.iter().all(|it| frame.header(&it.name, it.value.as_value_ref()).is_ok());
            if fits {
                let _ = frame.payload(payload).finish();
            }
        }
        self.queued += (self.buffer.len() - before) as u64;
        self.wake_driver();
    }

    /// Tells the other side what is wrong, before the connection ends.
    pub(super) fn report(&mut self, message_type: MessageType, rule: &str) {
        let mut payload = BytesMut::new();
        error_payload(rule, &mut payload);
        self.write_control(&Outgoing::of_connection(message_type), &[], &payload);
    }

    /// A frame that has been written to the buffer directly.
    pub(super) fn append(&mut self, frame: &[u8]) {
        self.buffer.extend_from_slice(frame);
        self.queued += frame.len() as u64;
        self.wake_driver();
    }

    pub(super) fn take(&mut self, dst: &mut BytesMut) {
        debug_assert!(dst.is_empty(), "what was taken before has been written");
        self.taken += self.buffer.len() as u64;
        std::mem::swap(&mut self.buffer, dst);
    }

    /// Drops what no driver has taken: nobody is to act on it any more.
    pub(super) fn discard(&mut self) {
        self.buffer.clear();
    }

    /// Starts over with another socket. What the one before did not take stays unwritten.
    pub(super) fn restart(&mut self) {
        self.buffer.clear();
        self.lost = (self.written, self.queued);
        self.written = self.queued;
        self.taken = self.queued;
        self.is_finished = false;
    }

    /// Whether the byte with this number, from 1, was queued for a socket that did not take it.
    pub(super) fn is_lost(&self, byte: u64) -> bool {
        self.lost.0 < byte && byte <= self.lost.1
    }

    pub(super) fn wrote(&mut self, bytes: usize) {
        self.written += bytes as u64;
        if !self.waiting.is_empty() {
            self.wake_waiting();
        }
    }

    pub(super) fn finish(&mut self) {
        self.is_finished = true;
        self.wake_waiting();
    }

    pub(super) fn wait<T>(&mut self, cx: &Context<'_>) -> Poll<T> {
        if !self.waiting.iter().any(|it| it.will_wake(cx.waker())) {
            self.waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }

    pub(super) fn wake_waiting(&mut self) {
        self.woken.append(&mut self.waiting);
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

    pub(super) fn take_woken(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.woken)
    }
}
