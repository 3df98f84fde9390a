//! The retained messages of the loop-back.

use std::{collections::BTreeMap, time::Instant};

use super::Message;
use crate::topics::{FilterTree, Rules};

/// The maximum size of all retained messages, in bytes.
const MAX_SIZE: usize = 64 * 1024 * 1024;

/// The last retained message of each topic.
#[derive(Debug, Default)]
pub(super) struct Retained {
    messages: BTreeMap<String, Message>,
    size: usize,
}

impl Retained {
    /// Keeps a message instead of the one before. An empty one removes it. An error changes nothing.
    pub(super) fn put(&mut self, message: Message) -> Result<(), String> {
        let before = self.messages.get(&message.topic).map_or(0, Message::size);
        if message.payload.is_empty() {
            self.messages.remove(&message.topic);
            self.size -= before;
            return Ok(());
        }
        let size = self.size - before + message.size();
        if size > MAX_SIZE {
            return Err(format!("the retained messages have more than {MAX_SIZE} bytes"));
        }
        self.size = size;
        self.messages.insert(message.topic.clone(), message);
        Ok(())
    }

    /// The messages whose topics match a filter, in the order of their topics.
    pub(super) fn matching(
        &self,
        filter: &str,
        rules: Rules,
        now: Instant,
    ) -> impl Iterator<Item = &Message> {
        let mut tree = FilterTree::new(rules);
        tree.insert(filter, 0, ());
        self.messages.values().filter(move |message| {
            let mut is_match = false;
            tree.for_each_match(&message.topic, |()| is_match = true);
            is_match && !message.is_expired(now)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(topic: &str, len: usize) -> Message {
        Message { topic: topic.to_owned(), payload: vec![0; len].into(), ..Message::default() }
    }

    #[test]
    fn a_message_without_space_does_not_replace_the_one_before() {
        let mut retained = Retained::default();
        let len = MAX_SIZE / 2 - 1;
        retained.put(message("a", len)).unwrap();
        retained.put(message("b", len)).unwrap();
        retained.put(message("b", len + 1)).unwrap_err();
        let found: Vec<_> = retained.matching("b", Rules::Mqtt, Instant::now()).collect();
        assert_eq!(found, [&message("b", len)]);
        retained.put(message("a", 0)).unwrap();
        retained.put(message("b", len + 1)).unwrap();
        assert_eq!(retained.size, len + 2);
    }
}
