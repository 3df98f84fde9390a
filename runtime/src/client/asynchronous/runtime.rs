//! The asynchronous client's use of tokio.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use tokio::{
    runtime,
    task::JoinHandle,
    time::{Sleep, sleep_until},
};
use tracing::Instrument;

use crate::{
    error::ConnectError,
    protocol::client::Core,
    session,
    transport::{Address, Stream, drive, has_timers},
};

/// The client's state, shared by its handles and its driver.
pub(super) type Shared = crate::transport::Shared<Core>;

/// The runtime of the asynchronous client.
#[derive(Clone, Debug)]
pub(super) struct Tokio {
    pub(super) shared: Arc<Shared>,
    /// The runtime on which the connection was opened. Callers may use another one, or none.
    pub(super) runtime: runtime::Handle,
}

impl Tokio {
    pub(super) fn new(core: Core) -> Self {
        let shared = Arc::new(Shared::numbered(core));
        Self { shared, runtime: runtime::Handle::current() }
    }

    /// Whether the caller runs on the runtime of the driver.
    fn is_current(&self) -> bool {
        runtime::Handle::try_current().is_ok_and(|it| it.id() == self.runtime.id())
    }
}

impl session::Runtime for Tokio {
    type Timer = Pin<Box<Sleep>>;
    type Socket = Stream;
    type Driver = JoinHandle<()>;

    fn shared(&self) -> &Shared {
        &self.shared
    }

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }

    fn poll_timer(
        &self,
        timer: &mut Option<Self::Timer>,
        deadline: Instant,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let timer = timer.get_or_insert_with(|| {
            // The timers of the caller's runtime, because the other one may be blocked.
            let has_own = self.is_current() || has_timers();
            let _runtime = (!has_own).then(|| self.runtime.enter());
            Box::pin(sleep_until(deadline.into()))
        });
        timer.as_mut().poll(cx)
    }

    // A caller on another runtime than the driver ends the call itself, because the driver may be blocked. A caller on
    // no runtime has only the timers of the driver, which sets one anyway.
    fn ends_calls(&self) -> bool {
        runtime::Handle::try_current().map_or(true, |it| it.id() == self.runtime.id())
    }

    async fn open(address: &Address, timeout: Duration) -> Result<Stream, ConnectError> {
        address.connect(timeout).await
    }

    fn attach(
        &self,
        (io, direct): Stream,
        start: impl FnOnce(&mut Core) -> Result<bool, ConnectError>,
    ) -> Result<Option<JoinHandle<()>>, ConnectError> {
        if !self.shared.with(start)? {
            return Ok(None);
        }
        self.shared.set_direct(direct);
        let driver = drive(io, Arc::clone(&self.shared)).instrument(self.shared.span());
        Ok(Some(tokio::spawn(driver)))
    }
}
