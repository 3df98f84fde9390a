//! The life of a component: connecting, serving until the core stops it, and the exit status.
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use greengrass_core_ipc::component;
//!
//! # #[cfg(feature = "tokio")]
//! fn main() -> ExitCode {
//!     component::run(async |client, shutdown| {
//!         let mut greetings = client.subscribe_to_topic().topic("greetings").send().await?;
//!         loop {
//!             tokio::select! {
//!                 Some(greeting) = greetings.next() => println!("{:?}", greeting?),
//!                 () = shutdown.requested() => return Ok(()),
//!             }
//!         }
//!     })
//! }
//! # #[cfg(not(feature = "tokio"))]
//! # fn main() {}
//! ```
//!
//! SIGTERM, SIGINT and the end of the connection ask the function to end; a second signal after a second or more, or the
//! end of the grace period, aborts it. Afterwards the connection is closed, which writes everything that is queued.
//!
//! The exit status is a failure if the client cannot connect, if the function fails or is aborted, or if the connection
//! ended while the function ran and no signal had come. The reason is printed to standard error, once, with its causes. A
//! component should end when its connection does: a core that restarts issues new tokens and starts its components again.

#![cfg(all(feature = "component", any(feature = "tokio", all(feature = "blocking", unix))))]

use std::{
    error::Error,
    io::{self, Write},
    process::ExitCode,
    time::Duration,
};

use crate::error::{ConnectionError, with_sources};

#[cfg(feature = "tokio")]
#[path = "component/asynchronous.rs"]
mod asynchronous;
#[cfg(all(feature = "blocking", unix))]
#[path = "component/blocking.rs"]
pub mod blocking;

#[cfg(feature = "tokio")]
pub use asynchronous::{Runner, Shutdown, run};

/// The result of the function that a runner calls.
pub type Result<T = ()> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The time that the function has to end, unless an option sets another one. A nucleus kills a process 5 s after SIGTERM.
const GRACE_PERIOD: Duration = Duration::from_secs(4);

/// The time in which a signal is the same one again: `timeout` and other programs send it to the process and its group.
const REPEAT_TIME: Duration = Duration::from_secs(1);

/// The time in which the connection closes and a failure is reported.
#[cfg(feature = "tokio")]
const CLOSE_TIME: Duration = Duration::from_millis(500);

/// A runner of a component and its options. `B` builds the client: [`Runner`] is for the asynchronous one, and
/// [`blocking::Runner`] for the blocking one.
#[derive(Debug)]
#[must_use = "nothing runs until `run` is called"]
pub struct ClientRunner<B> {
    builder: B,
    grace_period: Duration,
    reports_state: bool,
}

impl<B: Default> Default for ClientRunner<B> {
    fn default() -> Self {
        Self { builder: B::default(), grace_period: GRACE_PERIOD, reports_state: false }
    }
}

impl<B: Default> ClientRunner<B> {
    /// Creates a runner with the default options.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how to connect. Default: with the socket and the token from the environment.
    pub fn client(mut self, builder: B) -> Self {
        self.builder = builder;
        self
    }

    /// Sets how long `main` may run after it was asked to end. Default: 4 s, because a nucleus kills a process 5 s after
    /// SIGTERM.
    pub fn grace_period(mut self, time: Duration) -> Self {
        self.grace_period = time;
        self
    }

    /// Reports the state `RUNNING` before `main` starts, and `ERRORED` if it fails.
    pub fn report_state(mut self) -> Self {
        self.reports_state = true;
        self
    }
}

/// Why a function was aborted.
#[derive(Debug, thiserror::Error)]
enum Aborted {
    #[error("the component was aborted by a second signal")]
    Signal,
    #[error("the component was aborted: it had not ended {0:?} after it was asked to")]
    GracePeriod(Duration),
}

/// The connection ended while the function ran.
#[derive(Debug, thiserror::Error)]
#[error("the connection to the core has ended")]
struct Lost(#[source] ConnectionError);

/// The exit status for a result, whose error is printed.
fn exit_code(result: Result) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The output may be closed.
            let _ = writeln!(io::stderr(), "error: {}", with_sources(&*error));
            ExitCode::FAILURE
        }
    }
}
