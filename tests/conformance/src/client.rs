//! Tests of a client, run by a scripted server.

pub mod calls;
pub mod connections;
pub mod load;
pub mod streams;

use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use crate::{
    column::Column,
    session::Session,
    verdict::{Problem, Verdict},
};

/// Starts a client, connects it and runs a script.
///
/// # Errors
///
/// If the client's driver cannot be built or started.
pub async fn run(
    column: Column,
    logs: bool,
    timeout: Duration,
    script: impl AsyncFnOnce(Session) -> Verdict,
) -> Result<Verdict> {
    let mut session = Session::start(column, logs, timeout).await?;
    if let Err(problem) = session.connect(json!({"do": "connect"})).await {
        let how = match problem {
            Problem::Fails(how) | Problem::NotApplicable(how) => how,
        };
        anyhow::bail!("{column:?}: {how}\n{}", session.driver.log());
    }
    Ok(script(session).await)
}
