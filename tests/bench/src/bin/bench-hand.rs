//! A hand-written client for tokio with a reading task, a writing task and a channel per call. It is about as fast as a
//! client with this structure can be.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
    time::Instant,
};

use bench::{Input, decode, dial, event_bytes, publish, subscribe};
use bench_client::{Args, IN_FLIGHT, Latencies, Mode, TOPIC, report};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::unix::{OwnedReadHalf, OwnedWriteHalf},
    sync::{Notify, mpsc, oneshot},
    task::{LocalSet, spawn_local},
};

#[derive(Default)]
struct Client {
    out: RefCell<Vec<u8>>,
    has_output: Notify,
    last_id: Cell<i32>,
    calls: RefCell<HashMap<i32, oneshot::Sender<Vec<u8>>>>,
    events: RefCell<Option<mpsc::UnboundedSender<Vec<u8>>>>,
}

impl Client {
    async fn call(&self, request: impl FnOnce(&mut Vec<u8>, i32)) {
        let id = self.last_id.get() + 1;
        self.last_id.set(id);
        let (sender, reply) = oneshot::channel();
        self.calls.borrow_mut().insert(id, sender);
        request(&mut self.out.borrow_mut(), id);
        self.has_output.notify_one();
        reply.await.expect("a reply");
    }

    async fn publish(&self, message: &[u8]) {
        self.call(|out, id| publish(out, id, TOPIC, message)).await;
    }

    async fn write(self: Rc<Self>, mut half: OwnedWriteHalf) {
        loop {
            self.has_output.notified().await;
            loop {
                let out = self.out.take();
                if out.is_empty() {
                    break;
                }
                half.write_all(&out).await.expect("the server reads");
            }
        }
    }

    async fn read(self: Rc<Self>, mut half: OwnedReadHalf, mut input: Input) {
        loop {
            let len = half.read(input.unused()).await.expect("the server answers");
            input.filled(len);
            while let Some(frame) = input.next_frame() {
                let message = decode(frame);
                if message.shape.ends_with(b"SubscriptionResponseMessage") {
                    if let Some(events) = &*self.events.borrow() {
                        let _ = events.send(event_bytes(message.payload));
                    }
                } else if let Some(call) = self.calls.borrow_mut().remove(&message.stream_id) {
                    let _ = call.send(message.payload.to_vec());
                }
            }
        }
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .expect("the runtime starts");
    LocalSet::new().block_on(&runtime, run(Args::read()));
}

async fn run(args: Args) {
    let mut input = Input::default();
    let (read, write) = dial(&mut input).await.into_split();
    let client = Rc::new(Client::default());
    spawn_local(Rc::clone(&client).write(write));
    spawn_local(Rc::clone(&client).read(read, input));
    let message = Rc::new(args.message());
    match args.mode {
        Mode::First => client.publish(&message).await,
        Mode::Sequential => {
            for _ in 0..args.warm_up() {
                client.publish(&message).await;
            }
            let mut latencies = Latencies::start(args.count);
            for _ in 0..args.count {
                let start = Instant::now();
                client.publish(&message).await;
                latencies.done(start);
            }
            latencies.report();
        }
        Mode::InFlight => {
            let start = Instant::now();
            let each = args.count / IN_FLIGHT;
            let publish_each = |_| {
                let (client, message) = (Rc::clone(&client), Rc::clone(&message));
                spawn_local(async move {
                    for _ in 0..each {
                        client.publish(&message).await;
                    }
                })
            };
            let tasks: Vec<_> = (0..IN_FLIGHT).map(publish_each).collect();
            for task in tasks {
                task.await.expect("the task does not panic");
            }
            report(each * IN_FLIGHT, start);
        }
        Mode::Events => {
            let (sender, mut events) = mpsc::unbounded_channel();
            *client.events.borrow_mut() = Some(sender);
            let start = Instant::now();
            client.call(|out, id| subscribe(out, id, &args.events_topic())).await;
            let mut bytes = 0;
            for _ in 0..args.count {
                bytes += events.recv().await.expect("an event").len();
            }
            assert_eq!(bytes, args.count * args.size, "all bytes are received");
            report(args.count, start);
        }
    }
}
