//! What keeps streams and connections open.

use std::{sync::Arc, time::Duration};

use crate::protocol::client::{Core, Key};

/// The client's state, shared by its handles and its driver.
pub(super) type Shared = crate::transport::Shared<Core>;

/// Forgets a stream when its owner goes away, wherever that is.
///
/// It is what makes calls safe to cancel: the stream is ended on the wire if it is still open there, once.
#[derive(Debug)]
pub(super) struct StreamGuard {
    pub(super) handle: Arc<Handle>,
    pub(super) key: Key,
}

impl Drop for StreamGuard {
    fn drop(&mut self) {
        self.handle.shared.with(|core| core.forget(self.key));
    }
}

/// Keeps the connection open: it closes when the last one is dropped.
#[derive(Debug)]
pub(super) struct Handle {
    pub(super) shared: Arc<Shared>,
    pub(super) call_timeout: Duration,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.with(Core::close);
    }
}
