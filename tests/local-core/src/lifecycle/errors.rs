//! The errors of a component, which break it if there are several in one state.

use std::time::{Duration, Instant};

use super::State;

/// The number of errors in one state that break a component.
const MAX_ERRORS: u32 = 3;
/// The time without an error in a state after which its earlier errors do not count.
const RESET_TIME: Duration = Duration::from_secs(3600);

/// The errors in each state.
#[derive(Debug, Default)]
pub(super) struct Errors(Vec<InState>);

#[derive(Debug)]
struct InState {
    state: State,
    count: u32,
    last: Instant,
}

impl Errors {
    /// Counts an error. Returns whether the component is broken.
    pub(super) fn add(&mut self, state: State, now: Instant) -> bool {
        self.0.retain(|it| now.duration_since(it.last) < RESET_TIME);
        let count = self.0.iter().find(|it| it.state == state).map_or(0, |it| it.count) + 1;
        self.clear(state);
        self.0.push(InState { state, count, last: now });
        count >= MAX_ERRORS
    }

    /// Forgets the errors in a state.
    pub(super) fn clear(&mut self, state: State) {
        self.0.retain(|it| it.state != state);
    }
}
