//! How a connection is opened, and opened again when it is lost.

use std::{future::pending, sync::Arc};

use super::{Runtime, policy::Attempts, settings::Settings, until};
use crate::{
    error::{ConnectError, ConnectionError},
    transport::unless,
};

/// Waits until the server has accepted the connection. If it does not, the connection ends.
pub(crate) async fn handshake<R: Runtime>(
    runtime: &R,
    settings: &Settings,
) -> Result<(), ConnectError> {
    let shared = runtime.shared();
    let after = settings.handshake_timeout;
    let deadline = runtime.now().checked_add(after);
    let connected = shared.poll(|core, cx| core.poll_connected(cx));
    let accepted = until(runtime, deadline, connected).await;
    match accepted.unwrap_or(Err(ConnectError::HandshakeTimeout { after })) {
        Ok(()) => {
            tracing::debug!(target: crate::LOG_TARGET, connection = shared.number, "connected");
            Ok(())
        }
        Err(error) => {
            // After a timeout the connection has not ended yet.
            shared.with(|core| core.fail(ConnectionError::Protocol("no acknowledgement in time")));
            Err(error)
        }
    }
}

/// Opens the connection again each time that it has been lost and its driver has ended, until it is closed or the
/// policy gives up.
pub(crate) async fn keep_open<R: Runtime>(runtime: &R, settings: &Settings, driver: R::Driver) {
    let Some(policy) = settings.reconnect else { return };
    let _guard = GiveUpOnDrop(runtime);
    let mut attempts = Attempts::new(policy);
    let mut driver = Some(driver);
    while let Some(running) = driver {
        running.await;
        attempts.lost(runtime.now());
        let closed = runtime.shared().poll(|core, cx| core.poll_closed(cx));
        driver = unless(closed, reconnect(runtime, settings, &mut attempts)).await.flatten();
    }
}

/// Ends a connection that nothing opens again any more, because the tokio runtime has stopped.
struct GiveUpOnDrop<'a, R: Runtime>(&'a R);

impl<R: Runtime> Drop for GiveUpOnDrop<'_, R> {
    fn drop(&mut self) {
        self.0.shared().with(|core| core.give_up(ConnectionError::RuntimeStopped));
    }
}

/// Tries to open a lost connection again until an attempt succeeds. Returns no driver if the policy gives up or this
/// side has closed the connection.
async fn reconnect<R: Runtime>(
    runtime: &R,
    settings: &Settings,
    attempts: &mut Attempts,
) -> Option<R::Driver> {
    let shared = runtime.shared();
    loop {
        let deadline = runtime.now().checked_add(attempts.backoff());
        until(runtime, deadline, pending::<()>()).await;
        let error = match attempt(runtime, settings).await {
            Ok(driver) => {
                attempts.succeeded(runtime.now());
                return driver;
            }
            Err(error) => Arc::new(error),
        };
        shared.with(|core| core.reconnect_failed(&error));
        if let Err(error) = attempts.failed(error) {
            shared.with(|core| core.give_up(error));
            return None;
        }
    }
}

/// Tries once to open a lost connection again. Returns no driver if this side has closed the connection.
async fn attempt<R: Runtime>(
    runtime: &R,
    settings: &Settings,
) -> Result<Option<R::Driver>, ConnectError> {
    let address = settings.address()?;
    let connect = settings.connect_message()?;
    let socket = R::open(&address, settings.connect_timeout).await?;
    let attached = runtime.attach(socket, |core| core.reconnect(&connect))?;
    let Some(driver) = attached else { return Ok(None) };
    if let Err(error) = handshake(runtime, settings).await {
        driver.await;
        return Err(error);
    }
    Ok(Some(driver))
}
