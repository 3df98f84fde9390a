//! The threads that a connection has of its own.

use std::{
    future::poll_fn,
    io,
    task::{Poll, Waker},
    time::Instant,
};

use super::{link::Link, parker::Parker, socket::Socket, threads::Task};
use crate::{
    error::ConnectError,
    protocol::client::Connect,
    session::{
        done::block_on,
        lifecycle::SharedHandler,
        policy::Attempts,
        reconnect::{come_back, shake_hands},
        settings::Settings,
    },
    sync::{Arc, thread},
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

/// Starts a thread that tells a handler what happens to the connection.
pub(super) fn tell(link: &Arc<Link>, handler: SharedHandler) -> io::Result<()> {
    let background = BackgroundUse::new(link)?;
    spawn("lifecycle handler", move || {
        let link = &background.0;
        let _span = link.shared.span().entered();
        let event = || poll_fn(|cx| link.shared.with(|core| core.poll_connection_event(cx)));
        let judge = Arc::clone(link);
        // The handler is called when this thread does not lead.
        block_on(handler.run(
            |_| Poll::Ready(link.wait(event())),
            move |error| judge.change(|core| core.judge(error)),
        ));
    })
}

/// The background thread.
fn run(link: &Arc<Link>) {
    let _span = link.shared.span().entered();
    let parker = Parker::current();
    let waker = Waker::from(Arc::clone(&parker));
    let mut attempts = link.reconnects.as_ref().and_then(|it| it.reconnect).map(Attempts::new);
    loop {
        let task = link.threads.wait_in_background(&parker, &waker, || {
            link.shared.with(|core| {
                // Callers look after their own deadlines, and only this thread after those of subscriptions
                // that are opened again.
                core.expire_deadlines(Instant::now());
                (core.is_closed(), core.next_call_deadline().filter(|_| attempts.is_some()))
            })
        });
        match task {
            Task::Lead => link.lead(),
            Task::Reconnect => {
                if !reconnect(link, &mut attempts) {
                    return link.threads.remove_background();
                }
            }
            Task::End => {}
        }
        let is_closed = link.shared.with(|core| core.is_closed());
        if is_closed && link.threads.socket().is_some() {
            link.linger();
        }
        if task == Task::End {
            return;
        }
    }
}

/// Brings the connection back. Whether it is.
fn reconnect(link: &Arc<Link>, attempts: &mut Option<Attempts>) -> bool {
    let (Some(settings), Some(attempts)) = (&link.reconnects, attempts) else { return false };
    let back = link.wait(come_back(link, attempts, || attempt(link, settings)));
    if back.is_none() {
        // This side may have closed it in the middle of an attempt.
        link.finish();
    }
    back.is_some()
}

/// Opens the socket, and makes the message to introduce this side with.
pub(super) fn open(settings: &Settings) -> Result<(Socket, Connect), ConnectError> {
    let (address, connect) = settings.target()?;
    Ok((Socket::new(address.connect_blocking(settings.connect_timeout)?), connect))
}

/// Tries once. Nothing if this side has closed the connection.
async fn attempt(link: &Arc<Link>, settings: &Settings) -> Result<Option<()>, ConnectError> {
    let (socket, connect) = open(settings)?;
    if !link.restart(&connect, socket)? {
        return Ok(None);
    }
    let accepted = shake_hands(link, settings).await;
    accepted.map(Some).inspect_err(|_| link.finish())
}
