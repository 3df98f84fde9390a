//! The states that components have entered.

use std::collections::VecDeque;

use super::LOG_TARGET;
use crate::lifecycle::State;

/// The states that a component has entered.
#[derive(Debug, Default)]
pub(super) struct History {
    /// The last states.
    states: VecDeque<State>,
    /// The number of states, of these and earlier ones.
    count: usize,
}

/// The number of states that are kept.
const MAX_STATES: usize = 1000;

impl History {
    /// Adds a state and logs it.
    pub(super) fn add(&mut self, component: &str, state: State, is_logged: bool) {
        if is_logged {
            tracing::info!(target: LOG_TARGET, "{component}: {state}");
        } else {
            tracing::debug!(target: LOG_TARGET, "{component}: {state}");
        }
        if self.states.len() == MAX_STATES {
            self.states.pop_front();
        }
        self.states.push_back(state);
        self.count += 1;
    }

    /// The number of states so far.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The states after the first `count`, as far as they are kept.
    pub(super) fn since(&self, count: usize) -> impl Iterator<Item = State> {
        let new = self.count.saturating_sub(count).min(self.states.len());
        self.states.range(self.states.len() - new..).copied()
    }
}
