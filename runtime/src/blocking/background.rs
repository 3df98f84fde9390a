//! The threads that a connection has of its own.

use std::{io, task::Waker, time::Instant};

use super::{crew::Duty, link::Link, sleeper::Sleeper, socket::Socket};
use crate::{
    error::{ConnectError, ConnectionError},
    session::{
        ReconnectPolicy,
        lifecycle::Slot,
        policy::Attempts,
        settings::{Settings, unencodable},
    },
    sync::{Arc, mpsc, thread},
};

/// A reason for a background thread: while there is one, some thread always reads.
#[derive(Debug)]
pub(super) struct Reason(Arc<Link>);

impl Reason {
    pub(super) fn new(link: &Arc<Link>) -> io::Result<Self> {
        link.crew.add_reason(|| start(link))?;
        Ok(Self(Arc::clone(link)))
    }
}

impl Drop for Reason {
    fn drop(&mut self) {
        self.0.crew.remove_reason();
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
pub(super) fn tell(link: &Arc<Link>, slot: Slot) -> io::Result<()> {
    let reason = Reason::new(link)?;
    spawn("lifecycle handler", move || {
        let link = &reason.0;
        let _span = link.shared.span().entered();
        let next = || {
            let event = link.shared.poll(|core, cx| core.poll_connection_event(cx));
            link.wait(None, event).flatten()
        };
        while let Some(event) = next() {
            let (done, is_done) = mpsc::channel::<()>();
            let judge = Arc::clone(link);
            slot.tell(event, move |error| {
                judge.judge(error);
                drop(done);
            });
            // The handler may be at what happens to another connection, and the rest must not pile up here.
            let _ = is_done.recv();
        }
    })
}

/// Closes a connection that has no handle any more, without waiting.
pub(super) fn close(link: &Arc<Link>) {
    link.shared.with(|core| core.close());
    let has_writer = link.push();
    if link.is_written() || !has_writer {
        link.finish();
    } else {
        // The background thread ends it when everything is written.
        link.crew.wake_all();
    }
}

/// Brings a connection back when it is lost.
pub(super) struct Keeper {
    settings: Settings,
    policy: ReconnectPolicy,
}

/// The background thread.
fn run(link: &Arc<Link>) {
    let _span = link.shared.span().entered();
    let sleeper = Sleeper::current();
    let waker = Waker::from(Arc::clone(&sleeper));
    let keeper = link.keeper.as_ref();
    let mut attempts = keeper.map(|it| Attempts::new(it.policy));
    loop {
        let duty = link.crew.stand_by(&sleeper, &waker, || {
            link.shared.with(|core| {
                // Callers look after their own deadlines, and only this thread after those of subscriptions
                // that are opened again.
                core.expire_calls(Instant::now());
                (core.is_closed(), core.next_call_deadline().filter(|_| keeper.is_some()))
            })
        });
        match duty {
            Duty::Work => link.work(),
            Duty::Down => {
                let is_back = match (keeper, &mut attempts) {
                    (Some(keeper), Some(attempts)) => keeper.come_back(link, attempts),
                    _ => false,
                };
                if !is_back {
                    return link.crew.strike_off();
                }
            }
            Duty::Over => {}
        }
        if link.crew.is_live() && link.shared.with(|core| core.is_closed()) {
            link.linger();
        }
        if duty == Duty::Over {
            return;
        }
    }
}

impl Keeper {
    pub(super) fn new(settings: &Settings, policy: ReconnectPolicy) -> Self {
        // A handler may keep the connection alive, which keeps this.
        Self { settings: Settings { lifecycle: None, ..settings.clone() }, policy }
    }

    /// Tries until it succeeds or the policy gives up. Whether it has succeeded.
    fn come_back(&self, link: &Arc<Link>, attempts: &mut Attempts) -> bool {
        attempts.lost();
        loop {
            let until = Instant::now().checked_add(attempts.backoff());
            let closed = link.shared.poll(|core, cx| core.poll_closed(cx));
            if link.wait(until, closed).is_some() {
                return false;
            }
            let error = match self.attempt(link) {
                Ok(is_back) => {
                    attempts.succeeded();
                    return is_back;
                }
                Err(error) => Arc::new(error),
            };
            link.shared.with(|core| core.reconnect_failed(&error));
            if let Err(error) = attempts.failed(error) {
                link.shared.with(|core| core.give_up(error));
                return false;
            }
        }
    }

    /// Tries once. `false` if this side has closed the connection.
    fn attempt(&self, link: &Arc<Link>) -> Result<bool, ConnectError> {
        let (address, connect) = self.settings.target()?;
        let socket = Socket::new(address.connect_blocking(self.settings.connect_timeout)?);
        if !link.restart(&connect, socket).map_err(unencodable)? {
            return Ok(false);
        }
        shake_hands(&self.settings, link).map(|()| true)
    }
}

/// Waits until the server has accepted this side. If it does not the connection has ended.
pub(super) fn shake_hands(settings: &Settings, link: &Arc<Link>) -> Result<(), ConnectError> {
    let until = Instant::now().checked_add(settings.handshake_timeout);
    let connected = link.shared.poll(|core, cx| core.poll_connected(cx));
    let result = link.wait(until, connected).unwrap_or_else(|| {
        Err(ConnectError::HandshakeTimeout { after: settings.handshake_timeout })
    });
    if result.is_err() {
        let error = ConnectionError::Protocol("no acknowledgement in time");
        // Unless the server was too slow, the connection has ended already.
        link.shared.with(|core| core.fail(error));
        link.finish();
        return result;
    }
    tracing::debug!(target: crate::LOG_TARGET, connection = link.shared.number, "connected");
    Ok(())
}
