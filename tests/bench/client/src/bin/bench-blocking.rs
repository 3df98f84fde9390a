//! The benchmark program of the blocking client, which uses 64 threads for 64 calls in flight.

use std::{thread, time::Instant};

use bench_client::{Args, IN_FLIGHT, Latencies, Mode, TOPIC, report};
use greengrass_core_ipc::{
    blocking::Client,
    primitives::Blob,
    types::{BinaryMessage, SubscriptionResponseMessage},
};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> Result<()> {
    let args = Args::read();
    let client = Client::connect()?;
    // Clones share the bytes.
    let message = Blob::from(args.message());
    match args.mode {
        Mode::First => publish(&client, &message)?,
        Mode::Sequential => {
            for _ in 0..args.warm_up() {
                publish(&client, &message)?;
            }
            let mut latencies = Latencies::start(args.count);
            for _ in 0..args.count {
                let start = Instant::now();
                publish(&client, &message)?;
                latencies.done(start);
            }
            latencies.report();
        }
        Mode::InFlight => {
            let start = Instant::now();
            let each = args.count / IN_FLIGHT;
            let publish_each = || (0..each).try_for_each(|_| publish(&client, &message));
            thread::scope(|scope| {
                let threads: Vec<_> = (0..IN_FLIGHT).map(|_| scope.spawn(publish_each)).collect();
                threads.into_iter().try_for_each(|it| it.join().expect("the thread does not panic"))
            })?;
            report(each * IN_FLIGHT, start);
        }
        Mode::Events => {
            let start = Instant::now();
            let events = client.subscribe_to_topic().topic(args.events_topic()).send()?;
            let mut bytes = 0;
            for event in events.take(args.count) {
                let SubscriptionResponseMessage::BinaryMessage(event) = event? else {
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

fn publish(client: &Client, message: &Blob) -> Result<()> {
    let message = BinaryMessage::builder().message(message.clone()).build();
    client.publish_to_topic().topic(TOPIC).publish_message(message).send()?;
    Ok(())
}
