//! Recording of calls.

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
    /// The payload of the request.
    pub payload: Bytes,
}

impl Call {
    /// The request as JSON, or null if it is not valid JSON.
    pub fn request(&self) -> Value {
        serde_json::from_slice(&self.payload).unwrap_or_default()
    }
}

/// The maximum number of recorded calls.
const MAX_CALLS: usize = 10_000;

/// Records calls until they are taken.
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

    /// Adds a call. Drops the oldest one above the limit.
    pub(crate) fn add(&self, call: impl FnOnce() -> Call) {
        if !self.is_on {
            return;
        }
        let mut calls = self.lock();
        if calls.len() == MAX_CALLS {
            calls.pop_front();
        }
        calls.push_back(call());
        self.added.notify_waiters();
    }

    pub(crate) fn take(&self) -> Vec<Call> {
        self.lock().drain(..).collect()
    }

    /// Takes the next call. Waits until there is one.
    pub(crate) async fn next(&self, operation: Option<&str>) -> Call {
        loop {
            let added = self.added.notified();
            let mut added = std::pin::pin!(added);
            // Registered before the check, so that no call is missed in between.
            added.as_mut().enable();
            {
                let mut calls = self.lock();
                let matches = |it: &Call| operation.is_none_or(|name| it.operation == name);
                if let Some(index) = calls.iter().position(matches) {
                    return calls.remove(index).expect("the index is valid");
                }
            }
            added.await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Call>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
