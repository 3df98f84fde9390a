//! The services that a nucleus has of its own. Here they only have states.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use greengrass_core_ipc::types::LifecycleState;
use serde_json::{Map, Value, json};

use super::details::Details;

/// The built-in services that were stopped.
#[derive(Debug, Default)]
pub(crate) struct Builtins(Mutex<BTreeSet<&'static str>>);

/// A built-in service: its name, its version, and whether it runs.
type Service = (&'static str, Option<&'static str>, bool);

/// The root service, which is not listed.
const MAIN: &str = "main";

const SERVICES: [Service; 7] = [
    (MAIN, None, false),
    ("DeploymentService", Some("0.0.0"), true),
    ("FleetStatusService", None, true),
    ("TelemetryAgent", Some("0.0.0"), true),
    ("UpdateSystemPolicyService", Some("0.0.0"), true),
    ("aws.greengrass.Cli", Some("0.0.0"), true),
    ("aws.greengrass.Nucleus", Some("2.18.0"), false),
];

impl Builtins {
    /// The details of all services that are listed.
    pub(super) fn list(&self) -> impl Iterator<Item = Details> {
        let listed = SERVICES.iter().filter(|it| it.0 != MAIN);
        listed.map(|it| self.details_of(it)).collect::<Vec<_>>().into_iter()
    }

    /// The details of a service, if it is built in.
    pub(super) fn details(&self, name: &str) -> Option<Details> {
        find(name).map(|it| self.details_of(it))
    }

    /// Starts or stops a service. Returns whether it is built in.
    pub(super) fn set_running(&self, name: &str, is_running: bool) -> bool {
        let Some((name, ..)) = find(name) else { return false };
        match is_running {
            true => self.lock().remove(name),
            false => self.lock().insert(name),
        };
        true
    }

    fn details_of(&self, (name, version, runs): &Service) -> Details {
        let state = match *runs && !self.lock().contains(name) {
            true => LifecycleState::Running,
            false => LifecycleState::Finished,
        };
        let configuration = match *name {
            "aws.greengrass.Cli" => {
                let values =
                    json!({ "AuthorizedPosixGroups": null, "AuthorizedWindowsGroups": null });
                values.as_object().cloned()
            }
            "aws.greengrass.Nucleus" => Some(Map::<String, Value>::new()),
            _ => None,
        };
        let version = version.map(str::to_owned);
        Details { component_name: (*name).to_owned(), version, state, configuration }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<&'static str>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn find(name: &str) -> Option<&'static Service> {
    SERVICES.iter().find(|it| it.0 == name)
}
