//! Lists the components, restarts them on request, defers each update once, and reads a secret.

use std::{collections::HashSet, process::ExitCode};

use greengrass_core_ipc::{Client, component, config, types::SecretValue};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    secret: String,
    defer_ms: i64,
}

/// A message that asks for a restart.
#[derive(Deserialize)]
struct Restart {
    component: String,
}

fn main() -> ExitCode {
    component::run(async |client, shutdown| {
        let mut updates = client.subscribe_to_component_updates().send().await?;
        let mut requests =
            client.subscribe_to_topic().topic("example/supervisor/restart").send().await?;
        let settings: Settings = config::get(&client).await?;
        let secret =
            client.get_secret_value().secret_id(&settings.secret).send().await?.secret_value;
        let len = match secret {
            SecretValue::SecretString(text) => text.len(),
            SecretValue::SecretBinary(bytes) => bytes.len(),
            _ => 0,
        };
        println!("the secret has {len} bytes");
        list(&client).await?;
        let mut deferred = HashSet::new();
        loop {
            tokio::select! {
                Some(update) = updates.next() => {
                    let Some(update) = update?.into_pre_update_event() else { continue };
                    let is_first = deferred.insert(update.deployment_id.clone());
                    // The time 0 agrees to the update.
                    let millis = if is_first { settings.defer_ms } else { 0 };
                    let defer = client.defer_component_update().deployment_id(update.deployment_id);
                    defer.recheck_after_ms(millis).send().await?;
                    println!("the update is deferred by {millis} ms");
                }
                Some(request) = requests.next() => {
                    let Restart { component } = match request?.json() {
                        Ok(restart) => restart,
                        Err(error) => {
                            println!("a request is ignored: {error}");
                            continue;
                        }
                    };
                    match client.restart_component().component_name(&component).send().await {
                        Ok(response) => println!("restart of {component}: {}", response.restart_status),
                        Err(error) => println!("restart of {component}: {error}"),
                    }
                    list(&client).await?;
                }
                () = shutdown.requested() => break,
            }
        }
        println!("stopped");
        Ok(())
    })
}

async fn list(client: &Client) -> component::Result {
    for it in client.list_components().send().await?.components.unwrap_or_default() {
        println!("{} {} is {}", it.component_name, it.version, it.state);
    }
    Ok(())
}
