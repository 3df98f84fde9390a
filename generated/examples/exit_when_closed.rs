//! Serves until the connection is closed, and then exits, as a component of a nucleus should.
//!
//! A nucleus that restarts issues new tokens and starts its components again. It rejects the token of a process from
//! before, which may also conflict with its replacement. A component should therefore not reconnect, but exit with a
//! failure status, so that the nucleus starts it again with a valid token. The example `reconnect` is for other
//! processes.
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
    let client = Client::connect().await?;

    // The work of the component; this one answers messages.
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
        ended = client.connection().closed() => {
            if let Err(error) = ended {
                say(format_args!("exiting: {}", error.with_sources()));
            }
            Ok(ExitCode::FAILURE)
        }
        // The nucleus stops a component by sending SIGTERM.
        _ = terminate.recv() => {
            handle.close().await;
            client.connection().close().await?;
            say(format_args!("stopped"));
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Prints a line. Standard output is closed when the nucleus stops, and `println!` would panic.
fn say(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stdout(), "{line}");
}
