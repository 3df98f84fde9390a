//! A proxy that applies faults to a connection.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split},
    time::{sleep, timeout},
};

/// The direction of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

impl Direction {
    /// Both directions.
    pub const BOTH: [Self; 2] = [Self::ToServer, Self::ToClient];
}

/// The kind of a fault, which applies at an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The bytes before the offset arrive, and are processed, before the others.
    Split,
    /// The bytes arrive after this time.
    Delay(Duration),
    /// Bytes that are sent within a short time arrive together.
    Merge,
    /// The byte arrives with these bits inverted.
    Corrupt(u8),
    /// The byte does not arrive.
    Drop,
    /// The byte arrives twice.
    Double,
    /// Both directions are closed.
    Cut,
    /// Only this direction is closed.
    HalfClose,
    /// No more bytes arrive, and the direction is not closed.
    Stall,
}

impl Kind {
    /// Whether all bytes arrive unchanged and in time.
    pub fn is_harmless(self) -> bool {
        match self {
            Self::Split | Self::Merge => true,
            // Much shorter than any deadline.
            Self::Delay(delay) => delay < Duration::from_secs(5),
            _ => false,
        }
    }

    /// Whether the receiver may be able to detect the fault only by a deadline.
    pub fn is_silent(self) -> bool {
        matches!(self, Self::Delay(_) | Self::Drop | Self::Stall)
    }

    /// Whether the received bytes differ from those sent.
    pub fn is_damage(self) -> bool {
        matches!(self, Self::Corrupt(_) | Self::Drop | Self::Double)
    }
}

/// A fault at one byte of one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The offset of the byte, counted from 0.
    pub offset: u64,
    /// The kind of the fault.
    pub kind: Kind,
}

/// The number of bytes that have passed in each direction.
#[derive(Debug, Default)]
pub struct Counts {
    to_server: AtomicU64,
    to_client: AtomicU64,
}

impl Counts {
    /// The number of bytes in one direction.
    pub fn get(&self, direction: Direction) -> u64 {
        self.of(direction).load(Ordering::Relaxed)
    }

    fn of(&self, direction: Direction) -> &AtomicU64 {
        match direction {
            Direction::ToServer => &self.to_server,
            Direction::ToClient => &self.to_client,
        }
    }
}

/// Forwards bytes between a client and a server until both directions have ended.
///
/// The faults of each direction must be ordered by their offsets.
pub async fn proxy<C, S>(
    client: C,
    server: S,
    to_server: Vec<Fault>,
    to_client: Vec<Fault>,
    counts: Arc<Counts>,
) where
    C: AsyncRead + AsyncWrite,
    S: AsyncRead + AsyncWrite,
{
    let (from_client, into_client) = split(client);
    let (from_server, into_server) = split(server);
    let mut up = std::pin::pin!(
        Pump::new(from_client, into_server, to_server, counts.of(Direction::ToServer)).run()
    );
    let mut down = std::pin::pin!(
        Pump::new(from_server, into_client, to_client, counts.of(Direction::ToClient)).run()
    );
    // A direction that is cut drops both sockets.
    tokio::select! {
        end = &mut up => if let End::Closed = end { down.await; },
        end = &mut down => if let End::Closed = end { up.await; },
    }
}

/// How one direction ended.
enum End {
    /// The sender has closed the direction, and this was forwarded.
    Closed,
    /// The connection was cut.
    Cut,
}

/// One direction of the proxy.
struct Pump<'a, R, W> {
    from: ReadHalf<R>,
    into: WriteHalf<W>,
    faults: VecDeque<Fault>,
    position: u64,
    count: &'a AtomicU64,
}

/// The time without further bytes after which merged bytes are forwarded.
const MERGE_TIMEOUT: Duration = Duration::from_millis(5);

impl<'a, R: AsyncRead, W: AsyncWrite> Pump<'a, R, W> {
    fn new(
        from: ReadHalf<R>,
        into: WriteHalf<W>,
        faults: Vec<Fault>,
        count: &'a AtomicU64,
    ) -> Self {
        Self { from, into, faults: faults.into(), position: 0, count }
    }

    async fn run(mut self) -> End {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let len = self.from.read(&mut buffer).await.unwrap_or(0);
            if len == 0 {
                return self.close().await;
            }
            let mut rest = buffer[..len].to_vec();
            while let Some(fault) = self.due(rest.len()) {
                let mut after = rest.split_off((fault.offset - self.position) as usize);
                if !self.pass(&rest).await {
                    return self.discard().await;
                }
                match fault.kind {
                    Kind::Split => sleep(Duration::from_millis(1)).await,
                    Kind::Delay(delay) => sleep(delay).await,
                    Kind::Merge => self.gather(&mut after).await,
                    Kind::Corrupt(bits) => after[0] ^= bits,
                    Kind::Drop => {
                        after.remove(0);
                        self.position += 1;
                    }
                    Kind::Double => {
                        let byte = after[0];
                        let _ = self.into.write_all(&[byte]).await;
                    }
                    Kind::Cut => return End::Cut,
                    Kind::HalfClose => {
                        let _ = self.into.shutdown().await;
                        return self.discard().await;
                    }
                    Kind::Stall => return self.discard().await,
                }
                rest = after;
            }
            if !self.pass(&rest).await {
                return self.discard().await;
            }
        }
    }

    /// Removes the next fault if it applies to one of the next `len` bytes.
    fn due(&mut self, len: usize) -> Option<Fault> {
        let next = *self.faults.front()?;
        (next.offset < self.position + len as u64).then(|| self.faults.pop_front())?
    }

    /// Forwards bytes. Returns whether the receiver accepts them.
    async fn pass(&mut self, bytes: &[u8]) -> bool {
        self.position += bytes.len() as u64;
        self.count.store(self.position, Ordering::Relaxed);
        self.into.write_all(bytes).await.is_ok() && self.into.flush().await.is_ok()
    }

    /// Collects bytes until no more arrive for [`MERGE_TIMEOUT`].
    async fn gather(&mut self, bytes: &mut Vec<u8>) {
        while let Ok(Ok(1..)) = timeout(MERGE_TIMEOUT, self.from.read_buf(bytes)).await {}
    }

    /// Discards all further bytes and forwards only the end.
    async fn discard(mut self) -> End {
        let mut buffer = vec![0; 1024];
        while let Ok(1..) = self.from.read(&mut buffer).await {}
        self.close().await
    }

    async fn close(mut self) -> End {
        let _ = self.into.shutdown().await;
        End::Closed
    }
}
