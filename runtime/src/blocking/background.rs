//! The threads that a connection has of its own.

use std::{
    future::{poll_fn, ready},
    io,
    pin::pin,
    time::Instant,
};

use super::{link::Link, parker::wake_at};
use crate::{
    session::{done::block_on, lifecycle::SharedHandler, open::keep_open},
    sync::{Arc, thread},
    transport::unless,
};

/// Keeps a background thread: while there is one, some thread always reads.
#[derive(Debug)]
pub(super) struct BackgroundUse(Arc<Link>);

impl BackgroundUse {
    pub(super) fn new(link: &Arc<Link>) -> io::Result<Self> {
        link.threads.add_background_use(|| start(link))?;
        Ok(Self(Arc::clone(link)))
    }
}

impl Drop for BackgroundUse {
    fn drop(&mut self) {
        self.0.threads.remove_background_use();
    }
}

/// Starts the background thread.
pub(super) fn start(link: &Arc<Link>) -> io::Result<()> {
    let link = Arc::clone(link);
    spawn("connection", move || run(&link))
}

pub(super) fn spawn(name: &str, f: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(name.to_owned()).spawn(f).map(drop)
}

/// Starts a thread that calls a lifecycle handler.
pub(super) fn spawn_lifecycle(link: &Arc<Link>, handler: SharedHandler) -> io::Result<()> {
    let background = BackgroundUse::new(link)?;
    spawn("lifecycle handler", move || {
        let link = &background.0;
        let _span = link.shared.span().entered();
        // The thread does not lead while it calls the handler.
        let next = || link.wait(link.shared.poll(|core, cx| core.poll_connection_event(cx)));
        let judge = Arc::clone(link);
        let end = move |error| judge.change(|core| core.judge(error));
        block_on(handler.run(|| ready(next()), end));
    })
}

/// The background thread: runs until the connection has ended or the thread has no users.
fn run(link: &Arc<Link>) {
    let _span = link.shared.span().entered();
    let mut work = pin!(work(link));
    link.wait_in_background(poll_fn(|cx| {
        // There may be no other thread that ends what is due, such as subscriptions that are opened again.
        let deadline = link.shared.with(|core| {
            core.expire_deadlines(Instant::now());
            core.next_call_deadline()
        });
        if let Some(deadline) = deadline {
            wake_at(deadline);
        }
        work.as_mut().poll(cx)
    }));
    // The connection may also have been closed while this thread wrote for the last time.
    if link.shared.with(|core| core.is_closed()) {
        link.linger();
    }
}

/// Opens the connection again whenever it is lost, if there is a policy for it. Otherwise waits until the connection
/// has ended or the thread has no users.
async fn work(link: &Arc<Link>) {
    if let Some(settings) = &link.reconnects {
        return keep_open(link, settings, link.driver()).await;
    }
    let ended = link.shared.poll(|core, cx| core.poll_ended(cx));
    let unused = poll_fn(|cx| link.threads.poll_unused(|| link.is_congested(), cx));
    unless(ended, unused).await;
}
