//! The queue of messages that wait for a connection.

use std::collections::VecDeque;

use super::Message;

/// The maximum size of the payloads in the queue, in bytes.
const MAX_SIZE: usize = 2_621_440;

/// Messages in the order in which they were published.
#[derive(Debug, Default)]
pub(super) struct Spool {
    messages: VecDeque<Message>,
    /// The size of the payloads.
    size: usize,
}

impl Spool {
    /// Adds a message. Removes messages with QoS 0 if there is no space for it.
    pub(super) fn push(&mut self, message: Message) -> Result<(), String> {
        let len = message.payload.len();
        if self.size + len > MAX_SIZE {
            self.remove_qos0();
        }
        if self.size + len > MAX_SIZE {
            return Err(format!("the queue is full: its payloads have up to {MAX_SIZE} bytes"));
        }
        self.size += len;
        self.messages.push_back(message);
        Ok(())
    }

    /// The number of messages.
    #[cfg(feature = "mqtt")]
    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    /// Takes the oldest message.
    pub(super) fn pop(&mut self) -> Option<Message> {
        let message = self.messages.pop_front()?;
        self.size -= message.payload.len();
        Some(message)
    }

    /// Puts a message back before the oldest one, even if there is no space for it.
    pub(super) fn put_back(&mut self, message: Message) {
        self.size += message.payload.len();
        self.messages.push_front(message);
    }

    /// Removes the messages with QoS 0.
    pub(super) fn remove_qos0(&mut self) {
        self.messages.retain(|it| it.qos > 0);
        self.size = self.messages.iter().map(|it| it.payload.len()).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(qos: u8, len: usize) -> Message {
        Message { qos, payload: vec![0; len].into(), ..Message::default() }
    }

    #[test]
    fn a_full_queue_gives_up_messages_with_qos_0() {
        let mut spool = Spool::default();
        spool.push(message(0, MAX_SIZE / 2)).unwrap();
        spool.push(message(1, MAX_SIZE / 2)).unwrap();
        spool.push(message(1, MAX_SIZE / 2)).unwrap();
        spool.push(message(1, 1)).unwrap_err();
        spool.push(message(1, 0)).unwrap();
        assert_eq!(spool.pop(), Some(message(1, MAX_SIZE / 2)));
        spool.push(message(1, 1)).unwrap();
        spool.push(message(1, MAX_SIZE + 1)).unwrap_err();
        let left: Vec<_> = std::iter::from_fn(|| spool.pop()).map(|it| it.payload.len()).collect();
        assert_eq!(left, [MAX_SIZE / 2, 0, 1]);
        assert_eq!(spool.size, 0);
    }
}
