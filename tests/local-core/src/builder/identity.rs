//! The identities of a core: its thing, and the login of the command line tool.

use rustix::process::geteuid;
use serde_json::{Map, Value, json};

use super::Builder;
use crate::operations::CLI_LOGIN;

/// The maximum length of the name of a thing.
const MAX_THING_NAME_LEN: usize = 128;

impl Builder {
    /// Adds the identity of the command line tool `greengrass-cli`, named `greengrass-cli#user-` and the number of this
    /// user. As on a device, it may create deployments and restart components without a policy. The tool finds its login in
    /// the root folder.
    pub fn cli_login(mut self) -> Self {
        self.has_login = true;
        self
    }

    /// Sets that local deployments ask the components before an update, and tell them when it is over, as deployments from
    /// the cloud do. Default: as on a device, they do neither.
    pub fn notify_components(mut self) -> Self {
        self.notifies = true;
        self
    }

    /// Sets the name of the thing, which recipe variables and the environment of components contain. Default:
    /// `AWS_IOT_THING_NAME` of this process, or `local-core`. It has up to 128 letters, digits, `-`, `_` and `:`, as AWS IoT
    /// requires; a core without a thing has an empty one.
    pub fn thing_name(mut self, name: impl Into<String>) -> Self {
        let name = name.into();
        if !name.is_empty() && !is_thing_name(&name) {
            self.problem.get_or_insert(format!(
                "{name:?} is not the name of a thing: up to {MAX_THING_NAME_LEN} letters, digits, '-', '_' and ':'"
            ));
        }
        self.thing_name = Some(name);
        self
    }
}

/// The name of the login.
pub(super) fn login_name() -> String {
    format!("{CLI_LOGIN}user-{}", geteuid().as_raw())
}

/// The configuration of the login.
pub(super) fn login_configuration() -> Map<String, Value> {
    let policy = json!({
        "policyDescription": "Allows access to publish/subscribe topic.",
        "operations": ["*"],
        "resources": ["*"],
    });
    let policies = json!({
        "aws.greengrass.ipc.pubsub": { "aws.greengrass.Cli:pubsub:1": policy },
        "aws.greengrass.ipc.mqttproxy": { "aws.greengrass.Cli:pubsub:11000": policy },
    });
    Map::from_iter([("accessControl".to_owned(), policies)])
}

/// Whether a text can be the name of a thing.
pub(crate) fn is_thing_name(text: &str) -> bool {
    let is_valid = |it: char| it.is_ascii_alphanumeric() || "-_:".contains(it);
    (1..=MAX_THING_NAME_LEN).contains(&text.len()) && text.chars().all(is_valid)
}
