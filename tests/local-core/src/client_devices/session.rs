//! The client devices that have a token.

use crate::random;

/// The maximum number of tokens. The least recently used one is dropped.
const MAX: usize = 2500;

/// Tokens and the names of their things, the least recently used ones first.
#[derive(Debug, Default)]
pub(super) struct Sessions(Vec<(String, String)>);

impl Sessions {
    /// Creates a token for a thing.
    pub(super) fn open(&mut self, thing: &str) -> String {
        if self.0.len() == MAX {
            self.0.remove(0);
        }
        let token = random::uuid();
        self.0.push((token.clone(), thing.to_owned()));
        token
    }

    /// The thing that has a token.
    pub(super) fn thing_of(&mut self, token: &str) -> Option<&str> {
        let index = self.0.iter().position(|it| it.0 == token)?;
        self.0[index..].rotate_left(1);
        self.0.last().map(|it| &*it.1)
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX, Sessions};

    #[test]
    fn the_least_recently_used_token_is_dropped() {
        let mut sessions = Sessions::default();
        let (first, second) = (sessions.open("a"), sessions.open("b"));
        for _ in 2..MAX {
            sessions.open("c");
        }
        assert_eq!(sessions.thing_of(&first), Some("a"));
        sessions.open("d");
        assert_eq!(sessions.thing_of(&second), None);
        assert_eq!(sessions.thing_of(&first), Some("a"));
    }
}
