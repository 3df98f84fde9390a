//! The echo service, watched.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use echo::server::{BoxFuture, EchoTestRpcService, IncomingCall, Service};
use test_util::EchoService;

/// The echo service with a count of the calls that are being served and a list of those that came.
#[derive(Clone)]
pub(crate) struct Watched {
    service: Arc<EchoTestRpcService<EchoService>>,
    serving: Arc<AtomicUsize>,
    /// Operation and payload of every request.
    seen: Arc<Mutex<Vec<String>>>,
}

impl Default for Watched {
    fn default() -> Self {
        Self {
            service: Arc::new(EchoTestRpcService::new(EchoService)),
            serving: Arc::default(),
            seen: Arc::default(),
        }
    }
}

impl Watched {
    /// How many calls are being served.
    pub(crate) fn serving(&self) -> usize {
        self.serving.load(Ordering::Relaxed)
    }

    /// What has come since the last time.
    pub(crate) fn take_seen(&self) -> Vec<String> {
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Counts a call for as long as whatever serves it lives.
struct Serving(Arc<AtomicUsize>);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Service for Watched {
    const ID: &'static str = <EchoTestRpcService<EchoService> as Service>::ID;

    fn call(&self, call: IncomingCall) -> BoxFuture<'static, ()> {
        let request = format!("{} {}", call.operation(), String::from_utf8_lossy(&call.payload()));
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(request);
        self.serving.fetch_add(1, Ordering::Relaxed);
        let serving = Serving(Arc::clone(&self.serving));
        let served = self.service.call(call);
        Box::pin(async move {
            let _serving = serving;
            served.await;
        })
    }
}
