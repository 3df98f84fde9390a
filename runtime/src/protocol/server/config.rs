//! The limits of a server's connection.

use std::time::Duration;

use crate::frame::Limits;

/// The limits and timeouts of a client's connection.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The longest message in either direction, in bytes. Default: 24 MiB.
    pub max_frame_len: usize,
    /// The longest connect message, in bytes. The client is not authenticated yet. Default: 64 KiB.
    pub max_connect_len: usize,
    /// Whether the ends of streams are as strict as in a Java nucleus: a message on a stream that has ended ends the
    /// connection, unless it ends the stream as well, and a message with a payload that ends a stream gets an error if the
    /// operation takes no events. Suitable for services without events from clients: a client that sends events cannot
    /// know yet that the server has ended the stream. Default: no, such messages are ignored.
    pub strict_stream_ends: bool,
    /// How many streams a client may have open at the same time. Default: 10,000.
    pub max_streams: usize,
    /// How many bytes of encoded messages may be queued before events wait for room. The buffers may be up to twice as
    /// long. Default: 1 MiB.
    pub write_queue_limit: usize,
    /// How many bytes of encoded messages may be queued before replies wait for room as well. Then nothing more is read
    /// from the client until it has read some of them: a client that sends requests and does not read the replies must
    /// not fill the memory. Default: 16 MiB.
    pub reply_queue_limit: usize,
    /// How much memory the queued events of a client may take, for each stream, in bytes: the buffers that contain the
    /// messages, and the queue. Default: 16 MiB.
    pub event_queue_limit: usize,
    /// How much memory the requests and events of a client may take in all, in bytes. A request counts until its stream
    /// ends, an event until the service takes it. A message counts with the buffer that contains it, which may be up to
    /// 4 times as long. Requests and events over the limit are refused. Default: 64 MiB.
    pub received_limit: usize,
    /// How long a handler that reads the events of its client may continue after the stream has ended, to read the
    /// remaining events and to finish. Default: 10 s.
    pub finish_timeout: Duration,
    /// How long a client may take to send its connect message. Default: 10 s.
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
            strict_stream_ends: false,
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
