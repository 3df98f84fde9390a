//! Tasks whose wakeups are checked.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use eventstream_rpc::protocol::{Endpoint, Role, SendTurn};

/// A context with a waker that does nothing.
pub(crate) fn cx() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

/// Wakes the tasks that the core wants to wake.
pub(crate) fn wake(core: &mut Endpoint<impl Role>) {
    core.take_woken().wake();
}

/// A task that waits for queue capacity.
#[derive(Debug, Default)]
pub(crate) struct Waiter {
    turn: SendTurn,
    task: Task,
    room: Wait,
}

impl Waiter {
    /// Creates a task that waits for queue capacity for a reply.
    pub(crate) fn of_reply() -> Self {
        Self { turn: SendTurn::of_reply(), ..Self::default() }
    }

    /// Polls for queue capacity. Leaves the queue if there is capacity or if `gives_up` is set.
    pub(crate) fn step(&mut self, core: &mut Endpoint<impl Role>, gives_up: bool) {
        let Self { turn, task, room } = self;
        let capacity = task.poll_early(room, |cx| core.poll_room(turn, cx));
        if capacity.is_ready() || gives_up {
            core.leave(turn);
            *room = Wait::default();
        }
    }

    /// Checks that the wait ends with the connection, and that the task was woken.
    pub(crate) fn ends(&mut self, core: &mut Endpoint<impl Role>) {
        let Self { turn, task, room } = self;
        assert!(task.poll(room, |cx| core.poll_room(turn, cx)).is_ready());
        core.leave(turn);
    }
}

/// Checks that, if there is capacity, at least one of the waiting tasks was woken.
pub(crate) fn check_room(waiters: &[Waiter]) {
    let mut waiters = waiters.iter().filter(|it| it.room.is_waiting()).peekable();
    assert!(
        waiters.peek().is_none() || !waiters.all(|it| it.task.must_sleep(&it.room)),
        "there is capacity, but no waiting task was woken"
    );
}

/// A task that counts how often it is woken.
#[derive(Debug, Default)]
pub(crate) struct Task(Arc<Count>);

#[derive(Debug, Default)]
struct Count(AtomicU64);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A wait of a task: the number of wakeups when the last poll returned pending.
#[derive(Debug, Default)]
pub(crate) struct Wait(Option<u64>);

impl Task {
    /// Polls, and checks that the task was woken if the last poll returned pending and this one is ready.
    pub(crate) fn poll<T>(
        &self,
        wait: &mut Wait,
        poll: impl FnOnce(&Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        let result = self.poll_early(wait, poll);
        if let Poll::Ready((_, is_early)) = &result {
            assert!(!is_early, "ready without having been woken");
        }
        result.map(|(result, _)| result)
    }

    /// Polls, and returns whether the poll is ready without a wakeup, which is allowed here.
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

    /// Whether the task waits and has not been woken since.
    pub(crate) fn must_sleep(&self, wait: &Wait) -> bool {
        wait.0 == Some(self.0.0.load(Ordering::Relaxed))
    }
}

impl Wait {
    /// Whether the last poll returned pending.
    pub(crate) fn is_waiting(&self) -> bool {
        self.0.is_some()
    }
}
