//! The events of one stream that wait to be read.

use std::collections::VecDeque;

use crate::{
    client::{Overflow, SubscribeOptions},
    protocol::RpcMessage,
};

/// What waits: an event, or what happened between two of them.
#[derive(Debug)]
pub(super) enum Item {
    Message(RpcMessage),
    Disconnected,
    Resubscribed,
}

/// A queue that is bounded in bytes. Notices cost nothing, and there are never more than two in a row.
#[derive(Debug)]
pub(super) struct Queue {
    items: VecDeque<Item>,
    overflow: Overflow,
    limit: usize,
    /// The lengths of the queued messages, in bytes.
    len: usize,
    /// Events dropped since the last that was delivered, and their payloads in bytes.
    dropped: u64,
    dropped_bytes: u64,
    has_lagged: bool,
    /// An outage has been noted, and its end has not.
    is_out: bool,
}

impl Queue {
    pub(super) fn new(options: Option<&SubscribeOptions>) -> Self {
        Self {
            items: VecDeque::new(),
            overflow: options.map_or(Overflow::End, |it| it.overflow),
            limit: options.map_or(0, |it| it.queue_limit),
            len: 0,
            dropped: 0,
            dropped_bytes: 0,
            has_lagged: false,
            is_out: false,
        }
    }

    /// Queues an event; `false` if the queue is full and ends with what it holds.
    pub(super) fn push(&mut self, message: RpcMessage) -> bool {
        let len = message.frame_len();
        match self.overflow {
            Overflow::End if self.len > 0 && self.len + len > self.limit => {
                self.count(&message);
                self.has_lagged = true;
                return false;
            }
            Overflow::DropOldest => {
                while self.len > 0 && self.len + len > self.limit {
                    self.drop_oldest();
                }
            }
            Overflow::LatestOnly => {
                while self.len > 0 {
                    self.drop_oldest();
                }
            }
            Overflow::End => {}
        }
        self.push_uncounted(message);
        true
    }

    /// Queues the last message of a stream, whatever the limit.
    pub(super) fn push_uncounted(&mut self, message: RpcMessage) {
        self.len += message.frame_len();
        self.items.push_back(Item::Message(message));
    }

    /// An outage has begun, or goes on: an attempt to come back that fails is none of its own.
    pub(super) fn push_disconnected(&mut self) {
        if std::mem::replace(&mut self.is_out, true) {
            return;
        }
        // A reader who has not come to the end of the outage before needs to be told of one.
        if let Some(Item::Resubscribed) = self.items.back() {
            self.items.pop_back();
        } else {
            self.items.push_back(Item::Disconnected);
        }
    }

    pub(super) fn push_resubscribed(&mut self) {
        self.is_out = false;
        self.items.push_back(Item::Resubscribed);
    }

    fn drop_oldest(&mut self) {
        let Some(index) = self.items.iter().position(|it| matches!(it, Item::Message(_))) else {
            return;
        };
        if let Some(Item::Message(oldest)) = self.items.remove(index) {
            self.len -= oldest.frame_len();
            self.count(&oldest);
        }
        // Two outages with nothing left between them are one.
        if index > 0
            && matches!(self.items.get(index - 1), Some(Item::Resubscribed))
            && matches!(self.items.get(index), Some(Item::Disconnected))
        {
            self.items.drain(index - 1..=index);
        }
    }

    /// Counts an event that is not delivered.
    pub(super) fn count(&mut self, message: &RpcMessage) {
        // The empty message that ends a stream is not an event.
        if !message.payload().is_empty() {
            self.dropped += 1;
            self.dropped_bytes += message.payload().len() as u64;
        }
    }

    /// How many events were dropped before the next. A full queue that ends the stream tells with the end.
    pub(super) fn take_dropped(&mut self) -> Option<u64> {
        let goes_on = self.overflow != Overflow::End;
        (goes_on && self.dropped > 0).then(|| std::mem::take(&mut self.dropped))
    }

    pub(super) fn pop(&mut self) -> Option<Item> {
        let item = self.items.pop_front();
        if let Some(Item::Message(message)) = &item {
            self.len -= message.frame_len();
        }
        item
    }

    /// Drops what is left of a full queue: how many events and bytes of payload were not delivered.
    pub(super) fn give_up(&mut self) -> (u64, u64) {
        while self.len > 0 {
            self.drop_oldest();
        }
        self.take_lag().unwrap_or_default()
    }

    /// How many events and bytes of payload were not delivered, once, if the queue was full.
    pub(super) fn take_lag(&mut self) -> Option<(u64, u64)> {
        std::mem::take(&mut self.has_lagged)
            .then(|| (std::mem::take(&mut self.dropped), std::mem::take(&mut self.dropped_bytes)))
    }

    pub(super) fn clear(&mut self) {
        self.items.clear();
        self.len = 0;
        self.dropped = 0;
        self.has_lagged = false;
    }
}
