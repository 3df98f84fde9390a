//! The runner for the blocking client.
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use greengrass_core_ipc::component::blocking;
//!
//! fn main() -> ExitCode {
//!     blocking::run(|client, shutdown| {
//!         let greetings = client.subscribe_to_topic().topic("greetings").send()?;
//!         let _handle = greetings.spawn_handler(|greeting| println!("{greeting:?}"));
//!         shutdown.wait();
//!         Ok(())
//!     })
//! }
//! ```

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    process::ExitCode,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        mpsc::{self, Receiver, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
};

use super::{Aborted, ClientRunner, Lost, REPEAT_TIME, Result, exit_code};
use crate::{
    blocking::{Client, ClientBuilder},
    error::ConnectionError,
    types::ReportedLifecycleState,
};

/// Connects, runs `main` until it returns, and returns the exit status of the process, as [`Runner::run`] does with the
/// default options.
pub fn run(main: impl FnOnce(Client, Shutdown) -> Result + Send + 'static) -> ExitCode {
    Runner::new().run(main)
}

/// A runner for the blocking client.
pub type Runner = ClientRunner<ClientBuilder>;

/// Tells a component when it has to end.
#[derive(Clone, Debug, Default)]
pub struct Shutdown(Arc<(Mutex<bool>, Condvar)>);

impl Shutdown {
    /// Waits until the component has to end.
    pub fn wait(&self) {
        let (requested, changed) = &*self.0;
        let requested = requested.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = changed.wait_while(requested, |it| !*it);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Waits until the component has to end, but no longer than `timeout`. Returns whether it has to end.
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        let (requested, changed) = &*self.0;
        let requested = requested.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = changed.wait_timeout_while(requested, timeout, |it| !*it);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Whether the component has to end.
    pub fn is_requested(&self) -> bool {
        self.wait_timeout(Duration::ZERO)
    }

    fn request(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }
}

/// What the main thread waits for.
enum Event {
    Signal,
    Lost(ConnectionError),
    Ended(Result),
}

impl ClientRunner<ClientBuilder> {
    /// Connects, runs `main` on a thread until it returns, and returns the exit status of the process. The documentation
    /// of [the module](super) says what ends `main`, and what the status is.
    ///
    /// `main` should wait for [`Shutdown`], and leave events to handlers: a loop over a subscription ends with the
    /// connection only. Return the status from the `main` function of the program, so that an aborted thread ends with it.
    pub fn run(self, main: impl FnOnce(Client, Shutdown) -> Result + Send + 'static) -> ExitCode {
        exit_code(self.serve(main))
    }

    fn serve(self, main: impl FnOnce(Client, Shutdown) -> Result + Send + 'static) -> Result {
        let (sender, events) = mpsc::channel();
        let mut signals = Signals::new([SIGTERM, SIGINT])?;
        let signalled = sender.clone();
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            signals.forever().take_while(|_| signalled.send(Event::Signal).is_ok()).count()
        })?;
        let (shutdown, grace_period) = (Shutdown::default(), self.grace_period);
        let requested = shutdown.clone();
        thread::Builder::new().name("component".to_owned()).spawn(move || {
            let result = catch_unwind(AssertUnwindSafe(|| self.call(main, requested, &sender)));
            let (result, panic) = match result {
                Ok(result) => (result, None),
                Err(panic) => (Err("the component panicked".into()), Some(panic)),
            };
            // Ignored: the main thread has ended.
            let _ = sender.send(Event::Ended(result));
            panic.map(|it| resume_unwind(it))
        })?;
        wait(&events, &shutdown, grace_period)
    }

    /// Runs `main`, and closes the connection.
    fn call(
        self,
        main: impl FnOnce(Client, Shutdown) -> Result,
        shutdown: Shutdown,
        events: &Sender<Event>,
    ) -> Result {
        let client = self.builder.connect()?;
        let (watched, lost) = (client.connection().clone(), events.clone());
        let watching = thread::Builder::new().name("connection end".to_owned());
        let watching = watching.spawn(move || {
            // `Ok` means that this side has closed the connection.
            watched.closed().inspect_err(|error| {
                let _ = lost.send(Event::Lost(error.clone()));
            })
        })?;
        let report = |state| -> Result {
            if self.reports_state {
                client.update_state().state(state).send()?;
            }
            Ok(())
        };
        let result = report(ReportedLifecycleState::Running)
            .and_then(|()| main(client.clone(), shutdown.clone()));
        if result.is_err() {
            // Only the error of `main` is printed.
            let _ = report(ReportedLifecycleState::Errored);
        }
        let closed = client.connection().close();
        let ended = watching.join().unwrap_or_else(|panic| resume_unwind(panic));
        // A core that stops may have closed the connection.
        if result.is_err() || shutdown.is_requested() {
            return result;
        }
        ended.map_err(Lost)?;
        Ok(closed?)
    }
}

/// Waits until the component has ended, or has to be aborted.
fn wait(events: &Receiver<Event>, shutdown: &Shutdown, grace_period: Duration) -> Result {
    let lost = match events.recv() {
        Ok(Event::Ended(result)) => return result,
        Ok(Event::Signal) | Err(_) => None,
        Ok(Event::Lost(error)) => Some(Lost(error)),
    };
    shutdown.request();
    let first = Instant::now();
    let result = loop {
        let rest = grace_period.saturating_sub(first.elapsed());
        match events.recv_timeout(rest) {
            Ok(Event::Ended(result)) => break result,
            Ok(Event::Signal) if lost.is_none() && first.elapsed() >= REPEAT_TIME => {
                break Err(Aborted::Signal.into());
            }
            // A core that stops closes the connection.
            Ok(Event::Signal | Event::Lost(_)) => {}
            Err(_) => break Err(Aborted::GracePeriod(grace_period).into()),
        }
    };
    // The errors of `main` are consequences of the lost connection, and say less.
    lost.map_or(result, |it| Err(it.into()))
}
