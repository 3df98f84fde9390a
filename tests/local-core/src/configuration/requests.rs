//! The operations on configurations.

use greengrass_core_ipc::{
    operation::{
        get_configuration::{
            GetConfigurationError, GetConfigurationRequest, GetConfigurationResponse,
        },
        subscribe_to_configuration_update::{
            SubscribeToConfigurationUpdate, SubscribeToConfigurationUpdateError,
            SubscribeToConfigurationUpdateRequest, SubscribeToConfigurationUpdateResponse,
        },
        update_configuration::{
            UpdateConfigurationError, UpdateConfigurationRequest, UpdateConfigurationResponse,
        },
    },
    server::{RequestContext, StreamingResponse},
    types::error::{FailedUpdateConditionCheckError, ResourceNotFoundError},
};
use serde_json::Value;

use super::{
    store::millis,
    tree::{ACCESS_CONTROL, MAX_DEPTH, UpdateError},
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
        let Value::Object(values) = request.value_to_merge else {
            return Err(invalid("valueToMerge must be an object").into());
        };
        let is_exact = path.iter().chain(values.keys()).any(|it| it == ACCESS_CONTROL);
        let time = millis(request.timestamp);
        let result = self.configurations.update(&context.identity().0, &path, values, time);
        let result = result.map(|()| UpdateConfigurationResponse::default());
        result.map_err(|error| match error {
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
            UpdateError::TooOld => {
                let error = FailedUpdateConditionCheckError::builder();
                error.message("the stored value is newer than the timestamp").build().into()
            }
        })
    }

    /// Serves `SubscribeToConfigurationUpdate`.
    pub(crate) fn watch_value(
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
}

fn not_found() -> ResourceNotFoundError {
    ResourceNotFoundError::builder().message("Key not found").build()
}
