//! The implementation of the operations. Those that the core does not serve fail.

use std::sync::Arc;

use eventstream_rpc::operation::{Operation, StreamingOperation};
use greengrass_core_ipc::{
    operation::{
        authorize_client_device_action::AuthorizeClientDeviceAction,
        cancel_local_deployment::CancelLocalDeployment,
        create_debug_password::CreateDebugPassword,
        create_local_deployment::CreateLocalDeployment,
        defer_component_update::DeferComponentUpdate,
        delete_thing_shadow::DeleteThingShadow,
        get_client_device_auth_token::GetClientDeviceAuthToken,
        get_component_details::GetComponentDetails,
        get_configuration::GetConfiguration,
        get_local_deployment_status::GetLocalDeploymentStatus,
        get_secret_value::GetSecretValue,
        get_thing_shadow::GetThingShadow,
        list_components::ListComponents,
        list_local_deployments::ListLocalDeployments,
        list_named_shadows_for_thing::ListNamedShadowsForThing,
        pause_component::PauseComponent,
        publish_to_iot_core::PublishToIoTCore,
        publish_to_topic::{PublishToTopicError, PublishToTopicRequest, PublishToTopicResponse},
        put_component_metric::PutComponentMetric,
        restart_component::RestartComponent,
        resume_component::ResumeComponent,
        send_configuration_validity_report::SendConfigurationValidityReport,
        stop_component::StopComponent,
        subscribe_to_certificate_updates::SubscribeToCertificateUpdates,
        subscribe_to_component_updates::SubscribeToComponentUpdates,
        subscribe_to_configuration_update::SubscribeToConfigurationUpdate,
        subscribe_to_iot_core::SubscribeToIoTCore,
        subscribe_to_iot_core_connection_status::SubscribeToIoTCoreConnectionStatus,
        subscribe_to_topic::{SubscribeToTopic, SubscribeToTopicError},
        subscribe_to_validate_configuration_updates::SubscribeToValidateConfigurationUpdates,
        update_configuration::UpdateConfiguration,
        update_state::UpdateState,
        update_thing_shadow::UpdateThingShadow,
        validate_authorization_token::ValidateAuthorizationToken,
        verify_client_device_identity::VerifyClientDeviceIdentity,
    },
    server::{
        EventReceiver, EventSender, GreengrassCoreIpc, InvalidRequest, RequestContext,
        StreamingRequest, StreamingResponse, Violation,
    },
    types::error::{InvalidArgumentsError, ServiceError},
};
use serde_json::{Map, Value};

use crate::{
    authorization::Authorization,
    client_devices::ClientDevices,
    clock::Clock,
    components::{Builtins, Updates},
    configuration::{Configurations, Millis, Validations, is_access_control},
    deployments::Deployments,
    events::{self, OpenStreams},
    iot_core::IotCore,
    numbers::Numbers,
    pubsub::PubSub,
    secrets::Secrets,
    shadows::Shadows,
    state::State,
    supervisor::Supervisor,
    tokens::Tokens,
};

/// The state of the service.
#[derive(Clone, Debug)]
pub(crate) struct Nucleus {
    pub(crate) clock: Clock,
    pub(crate) pubsub: Arc<PubSub>,
    pub(crate) iot_core: Arc<IotCore>,
    pub(crate) configurations: Arc<Configurations>,
    pub(crate) validations: Arc<Validations>,
    pub(crate) numbers: Numbers,
    pub(crate) authorization: Arc<Authorization>,
    pub(crate) client_devices: Option<Arc<ClientDevices>>,
    pub(crate) streams: Arc<OpenStreams>,
    pub(crate) secrets: Arc<Secrets>,
    pub(crate) shadows: Arc<Shadows>,
    pub(crate) supervisor: Arc<Supervisor>,
    pub(crate) deployments: Arc<Deployments>,
    pub(crate) updates: Arc<Updates>,
    pub(crate) builtins: Arc<Builtins>,
    pub(crate) state: Arc<State>,
    pub(crate) tokens: Arc<Tokens>,
}

impl Nucleus {
    /// Merges values in order into the configuration of a component, as a deployment does.
    pub(crate) fn merge_config(
        &self,
        component: &str,
        merges: Vec<Map<String, Value>>,
        time: Millis,
    ) {
        let has_policies = merges.iter().flat_map(Map::keys).any(|it| is_access_control(it));
        for values in merges {
            // Values with a timestamp in the future are kept, which is not an error here. The change is on the disk
            // later.
            let _ = self.configurations.merge(component, values, time);
        }
        if has_policies {
            self.authorization.load(|| self.configurations.access_controls());
        }
    }

