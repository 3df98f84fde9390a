//! The events of one stream that wait to be read.

use super::{Notice, SubscriptionItem, stream::event_size};
use crate::{
    options::{Overflow, SubscribeOptions},
    protocol::{
        RpcMessage,
        queue::{Element, Queue},
    },
};

/// An event, or a notice between two events.
type Item = SubscriptionItem<RpcMessage>;

impl Element for Item {
    fn held(&self) -> usize {
        match self {
            Self::Event(message) => message.held(),
            Self::Notice(_) => 0,
        }
    }

    fn shares(&self, next: &Self) -> bool {
        matches!((self, next), (Self::Event(event), Self::Event(next)) if event.shares(next))
    }
}

/// A queue that is bounded in bytes. There are never more than two notices in a row.
#[derive(Debug)]
pub(super) struct EventQueue {
    items: Queue<Item>,
    overflow: Overflow,
    limit: usize,
    /// Events dropped since the last that was delivered.
    dropped: u64,
    /// The beginning of an outage has been queued or delivered, and its end has not been queued.
    is_out: bool,
}

impl EventQueue {
    pub(super) fn new(options: Option<&SubscribeOptions>) -> Self {
        let overflow = options.map_or(Overflow::End, |it| it.overflow);
        // A queue for the latest event has no room for a second one.
        let limit = options.filter(|_| overflow != Overflow::LatestOnly);
        let limit = limit.map_or(0, |it| it.queue_limit);
        Self { items: Queue::default(), overflow, limit, dropped: 0, is_out: false }
    }

    /// Queues an event. It is returned if the queue is full and the subscription ends then.
    pub(super) fn push(&mut self, message: RpcMessage) -> Result<(), RpcMessage> {
        let item = Item::Event(message);
        while self.items.allocated_with(&item) > self.limit {
            // An event that is larger than the limit is queued alone.
            let Some(oldest) = self.items.iter().position(is_event) else { break };
            match item {
                Item::Event(message) if self.overflow == Overflow::End => return Err(message),
                _ => self.drop_event(oldest),
            }
        }
        self.items.push(item);
        Ok(())
    }

    /// Queues the last message of a stream, without regard to the limit.
    pub(super) fn push_last(&mut self, message: RpcMessage) {
        self.items.push(Item::Event(message));
    }

    /// An outage has begun, or continues: a failed attempt to reconnect does not begin another one.
    pub(super) fn push_disconnected(&mut self) {
        if std::mem::replace(&mut self.is_out, true) {
            return;
        }
        // If the end of the last outage has not been read, the two outages become one.
        if let Some(Item::Notice(Notice::Resubscribed)) = self.items.back() {
            self.items.remove(self.items.len() - 1);
        } else {
            self.items.push(Item::Notice(Notice::Disconnected));
        }
    }

    pub(super) fn push_resubscribed(&mut self) {
        if std::mem::take(&mut self.is_out) {
            self.items.push(Item::Notice(Notice::Resubscribed));
        }
    }

    fn drop_event(&mut self, index: usize) {
        if let Some(Item::Event(message)) = self.items.remove(index) {
            self.dropped += event_size(&message).0;
        }
        // Two outages with no event between them become one.
        if index > 0
            && matches!(self.items.get(index - 1), Some(Item::Notice(Notice::Resubscribed)))
            && matches!(self.items.get(index), Some(Item::Notice(Notice::Disconnected)))
        {
            self.items.remove(index);
            self.items.remove(index - 1);
        }
    }

    /// The next item. Events that were dropped come first, as a notice.
    pub(super) fn pop(&mut self) -> Option<Item> {
        match std::mem::take(&mut self.dropped) {
            0 => self.items.pop(),
            dropped => Some(Item::Notice(Notice::Dropped(dropped))),
        }
    }

    /// Removes everything; returns how many events it was, and how many bytes of payload.
    pub(super) fn clear(&mut self) -> (u64, u64) {
        self.dropped = 0;
        let (mut count, mut bytes) = (0, 0);
        while let Some(item) = self.items.pop() {
            if let Item::Event(message) = item {
                let (one, len) = event_size(&message);
                (count, bytes) = (count + one, bytes + len);
            }
        }
        (count, bytes)
    }
}

fn is_event(item: &Item) -> bool {
    matches!(item, Item::Event(_))
}
