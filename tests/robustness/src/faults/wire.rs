//! A proxy between two ends of a byte stream.

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

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client.
    ToServer,
    /// From the server.
    ToClient,
}

impl Direction {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::ToServer, Self::ToClient];
}

/// What is done to the bytes from an offset on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What is before arrives first, and is dealt with before the rest comes.
    Split,
    /// Nothing arrives for so long.
    Delay(Duration),
    /// What comes within a short time arrives all at once.
    Merge,
    /// The byte arrives with these bits turned.
    Corrupt(u8),
    /// The byte does not arrive.
    Drop,
    /// The byte arrives twice.
    Double,
    /// Both directions end.
    Cut,
    /// This direction ends, and the other goes on.
    HalfClose,
    /// Nothing arrives any more, and nobody says so.
    Stall,
}

impl Kind {
    /// Whether all bytes arrive in the end, in time.
    pub fn is_harmless(self) -> bool {
        match self {
            Self::Split | Self::Merge => true,
            // Much less than any deadline.
            Self::Delay(delay) => delay < Duration::from_secs(5),
            _ => false,
        }
    }

    /// Whether the receiver may have nothing to tell it that something is wrong.
    pub fn is_silent(self) -> bool {
        matches!(self, Self::Delay(_) | Self::Drop | Self::Stall)
    }

    /// Whether the bytes are others than were sent.
    pub fn is_damage(self) -> bool {
        matches!(self, Self::Corrupt(_) | Self::Drop | Self::Double)
    }
}

/// What happens at one byte, counted from 0 in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub offset: u64,
    /// What.
    pub kind: Kind,
}

/// How many bytes have gone through so far.
#[derive(Debug, Default)]
pub struct Counts {
    to_server: AtomicU64,
    to_client: AtomicU64,
}

impl Counts {
    /// In one direction.
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

/// Passes bytes on between a client's and a server's end until both directions have ended.
///
/// The faults of each direction come in the order of their offsets.
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
    // Whatever returns early takes both sockets with it.
    tokio::select! {
        end = &mut up => if let End::Closed = end { down.await; },
        end = &mut down => if let End::Closed = end { up.await; },
    }
}

/// How one direction ended.
enum End {
    /// The sender has closed, and the receiver has been told.
    Closed,
    /// The line was cut.
    Cut,
}

struct Pump<'a, R, W> {
    from: ReadHalf<R>,
    into: WriteHalf<W>,
    faults: VecDeque<Fault>,
    position: u64,
    count: &'a AtomicU64,
}

/// For how long nothing must come before what has been merged is passed on.
const QUIET: Duration = Duration::from_millis(5);

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
                    return self.swallow().await;
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
                        return self.swallow().await;
                    }
                    Kind::Stall => return self.swallow().await,
                }
                rest = after;
            }
            if !self.pass(&rest).await {
                return self.swallow().await;
            }
        }
    }

    /// The next fault, if it is at one of the next `len` bytes.
    fn due(&mut self, len: usize) -> Option<Fault> {
        let next = *self.faults.front()?;
        (next.offset < self.position + len as u64).then(|| self.faults.pop_front())?
    }

    /// Whether the receiver takes them.
    async fn pass(&mut self, bytes: &[u8]) -> bool {
        self.position += bytes.len() as u64;
        self.count.store(self.position, Ordering::Relaxed);
        self.into.write_all(bytes).await.is_ok() && self.into.flush().await.is_ok()
    }

    /// Waits until nothing comes any more for a moment.
    async fn gather(&mut self, bytes: &mut Vec<u8>) {
        while let Ok(Ok(1..)) = timeout(QUIET, self.from.read_buf(bytes)).await {}
    }

    /// Takes what still comes, and passes on no more than that it has ended.
    async fn swallow(mut self) -> End {
        let mut buffer = vec![0; 1024];
        while let Ok(1..) = self.from.read(&mut buffer).await {}
        self.close().await
    }

    async fn close(mut self) -> End {
        let _ = self.into.shutdown().await;
        End::Closed
    }
}
