//! The events of one stream that wait to be read.

use crate::{
    options::{Overflow, SubscribeOptions},
    protocol::{RpcMessage, queue},
};

/// What waits: an event, or what happened between two of them.
#[derive(Debug)]
pub(super) enum Item {
    Message(RpcMessage),
    Disconnected,
    Resubscribed,
}

impl queue::Element for Item {
    fn held(&self) -> usize {
        match self {
            Self::Message(message) => message.held(),
            Self::Disconnected | Self::Resubscribed => 0,
        }
    }

    fn shares(&self, next: &Self) -> bool {
        match (self, next) {
            (Self::Message(message), Self::Message(next)) => message.shares(next),
            _ => false,
        }
    }
}

/// A queue that is bounded in bytes. There are never more than two notices in a row.
#[derive(Debug)]
pub(super) struct Queue {
    items: queue::Queue<Item>,
    /// How many of the items are messages.
    messages: usize,
    overflow: Overflow,
    limit: usize,
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
            items: queue::Queue::default(),
            messages: 0,
            overflow: options.map_or(Overflow::End, |it| it.overflow),
            limit: options.map_or(0, |it| it.queue_limit),
            dropped: 0,
            dropped_bytes: 0,
            has_lagged: false,
            is_out: false,
        }
    }

    /// Queues an event; `false` if the queue is full and ends with what it holds.
    pub(super) fn push(&mut self, message: RpcMessage) -> bool {
        let mut item = Item::Message(message);
        loop {
            let limit = match self.overflow {
                _ if self.messages == 0 => usize::MAX,
                Overflow::End | Overflow::DropOldest => self.limit,
                Overflow::LatestOnly => 0,
            };
            match self.items.try_push(item, limit) {
                Ok(()) => break,
                Err(it) => item = it,
            }
            if self.overflow == Overflow::End {
                self.count(&item);
                self.has_lagged = true;
                return false;
            }
            self.drop_oldest();
        }
        self.messages += 1;
        true
    }

    /// Queues the last message of a stream, whatever the limit.
    pub(super) fn push_last(&mut self, message: RpcMessage) {
        self.messages += 1;
        self.items.push(Item::Message(message));
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
            self.items.push(Item::Disconnected);
        }
    }

    pub(super) fn push_resubscribed(&mut self) {
        self.is_out = false;
        self.items.push(Item::Resubscribed);
    }

    fn drop_oldest(&mut self) {
        let Some(index) = self.items.iter().position(|it| matches!(it, Item::Message(_))) else {
            return;
        };
        if let Some(oldest) = self.items.remove(index) {
            self.messages -= 1;
            self.count(&oldest);
        }
        // Two outages with nothing left between them are one.
        if index > 0
            && matches!(self.items.get(index - 1), Some(Item::Resubscribed))
            && matches!(self.items.get(index), Some(Item::Disconnected))
        {
            self.items.remove(index);
            self.items.remove(index - 1);
        }
    }

    /// Counts an event that is not delivered.
    fn count(&mut self, item: &Item) {
        if let Item::Message(message) = item {
            self.count_message(message);
        }
    }

    /// Counts an event that arrives when no more are delivered.
    pub(super) fn count_message(&mut self, message: &RpcMessage) {
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
        let item = self.items.pop();
        self.messages -= usize::from(matches!(item, Some(Item::Message(_))));
        item
    }

    /// Drops what is left of a full queue: how many events and bytes of payload were not delivered.
    pub(super) fn give_up(&mut self) -> (u64, u64) {
        while self.messages > 0 {
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
        self.messages = 0;
        self.dropped = 0;
        self.has_lagged = false;
    }
}
