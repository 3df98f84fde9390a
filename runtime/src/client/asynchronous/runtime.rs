//! How the asynchronous client waits.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use tokio::{
    runtime,
    time::{Sleep, sleep_until},
};

use crate::{protocol::client::Core, session, transport::has_timers};

/// The client's state, shared by its handles and its driver.
pub(super) type Shared = crate::transport::Shared<Core>;

/// Waits with tokio.
#[derive(Clone, Debug)]
pub(super) struct Tokio {
    pub(super) shared: Arc<Shared>,
    /// The runtime on which the connection was opened. Callers may run on another one, or on none.
    pub(super) runtime: runtime::Handle,
}

impl Tokio {
    /// Whether the caller runs on another runtime than the driver, or on none.
    fn is_elsewhere(&self) -> bool {
        runtime::Handle::try_current().map_or(true, |it| it.id() != self.runtime.id())
    }
}

impl session::Runtime for Tokio {
    type Timer = Pin<Box<Sleep>>;

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
            let has_own = !self.is_elsewhere() || has_timers();
            let _runtime = (!has_own).then(|| self.runtime.enter());
            Box::pin(sleep_until(deadline.into()))
        });
        timer.as_mut().poll(cx)
    }

    // A caller on another runtime than the driver ends the call itself, because the driver may be blocked. One on no
    // runtime has no timers but those of the driver, which sets one anyway.
    fn poll_call_timer(
        &self,
        timer: &mut Option<Self::Timer>,
        deadline: Instant,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let has_runtime = || runtime::Handle::try_current().is_ok();
        if timer.is_none() && !(self.is_elsewhere() && has_runtime()) {
            return Poll::Pending;
        }
        self.poll_timer(timer, deadline, cx)
    }
}
