//! The identities of a core: its thing, and the login of the command line tool.

use rustix::process::geteuid;
use serde_json::{Map, Value, json};

use super::Builder;
use crate::operations::CLI_LOGIN;

impl Builder {
    /// Adds the identity of the command line tool `greengrass-cli`, named `greengrass-cli#user-` and the number of this
    /// user. As on a device, it may create deployments and restart components without a policy.
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
    /// `AWS_IOT_THING_NAME` of this process, or `local-core`.
    pub fn thing_name(mut self, name: impl Into<String>) -> Self {
        self.thing_name = Some(name.into());
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
