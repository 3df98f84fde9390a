//! Answers each message on `hello/requests` with a message on `hello/answers`, until the nucleus stops it or closes the
//! connection.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use greengrass_core_ipc::{component, config, types::SubscriptionResponseMessage};
use serde::Deserialize;

#[derive(Deserialize)]
struct Settings {
    greeting: String,
}

/// A request in JSON. Text is a name, too.
#[derive(Deserialize)]
struct Request {
    name: String,
}

fn main() -> ExitCode {
    component::run(async |client, shutdown| {
        let Settings { greeting } = config::get(&client).await?;
        let mut requests = client.subscribe_to_topic().topic("hello/requests").send().await?;
        println!("serving");
        loop {
            tokio::select! {
                Some(request) = requests.next() => {
                    let name = match request? {
                        SubscriptionResponseMessage::BinaryMessage(it) => {
                            String::from_utf8_lossy(&it.message.unwrap_or_default()).into_owned()
                        }
                        // What is no request gets an answer, too.
                        request => request.json().map_or("you".to_owned(), |it: Request| it.name),
                    };
                    let publish = client.publish_to_topic().topic("hello/answers");
                    publish.publish_message(format!("{greeting}, {name}!")).send().await?;
                }
                () = shutdown.requested() => break,
            }
        }
        requests.close().await?;
        // The output may be closed, and `println!` would panic.
        let _ = writeln!(io::stdout(), "stopped");
        Ok(())
    })
}
