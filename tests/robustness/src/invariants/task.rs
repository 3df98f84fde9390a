//! Tasks that wait, and must be woken.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use eventstream_rpc::protocol::{Endpoint, Role, SendTurn};

/// One that nobody hears of.
pub(crate) fn cx() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

/// Wakes whoever is to be woken.
pub(crate) fn wake(core: &mut Endpoint<impl Role>) {
    core.take_woken().into_iter().for_each(Waker::wake);
}

/// Somebody who waits for room to send.
#[derive(Debug, Default)]
pub(crate) struct Waiter {
    turn: SendTurn,
    task: Task,
    room: Wait,
}

impl Waiter {
    /// One that waits for room for a reply.
    pub(crate) fn of_reply() -> Self {
        Self { turn: SendTurn::of_reply(), ..Self::default() }
    }

    /// Asks for room. Whoever has it sends, or goes away, as may whoever has none.
    pub(crate) fn step(&mut self, core: &mut Endpoint<impl Role>, gives_up: bool) {
        let Self { turn, task, room } = self;
        let there = task.poll_early(room, |cx| core.poll_room(turn, cx));
        if there.is_ready() || gives_up {
            core.leave(turn);
            *room = Wait::default();
        }
    }

    /// The connection has ended: there is nothing to wait for, and whoever waited has been woken.
    pub(crate) fn ends(&mut self, core: &mut Endpoint<impl Role>) {
        let Self { turn, task, room } = self;
        assert!(task.poll(room, |cx| core.poll_room(turn, cx)).is_ready());
        core.leave(turn);
    }
}

/// When there is room, at least one of those who wait for it knows.
pub(crate) fn check_room(waiters: &[Waiter]) {
    let mut waiters = waiters.iter().filter(|it| it.room.is_waiting()).peekable();
    assert!(
        waiters.peek().is_none() || !waiters.all(|it| it.task.must_sleep(&it.room)),
        "there is room, and nobody of those who wait for it knows"
    );
}

/// One task: how often it has been woken.
#[derive(Debug, Default)]
pub(crate) struct Task(Arc<Count>);

#[derive(Debug, Default)]
struct Count(AtomicU64);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Something that a task waits for: how often it had been woken when there was nothing yet.
#[derive(Debug, Default)]
pub(crate) struct Wait(Option<u64>);

impl Task {
    /// Asks for something. Whoever was told to wait must have been woken before there is anything.
    pub(crate) fn poll<T>(
        &self,
        wait: &mut Wait,
        poll: impl FnOnce(&Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        let result = self.poll_early(wait, poll);
        if let Poll::Ready((_, is_early)) = &result {
            assert!(!is_early, "there is something, and nobody was woken");
        }
        result.map(|(result, _)| result)
    }

    /// Asks for something that there may be without being woken; whether it was so.
    pub(crate) fn poll_early<T>(
        &self,
        wait: &mut Wait,
        poll: impl FnOnce(&Context<'_>) -> Poll<T>,
    ) -> Poll<(T, bool)> {
        let waker = Waker::from(Arc::clone(&self.0));
        let result = poll(&Context::from_waker(&waker));
        let is_early = self.must_sleep(wait);
        wait.0 = result.is_pending().then(|| self.0.0.load(Ordering::Relaxed));
        result.map(|result| (result, is_early))
    }

    /// Whether the task waits for this and has not been woken since.
    pub(crate) fn must_sleep(&self, wait: &Wait) -> bool {
        wait.0 == Some(self.0.0.load(Ordering::Relaxed))
    }
}

impl Wait {
    /// Whether there was nothing when it was asked for.
    pub(crate) fn is_waiting(&self) -> bool {
        self.0.is_some()
    }
}
