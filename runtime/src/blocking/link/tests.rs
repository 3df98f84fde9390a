use std::{os::unix::net::UnixStream, thread, time::Duration};

use super::*;
use crate::{
    frame::Limits,
    protocol::{
        MessageFlags, MessageType, Outgoing,
        client::{Config, Connect},
    },
};

/// A link whose connection is open, and what keeps its socket open.
fn open(config: Config) -> (Arc<Link>, UnixStream) {
    let (socket, other) = UnixStream::pair().unwrap();
    let core = Core::new(config, &Connect::default()).unwrap();
    let link = attached(core, socket);
    // A connect acknowledgement that lets this side in.
    arrive(&link, &message(MessageType::ConnectAck, MessageFlags::CONNECTION_ACCEPTED));
    (link, other)
}

fn attached(core: Core, socket: UnixStream) -> Arc<Link> {
    let link = Arc::new(Link::new(core, None));
    attach(&link, socket, |_| Ok(true));
    link
}

fn attach(
    link: &Arc<Link>,
    socket: UnixStream,
    start: impl FnOnce(&mut Core) -> Result<bool, ConnectError>,
) {
    assert!(link.attach(Socket::new(socket.into()), start).unwrap().is_some());
}

fn message(message_type: MessageType, flags: MessageFlags) -> BytesMut {
    let mut bytes = BytesMut::new();
    let message = Outgoing { flags, ..Outgoing::of_connection(message_type) };
    message.start(&mut bytes, Limits::DEFAULT, &[]).unwrap().finish().unwrap();
    bytes
}

fn ping() -> BytesMut {
    message(MessageType::PingResponse, MessageFlags::NONE)
}

/// As if it had been read.
fn arrive(link: &Link, bytes: &[u8]) {
    let mut input = lock(&link.input);
    input.filled.extend_from_slice(bytes);
    link.take(&mut input);
}

/// When the message that has arrived in part has to be complete.
fn due(link: &Link) -> Option<Instant> {
    link.shared.with(|core| core.frame_deadline())
}

/// A read that finds nothing.
fn find_nothing(link: &Link) {
    let socket = link.threads.socket().unwrap();
    let mut input = lock(&link.input);
    link.receive(&socket, &mut input, 0, Err(io::ErrorKind::WouldBlock.into()));
}

#[test]
fn an_absence_longer_than_the_time_of_a_message_is_not_the_fault_of_the_server() {
    let config = Config { frame_timeout: Duration::from_millis(16), ..Config::default() };
    let (link, _other) = open(config);
    arrive(&link, &ping()[..20]);
    thread::sleep(2 * config.frame_timeout);
    assert!(due(&link).is_some_and(|it| it <= Instant::now()));
    find_nothing(&link);
    assert!(!link.shared.with(|core| core.is_closed()));
    arrive(&link, &ping()[20..]);
    assert_eq!(due(&link), None);

    // As often as the time has parts, and it is.
    arrive(&link, &ping()[..20]);
    for _ in 0..16 {
        assert!(link.threads.socket().is_some());
        thread::sleep(config.frame_timeout / 16);
        find_nothing(&link);
    }
    let ended = link.shared.with(|core| core.ended().cloned());
    assert!(matches!(ended, Some(ConnectionError::FrameTimeout { .. })));
    assert!(link.threads.socket().is_none());
}

#[test]
fn a_connection_that_is_being_closed_has_its_socket_until_everything_is_written() {
    let config = Config { frame_timeout: Duration::ZERO, ..Config::default() };
    for begun in [0, 20] {
        let (link, _other) = open(config);
        arrive(&link, &ping()[..begun]);
        link.shared.with(Core::close);
        find_nothing(&link);
        assert!(link.threads.socket().is_some(), "{begun}");
        assert_eq!(due(&link), None);
        arrive(&link, &ping()[begun..]);
        link.change(|core| core.judge(ConnectionError::ClosedByPeer));
        assert!(link.threads.socket().is_some() && lock(&link.input).filled.is_empty());
        link.linger();
        assert!(link.threads.socket().is_none());
    }
}

#[test]
fn a_thread_that_is_late_to_end_a_connection_does_not_end_the_next() {
    let config = Config { reconnects: true, ..Config::default() };
    let (link, _other) = open(config);
    link.fail(ConnectionError::ClosedByPeer);
    assert!(link.threads.socket().is_none());
    let (socket, _other) = UnixStream::pair().unwrap();
    attach(&link, socket, |core| core.reconnect(&Connect::default()));
    link.finish();
    assert!(link.threads.socket().is_some());
}

#[test]
fn a_thread_sleeps_over_a_descriptor_in_non_blocking_mode() {
    let (socket, _other) = UnixStream::pair().unwrap();
    socket.set_nonblocking(true).unwrap();
    let core = Core::new(Config::default(), &Connect::default()).unwrap();
    let link = attached(core, socket);
    let mut polls = 0;
    let until = Instant::now().checked_add(Duration::from_millis(50));
    let never = std::future::poll_fn(|_| {
        polls += 1;
        Poll::<()>::Pending
    });
    assert!(link.wait(session::until(&link, until, never)).is_none());
    assert!(polls < 10, "{polls}");
}