    pub(crate) fn open<O: StreamingOperation>(
        &self,
        context: &RequestContext,
    ) -> (EventSender<O>, EventReceiver<O>)
    where
        O::Error: From<ServiceError>,
    {
        let (sender, events) = events::channel();
        self.streams.add(&context.identity().0, sender.clone());
        (sender, events)
    }
}

pub(crate) fn invalid(text: &str) -> InvalidArgumentsError {
    InvalidArgumentsError::builder().message(text).build()
}

pub(crate) fn failed(text: &str) -> ServiceError {
    ServiceError::builder().message(text).build()
}

/// Implements operations by methods of the nucleus, which other modules have.
macro_rules! served {
    ($($method:ident $operation:ident $handler:ident)*) => {
        $(
            async fn $method(
                &self,
                request: <$operation as Operation>::Request,
                context: RequestContext,
            ) -> Result<<$operation as Operation>::Response, <$operation as Operation>::Error> {
                let response = self.$handler(request, &context).await?;
                Ok(response)
            }
        )*
    };
    (streaming $($method:ident $operation:ident $handler:ident)*) => {
        $(
            async fn $method(
                &self,
                request: StreamingRequest<$operation>,
                context: RequestContext,
            ) -> Result<StreamingResponse<$operation>, <$operation as Operation>::Error> {
                let response = self.$handler(request.request, &context).await?;
                Ok(response)
            }
        )*
    };
}

impl GreengrassCoreIpc for Nucleus {
    /// Accepts incomplete requests: like a nucleus, the operations check members later, for example after authorization.
    fn invalid_request(&self, _: &str, _: &[Violation]) -> InvalidRequest {
        InvalidRequest::Accept
    }

    async fn publish_to_topic(
        &self,
        request: PublishToTopicRequest,
        context: RequestContext,
    ) -> Result<PublishToTopicResponse, PublishToTopicError> {
        let shadow = self.shadow_request(&request);
        self.publish(request, &context)?;
        if let Some(shadow) = shadow {
            self.serve_shadow_message(shadow).await;
        }
        Ok(PublishToTopicResponse::default())
    }

    async fn subscribe_to_topic(
        &self,
        request: StreamingRequest<SubscribeToTopic>,
        context: RequestContext,
    ) -> Result<StreamingResponse<SubscribeToTopic>, SubscribeToTopicError> {
        self.subscribe(request.request, &context)
    }

    served! {
        cancel_local_deployment CancelLocalDeployment cancel_deployment
        create_local_deployment CreateLocalDeployment create_deployment
        defer_component_update DeferComponentUpdate defer
        get_local_deployment_status GetLocalDeploymentStatus deployment_status
        list_local_deployments ListLocalDeployments deployments
        get_configuration GetConfiguration get_value
        update_configuration UpdateConfiguration update_value
        delete_thing_shadow DeleteThingShadow delete_shadow
        get_component_details GetComponentDetails component
        get_secret_value GetSecretValue get_secret
        get_thing_shadow GetThingShadow get_shadow
        list_components ListComponents components
        list_named_shadows_for_thing ListNamedShadowsForThing list_shadows
        pause_component PauseComponent pause
        publish_to_iot_core PublishToIoTCore publish_iot
        restart_component RestartComponent restart_one
        resume_component ResumeComponent resume
        send_configuration_validity_report SendConfigurationValidityReport report_validity
        stop_component StopComponent stop_one
        authorize_client_device_action AuthorizeClientDeviceAction authorize_device
        create_debug_password CreateDebugPassword create_password
        get_client_device_auth_token GetClientDeviceAuthToken open_session
        put_component_metric PutComponentMetric put_metrics
        validate_authorization_token ValidateAuthorizationToken validate_token
        verify_client_device_identity VerifyClientDeviceIdentity verify_device
        update_state UpdateState report_state
        update_thing_shadow UpdateThingShadow update_shadow
    }

    served! { streaming
        subscribe_to_certificate_updates SubscribeToCertificateUpdates follow_certificates
        subscribe_to_component_updates SubscribeToComponentUpdates subscribe_to_updates
        subscribe_to_configuration_update SubscribeToConfigurationUpdate watch_value
        subscribe_to_iot_core SubscribeToIoTCore subscribe_iot
        subscribe_to_iot_core_connection_status SubscribeToIoTCoreConnectionStatus follow_iot
        subscribe_to_validate_configuration_updates SubscribeToValidateConfigurationUpdates watch_proposals
    }
}
