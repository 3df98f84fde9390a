//! The operations on configurations.

use greengrass_core_ipc::{
    error::Unhandled,
    operation::{
        get_configuration::{
            GetConfigurationError, GetConfigurationRequest, GetConfigurationResponse,
        },
        send_configuration_validity_report::{
            SendConfigurationValidityReportError, SendConfigurationValidityReportRequest,
            SendConfigurationValidityReportResponse,
        },
        subscribe_to_configuration_update::{
            SubscribeToConfigurationUpdate, SubscribeToConfigurationUpdateError,
            SubscribeToConfigurationUpdateRequest, SubscribeToConfigurationUpdateResponse,
        },
        subscribe_to_validate_configuration_updates::{
            SubscribeToValidateConfigurationUpdates,
            SubscribeToValidateConfigurationUpdatesRequest,
            SubscribeToValidateConfigurationUpdatesResponse,
        },
        update_configuration::{
            UpdateConfigurationError, UpdateConfigurationRequest, UpdateConfigurationResponse,
        },
    },
    server::{RequestContext, StreamingResponse},
    types::{
        ConfigurationValidityStatus,
        error::{FailedUpdateConditionCheckError, ResourceNotFoundError},
    },
};
use serde_json::Value;

use super::{
    tree::{ACCESS_CONTROL, MAX_DEPTH, UpdateError},
    validation::Report,
};
use crate::service::{Nucleus, failed, invalid};

impl Nucleus {
    /// Serves `GetConfiguration`.
    pub(crate) async fn get_value(
        &self,
        request: GetConfigurationRequest,
        context: &RequestContext,
    ) -> Result<GetConfigurationResponse, GetConfigurationError> {
        let component = request.component_name.unwrap_or_else(|| context.identity().0.clone());
        let value = self.configurations.get(&component, &request.key_path).ok_or_else(not_found)?;
        Ok(GetConfigurationResponse::builder().component_name(component).value(value).build())
    }

    /// Serves `UpdateConfiguration`.
    pub(crate) async fn update_value(
        &self,
        request: UpdateConfigurationRequest,
        context: &RequestContext,
    ) -> Result<UpdateConfigurationResponse, UpdateConfigurationError> {
        if let Some(missing) = context.violations().first() {
            return Err(invalid(&format!("{} is required", missing.path)).into());
        }
        let path = request.key_path.unwrap_or_default();
        let Value::Object(values) = self.numbers.received(request.value_to_merge) else {
            return Err(invalid("valueToMerge must be an object").into());
        };
        let is_exact = path.iter().chain(values.keys()).any(|it| it == ACCESS_CONTROL);
        // Times are compared in milliseconds.
        let time = request.timestamp.as_millis();
        let component = &context.identity().0;
        let commit = self.configurations.update(component, &path, values, time);
        commit.map_err(|error| update_error(error, is_exact))?.await?;
        Ok(UpdateConfigurationResponse::default())
    }

    /// Serves `SubscribeToConfigurationUpdate`.
    pub(crate) async fn watch_value(
        &self,
        request: SubscribeToConfigurationUpdateRequest,
        context: &RequestContext,
    ) -> Result<
        StreamingResponse<SubscribeToConfigurationUpdate>,
        SubscribeToConfigurationUpdateError,
    > {
        let component = request.component_name.unwrap_or_else(|| context.identity().0.clone());
        let (sender, events) = self.open(context);
        if !self.configurations.subscribe(&component, &request.key_path, sender) {
            return Err(not_found().into());
        }
        let response = SubscribeToConfigurationUpdateResponse::default();
        Ok(StreamingResponse::queued(response, events))
    }

    /// Serves `SubscribeToValidateConfigurationUpdates`.
    pub(crate) async fn watch_proposals(
        &self,
        _: SubscribeToValidateConfigurationUpdatesRequest,
        context: &RequestContext,
    ) -> Result<StreamingResponse<SubscribeToValidateConfigurationUpdates>, Unhandled> {
        let (sender, events) = self.open(context);
        let subscribed = self.validations.subscribe(&context.identity().0, sender);
        let response = SubscribeToValidateConfigurationUpdatesResponse::default();
        Ok(StreamingResponse::queued(response, events.keeping(subscribed)))
    }

    /// Serves `SendConfigurationValidityReport`. Each status but `REJECTED` accepts, as on a device.
    pub(crate) async fn report_validity(
        &self,
        request: SendConfigurationValidityReportRequest,
        context: &RequestContext,
    ) -> Result<SendConfigurationValidityReportResponse, SendConfigurationValidityReportError> {
        let is_missing = |path| context.violations().iter().any(|it| it.path == path);
        if is_missing("configurationValidityReport") {
            return Err(failed("configurationValidityReport is required").into());
        }
        let report = request.configuration_validity_report;
        let is_rejected = report.status == ConfigurationValidityStatus::Rejected;
        let message = report.message;
        let component = &context.identity().0;
        let is_expected = self.validations.report(
            component,
            &report.deployment_id,
            Report { is_rejected, message },
        );
        if !is_expected {
            let text = "no report is expected from the component for this deployment, or no longer";
            return Err(invalid(text).into());
        }
        Ok(SendConfigurationValidityReportResponse::default())
    }
}

fn update_error(error: UpdateError, is_exact: bool) -> UpdateConfigurationError {
    match error {
        UpdateError::Reserved => {
            if !is_exact {
                tracing::warn!(
                    "a device accepts accessControl in other upper and lower case, and changes the \
                     permissions of the component"
                );
            }
            invalid("the key accessControl cannot be updated").into()
        }
        UpdateError::TooDeep => {
            invalid(&format!("the limit of the depth is {MAX_DEPTH} levels of keys")).into()
        }
        UpdateError::ThroughLeaf => {
            failed("the path leads through a value that is not an object").into()
        }
        UpdateError::NoComponent => {
            invalid("the component has no configuration, because a deployment has removed it")
                .into()
        }
        UpdateError::TooOld => {
            let error = FailedUpdateConditionCheckError::builder();
            error.message("the stored value is newer than the timestamp").build().into()
        }
    }
}

fn not_found() -> ResourceNotFoundError {
    ResourceNotFoundError::builder().message("Key not found").build()
}
