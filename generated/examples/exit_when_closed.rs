//! Serves until the connection ends, and exits then: what a component of a nucleus should do.
//!
//! A nucleus that restarts gives out new tokens and starts its components again. The token of a process
//! that is left over is refused from then on, and the process may stand in the way of the one that replaces
//! it. So a component does not come back by itself: it exits with a status that says that it failed, and
//! the nucleus starts it again, with a token that is good. `reconnect` is for everyone else.
//!
//! ```console
//! $ cargo run -p greengrass-core-ipc --example exit_when_closed
//! ```

use std::{
    fmt,
    io::{self, Write},
    process::ExitCode,
};

use greengrass_core_ipc::{Client, types::BinaryMessage};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<ExitCode> {
    let mut terminate = signal(SignalKind::terminate())?;
    let connection = Client::builder().connect().await?;
    let client = Client::new(connection.clone());

    // The work of the component: here one that answers messages.
    let answers = client.clone();
    let requests = client.subscribe_to_topic().topic("requests").send().await?;
    let handle = requests.spawn_for_each(move |_request| {
        let answers = answers.clone();
        async move {
            let answer = BinaryMessage::builder().message("here").build();
            let sent = answers.publish_to_topic().topic("answers").publish_message(answer).send();
            if let Err(error) = sent.await {
                say(format_args!("not answered: {}", error.with_sources()));
            }
        }
    });
    say(format_args!("serving"));

    tokio::select! {
        ended = connection.closed() => {
            if let Err(error) = ended {
                say(format_args!("exiting: {}", error.with_sources()));
            }
            Ok(ExitCode::FAILURE)
        }
        // The nucleus stops a component by sending SIGTERM.
        _ = terminate.recv() => {
            handle.close().await;
            connection.close().await?;
            say(format_args!("stopped"));
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Prints a line if the standard output is still there: it ends with the nucleus, and `println!` would panic.
fn say(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stdout(), "{line}");
}
