//! The task that brings a connection back.

use tokio::task::JoinHandle;

use super::{
    open::{drive, open},
    runtime::{Shared, Tokio},
};
use crate::{
    error::{ConnectError, ConnectionError},
    session::{
        ReconnectPolicy,
        policy::Attempts,
        reconnect::{come_back, shake_hands},
        settings::{Settings, unencodable},
    },
};

/// Opens the connection again whenever its driver has ended, until it is closed or the policy gives up.
pub(super) async fn keep(
    settings: Settings,
    policy: ReconnectPolicy,
    runtime: Tokio,
    mut driver: JoinHandle<()>,
) {
    // Nothing else brings the connection back.
    let _end = GiveUpOnDrop(&runtime.shared);
    let mut attempts = Attempts::new(policy);
    loop {
        // The socket is closed when it is done.
        let _ = driver.await;
        let attempt = || attempt(&settings, &runtime);
        match come_back(&runtime, &mut attempts, attempt).await {
            Some(next) => driver = next,
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

/// The driver of a connection that is back; nothing if this side has closed it in the meantime.
async fn attempt(
    settings: &Settings,
    runtime: &Tokio,
) -> Result<Option<JoinHandle<()>>, ConnectError> {
    let (socket, connect) = open(settings).await?;
    if !runtime.shared.with(|core| core.reconnect(&connect)).map_err(unencodable)? {
        return Ok(None);
    }
    let driver = drive(socket, &runtime.shared);
    match shake_hands(runtime, settings).await {
        Ok(()) => Ok(Some(driver)),
        Err(error) => {
            let _ = driver.await;
            Err(error)
        }
    }
}
