//! The events of one stream that wait to be read.

use super::{Notice, SubscriptionItem};
use crate::{
    options::{Overflow, SubscribeOptions},
    protocol::{RpcMessage, queue},
};

/// What waits: an event, or what happened between two of them.
type Item = SubscriptionItem<RpcMessage>;

impl queue::Element for Item {
    fn held(&self) -> usize {
        match self {
            Self::Event(message) => message.held(),
            _ => 0,
        }
    }

    fn shares(&self, next: &Self) -> bool {
        matches!((self, next), (Self::Event(it), Self::Event(next)) if it.shares(next))
    }
}

/// A queue that is bounded in bytes. There are never more than two notices in a row.
#[derive(Debug)]
pub(super) struct EventQueue {
    /// Messages, and notices that the connection was lost and came back.
    items: queue::Queue<Item>,
    /// How many of the items are messages.
    messages: usize,
    overflow: Overflow,
    limit: usize,
    /// Events dropped since the last that was delivered.
    dropped: u64,
    /// An outage has been noted, and its end has not.
    is_out: bool,
}

impl EventQueue {
    pub(super) fn new(options: Option<&SubscribeOptions>) -> Self {
        Self {
            items: queue::Queue::default(),
            messages: 0,
            overflow: options.map_or(Overflow::End, |it| it.overflow),
            limit: options.map_or(0, |it| it.queue_limit),
            dropped: 0,
            is_out: false,
        }
    }

    /// Queues an event. It is given back if the queue is full and ends with what it holds.
    pub(super) fn push(&mut self, message: RpcMessage) -> Result<(), Item> {
        let mut item = Item::Event(message);
        loop {
            let limit = match self.overflow {
                _ if self.messages == 0 => usize::MAX,
                Overflow::End | Overflow::DropOldest => self.limit,
                Overflow::LatestOnly => 0,
            };
            match self.items.try_push(item, limit) {
                Ok(()) => break,
                Err(it) if self.overflow == Overflow::End => return Err(it),
                Err(it) => item = it,
            }
            self.dropped += self.drop_oldest().map_or(0, |it| it.size().0);
        }
        self.messages += 1;
        Ok(())
    }

    /// Queues the last message of a stream, whatever the limit.
    pub(super) fn push_last(&mut self, message: RpcMessage) {
        self.messages += 1;
        self.items.push(Item::Event(message));
    }

    /// An outage has begun, or continues: a failed attempt to reconnect does not begin another one.
    pub(super) fn push_disconnected(&mut self) {
        if std::mem::replace(&mut self.is_out, true) {
            return;
        }
        // A reader that has not come to the end of the outage before need not be told of one.
        if let Some(Item::Notice(Notice::Resubscribed)) = self.items.back() {
            self.items.pop_back();
        } else {
            self.items.push(Item::Notice(Notice::Disconnected));
        }
    }

    pub(super) fn push_resubscribed(&mut self) {
        if std::mem::take(&mut self.is_out) {
            self.items.push(Item::Notice(Notice::Resubscribed));
        }
    }

    fn drop_oldest(&mut self) -> Option<Item> {
        let index = self.items.iter().position(|it| matches!(it, Item::Event(_)))?;
        let oldest = self.items.remove(index);
        self.messages -= 1;
        // Two outages with nothing left between them are one.
        if index > 0
            && matches!(self.items.get(index - 1), Some(Item::Notice(Notice::Resubscribed)))
            && matches!(self.items.get(index), Some(Item::Notice(Notice::Disconnected)))
        {
            self.items.remove(index);
            self.items.remove(index - 1);
        }
        oldest
    }

    /// What comes next, with the number of events that were dropped before it.
    pub(super) fn pop(&mut self) -> Option<Item> {
        if self.dropped > 0 {
            return Some(Item::Notice(Notice::Dropped(std::mem::take(&mut self.dropped))));
        }
        let item = self.items.pop();
        self.messages -= usize::from(matches!(item, Some(Item::Event(_))));
        item
    }

    /// Takes everything out.
    pub(super) fn clear(&mut self) -> queue::Queue<Item> {
        self.messages = 0;
        self.dropped = 0;
        std::mem::take(&mut self.items)
    }
}
