//! Answers each message on `hello/requests` with a message on `hello/answers`, until the nucleus stops it or closes the
//! connection.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use anyhow::{Result, bail};
use greengrass_core_ipc::{
    Client,
    types::{BinaryMessage, SubscriptionResponseMessage},
};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The alternate format includes the causes. The nucleus writes the text to the component's log.
            let _ = writeln!(io::stderr(), "hello-component: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    // The nucleus stops a component by sending SIGTERM.
    let mut terminate = signal(SignalKind::terminate())?;
    let connection = Client::builder().connect().await?;
    let client = Client::new(connection.clone());

    let configuration = client.get_configuration().key_path(["greeting"]).send().await?;
    let value = configuration.value.unwrap_or_default();
    let greeting = value["greeting"].as_str().unwrap_or("Hello").to_owned();

    let mut requests = client.subscribe_to_topic().topic("hello/requests").send().await?;
    println!("serving");
    loop {
        tokio::select! {
            request = requests.next() => match request {
                // A nucleus that restarts issues new tokens and starts its components again, so this process exits.
                None => bail!("the subscription has ended"),
                Some(request) => answer(&client, &greeting, request?).await?,
            },
            _ = terminate.recv() => break,
        }
    }
    requests.close().await?;
    connection.close().await?;
    // Standard output may be closed, and `println!` would panic.
    let _ = writeln!(io::stdout(), "stopped");
    Ok(())
}

async fn answer(
    client: &Client,
    greeting: &str,
    request: SubscriptionResponseMessage,
) -> Result<()> {
    let name = match request {
        SubscriptionResponseMessage::BinaryMessage(it) => {
            String::from_utf8_lossy(&it.message.unwrap_or_default()).into_owned()
        }
        SubscriptionResponseMessage::JsonMessage(it) => {
            let message = it.message.unwrap_or_default();
            message["name"].as_str().unwrap_or("you").to_owned()
        }
        // A kind of message that this version does not know.
        _ => return Ok(()),
    };
    client
        .publish_to_topic()
        .topic("hello/answers")
        .publish_message(BinaryMessage::builder().message(format!("{greeting}, {name}!")).build())
        .send()
        .await?;
    Ok(())
}
