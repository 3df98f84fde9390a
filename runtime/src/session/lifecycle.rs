//! Telling someone what happens to a connection.

use std::{
    collections::VecDeque,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use super::done::{Done, SetDone};
use crate::{error::ConnectionError, frame::Header, protocol::client::ConnectionEvent};

/// Told of what happens to a connection, in order.
///
/// The methods run on a task of their own, so they may take their time; they should not block for long on
/// a runtime with one thread. With the blocking client they run on a thread. A panic in one of them is caught
/// and logged, and means what its default does.
///
/// Connections whose builders are clones of each other share the handler, and a method may open a connection
/// with such a builder: what happens to that connection is told when the method is done.
pub trait LifecycleHandler: Send + 'static {
    /// The server has accepted the connection.
    fn on_connect(&mut self) {}

    /// The connection has ended; without an error if this side closed it. Called once for each time that
    /// [`on_connect`](Self::on_connect) was.
    fn on_disconnect(&mut self, error: Option<&ConnectionError>) {
        let _ = error;
    }

    /// Something is wrong with the connection: connecting failed, or the other side reported an error.
    /// `true`, the default, ends the connection, if one is open.
    fn on_error(&mut self, error: &(dyn std::error::Error + 'static)) -> bool {
        let _ = error;
        true
    }

    /// A ping came. It has been answered already.
    ///
    /// While the handler is busy, pings that take up to 1 MiB of memory wait for it. It is not told of those beyond.
    fn on_ping(&mut self, headers: &[Header], payload: &[u8]) {
        let _ = (headers, payload);
    }
}

/// A handler, which the clones of a builder share.
///
/// No thread waits for the handler here: the events that it is to be told while it runs are left to the thread that it
/// runs on. So a handler may connect with its own builder.
#[derive(Clone)]
pub(crate) struct SharedHandler(Arc<Mutex<State>>);

struct State {
    /// Absent while it runs.
    handler: Option<Box<dyn LifecycleHandler>>,
    waiting: VecDeque<(ConnectionEvent, EndConnection)>,
}

/// Ends a connection with an error.
type EndConnection = Box<dyn FnOnce(ConnectionError) + Send>;

impl SharedHandler {
    pub(crate) fn new(handler: impl LifecycleHandler) -> Self {
        let state = State { handler: Some(Box::new(handler)), waiting: VecDeque::new() };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Tells the handler what has happened, at once or when it has returned. `end` is called with the error with
    /// which the connection has to end, if the handler says so, and dropped afterwards in any case.
    pub(crate) fn tell(
        &self,
        event: ConnectionEvent,
        end: impl FnOnce(ConnectionError) + Send + 'static,
    ) {
        let mut state = self.lock();
        state.waiting.push_back((event, Box::new(end)));
        let Some(mut handler) = state.handler.take() else { return };
        while let Some((event, end)) = state.waiting.pop_front() {
            drop(state);
            tell(handler.as_mut(), event, end);
            state = self.lock();
        }
        state.handler = Some(handler);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the handler of everything until the connection has ended.
    pub(crate) async fn run(
        self,
        mut next: impl FnMut(&mut Context<'_>) -> Poll<Option<ConnectionEvent>>,
        end: impl Fn(ConnectionError) + Clone + Send + 'static,
    ) {
        while let Some(event) = poll_fn(&mut next).await {
            let done = Arc::new(Done::default());
            let (set_done, end) = (SetDone(Arc::clone(&done)), end.clone());
            self.tell(event, move |error| {
                end(error);
                drop(set_done);
            });
            // The handler may be busy with another connection, and the events must not pile up here.
            done.wait().await;
        }
    }
}

fn tell(handler: &mut dyn LifecycleHandler, event: ConnectionEvent, end: EndConnection) {
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

/// What a handler says, or `default` if it panics.
fn catch<T>(default: T, f: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|_| {
        tracing::error!(target: crate::LOG_TARGET, "lifecycle handler panicked");
        default
    })
}
