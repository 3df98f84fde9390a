//! What whoever drives a client does: it writes, and brings it back.

use std::task::Poll;

use bytes::BytesMut;
use eventstream_rpc::protocol::client::Connect;

use super::{Client, cx, is_application};
use crate::invariants::{
    frames,
    wire::{Wire, whole},
};

impl Client {
    /// A driver takes what is to be written.
    pub(super) fn take(&mut self) {
        if self.unwritten > 0 || self.is_finished {
            return;
        }
        let mut taken = BytesMut::new();
        self.core.take_output(&mut taken);
        self.unwritten += taken.len();
        let at = self.core.queued().bytes() - taken.len() as u64;
        self.saw(at, &taken);
    }

    /// Whoever has queued something may write some of it at once, if nobody writes.
    pub(super) fn write_directly(&mut self, most: usize) {
        if self.unwritten > 0 || self.is_finished {
            return;
        }
        self.core.set_timer(self.core.next_deadline());
        let direct = self.core.direct_output();
        let at = self.core.queued().bytes() - direct.len() as u64;
        let direct = direct[..most.min(direct.len())].to_vec();
        self.core.wrote_directly(direct.len());
        self.written += direct.len() as u64;
        self.saw(at, &direct);
    }

    /// These bytes go out, which begin at a position.
    fn saw(&mut self, at: u64, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let begun = self.begun.len() as u64;
        assert!(begun == 0 || self.at == at, "a message is finished before another begins");
        self.begun.extend_from_slice(bytes);
        self.at = at - begun;
        for message in whole(&mut self.begun) {
            // A ping may have such a header too, and its answer then has it.
            if is_application(&message) && message.operation().is_some() {
                let index = frames::number(message.payload()).expect("it was put there");
                self.streams[index as usize].is_sent = true;
            }
            self.wire.client_wrote(&message, self.at);
            self.opened = self.opened.max(self.wire.last_id);
            self.at += message.frame_len() as u64;
        }
        self.at += self.begun.len() as u64;
    }

    /// Asks whether everything has been written.
    pub(super) fn flush(&mut self) {
        let queued = self.core.queued();
        let Poll::Ready(flushed) = self.core.poll_flushed(queued, &cx()) else {
            assert!(
                self.written < queued.bytes() && !self.is_finished,
                "nobody says that it is over"
            );
            return;
        };
        let queued = queued.bytes();
        self.told = queued;
        let is_lost = std::mem::take(&mut self.has_loss) || self.written < queued;
        assert_eq!(flushed.is_err(), is_lost, "{flushed:?}");
    }

    pub(super) fn write(&mut self, most: usize) {
        let len = most.min(self.unwritten);
        self.unwritten -= len;
        self.written += len as u64;
        self.core.wrote(len);
    }

    /// The driver has ended, and another begins.
    pub(super) fn reconnect(&mut self) {
        if !self.core.is_closed() {
            return;
        }
        self.core.finish();
        self.is_finished = true;
        let queued = self.core.queued().bytes();
        let has_loss = self.written.max(self.introduced).max(self.told) < queued;
        if self.core.reconnect(&Connect::default()).expect("it is short") {
            // What was left over will not be written.
            self.written = queued;
            self.has_loss |= has_loss;
            self.introduced = self.core.queued().bytes();
            self.begun.clear();
            assert!(self.config.reconnects, "nobody asked for it");
            self.is_finished = false;
            self.unwritten = 0;
            self.wire = Wire::default();
            self.opened = 0;
            self.input.clear();
            self.arriving.clear();
        }
    }
}
