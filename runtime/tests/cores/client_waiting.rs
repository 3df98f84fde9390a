//! Tasks that wait for the send queue: each is woken when there is a reason, and leaves no state behind.

use std::{
    sync::Arc,
    task::{Context, Waker},
    time::{Duration, Instant},
};

use bytes::BytesMut;
use eventstream_rpc::protocol::{
    SendError, SendTurn,
    client::{Config, Connect, Core, Request},
};

use crate::support::*;

fn limited(write_queue_limit: usize) -> Core {
    let mut config = Config::default();
    config.write_queue_limit = write_queue_limit;
    let mut core = Core::new(config, &Connect::default()).unwrap();
    written(&mut core);
    receive(&mut core, bare(CONNECT_ACK, 1, 0));
    wake(&mut core);
    core
}

/// Tasks that wait because the queue is full.
fn in_line(core: &mut Core, count: usize) -> Vec<(Arc<Task>, Waker, SendTurn)> {
    let tasks = (0..count).map(|_| {
        let (task, waker) = Task::new();
        let mut place = SendTurn::default();
        assert!(core.poll_room(&mut place, &Context::from_waker(&waker)).is_pending());
        (task, waker, place)
    });
    tasks.collect()
}

#[test]
fn a_task_that_waits_for_the_end_is_not_woken_by_writes() {
    let mut core = connected();
    let (task, waker) = Task::new();
    let cx = Context::from_waker(&waker);
    assert!(core.poll_closed(&cx).is_pending());
    let key = call(&mut core);
    let queued = core.queued();
    assert!(core.poll_written(queued, &Context::from_waker(Waker::noop())).is_pending());
    written(&mut core);
    receive(&mut core, shaped(MESSAGE, END, 1, "test#CallResponse", "{}"));
    reply(&mut core, key).unwrap();
    wake(&mut core);
    assert_eq!(task.woken(), 0);
    core.close();
    wake(&mut core);
    assert_eq!(task.woken(), 1);
}

#[test]
fn a_task_that_waits_for_bytes_is_woken_when_they_are_written() {
    let mut core = connected();
    let (early, waker) = Task::new();
    call(&mut core);
    let first = core.queued();
    assert!(core.poll_written(first, &Context::from_waker(&waker)).is_pending());
    let (late, waker) = Task::new();
    call(&mut core);
    let second = core.queued();
    assert!(core.poll_written(second, &Context::from_waker(&waker)).is_pending());
    let mut bytes = BytesMut::new();
    core.take_output(&mut bytes);
    let len = bytes.len();
    for (bytes, woken) in [(1, [0, 0]), (len / 2 - 1, [1, 0]), (len / 2, [0, 1])] {
        core.wrote(bytes);
        wake(&mut core);
        assert_eq!([early.woken(), late.woken()], woken);
    }
}

#[test]
fn a_future_that_is_dropped_leaves_no_waker_behind() {
    let mut core = limited(0);
    call(&mut core);
    let (task, waker) = Task::new();
    let cx = Context::from_waker(&waker);
    let queued = core.queued();
    let ping = core.ping().unwrap();
    let mut place = SendTurn::default();
    let held = Arc::strong_count(&task);
    assert!(core.poll_closed(&cx).is_pending());
    assert!(core.poll_written(queued, &cx).is_pending());
    assert!(core.poll_pong(ping, &cx).is_pending());
    assert!(core.poll_room(&mut place, &cx).is_pending());
    assert!(Arc::strong_count(&task) > held);
    core.leave(&mut place);
    core.release(&waker);
    // The task is woken, because it may wait for more than the dropped future.
    wake(&mut core);
    assert!(task.woken() > 0);
    assert_eq!(Arc::strong_count(&task), held);
}

#[test]
fn calls_that_wait_for_room_go_in_their_order() {
    let mut core = limited(0);
    call(&mut core);
    let mut tasks = in_line(&mut core, 100);
    let mut sent = Vec::new();
    let mut polls = 0;
    while sent.len() < tasks.len() {
        written(&mut core);
        wake(&mut core);
        for (index, (task, waker, place)) in tasks.iter_mut().enumerate() {
            if task.woken() == 0 || sent.contains(&index) {
                continue;
            }
            polls += 1;
            if core.poll_room(place, &Context::from_waker(waker)).is_ready() {
                core.open(&CALL, text("{}")).unwrap();
                core.leave(place);
                sent.push(index);
            }
        }
        assert!(matches!(core.open(&CALL, text("{}")), Err(SendError::Full)));
    }
    assert!(sent.is_sorted(), "{sent:?}");
    // Tasks at the end of the queue are not woken without need.
    assert!(polls < 20 * tasks.len(), "{polls}");
}

#[test]
fn tasks_that_do_not_use_their_room_do_not_delay_others() {
    for idle in [1, 16, 17, 100] {
        let mut core = limited(0);
        let (driver, driver_waker) = Task::new();
        call(&mut core);
        // The tasks wait, and are not polled again.
        let _idle = in_line(&mut core, idle);
        let mut active = in_line(&mut core, 5);
        let mut sent = 0;
        let drive = |core: &mut Core| {
            core.set_driver(&Context::from_waker(&driver_waker));
            written(core);
            wake(core);
        };
        drive(&mut core);
        // Polls the tasks that have been woken, until none is woken.
        let mut is_over = false;
        while !std::mem::replace(&mut is_over, true) {
            active.retain_mut(|(task, waker, place)| {
                let is_woken = task.woken() > 0;
                is_over &= !is_woken;
                if !is_woken || core.poll_room(place, &Context::from_waker(waker)).is_pending() {
                    return true;
                }
                core.open(&CALL, text("{}")).unwrap();
                core.leave(place);
                wake(&mut core);
                sent += 1;
                false
            });
            if driver.woken() > 0 {
                is_over = false;
                drive(&mut core);
            }
        }
        assert_eq!(sent, 5, "behind {idle} that do not come");
        // A new task is served too.
        assert!(core.poll_room(&mut SendTurn::default(), &cx()).is_ready());
    }
}

#[test]
fn all_tasks_that_wait_for_room_are_woken_at_the_end() {
    let mut core = limited(0);
    call(&mut core);
    let mut tasks = in_line(&mut core, 50);
    core.close();
    wake(&mut core);
    // In any order, also before earlier tasks have been polled.
    for (task, _, place) in tasks.iter_mut().rev() {
        assert_eq!(task.woken(), 1);
        assert!(core.poll_room(place, &cx()).is_ready());
    }
}

#[test]
fn deadlines_of_calls_that_are_over_do_not_pile_up() {
    let mut core = connected();
    let now = Instant::now();
    let keep = core.open(&CALL, text("{}")).unwrap();
    for index in 0..10_000 {
        let deadline = Some(now + Duration::from_secs(3_600) + Duration::from_millis(index));
        let key = core.open(&Request { deadline, ..CALL }, text("{}")).unwrap();
        core.forget(key);
        written(&mut core);
    }
    assert!(core.is_open(keep));
    // Only a few of the last tasks are still known.
    let mut known = 0;
    let mut at = now;
    while let Some(next) = core.next_deadline() {
        known += 1;
        at = at.max(next);
        core.expire(next);
    }
    assert!(known < 100, "{known}");
}
