//! The steps of a session, used by both clients.

use std::{fmt::Debug, sync::Arc, task::Poll};

use eventstream_rpc::{
    client::PingError,
    error::{OperationError, SdkError},
};

use crate::faults::{
    outcome::{Failure, Outcome, of_call},
    wire::{Counts, Direction},
};

/// The steps of an echo stream that are skipped if it is not open.
pub(crate) const ECHO: [&str; 9] =
    ["send one", "send two", "send three", "next", "next", "next", "send close", "next", "next"];

/// A step and its outcome.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) name: String,
    pub(crate) outcome: Outcome,
    /// The number of bytes in each direction at the end of the step.
    pub(crate) at: [u64; 2],
}

/// The steps that a session has taken.
pub(crate) struct Steps {
    counts: Arc<Counts>,
    pub(crate) taken: Vec<Step>,
}

impl Steps {
    pub(crate) fn new(counts: Arc<Counts>) -> Self {
        Self { counts, taken: Vec::new() }
    }

    pub(crate) fn note(&mut self, name: impl Into<String>, outcome: Outcome) {
        let at = Direction::BOTH.map(|it| self.counts.get(it));
        self.taken.push(Step { name: name.into(), outcome, at });
    }

    pub(crate) fn skip(&mut self, names: &[&str]) {
        for name in names {
            self.note(*name, Err(Failure::Skipped));
        }
    }

    /// Records the response to a call.
    pub(crate) fn called<T: Debug, E: OperationError>(
        &mut self,
        name: &str,
        response: Result<T, SdkError<E>>,
    ) {
        self.note(name, response.map(|it| format!("{it:?}")).or_else(of_call));
    }

    /// Records whether a stream was opened and returns it.
    pub(crate) fn opened<T, E: OperationError>(
        &mut self,
        name: &str,
        opened: Result<T, SdkError<E>>,
    ) -> Option<T> {
        match opened {
            Ok(stream) => {
                self.note(name, Ok(String::new()));
                Some(stream)
            }
            Err(error) => {
                self.note(name, of_call(error));
                None
            }
        }
    }

    /// Records whether an event with this text was sent.
    pub(crate) fn sent<E: OperationError>(&mut self, text: &str, sent: Result<(), SdkError<E>>) {
        self.note(format!("send {text}"), sent.map(|()| String::new()).or_else(of_call));
    }

    /// Records an event, an error or the end of a stream, or that none of them arrived in time.
    pub(crate) fn next<T: Debug, E: OperationError>(
        &mut self,
        next: Poll<Option<Result<T, SdkError<E>>>>,
    ) {
        let outcome = match next {
            Poll::Pending => Err(Failure::NoEvent),
            Poll::Ready(None) => Ok("end".to_owned()),
            Poll::Ready(Some(Ok(event))) => Ok(format!("{event:?}")),
            Poll::Ready(Some(Err(error))) => of_call(error),
        };
        // The end after an error is expected and not recorded as a result.
        let last = self.taken.last().map(|it| &it.outcome);
        let is_over = matches!(last, Some(Err(_))) && outcome.as_deref() == Ok("end");
        self.note("next", if is_over { Err(Failure::Skipped) } else { outcome });
    }

    pub(crate) fn pinged(&mut self, result: Result<(), PingError>) {
        let outcome = match result {
            Ok(()) => Ok("pong".to_owned()),
            Err(error @ PingError::Timeout) => Err(Failure::Deadline(error.to_string())),
            Err(error) => Err(Failure::Connection(error.to_string())),
        };
        self.note("ping", outcome);
    }
}
