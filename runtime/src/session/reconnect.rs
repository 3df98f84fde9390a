//! How a connection is opened, and brought back when it is lost.

use std::{future::pending, sync::Arc};

use super::{Runtime, policy::Attempts, settings::Settings, until};
use crate::{
    error::{ConnectError, ConnectionError},
    transport::unless,
};

/// Waits until the server has accepted this side. If it does not the connection ends.
pub(crate) async fn shake_hands<R: Runtime>(
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
            // Unless the server was too slow, the connection has ended already.
            shared.with(|core| core.fail(ConnectionError::Protocol("no acknowledgement in time")));
            Err(error)
        }
    }
}

/// Brings a lost connection back: tries until an attempt succeeds, the policy gives up or this side closes the
/// connection.
pub(crate) async fn come_back<R: Runtime, T, A>(
    runtime: &R,
    attempts: &mut Attempts,
    mut attempt: impl FnMut() -> A,
) -> Option<T>
where
    A: Future<Output = Result<Option<T>, ConnectError>>,
{
    let shared = runtime.shared();
    attempts.lost(runtime.now());
    let trying = async {
        loop {
            let deadline = runtime.now().checked_add(attempts.backoff());
            until(runtime, deadline, pending::<()>()).await;
            let error = match attempt().await {
                Ok(back) => {
                    attempts.succeeded(runtime.now());
                    return back;
                }
                Err(error) => Arc::new(error),
            };
            shared.with(|core| core.reconnect_failed(&error));
            if let Err(error) = attempts.failed(error) {
                shared.with(|core| core.give_up(error));
                return None;
            }
        }
    };
    unless(shared.poll(|core, cx| core.poll_closed(cx)), trying).await.flatten()
}
