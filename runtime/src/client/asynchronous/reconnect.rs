//! The task that brings a connection back.

use std::sync::Arc;

use tokio::task::JoinHandle;

use super::{
    open::{drive, open, shake_hands},
    shared::Shared,
};
use crate::{
    error::{ConnectError, ConnectionError},
    session::{
        ReconnectPolicy,
        policy::Attempts,
        settings::{Settings, unencodable},
    },
    transport::unless,
};

/// Opens the connection again whenever its driver has ended, until it is closed or the policy gives up.
pub(super) async fn keep(
    builder: Settings,
    policy: ReconnectPolicy,
    shared: Arc<Shared>,
    mut driver: JoinHandle<()>,
) {
    // Nobody else brings the connection back.
    let _end = GiveUpOnDrop(&shared);
    let mut attempts = Attempts::new(policy);
    loop {
        // The socket is closed when it is done.
        let _ = driver.await;
        attempts.lost();
        let closed = shared.poll(|core, cx| core.poll_closed(cx));
        match unless(closed, come_back(&builder, &mut attempts, &shared)).await {
            Some(Ok(next)) => driver = next,
            Some(Err(error)) => return shared.with(|core| core.give_up(error)),
            None => return,
        }
    }
}

struct GiveUpOnDrop<'a>(&'a Shared);

impl Drop for GiveUpOnDrop<'_> {
    fn drop(&mut self) {
        self.0.with(|core| core.give_up(ConnectionError::RuntimeStopped));
    }
}

/// Tries until it succeeds or there is no point in trying.
async fn come_back(
    builder: &Settings,
    attempts: &mut Attempts,
    shared: &Arc<Shared>,
) -> Result<JoinHandle<()>, ConnectionError> {
    loop {
        tokio::time::sleep(attempts.backoff()).await;
        match attempt(builder, shared).await {
            Ok(Some(driver)) => {
                attempts.succeeded();
                return Ok(driver);
            }
            Ok(None) => return Err(ConnectionError::Closed),
            Err(error) => {
                let error = Arc::new(error);
                shared.with(|core| core.reconnect_failed(&error));
                attempts.failed(error)?;
            }
        }
    }
}

/// The driver of a connection that is back; nothing if this side has closed it in the meantime.
async fn attempt(
    builder: &Settings,
    shared: &Arc<Shared>,
) -> Result<Option<JoinHandle<()>>, ConnectError> {
    let (io, connect) = open(builder).await?;
    if !shared.with(|core| core.reconnect(&connect)).map_err(unencodable)? {
        return Ok(None);
    }
    let driver = drive(io, shared);
    match shake_hands(builder, shared).await {
        Ok(()) => Ok(Some(driver)),
        Err(error) => {
            // It has ended by itself, unless it was too slow.
            shared.with(|core| core.fail(ConnectionError::Protocol("no acknowledgement in time")));
            let _ = driver.await;
            Err(error)
        }
    }
}
