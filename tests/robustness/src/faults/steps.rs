//! The steps of a session, as either client takes them.

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

/// One step.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) name: String,
    pub(crate) outcome: Outcome,
    /// How many bytes had gone to each side when it was over.
    pub(crate) at: [u64; 2],
}

/// The steps that have been taken over a wire.
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

    /// Notes the response to a call.
    pub(crate) fn called<T: Debug, E: OperationError>(
        &mut self,
        name: &str,
        response: Result<T, SdkError<E>>,
    ) {
        self.note(name, response.map(|it| format!("{it:?}")).or_else(of_call));
    }

    /// The stream, if it was opened.
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

    /// Notes whether an event with this text was sent.
    pub(crate) fn sent<E: OperationError>(&mut self, text: &str, sent: Result<(), SdkError<E>>) {
        self.note(format!("send {text}"), sent.map(|()| String::new()).or_else(of_call));
    }

    /// Notes an event, an error in its place, or the end; pending if there was none in time.
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
        // After an error there is nothing more, and the end need not be told again.
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
