//! The runner for the asynchronous client.

use std::{
    io,
    pin::pin,
    process::ExitCode,
    time::{Duration, Instant},
};

use tokio::{sync::watch, time::timeout};

use super::{Aborted, CLOSE_TIME, ClientRunner, Lost, REPEAT_TIME, Result, exit_code};
use crate::{Client, client::ClientBuilder, types::ReportedLifecycleState};

/// Connects, runs `main` until it returns, and returns the exit status of the process, as [`Runner::run`] does with the
/// default options.
pub fn run(main: impl AsyncFnOnce(Client, Shutdown) -> Result) -> ExitCode {
    Runner::new().run(main)
}

/// A runner for the asynchronous client.
pub type Runner = ClientRunner<ClientBuilder>;

/// Tells a component when it has to end.
#[derive(Clone, Debug)]
pub struct Shutdown(watch::Receiver<bool>);

impl Shutdown {
    /// Waits until the component has to end.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops waiting.
    pub async fn requested(&self) {
        // An error means that the runner has ended.
        let _ = self.0.clone().wait_for(|it| *it).await;
    }

    /// Whether the component has to end.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }
}

impl ClientRunner<ClientBuilder> {
    /// Connects, runs `main` until it returns, and returns the exit status of the process. The documentation of
    /// [the module](super) says what ends `main`, and what the status is.
    ///
    /// It builds a runtime of one thread, on which `main` and the tasks that it spawns run.
    ///
    /// # Panics
    ///
    /// Within an asynchronous runtime: call it in a `main` function that is not `async`.
    pub fn run(self, main: impl AsyncFnOnce(Client, Shutdown) -> Result) -> ExitCode {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return exit_code(Err(error.into())),
        };
        let result = runtime.block_on(self.serve(main));
        // A thread that blocks, such as that of a handler, does not delay the end.
        runtime.shutdown_background();
        exit_code(result)
    }

    async fn serve(self, main: impl AsyncFnOnce(Client, Shutdown) -> Result) -> Result {
        let mut signals = Signals::new()?;
        let client = tokio::select! {
            client = self.builder.connect() => client?,
            () = signals.next() => return Ok(()),
        };
        let connection = client.connection();
        let report = async |state| -> Result {
            if self.reports_state {
                client.update_state().state(state).send().await?;
            }
            Ok(())
        };
        let (request, shutdown) = watch::channel(false);
        let mut main = pin!(async {
            let result = match report(ReportedLifecycleState::Running).await {
                Ok(()) => main(client.clone(), Shutdown(shutdown)).await,
                Err(error) => Err(error),
            };
            if result.is_err() {
                // Only the error of `main` is printed.
                let _ = timeout(CLOSE_TIME, report(ReportedLifecycleState::Errored)).await;
            }
            result
        });
        let ended = tokio::select! {
            biased;
            result = &mut main => Some(result),
            () = signals.next() => None,
            // `Ok` means that `main` has closed the connection.
            Err(error) = connection.closed() => {
                request.send_replace(true);
                // The errors of `main` are consequences of the lost connection, and say less.
                let _ = timeout(self.grace_period, main).await;
                return Err(Lost(error).into());
            }
        };
        let Some(result) = ended else {
            request.send_replace(true);
            let first = Instant::now();
            let second = async {
                signals.next().await;
                while first.elapsed() < REPEAT_TIME {
                    signals.next().await;
                }
            };
            let result = tokio::select! {
                result = main => result,
                () = second => Err(Aborted::Signal.into()),
                () = tokio::time::sleep(self.grace_period) => {
                    Err(Aborted::GracePeriod(self.grace_period).into())
                }
            };
            // A core that stops may have closed the connection.
            let _ = timeout(CLOSE_TIME, connection.close()).await;
            return result;
        };
        let is_lost = timeout(Duration::ZERO, connection.closed()).await;
        if let Ok(Err(error)) = is_lost {
            return Err(Lost(error).into());
        }
        let closed = connection.close().await;
        result?;
        Ok(closed?)
    }
}

/// The signals that end a component.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        let (terminate, interrupt) = (SignalKind::terminate(), SignalKind::interrupt());
        Ok(Self { terminate: signal(terminate)?, interrupt: signal(interrupt)? })
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    #[cfg(not(unix))]
    fn new() -> io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        // An error means that the platform has no such signal.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}
