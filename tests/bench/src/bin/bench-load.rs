//! Loads a server that brokers topics: subscribers, and one publisher with a window of calls in flight.
//!
//! `bench-load CONNECTIONS SUBSCRIPTIONS MATCHES COUNT WINDOW SIZE`: the subscriptions are spread over the
//! connections, and so many of them are to the topic that is published to. It prints a line of
//! `key=value` pairs when every response and every event has arrived.

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

/// What has arrived, and who waits for it.
#[derive(Default)]
struct Arrived {
    events: Cell<usize>,
    last: Cell<Option<Instant>>,
    all: Notify,
}

fn main() {
    let mut args = std::env::args().skip(1).map(|it| it.parse().expect("a number"));
    let mut next = || args.next().expect("six numbers");
    let load = Load {
        connections: next(),
        subscriptions: next(),
        matches: next(),
        count: next(),
        window: next(),
        size: next(),
    };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("tokio");
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
    wait_for_go();
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
            assert_eq!(reply.message_type, 0, "published");
            done += 1;
        })
        .await;
    }
    let published = start.elapsed();
    if arrived.events.get() < expected {
        // A server that loses events would be waited for for ever.
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

/// Waits for the one who measures, if it has asked for that: it looks at the server before the load.
fn wait_for_go() {
    if std::env::var_os("BENCH_WAIT").is_some() {
        println!("ready");
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).expect("a line");
    }
}

/// Opens a connection, subscribes, and goes on in the background.
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
            assert_eq!(reply.message_type, 0, "subscribed");
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
            assert_eq!(*bytes.borrow() % load.size.max(1), 0, "every event, whole");
            if arrived.events.get() == expected {
                arrived.last.set(Some(Instant::now()));
                arrived.all.notify_one();
            }
        }
    });
}

/// Reads once, and hands out what is whole.
async fn receive(stream: &mut UnixStream, input: &mut Input, mut take: impl FnMut(Message<'_>)) {
    while !input.has_frame() {
        let len = stream.read(input.room()).await.expect("the server sends");
        if len == 0 {
            // The end of the measurement, for a subscriber.
            std::future::pending::<()>().await;
        }
        input.filled(len);
    }
    while let Some(frame) = input.next_frame() {
        take(decode(frame));
    }
}
