//! The lifecycle handler: callbacks for the events of a connection.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::done::{Done, SetDone};
use crate::{error::ConnectionError, frame::Header, protocol::client::ConnectionEvent};

/// Callbacks for the events of a connection, called in the order of the events.
///
/// The methods are called on a task of their own, or with the blocking client on a thread. They may take long, but
/// should not block on a runtime with one thread. A panic is caught and logged, and replaced by what the default method
/// does.
///
/// Connections whose builders are clones of each other share the handler. A method may open a connection with such a
/// builder; the events of that connection are reported when the method has returned.
pub trait LifecycleHandler: Send + 'static {
    /// The server has accepted the connection.
    fn on_connect(&mut self) {}

    /// The connection has ended; `error` is `None` if this side closed it. It is called once for each call of
    /// [`on_connect`](Self::on_connect).
    fn on_disconnect(&mut self, error: Option<&ConnectionError>) {
        let _ = error;
    }

    /// Connecting failed, or the server reported an error. `true`, the default, ends the connection if it is open.
    fn on_error(&mut self, error: &(dyn std::error::Error + 'static)) -> bool {
        let _ = error;
        true
    }

    /// A ping arrived. It has been answered already.
    ///
    /// While the handler is busy, up to 1 MiB of pings are kept for it. Further pings are answered and not reported.
    fn on_ping(&mut self, headers: &[Header], payload: &[u8]) {
        let _ = (headers, payload);
    }
}

/// A handler, shared by the clones of a builder.
///
/// An event that occurs while the handler runs is reported by the thread that runs it, after it has returned. No thread
/// waits for the handler here, so that it may connect with its own builder.
#[derive(Clone)]
pub(crate) struct SharedHandler(Arc<Mutex<State>>);

struct State {
    /// None while the handler runs.
    handler: Option<Box<dyn LifecycleHandler>>,
    /// Reports the events that occurred meanwhile.
    waiting: VecDeque<Report>,
}

type Report = Box<dyn FnOnce(&mut dyn LifecycleHandler) + Send>;

impl SharedHandler {
    pub(crate) fn new(handler: impl LifecycleHandler) -> Self {
        let state = State { handler: Some(Box::new(handler)), waiting: VecDeque::new() };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Reports an event to the handler, now or when it has returned. If the handler decides that the connection has to
    /// end, `end` is called with the error; otherwise it is dropped.
    pub(crate) fn report(
        &self,
        event: ConnectionEvent,
        end: impl FnOnce(ConnectionError) + Send + 'static,
    ) {
        let mut state = self.lock();
        state.waiting.push_back(Box::new(|handler| report(handler, event, end)));
        let Some(mut handler) = state.handler.take() else { return };
        while let Some(report) = state.waiting.pop_front() {
            drop(state);
            report(handler.as_mut());
            state = self.lock();
        }
        state.handler = Some(handler);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reports all events to the handler until the connection has ended.
    pub(crate) async fn run<F: Future<Output = Option<ConnectionEvent>>>(
        self,
        mut next: impl FnMut() -> F,
        end: impl Fn(ConnectionError) + Clone + Send + 'static,
    ) {
        while let Some(event) = next().await {
            let done = Arc::new(Done::default());
            let (set_done, end) = (SetDone(Arc::clone(&done)), end.clone());
            self.report(event, move |error| {
                end(error);
                drop(set_done);
            });
            // The handler may be busy with another connection. The queue of the connection limits
            // the events that wait, and the queue of the handler does not.
            done.wait().await;
        }
    }
}

fn report(
    handler: &mut dyn LifecycleHandler,
    event: ConnectionEvent,
    end: impl FnOnce(ConnectionError),
) {
    match event {
        ConnectionEvent::Connected => catch((), || handler.on_connect()),
        ConnectionEvent::Ping(ping) => {
            catch((), || handler.on_ping(&ping.own_headers(), ping.payload()));
        }
        ConnectionEvent::ReconnectFailed(error) => {
            _ = catch(true, || handler.on_error(&*error));
        }
        ConnectionEvent::Disconnected(error) => {
            catch((), || handler.on_disconnect(error.as_ref()));
        }
        ConnectionEvent::Error(error) => {
            if catch(true, || handler.on_error(&error)) {
                end(error);
            }
        }
    }
}

/// The result of a callback, or `default` if it panics.
fn catch<T>(default: T, f: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|_| {
        tracing::error!(target: crate::LOG_TARGET, "lifecycle handler panicked");
        default
    })
}
