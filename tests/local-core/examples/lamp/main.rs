//! A lamp that follows its shadow and is switched by local messages.

use std::{env, process::ExitCode};

use greengrass_core_ipc::{
    Client, component,
    shadow::{Shadow, Update},
    types::JsonMessage,
};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Lamp {
    on: bool,
}

fn main() -> ExitCode {
    component::run(async |client, shutdown| {
        let shadow = Shadow::named(&client, env::var("AWS_IOT_THING_NAME")?, "lamp");
        let mut deltas = shadow.deltas::<Lamp>().await?;
        let mut switch = client.subscribe_to_topic().topic("example/lamp/switch").send().await?;
        let desired = shadow.get::<Lamp>().await?.desired.unwrap_or(Lamp { on: false });
        turn(&client, &shadow, Update::reported(desired), desired).await?;
        loop {
            tokio::select! {
                Some(delta) = deltas.next() => {
                    let lamp = delta?.state;
                    turn(&client, &shadow, Update::reported(lamp), lamp).await?;
                }
                Some(message) = switch.next() => match message?.json() {
                    Ok(lamp) => turn(&client, &shadow, Update::both(lamp, lamp), lamp).await?,
                    Err(error) => println!("a message is ignored: {error}"),
                },
                () = shutdown.requested() => break,
            }
        }
        println!("stopped");
        Ok(())
    })
}

/// Turns the lamp on or off. Writes this to the shadow, and tells others.
async fn turn(
    client: &Client,
    shadow: &Shadow,
    update: Update<Lamp>,
    lamp: Lamp,
) -> component::Result {
    shadow.update(|_| update).await?;
    let message = JsonMessage::of(&lamp)?;
    client.publish_to_topic().topic("example/lamp/state").publish_message(message).send().await?;
    println!("the lamp is {}", if lamp.on { "on" } else { "off" });
    Ok(())
}
