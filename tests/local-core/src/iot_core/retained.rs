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
    /// Keeps a message that is to be retained, instead of the one before. An empty one removes it.
    pub(super) fn put(&mut self, message: Message) -> Result<(), String> {
        if !message.retain {
            return Ok(());
        }
        if let Some(before) = self.messages.remove(&message.topic) {
            self.size -= before.size();
        }
        if message.payload.is_empty() {
            return Ok(());
        }
        if self.size + message.size() > MAX_SIZE {
            return Err(format!("the retained messages have more than {MAX_SIZE} bytes"));
        }
        self.size += message.size();
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
