//! The end of a step: everything that it caused has come.

use serde_json::{Value, json};
use test_util::END;

use super::{marks, player::Player};

impl Player<'_> {
    /// Receives everything that the step caused, and proves that there is nothing else.
    ///
    /// A round trip shows that the server has handled what was sent on a connection. Events are then in the queues of
    /// their subscriptions, so that those before the next event of the test are all.
    pub(super) async fn settle(&mut self, closed: &Value) {
        let names: Vec<_> = self.connections.keys().cloned().collect();
        for name in &names {
            let connection = self.connections.get_mut(name).unwrap();
            let is_end_expected = closed.as_array().is_some_and(|it| it.contains(&json!(name)));
            let mut messages = Vec::new();
            if is_end_expected {
                while let Some(message) = connection.receive().await {
                    messages.push(message);
                }
            } else if !connection.is_closed && !connection.is_within_message {
                messages = connection.round_trip().await;
            }
            messages.iter().for_each(|it| self.event(name, it));
        }
        let components: std::collections::BTreeSet<_> =
            names.iter().map(|it| self.component(it)).collect();
        for it in components {
            marks::send(&self.core, &it);
        }
        for name in &names {
            self.receive_marks(name).await;
        }
    }

    /// Receives the events before the mark on each subscription of a connection.
    async fn receive_marks(&mut self, name: &str) {
        let mut missing = self.connections[name].subscriptions.clone();
        while !missing.is_empty() {
            let connection = self.connections.get_mut(name).unwrap();
            let Some(message) = connection.receive().await else {
                assert!(connection.is_closed, "no mark on streams {missing:?}");
                return;
            };
            if marks::is_mark(&message) {
                missing.remove(&message.stream);
            } else {
                missing.retain(|it| *it != message.stream || message.flags & END == 0);
                self.event(name, &message);
            }
        }
    }
}
