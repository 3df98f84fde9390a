//! Lists the components, restarts them on request, defers each update once, and reads a secret.

use std::{
    collections::HashSet,
    error::Error,
    io::{self, Write},
};

use greengrass_core_ipc::{
    Client,
    types::{ComponentUpdatePolicyEvents, SecretValue, SubscriptionResponseMessage},
};
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let client = Client::connect().await?;
    let mut updates = client.subscribe_to_component_updates().send().await?;
    let mut requests =
        client.subscribe_to_topic().topic("example/supervisor/restart").send().await?;
    let everything = Vec::<String>::new();
    let configuration = client.get_configuration().key_path(everything).send().await?.value;
    let configuration = configuration.unwrap_or_default();
    read_secret(&client, configuration["secret"].as_str().unwrap_or_default()).await?;
    list(&client).await?;
    // A nucleus converts numbers to floating point.
    let millis = configuration["deferMs"].as_f64().unwrap_or_default() as i64;
    let mut deferred = HashSet::new();
    loop {
        tokio::select! {
            update = updates.next() => {
                // The core has ended. Another one starts its components with new tokens.
                let update = update.ok_or("the connection is closed")??;
                let ComponentUpdatePolicyEvents::PreUpdateEvent(update) = update else { continue };
                let deployment = update.deployment_id;
                let is_first = deferred.insert(deployment.clone());
                defer(&client, deployment, if is_first { millis } else { 0 }).await?;
            }
            request = requests.next() => {
                let request = request.ok_or("the connection is closed")??;
                let SubscriptionResponseMessage::JsonMessage(request) = request else { continue };
                let request: Value = request.message.unwrap_or_default();
                restart(&client, request["component"].as_str().unwrap_or_default()).await?;
            }
            _ = terminate.recv() => break,
        }
    }
    client.connection().close().await?;
    print("stopped");
    Ok(())
}

async fn read_secret(client: &Client, id: &str) -> Result<(), Box<dyn Error>> {
    let secret = client.get_secret_value().secret_id(id).send().await?;
    let len = match secret.secret_value {
        SecretValue::SecretString(text) => text.len(),
        SecretValue::SecretBinary(bytes) => bytes.len(),
        _ => 0,
    };
    print(&format!("the secret has {len} bytes"));
    Ok(())
}

async fn list(client: &Client) -> Result<(), Box<dyn Error>> {
    for it in client.list_components().send().await?.components.unwrap_or_default() {
        print(&format!("{} {} is {}", it.component_name, it.version, it.state));
    }
    Ok(())
}

/// Defers an update. The time 0 agrees to it.
async fn defer(client: &Client, deployment: String, millis: i64) -> Result<(), Box<dyn Error>> {
    let defer = client.defer_component_update().deployment_id(deployment);
    defer.recheck_after_ms(millis).send().await?;
    print(&format!("the update is deferred by {millis} ms"));
    Ok(())
}

async fn restart(client: &Client, component: &str) -> Result<(), Box<dyn Error>> {
    match client.restart_component().component_name(component).send().await {
        Ok(response) => print(&format!("restart of {component}: {}", response.restart_status)),
        Err(error) => print(&format!("restart of {component}: {error}")),
    }
    list(client).await
}

/// Prints a line. The output may be closed.
fn print(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}
