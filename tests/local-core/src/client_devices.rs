//! Client devices: their certificates, what they may do, and the certificate of the server that they connect to.
//!
//! All come from a file of the user: there is no certificate authority here. [`registry`] is the content of the file,
//! [`rule`] and [`permission`] are the rules of its groups, [`session`] has the devices that have a token.

mod permission;
mod registry;
mod requests;
mod rule;
mod session;
#[cfg(test)]
mod tests;

use std::{
    io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use greengrass_core_ipc::{
    operation::subscribe_to_certificate_updates::SubscribeToCertificateUpdates,
    server::EventSender,
    types::{CertificateUpdate, CertificateUpdateEvent},
};

use self::{registry::Registry, session::Sessions};
use crate::blocking;

/// The client devices of a file.
#[derive(Debug)]
pub(crate) struct ClientDevices {
    path: PathBuf,
    current: Mutex<Current>,
}

#[derive(Debug)]
struct Current {
    registry: Registry,
    sessions: Sessions,
    subscribers: Vec<EventSender<SubscribeToCertificateUpdates>>,
}

/// The time between two looks at the files. File systems of containers and networks do not notify of changes.
const INTERVAL: Duration = Duration::from_millis(200);

impl ClientDevices {
    /// Reads a file.
    pub(crate) fn load(path: PathBuf) -> io::Result<Self> {
        let registry = Registry::read(&path)
            .map_err(|problem| io::Error::new(io::ErrorKind::InvalidInput, problem))?;
        let (sessions, subscribers) = (Sessions::default(), Vec::new());
        Ok(Self { path, current: Mutex::new(Current { registry, sessions, subscribers }) })
    }

    /// Applies changes of the file and of those that it names, until the value is dropped.
    pub(crate) fn watch(self: &Arc<Self>) {
        let (path, devices) = (self.path.clone(), Arc::downgrade(self));
        tokio::spawn(async move {
            let mut last: Option<(Result<Registry, String>, bool)> = None;
            loop {
                tokio::time::sleep(INTERVAL).await;
                let path = path.clone();
                // An error means that the runtime ends.
                let read = blocking::run(move |_| Ok(Registry::read(&path))).await;
                let (Ok(read), Some(devices)) = (read, devices.upgrade()) else { return };
                // A file that is being written changes again, and a fault is reported once.
                let seen = last.filter(|it| it.0 == read);
                if let Some((read, false)) = &seen {
                    match read {
                        Ok(registry) => devices.apply(registry.clone()),
                        Err(problem) => {
                            tracing::error!("{problem}\nthe client devices stay as they are");
                        }
                    }
                }
                last = Some((read, seen.is_some()));
            }
        });
    }

    /// Replaces the content, and sends the certificate of the server to its subscribers if it is another one.
    fn apply(&self, registry: Registry) {
        let mut current = self.lock();
        if current.registry == registry {
            return;
        }
        tracing::info!("the client devices have changed");
        let server =
            registry.server.as_ref().filter(|it| current.registry.server.as_ref() != Some(it));
        if let Some(event) = server.cloned().map(event) {
            current.subscribers.retain(|it| it.send(&event).is_ok());
        }
        current.registry = registry;
    }

    fn lock(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn event(update: CertificateUpdate) -> CertificateUpdateEvent {
    CertificateUpdateEvent::CertificateUpdate(update)
}
