//! Why deployments fail, in the codes of the Java nucleus.

use serde::{Deserialize, Serialize};

use crate::recipe::Defect;

/// The outcome of a deployment, as `GetLocalDeploymentStatus` shows it. Empty while it is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Details {
    #[serde(skip_serializing_if = "Option::is_none")]
    detailed_deployment_status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deployment_error_stack: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deployment_error_types: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deployment_failure_cause: Option<String>,
}

/// Why a deployment has failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// What happened to the changes. The nucleus does not always tell.
    pub(super) status: Option<&'static str>,
    /// The codes after `DEPLOYMENT_FAILURE`.
    stack: &'static [&'static str],
    types: &'static [&'static str],
    cause: String,
}

const NO_STATE_CHANGE: &str = "FAILED_NO_STATE_CHANGE";
pub(super) const NO_ROLLBACK: &str = "FAILED_ROLLBACK_NOT_REQUESTED";

const DEVICE: &[&str] = &["DEVICE_ERROR"];
const RECIPE: &[&str] = &["COMPONENT_RECIPE_ERROR"];
const REQUEST: &[&str] = &["REQUEST_ERROR"];

impl Details {
    pub(super) fn success() -> Self {
        Self { detailed_deployment_status: Some("SUCCESSFUL".to_owned()), ..Self::default() }
    }
}

impl From<&Failure> for Details {
    fn from(failure: &Failure) -> Self {
        let texts = |it: &[&str]| it.iter().map(ToString::to_string).collect();
        Self {
            detailed_deployment_status: failure.status.map(str::to_owned),
            deployment_error_stack: Some(texts(&[&["DEPLOYMENT_FAILURE"], failure.stack].concat())),
            deployment_error_types: Some(texts(failure.types)),
            deployment_failure_cause: Some(failure.cause.clone()),
        }
    }
}

impl Failure {
    fn new(
        stack: &'static [&'static str],
        types: &'static [&'static str],
        cause: impl Into<String>,
    ) -> Self {
        Self { status: Some(NO_STATE_CHANGE), stack, types, cause: cause.into() }
    }

    /// This failure after a rollback, whose success has a status. As on a device, one that fails has none.
    pub(super) fn rolled_back(&self, is_complete: bool) -> Self {
        Self { status: is_complete.then_some("FAILED_ROLLBACK_COMPLETE"), ..self.clone() }
    }

    /// A failure that the nucleus does not classify.
    pub(super) fn other(cause: impl Into<String>) -> Self {
        Self { status: None, ..Self::new(&[], &[], cause) }
    }

    pub(super) fn pointer(pointer: &str) -> Self {
        Self::other(format!("a JSON pointer starts with a slash, not {pointer:?}"))
    }

    /// A folder or file that cannot be read or written.
    pub(super) fn file(cause: impl Into<String>) -> Self {
        Self::new(&["IO_ERROR", "IO_WRITE_ERROR"], DEVICE, cause)
    }

    /// A recipe that cannot be read.
    pub(super) fn unreadable(cause: impl Into<String>) -> Self {
        Self::new(&["IO_ERROR", "IO_WRITE_ERROR", "IO_MAPPING_ERROR"], DEVICE, cause)
    }

    pub(super) fn version(cause: impl Into<String>) -> Self {
        Self::new(&["COMPONENT_VERSION_NOT_VALID"], RECIPE, cause)
    }

    pub(super) fn unavailable(cause: impl Into<String>) -> Self {
        let stack = &["NO_AVAILABLE_COMPONENT_VERSION", "COMPONENT_VERSION_REQUIREMENTS_NOT_MET"];
        Self::new(stack, REQUEST, cause)
    }

    pub(super) fn circle(cause: impl Into<String>) -> Self {
        Self::new(&["COMPONENT_CIRCULAR_DEPENDENCY_ERROR"], REQUEST, cause)
    }

    pub(super) fn artifact(cause: impl Into<String>) -> Self {
        let stack = &["ARTIFACT_DOWNLOAD_ERROR", "DEVICE_CONFIG_NOT_VALID_FOR_ARTIFACT_DOWNLOAD"];
        Self::new(stack, DEVICE, cause)
    }

    pub(super) fn defect(defect: Defect, cause: impl Into<String>) -> Self {
        const LOADING: &str = "COMPONENT_PACKAGE_LOADING_ERROR";
        const URI: &str = "ARTIFACT_URI_NOT_VALID";
        match defect {
            Defect::NoManifests => Self::new(&[LOADING, "RECIPE_MISSING_MANIFEST"], RECIPE, cause),
            Defect::NoManifestFits => {
                Self::new(&[LOADING, "LOCAL_RECIPE_NOT_FOUND"], DEVICE, cause)
            }
            Defect::NoScheme => Self::new(&[LOADING, URI, "EMPTY_ARTIFACT_SCHEME"], RECIPE, cause),
            Defect::UnknownScheme => {
                Self::new(&[LOADING, URI, "UNSUPPORTED_ARTIFACT_SCHEME"], RECIPE, cause)
            }
        }
    }

    /// A component that does not accept its configuration.
    pub(super) fn configuration(cause: impl Into<String>) -> Self {
        Self::new(&["COMPONENT_CONFIGURATION_NOT_VALID"], &[], cause)
    }

    /// A component that is broken after the changes.
    pub(super) fn broken(component: &str) -> Self {
        let stack = &["COMPONENT_UPDATE_ERROR", "COMPONENT_BROKEN"];
        let cause = format!("{component} is BROKEN after the deployment");
        Self { status: Some(NO_ROLLBACK), ..Self::new(stack, &["USER_COMPONENT_ERROR"], cause) }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.cause)
    }
}
