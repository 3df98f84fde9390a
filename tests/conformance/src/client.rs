//! What a scripted server does to a client.

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

/// Starts a client, connects it and puts it through something.
///
/// # Errors
///
/// The client's driver cannot be built or started.
pub async fn run(
    column: Column,
    logs: bool,
    patience: Duration,
    script: impl AsyncFnOnce(Session) -> Verdict,
) -> Result<Verdict> {
    let mut session = Session::start(column, logs, patience).await?;
    if let Err(problem) = session.connect(json!({"do": "connect"})).await {
        let how = match problem {
            Problem::Fails(how) | Problem::NotApplicable(how) => how,
        };
        anyhow::bail!("{column:?}: {how}\n{}", session.driver.log());
    }
    Ok(script(session).await)
}
