//! A bare fan-out of bytes from one socket to others, with messages of the same lengths as real ones but without content.
//!
//! `bench-fan-out serve` is the server, on one thread. The load has the arguments and the output of `bench-load`.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Instant,
};

use bench::publish_lens;
use bench_client::socket;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    sync::Notify,
    task::{LocalSet, spawn_local},
};

/// The connections of subscribers, with their numbers of subscriptions.
type Subscribers = Rc<RefCell<Vec<(UnixStream, usize)>>>;

fn main() {
    let mut args = std::env::args().skip(1).peekable();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("the runtime starts");
    if args.next_if(|it| it == "serve").is_some() {
        return LocalSet::new().block_on(&runtime, serve());
    }
    let numbers: Vec<usize> = args.map(|it| it.parse().expect("a number")).collect();
    let [connections, _, matches, count, window, size] = numbers[..] else {
        panic!("six arguments")
    };
    LocalSet::new().block_on(&runtime, load(connections, matches, count, window, size));
}

async fn serve() {
    let listener = UnixListener::bind(socket()).expect("the server can listen");
    let subscribers = Subscribers::default();
    loop {
        let (stream, _) = listener.accept().await.expect("a client can be accepted");
        spawn_local(client(stream, Rc::clone(&subscribers)));
    }
}

/// Serves a client, whose first line is `receive SUBSCRIPTIONS 0` or `publish LENGTH RESPONSE`.
async fn client(stream: UnixStream, subscribers: Subscribers) {
    let mut input = BufReader::new(stream);
    let mut line = String::new();
    if input.read_line(&mut line).await.unwrap_or_default() == 0 {
        // A connection that only tested whether the server listens.
        return;
    }
    let mut words = line.split_whitespace();
    let mode = words.next();
    let [len, response_len]: [usize; 2] =
        [(); 2].map(|()| words.next().and_then(|it| it.parse().ok()).expect("a number"));
    let mut stream = input.into_inner();
    stream.write_all(b"\n").await.expect("the client reads");
    if mode == Some("receive") {
        subscribers.borrow_mut().push((stream, len));
        return;
    }
    // Those of an earlier load, which has ended, are removed.
    let mut open = std::mem::take(&mut *subscribers.borrow_mut());
    let mut buffer = vec![0; 256 * 1024];
    let mut received = 0;
    loop {
        let Ok(read @ 1..) = stream.read(&mut buffer).await else { return };
        received += read;
        let messages = received / len;
        received %= len;
        for (subscriber, subscriptions) in &mut open {
            let events = vec![1; messages * *subscriptions * len];
            subscriber.write_all(&events).await.expect("the subscriber reads");
        }
        stream.write_all(&vec![1; messages * response_len]).await.expect("the publisher reads");
    }
}

async fn dial(command: String) -> UnixStream {
    let mut stream = UnixStream::connect(socket()).await.expect("the server accepts the client");
    stream.write_all(command.as_bytes()).await.expect("the server reads");
    stream.read_exact(&mut [0]).await.expect("the server answers");
    stream
}

async fn load(connections: usize, matches: usize, count: usize, window: usize, size: usize) {
    // The length of an event is about that of a request with the same bytes.
    let (len, response_len) = publish_lens(size);
    let expected = matches * count * len;
    let arrived = Rc::new((Cell::new(0), Notify::new()));
    for index in 0..connections.min(matches) {
        let subscriptions = (index..matches).step_by(connections).count();
        let mut stream = dial(format!("receive {subscriptions} 0\n")).await;
        let arrived = Rc::clone(&arrived);
        spawn_local(async move {
            let mut buffer = vec![0; 64 * 1024];
            while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                arrived.0.set(arrived.0.get() + read);
                if arrived.0.get() == expected {
                    arrived.1.notify_one();
                }
            }
        });
    }
    let mut stream = dial(format!("publish {len} {response_len}\n")).await;
    let message = vec![1; len];
    let mut buffer = vec![0; 64 * 1024];
    let start = Instant::now();
    let (mut sent, mut answered) = (0, 0);
    while answered < count * response_len {
        let next = (answered / response_len + window).min(count);
        for _ in sent..next {
            stream.write_all(&message).await.expect("the server reads");
        }
        sent = next;
        let read = stream.read(&mut buffer).await.expect("the server answers");
        assert!(read > 0, "the server answers all messages");
        answered += read;
    }
    let published = start.elapsed().as_nanos();
    if arrived.0.get() < expected {
        arrived.1.notified().await;
    }
    let time = start.elapsed().as_nanos();
    println!(
        "count={count} total_ns={published} events={} lost=0 events_ns={time}",
        matches * count
    );
}
