//! What was called.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::Notify;

/// A call that a component made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// The name of the component.
    pub component: String,
    /// The operation without its namespace, such as `PublishToTopic`.
    pub operation: String,
    /// The request as it arrived.
    pub payload: Bytes,
}

impl Call {
    /// The request as JSON; null if it is none.
    pub fn request(&self) -> Value {
        serde_json::from_slice(&self.payload).unwrap_or_default()
    }
}

/// How many calls are kept.
const KEPT: usize = 10_000;

/// Keeps the calls until they are asked for.
#[derive(Debug)]
pub(crate) struct Recorder {
    is_on: bool,
    calls: Mutex<VecDeque<Call>>,
    added: Notify,
}

impl Recorder {
    pub(crate) fn new(is_on: bool) -> Self {
        Self { is_on, calls: Mutex::default(), added: Notify::new() }
    }

    /// Adds a call; of too many the oldest go.
    pub(crate) fn add(&self, call: impl FnOnce() -> Call) {
        if !self.is_on {
            return;
        }
        let mut calls = self.lock();
        if calls.len() == KEPT {
            calls.pop_front();
        }
        calls.push_back(call());
        self.added.notify_waiters();
    }

    pub(crate) fn take(&self) -> Vec<Call> {
        self.lock().drain(..).collect()
    }

    /// The next call that has not been taken; waits for it.
    pub(crate) async fn next(&self, operation: Option<&str>) -> Call {
        loop {
            let added = self.added.notified();
            let mut added = std::pin::pin!(added);
            // Before looking, so that nothing is missed in between.
            added.as_mut().enable();
            {
                let mut calls = self.lock();
                let is_wanted = |it: &Call| operation.is_none_or(|name| it.operation == name);
                if let Some(at) = calls.iter().position(is_wanted) {
                    return calls.remove(at).expect("it has just been found");
                }
            }
            added.await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Call>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
