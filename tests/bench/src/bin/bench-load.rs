//! A load generator for publish/subscribe servers: subscribers, and a publisher with a window of calls in flight.
//!
//! Usage: `bench-load CONNECTIONS SUBSCRIPTIONS MATCHES COUNT WINDOW SIZE`. The subscriptions are distributed over the
//! connections, and `MATCHES` of them match the published topic. It prints a line of `key=value` pairs when all
//! responses and events have arrived.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::{Duration, Instant},
};

use bench::{EVENT_SHAPE, Input, Message, decode, dial, event_bytes, publish, subscribe};
use bench_client::TOPIC;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    sync::Notify,
    task::{LocalSet, spawn_local},
};

#[derive(Clone, Copy)]
struct Load {
    connections: usize,
    subscriptions: usize,
    matches: usize,
    count: usize,
    window: usize,
    size: usize,
}

/// The received events, and a notification when all have arrived.
#[derive(Default)]
struct Arrived {
    events: Cell<usize>,
    last: Cell<Option<Instant>>,
    all: Notify,
}

fn main() {
    let mut args = std::env::args().skip(1).map(|it| it.parse().expect("a number"));
    let mut next = || args.next().expect("six arguments");
    let load = Load {
        connections: next(),
        subscriptions: next(),
        matches: next(),
        count: next(),
        window: next(),
        size: next(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("the runtime starts");
    LocalSet::new().block_on(&runtime, run(load));
}

async fn run(load: Load) {
    let arrived = Rc::new(Arrived::default());
    let expected = load.matches * load.count;
    for index in 0..load.connections {
        let topics = (index..load.subscriptions).step_by(load.connections).map(|number| {
            if number < load.matches { TOPIC.to_owned() } else { format!("other/{number}") }
        });
        subscriber(topics.collect(), load, expected, Rc::clone(&arrived)).await;
    }
    let mut input = Input::default();
    let mut stream = dial(&mut input).await;
    wait_for_start();
    let message: Vec<u8> = (0..load.size).map(|index| (index * 31 + 7) as u8).collect();
    let start = Instant::now();
    let (mut sent, mut done) = (0, 0);
    let mut out = Vec::new();
    while done < load.count {
        while sent < load.count && sent - done < load.window {
            sent += 1;
            publish(&mut out, sent as i32, TOPIC, &message);
        }
        stream.write_all(&out).await.expect("the server reads");
        out.clear();
        receive(&mut stream, &mut input, |reply| {
            assert_eq!(reply.message_type, 0, "the message is published");
            done += 1;
        })
        .await;
    }
    let published = start.elapsed();
    if arrived.events.get() < expected {
        // Limits the wait for a server that loses events.
        let _ = tokio::time::timeout(Duration::from_secs(10), arrived.all.notified()).await;
    }
    let end = arrived.last.get().unwrap_or_else(Instant::now);
    println!(
        "count={} total_ns={} events={} lost={} events_ns={}",
        load.count,
        published.as_nanos(),
        arrived.events.get(),
        expected - arrived.events.get(),
        (end - start).as_nanos().max(1),
    );
}

/// If requested, waits for the parent process, which measures the server before the load.
fn wait_for_start() {
    if std::env::var_os("BENCH_WAIT").is_some() {
        println!("ready");
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).expect("a line");
    }
}

/// Opens a connection, subscribes, and reads events in the background.
async fn subscriber(topics: Vec<String>, load: Load, expected: usize, arrived: Rc<Arrived>) {
    let mut input = Input::small();
    let mut stream = dial(&mut input).await;
    let mut out = Vec::new();
    for (index, topic) in topics.iter().enumerate() {
        subscribe(&mut out, index as i32 + 1, topic);
    }
    stream.write_all(&out).await.expect("the server reads");
    let mut left = topics.len();
    while left > 0 {
        receive(&mut stream, &mut input, |reply| {
            assert_eq!(reply.message_type, 0, "the subscription is open");
            left -= 1;
        })
        .await;
    }
    let bytes = RefCell::new(0);
    spawn_local(async move {
        loop {
            receive(&mut stream, &mut input, |message| {
                if message.shape == EVENT_SHAPE.as_bytes() {
                    *bytes.borrow_mut() += event_bytes(message.payload).len();
                    arrived.events.set(arrived.events.get() + 1);
                }
            })
            .await;
            assert_eq!(*bytes.borrow() % load.size.max(1), 0, "events are complete");
            if arrived.events.get() == expected {
                arrived.last.set(Some(Instant::now()));
                arrived.all.notify_one();
            }
        }
    });
}

/// Reads until a frame is complete, and handles all complete frames.
async fn receive(stream: &mut UnixStream, input: &mut Input, mut take: impl FnMut(Message<'_>)) {
    while !input.has_frame() {
        let len = stream.read(input.unused()).await.expect("the server sends");
        if len == 0 {
            // The server has ended after the measurement.
            std::future::pending::<()>().await;
        }
        input.filled(len);
    }
    while let Some(frame) = input.next_frame() {
        take(decode(frame));
    }
}
