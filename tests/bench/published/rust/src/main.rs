//! The benchmark program of the crate `greengrass-ipc-rust`, on a runtime with one thread.

use std::{sync::Arc, time::Instant};

use bench_client::{Args, IN_FLIGHT, Latencies, Mode, TOPIC, report};
use futures::StreamExt;
use greengrass_ipc_rust::{GreengrassCoreIPCClient, Message};

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("the runtime starts");
    runtime.block_on(run(Args::read()));
    // The tasks of the crate do not end.
    std::process::exit(0);
}

async fn run(args: Args) {
    let client =
        Arc::new(GreengrassCoreIPCClient::connect().await.expect("the server accepts the client"));
    let message = args.message();
    match args.mode {
        Mode::First => publish(&client, &message).await,
        Mode::Sequential => {
            for _ in 0..args.warm_up() {
                publish(&client, &message).await;
            }
            let mut latencies = Latencies::start(args.count);
            for _ in 0..args.count {
                let start = Instant::now();
                publish(&client, &message).await;
                latencies.done(start);
            }
            latencies.report();
        }
        Mode::InFlight => {
            let start = Instant::now();
            let each = args.count / IN_FLIGHT;
            let publish_each = |_| {
                let (client, message) = (client.clone(), message.clone());
                tokio::spawn(async move {
                    for _ in 0..each {
                        publish(&client, &message).await;
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
            let start = Instant::now();
            let mut events =
                client.subscribe_to_topic(&args.events_topic()).await.expect("a response");
            let mut bytes = 0;
            for _ in 0..args.count {
                if let Message::Binary(event) = events.next().await.expect("an event").message {
                    bytes += event.message.len();
                }
            }
            assert_eq!(bytes, args.count * args.size, "all bytes are received");
            report(args.count, start);
        }
    }
}

async fn publish(client: &GreengrassCoreIPCClient, message: &[u8]) {
    client.publish_to_topic(TOPIC, message.to_vec()).await.expect("a response");
}
