//! Limits for the memory of a client that a server uses, and memory that is freed.

use bytes::BytesMut;
use eventstream_rpc::{
    error::ConnectionError,
    protocol::{
        SendError,
        client::{ConnectionEvent, Failure},
    },
};

use crate::{client_outages::returning, support::*};

/// A ping with a payload of this many bytes.
fn ping_of(len: usize) -> BytesMut {
    encode(headers(PING, 0, 0, &[]), &"x".repeat(len))
}

#[test]
fn pings_whose_answers_are_not_read_do_not_fill_the_memory() {
    let mut core = connected();
    let limit = 1024 * 1024;
    // A single ping over the limit is answered.
    receive(&mut core, ping_of(2 * limit));
    assert!(!core.is_closed());
    receive(&mut core, ping_of(1));
    assert!(matches!(core.ended(), Some(ConnectionError::Protocol(_))));
    let [report] = &written(&mut core)[..] else { panic!() };
    assert!(report.starts_with("ProtocolError 0 0 {"), "{report}");

    // Pings that arrive together are all answered: the client could not write in between.
    let mut core = connected();
    receive(&mut core, ping_of(limit).repeat(5).as_slice().into());
    assert_eq!(messages(&mut core).len(), 5);
    assert!(!core.is_closed());

    // Any number of pings whose answers are read.
    let mut core = connected();
    for _ in 0..100 {
        receive(&mut core, ping_of(limit / 10));
        assert_eq!(messages(&mut core).len(), 1);
    }
    assert!(!core.is_closed());
}

#[test]
fn a_server_that_reads_answers_while_it_asks_is_never_refused() {
    let mut core = connected();
    let mut output = BytesMut::new();
    for number in 0..100 {
        receive(&mut core, ping_of(100_000));
        assert!(!core.is_closed(), "{number}");
        // The end of the previous answer, and this one without its end: a part is always unread.
        core.wrote(output.split().len());
        core.take_output(&mut output);
        core.wrote(output.split_to(output.len() - 10).len());
    }
}

#[test]
fn unread_pings_do_not_fill_the_memory() {
    const LIMIT: usize = 1024 * 1024;
    // Some pings that fit, one that is over the limit alone, and many small ones.
    for (len, expected) in [(LIMIT / 4, 3..4), (2 * LIMIT, 1..2), (0, 1_000..LIMIT / 50)] {
        let mut core = connected();
        core.record_events();
        for _ in 0..30_000_000 / (len + 1_000) {
            receive(&mut core, ping_of(len));
            assert_eq!(messages(&mut core).len(), 1, "it is answered");
        }
        let mut count = 0;
        while let std::task::Poll::Ready(Some(event)) = core.poll_connection_event(&cx()) {
            assert!(matches!(event, ConnectionEvent::Ping { .. }), "{event:?}");
            count += 1;
        }
        assert!(expected.contains(&count), "{count} pings of {len} bytes wait");
        // Later ones are reported again.
        receive(&mut core, ping_of(len));
        assert!(core.poll_connection_event(&cx()).is_ready());
    }
}

#[test]
fn errors_without_a_callback_end_the_connection() {
    let mut core = connected();
    core.record_events();
    let mut count = 0;
    while !core.is_closed() {
        receive(&mut core, bare(PROTOCOL_ERROR, 0, 0));
        count += 1;
        assert!(count <= 50_000);
    }
    assert!(matches!(core.ended(), Some(ConnectionError::PeerError { .. })));
}

#[test]
fn of_a_long_text_of_an_error_the_beginning_is_kept() {
    let mut core = connected();
    let calls: Vec<_> = (0..10).map(|_| call(&mut core)).collect();
    let payload = format!(r#"{{"message":"{}"}}"#, "\u{20ac}".repeat(1_000_000));
    receive(&mut core, encode(headers(PROTOCOL_ERROR, 0, 0, &[]), &payload));
    for key in calls {
        let failure = reply(&mut core, key).unwrap_err();
        let Failure::Lost { error: ConnectionError::PeerError { message, .. }, .. } = failure
        else {
            panic!("{failure:?}")
        };
        assert_eq!(message.unwrap(), "\u{20ac}".repeat(4096 / 3));
    }
}

#[test]
fn the_buffer_of_a_large_message_is_not_kept() {
    const LARGE: usize = 4 * 1024 * 1024;
    let large = |dst: &mut BytesMut| {
        dst.extend_from_slice(&vec![b'x'; LARGE]);
        Ok(())
    };
    let mut core = connected();
    let mut output = BytesMut::new();
    // The driver and the connection have a buffer each, and swap them.
    core.open(&CALL, large).unwrap();
    core.take_output(&mut output);
    core.wrote(output.len());
    output.clear();
    for _ in 0..2 {
        call(&mut core);
        core.take_output(&mut output);
        assert!(!output.is_empty());
        core.wrote(output.len());
        output.clear();
        assert!(!output.try_reclaim(LARGE / 4));
    }

    // A message that fails after encoding, one that is lost, and one that is written directly.
    let mut unwritable = connected();
    let failed =
        unwritable.open(&CALL, |dst| large(dst).and_then(|()| crate::support::unwritable(dst)));
    assert!(matches!(failed, Err(SendError::Build(_))));
    let mut lost = returning(|_| {});
    lost.open(&CALL, large).unwrap();
    lost.fail(ConnectionError::ClosedByPeer);
    let mut direct = connected();
    direct.open(&CALL, large).unwrap();
    direct.wrote_directly(direct.direct_output().len());
    for mut core in [unwritable, lost, direct] {
        let mut output = BytesMut::new();
        core.take_output(&mut output);
        assert!(output.is_empty() && !output.try_reclaim(LARGE / 4));
    }
}
