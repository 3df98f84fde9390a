//! The benchmark program of the asynchronous client, on a runtime with one thread.

use std::time::Instant;

use bench_client::{Args, IN_FLIGHT, Latencies, Mode, TOPIC, report};
use greengrass_core_ipc::{
    Client,
    primitives::Blob,
    types::{BinaryMessage, SubscriptionResponseMessage},
};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run(Args::read()))
}

async fn run(args: Args) -> Result<()> {
    let client = Client::connect().await?;
    // Clones share the bytes.
    let message = Blob::from(args.message());
    match args.mode {
        Mode::First => publish(&client, &message).await?,
        Mode::Sequential => {
            for _ in 0..args.warm_up() {
                publish(&client, &message).await?;
            }
            let mut latencies = Latencies::start(args.count);
            for _ in 0..args.count {
                let start = Instant::now();
                publish(&client, &message).await?;
                latencies.done(start);
            }
            latencies.report();
        }
        Mode::InFlight => {
            let start = Instant::now();
            let each = args.count / IN_FLIGHT;
            let tasks: Vec<_> = (0..IN_FLIGHT)
                .map(|_| {
                    let (client, message) = (client.clone(), message.clone());
                    tokio::spawn(async move {
                        for _ in 0..each {
                            publish(&client, &message).await?;
                        }
                        Result::Ok(())
                    })
                })
                .collect();
            for task in tasks {
                task.await??;
            }
            report(each * IN_FLIGHT, start);
        }
        Mode::Events => {
            let start = Instant::now();
            let mut events = client.subscribe_to_topic().topic(args.events_topic()).send().await?;
            let mut bytes = 0;
            for _ in 0..args.count {
                let event = events.next().await.ok_or("the stream ended early")??;
                let SubscriptionResponseMessage::BinaryMessage(event) = event else {
                    return Err("an unexpected event".into());
                };
                bytes += event.message.map_or(0, |it| it.len());
            }
            assert_eq!(bytes, args.count * args.size, "all bytes are received");
            report(args.count, start);
        }
    }
    Ok(())
}

async fn publish(client: &Client, message: &Blob) -> Result<()> {
    let message = BinaryMessage::builder().message(message.clone()).build();
    client.publish_to_topic().topic(TOPIC).publish_message(message).send().await?;
    Ok(())
}
