//! The echo service with counters.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use echo::server::{BoxFuture, EchoTestRpcService, IncomingCall, Service};
use test_util::EchoService;

/// The echo service with a count of running calls and a list of received requests.
#[derive(Clone)]
pub(crate) struct CountingService {
    service: Arc<EchoTestRpcService<EchoService>>,
    serving: Arc<AtomicUsize>,
    /// The operation and payload of each request.
    requests: Arc<Mutex<Vec<String>>>,
}

impl Default for CountingService {
    fn default() -> Self {
        Self {
            service: Arc::new(EchoTestRpcService::new(EchoService)),
            serving: Arc::default(),
            requests: Arc::default(),
        }
    }
}

impl CountingService {
    /// The number of running calls.
    pub(crate) fn serving(&self) -> usize {
        self.serving.load(Ordering::Relaxed)
    }

    /// Takes the requests received since the last call of this method.
    pub(crate) fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut *self.requests.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Counts a running call until it is dropped.
struct Serving(Arc<AtomicUsize>);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Service for CountingService {
    const ID: &'static str = <EchoTestRpcService<EchoService> as Service>::ID;

    fn call(&self, call: IncomingCall) -> BoxFuture<'static, ()> {
        let request = format!("{} {}", call.operation(), String::from_utf8_lossy(&call.payload()));
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).push(request);
        self.serving.fetch_add(1, Ordering::Relaxed);
        let serving = Serving(Arc::clone(&self.serving));
        let served = self.service.call(call);
        Box::pin(async move {
            let _serving = serving;
            served.await;
        })
    }
}
