//! What is shown and kept of a deployment.

use greengrass_core_ipc::{
    operation::create_local_deployment::CreateLocalDeploymentRequest, primitives::Timestamp,
};
use serde::{Deserialize, Serialize};

use super::failure::Details;
use crate::{
    configuration::Millis,
    state::{Change, Table},
};

/// A deployment as it is shown and kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) id: String,
    /// In the order of the requests, which may not be that of the times.
    #[serde(default)]
    pub(super) number: u64,
    pub(super) status: Status,
    pub(super) created_on: String,
    pub(super) time: Millis,
    pub(super) details: Option<Details>,
    /// Until it has ended.
    pub(super) request: Option<CreateLocalDeploymentRequest>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Status {
    Queued,
    InProgress,
    Succeeded,
    Failed,
    Canceled,
}

impl Status {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Queued => "QUEUED",
            Self::InProgress => "IN_PROGRESS",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Canceled => "CANCELED",
        }
    }
}

/// The change of a record in the state.
pub(super) fn change(id: &str, record: Option<&Record>) -> Change {
    let value = record.map(|it| serde_json::to_vec(it).expect("it is JSON"));
    Change { table: Table::Deployments, key: id.to_owned(), value }
}

/// A time in the form of the nucleus, such as `31-01-2026 23:59:59 UTC`.
pub(super) fn date(time: &Timestamp) -> String {
    // The clock is in the range of the format.
    let text = Timestamp::from_secs(time.secs()).to_date_time().unwrap_or_default();
    let (date, time) = text.trim_end_matches('Z').split_once('T').unwrap_or_default();
    let date: Vec<_> = date.rsplit('-').collect();
    format!("{} {time} UTC", date.join("-"))
}
