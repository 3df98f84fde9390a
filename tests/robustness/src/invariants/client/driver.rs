//! Operations of the driver: writing and reconnecting.

use std::task::Poll;

use bytes::BytesMut;
use eventstream_rpc::protocol::client::Connect;

use super::{Client, cx, is_application};
use crate::invariants::{
    frames,
    wire::{Wire, whole},
};

impl Client {
    /// Takes the output as the driver does.
    pub(super) fn take(&mut self) {
        if self.unwritten > 0 || self.is_finished {
            return;
        }
        let mut taken = BytesMut::new();
        self.core.take_output(&mut taken);
        self.unwritten += taken.len();
        let at = self.core.queued().0 - taken.len() as u64;
        self.check_output(at, &taken);
    }

    /// Writes output directly, as an application thread may do while the driver is not writing.
    pub(super) fn write_directly(&mut self, limit: usize) {
        if self.unwritten > 0 || self.is_finished {
            return;
        }
        self.core.set_timer(self.core.next_deadline());
        let direct = self.core.direct_output();
        let at = self.core.queued().0 - direct.len() as u64;
        let direct = direct[..limit.min(direct.len())].to_vec();
        self.core.wrote_directly(direct.len());
        self.written += direct.len() as u64;
        self.check_output(at, &direct);
    }

    /// Checks output bytes that begin at a position.
    fn check_output(&mut self, at: u64, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let begun = self.begun.len() as u64;
        assert!(begun == 0 || self.at == at, "a message is complete before the next begins");
        self.begun.extend_from_slice(bytes);
        self.at = at - begun;
        for message in whole(&mut self.begun) {
            // A ping response may contain this header too, if the ping does.
            if is_application(&message) && message.operation().is_some() {
                let index = frames::number(message.payload()).expect("requests contain a number");
                self.streams[index as usize].is_sent = true;
            }
            self.wire.client_wrote(&message, self.at);
            self.opened = self.opened.max(self.wire.last_id);
            self.at += message.as_bytes().len() as u64;
        }
        self.at += self.begun.len() as u64;
    }

    /// Polls a flush of all queued messages and checks its result.
    pub(super) fn flush(&mut self) {
        let queued = self.core.queued();
        let Poll::Ready(flushed) = self.core.poll_flushed(queued, &cx()) else {
            assert!(self.written < queued.0 && !self.is_finished, "the flush does not end");
            return;
        };
        let queued = queued.0;
        self.flushed = queued;
        let is_lost = std::mem::take(&mut self.has_loss) || self.written < queued;
        assert_eq!(flushed.is_err(), is_lost, "{flushed:?}");
    }

    pub(super) fn write(&mut self, limit: usize) {
        let len = limit.min(self.unwritten);
        self.unwritten -= len;
        self.written += len as u64;
        self.core.wrote(len);
    }

    /// Reconnects after the connection has ended.
    pub(super) fn reconnect(&mut self) {
        if !self.core.is_closed() {
            return;
        }
        self.core.finish();
        self.is_finished = true;
        let queued = self.core.queued().0;
        let has_loss = self.written.max(self.connect_end).max(self.flushed) < queued;
        if self.core.reconnect(&Connect::default()).expect("the connect message is short") {
            // The remaining output is discarded.
            self.written = queued;
            self.has_loss |= has_loss;
            self.connect_end = self.core.queued().0;
            self.begun.clear();
            assert!(self.config.reconnects, "reconnecting is enabled");
            self.is_finished = false;
            self.unwritten = 0;
            self.wire = Wire::default();
            self.opened = 0;
            self.input.clear();
            self.arriving.clear();
        }
    }
}
