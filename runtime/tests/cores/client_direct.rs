//! Messages that the sender may write directly, without the driver.

use std::{
    sync::Arc,
    task::Context,
    time::{Duration, Instant},
};

use bytes::BytesMut;
use eventstream_rpc::{
    client::SubscribeOptions,
    protocol::client::{Core, Key, Request},
};

use crate::support::*;

fn open(core: &mut Core, deadline: Option<Instant>, subscribe: Option<&SubscribeOptions>) -> Key {
    let request = Request { deadline, subscribe, ..CALL };
    core.open(&request, text("{}")).unwrap()
}

/// A connection whose driver is idle and counts how often it is woken.
fn resting() -> (Core, Arc<Task>) {
    let mut core = connected();
    written(&mut core);
    wake(&mut core);
    let task = rest(&mut core);
    (core, task)
}

fn rest(core: &mut Core) -> Arc<Task> {
    let (task, waker) = Task::new();
    core.set_driver(&Context::from_waker(&waker));
    task
}

fn write_directly(core: &mut Core) -> usize {
    let len = core.direct_output().len();
    core.wrote_directly(len);
    len
}

#[test]
fn a_call_that_is_alone_is_written_without_the_driver() {
    let (mut core, driver) = resting();
    open(&mut core, None, None);
    let queued = core.queued();
    assert!(write_directly(&mut core) > 0);
    wake(&mut core);
    assert_eq!(driver.woken(), 0);
    assert!(ready(core.poll_written(queued, &cx())).is_ok());
    assert!(written(&mut core).is_empty());
}

#[test]
fn the_driver_takes_what_the_socket_did_not() {
    let (mut core, driver) = resting();
    open(&mut core, None, None);
    let mut bytes = BytesMut::from(&core.direct_output()[..5]);
    core.wrote_directly(5);
    wake(&mut core);
    assert_eq!(driver.woken(), 1);
    let mut rest = BytesMut::new();
    core.take_output(&mut rest);
    bytes.extend_from_slice(&rest);
    let (mut whole, _) = resting();
    open(&mut whole, None, None);
    assert_eq!(bytes, whole.direct_output());
}

#[test]
fn calls_that_are_not_alone_go_out_together() {
    let (mut core, driver) = resting();
    let first = open(&mut core, None, None);
    write_directly(&mut core);
    wake(&mut core);
    let second = open(&mut core, None, None);
    assert!(core.direct_output().is_empty());
    wake(&mut core);
    assert_eq!(driver.woken(), 1);
    written(&mut core);
    // Calls that have ended do not count, and subscriptions never count.
    core.forget(first);
    core.forget(second);
    written(&mut core);
    rest(&mut core);
    open(&mut core, None, Some(&SubscribeOptions::default()));
    assert!(write_directly(&mut core) > 0);
    open(&mut core, None, None);
    assert!(write_directly(&mut core) > 0);
}

#[test]
fn the_driver_hears_of_a_deadline_before_its_timer() {
    let now = Instant::now();
    let at = |seconds| Some(now + Duration::from_secs(seconds));
    for (timer, deadline, is_direct) in [
        (None, at(1), false),
        (at(2), at(1), false),
        (at(1), at(1), true),
        (at(1), at(2), true),
        (None, None, true),
    ] {
        let (mut core, driver) = resting();
        core.set_timer(timer);
        open(&mut core, deadline, None);
        assert_eq!(write_directly(&mut core) > 0, is_direct, "{timer:?} {deadline:?}");
        wake(&mut core);
        assert_eq!(driver.woken(), usize::from(!is_direct));
    }
}

#[test]
fn nothing_overtakes_what_the_driver_is_writing() {
    let (mut core, _) = resting();
    let first = open(&mut core, None, None);
    let mut taken = BytesMut::new();
    core.take_output(&mut taken);
    core.forget(first);
    let mut more = BytesMut::new();
    open(&mut core, None, None);
    assert!(core.direct_output().is_empty());
    core.wrote(taken.len());
    core.take_output(&mut more);
    assert!(!more.is_empty());
    core.wrote(more.len());
    assert!(core.direct_output().is_empty(), "there is nothing");
}
