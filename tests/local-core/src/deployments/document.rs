//! What a request for a deployment asks for.

use std::{collections::BTreeMap, path::PathBuf};

use greengrass_core_ipc::{
    operation::create_local_deployment::CreateLocalDeploymentRequest, types::FailureHandlingPolicy,
};
use serde_json::{Map, Value};

use super::failure::Failure;
use crate::configuration::Changes;

/// What a deployment asks for.
#[derive(Clone, Debug, Default)]
pub(super) struct Document {
    pub(super) recipes: Option<PathBuf>,
    pub(super) artifacts: Option<PathBuf>,
    pub(super) group: String,
    /// The version requirements of components.
    pub(super) add: BTreeMap<String, String>,
    pub(super) remove: Vec<String>,
    /// By component.
    pub(super) configurations: BTreeMap<String, Update>,
    pub(super) rolls_back: bool,
}

/// The update of a configuration.
#[derive(Clone, Debug, Default)]
pub(super) struct Update {
    /// JSON pointers.
    reset: Vec<String>,
    merge: Map<String, Value>,
}

/// The group of deployments without a name.
pub(super) const DEFAULT_GROUP: &str = "LOCAL_DEPLOYMENT";

impl Document {
    /// Reads a request. The error is a text.
    pub(super) fn read(request: &CreateLocalDeploymentRequest) -> Result<Self, String> {
        let path = |path: &Option<String>| match path.as_deref() {
            Some(path) if path.contains('\0') => Err("a path contains a null character".to_owned()),
            path => Ok(path.filter(|it| !it.is_empty()).map(PathBuf::from)),
        };
        let group = request.group_name.as_deref().filter(|it| !it.is_empty());
        let configurations = request.component_to_configuration.iter().flatten();
        let configurations =
            configurations.map(|(name, value)| Ok((name.clone(), Update::read(name, value)?)));
        warn_of_users(request);
        Ok(Self {
            recipes: path(&request.recipe_directory_path)?,
            artifacts: path(&request.artifacts_directory_path)?,
            group: group.map_or(DEFAULT_GROUP.to_owned(), |it| format!("thinggroup/{it}")),
            add: request.root_component_versions_to_add.clone().unwrap_or_default(),
            remove: request.root_components_to_remove.clone().unwrap_or_default(),
            configurations: configurations.collect::<Result<_, String>>()?,
            rolls_back: request.failure_handling_policy == Some(FailureHandlingPolicy::Rollback),
        })
    }
}

fn warn_of_users(request: &CreateLocalDeploymentRequest) {
    let components = request.component_to_run_with_info.iter().flatten();
    for (component, info) in components {
        if let Some(user) = &info.posix_user {
            tracing::warn!("{component} runs as the current user, not as {user}");
        }
        if info.system_resource_limits.is_some() {
            tracing::warn!("the resource limits of {component} are ignored");
        }
    }
}

impl Update {
    fn read(component: &str, value: &Value) -> Result<Self, String> {
        let Value::Object(members) = value else {
            return Err(format!("the configuration of {component} is not an object"));
        };
        let merge = match members.get("MERGE") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(values)) => values.clone(),
            Some(_) => return Err(format!("MERGE of {component} is not an object")),
        };
        let reset = match members.get("RESET") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(items)) => {
                let texts = items.iter().map(|it| it.as_str().map(str::to_owned));
                let texts: Option<Vec<_>> = texts.collect();
                texts
                    .ok_or_else(|| format!("RESET of {component} has an item that is not a text"))?
            }
            Some(_) => return Err(format!("RESET of {component} is not a list")),
        };
        for (name, right) in [("merge", "MERGE"), ("reset", "RESET")] {
            if members.keys().any(|it| it.eq_ignore_ascii_case(name) && it != right) {
                tracing::warn!(
                    "{name} of {component} is ignored: it must be in upper case, {right}"
                );
            }
        }
        Ok(Self { reset, merge })
    }

    /// The changes, with their JSON pointers resolved.
    pub(super) fn changes(&self) -> Result<Changes, Failure> {
        let reset = self.reset.iter().map(|it| path(it).ok_or_else(|| Failure::pointer(it)));
        Ok(Changes { reset: reset.collect::<Result<_, _>>()?, merge: self.merge.clone() })
    }
}

/// The keys of a JSON pointer.
fn path(pointer: &str) -> Option<Vec<String>> {
    if pointer.is_empty() {
        return Some(Vec::new());
    }
    let keys = pointer.strip_prefix('/')?.split('/');
    Some(keys.map(|it| it.replace("~1", "/").replace("~0", "~")).collect())
}
