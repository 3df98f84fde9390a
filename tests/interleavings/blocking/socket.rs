//! A model of a socket: a bounded pipe in each direction.

use std::{collections::VecDeque, io, time::Duration};

pub(crate) use std::os::fd::OwnedFd;

use shuttle::{
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, Thread},
};

/// The capacity of a pipe, in bytes: less than a large request.
const ROOM: usize = 150;

/// The events of a socket to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interest {
    Input,
    InputAndRoom,
}

/// One end of two pipes.
#[derive(Debug)]
pub(crate) struct Socket {
    incoming: Arc<Mutex<Pipe>>,
    outgoing: Arc<Mutex<Pipe>>,
}

#[derive(Debug, Default)]
struct Pipe {
    bytes: VecDeque<u8>,
    is_shut: bool,
    /// The threads that wait for a change.
    polling: Vec<Thread>,
}

impl Pipe {
    fn wake(&mut self) {
        self.polling.drain(..).for_each(|it| it.unpark());
    }
}

/// Ends the poll of the thread that created it.
#[derive(Debug)]
pub(crate) struct PollWaker {
    thread: Thread,
    is_woken: AtomicBool,
}

impl PollWaker {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { thread: thread::current(), is_woken: AtomicBool::new(false) })
    }

    pub(crate) fn wake(&self) {
        self.is_woken.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}

impl Socket {
    pub(crate) fn pair() -> (Self, Self) {
        let (incoming, outgoing) = (Arc::default(), Arc::default());
        let other = Self { incoming: Arc::clone(&outgoing), outgoing: Arc::clone(&incoming) };
        (Self { incoming, outgoing }, other)
    }

    pub(crate) fn new(_: OwnedFd) -> Self {
        unreachable!("a descriptor cannot be modelled")
    }

    pub(crate) fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut pipe = lock(&self.outgoing);
        if pipe.is_shut {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let len = bytes.len().min(ROOM - pipe.bytes.len());
        if len == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        pipe.bytes.extend(&bytes[..len]);
        pipe.wake();
        Ok(len)
    }

    pub(crate) fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut pipe = lock(&self.incoming);
        let len = buffer.len().min(pipe.bytes.len());
        if len == 0 && !pipe.is_shut {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        for (to, from) in buffer.iter_mut().zip(pipe.bytes.drain(..len)) {
            *to = from;
        }
        pipe.wake();
        Ok(len)
    }

    /// Time does not pass: a poll that only its timeout would end is a deadlock.
    pub(crate) fn poll(
        &self,
        interest: Interest,
        waker: Option<&PollWaker>,
        _: Option<Duration>,
    ) -> bool {
        loop {
            {
                let mut pipe = lock(&self.incoming);
                if pipe.is_shut || !pipe.bytes.is_empty() {
                    return true;
                }
                pipe.polling.push(thread::current());
            }
            if interest == Interest::InputAndRoom {
                let mut pipe = lock(&self.outgoing);
                if pipe.is_shut || pipe.bytes.len() < ROOM {
                    return false;
                }
                pipe.polling.push(thread::current());
            }
            if waker.is_some_and(|it| it.is_woken.swap(false, Ordering::SeqCst)) {
                return false;
            }
            thread::park();
        }
    }

    pub(crate) fn stop_reading(&self) {
        shut(&self.incoming);
    }

    pub(crate) fn stop(&self) {
        shut(&self.incoming);
        shut(&self.outgoing);
    }
}

fn shut(pipe: &Mutex<Pipe>) {
    let mut pipe = lock(pipe);
    pipe.is_shut = true;
    pipe.wake();
}

fn lock(pipe: &Mutex<Pipe>) -> MutexGuard<'_, Pipe> {
    pipe.lock().expect("no thread panics with it")
}
