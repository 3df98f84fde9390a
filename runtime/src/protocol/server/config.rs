//! The limits of a connection.

use std::time::Duration;

use crate::frame::Limits;

/// What a client may send and hold, and how long it may take.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Config {
    /// How long a message may be in either direction, in bytes. Default: 24 MiB.
    pub max_frame_len: usize,
    /// How long the connect message may be, in bytes: the client is not authenticated yet. Default: 64 KiB.
    pub max_connect_len: usize,
    /// How many streams a client may have open at once. Default: 10,000.
    pub max_streams: usize,
    /// How many bytes of encoded messages may wait to be written before events wait for room. The buffers that they
    /// wait in may be up to twice as long. Default: 1 MiB.
    pub write_queue_limit: usize,
    /// How many bytes of encoded messages may wait to be written before replies wait for room as well, and nothing more is read
    /// from the client until it has taken some. So a client that asks and does not read stops being heard,
    /// rather than filling the memory. Default: 16 MiB.
    pub reply_queue_limit: usize,
    /// How much memory a client's events that wait for the service may take, for each stream, in bytes: the
    /// buffers that the messages lie in and the queue. Default: 16 MiB.
    pub event_queue_limit: usize,
    /// How much memory a client's requests and events may take that are held for the service, in all, in bytes: a
    /// request counts until its stream ends, an event until the service takes it. What is over it is refused. A
    /// message counts with the buffer that it lies in, which may be up to 4 times as long. Default: 64 MiB.
    pub received_limit: usize,
    /// How long a handler that reads its client's events may go on after the stream has ended, to read the rest of
    /// them and to finish. Default: 10 s.
    pub finish_timeout: Duration,
    /// How long a client may take to introduce itself. Default: 10 s.
    pub handshake_timeout: Duration,
    /// How long a client may take to send one message, from the first byte to the last. A slower message ends the
    /// connection. Time in which the server does not read counts at most as a sixteenth of it. It starts again after a
    /// pause because of `reply_queue_limit`. Default: 10 s.
    pub frame_timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_frame_len: Limits::DEFAULT.max_message_len,
            max_streams: 10_000,
            max_connect_len: 64 * 1024,
            write_queue_limit: 1024 * 1024,
            reply_queue_limit: 16 * 1024 * 1024,
            event_queue_limit: 16 * 1024 * 1024,
            received_limit: 64 * 1024 * 1024,
            finish_timeout: Duration::from_secs(10),
            handshake_timeout: Duration::from_secs(10),
            frame_timeout: Duration::from_secs(10),
        }
    }
}
