//! The list of all operations of the model.

/// Passes the methods and the markers of all operations to a macro, those without and those with events.
macro_rules! each_operation {
    ($macro:ident) => {
        $macro! {
            unary {
                authorize_client_device_action AuthorizeClientDeviceAction
                cancel_local_deployment CancelLocalDeployment
                create_debug_password CreateDebugPassword
                create_local_deployment CreateLocalDeployment
                defer_component_update DeferComponentUpdate
                delete_thing_shadow DeleteThingShadow
                get_client_device_auth_token GetClientDeviceAuthToken
                get_component_details GetComponentDetails
                get_configuration GetConfiguration
                get_local_deployment_status GetLocalDeploymentStatus
                get_secret_value GetSecretValue
                get_thing_shadow GetThingShadow
                list_components ListComponents
                list_local_deployments ListLocalDeployments
                list_named_shadows_for_thing ListNamedShadowsForThing
                pause_component PauseComponent
                publish_to_iot_core PublishToIoTCore
                publish_to_topic PublishToTopic
                put_component_metric PutComponentMetric
                restart_component RestartComponent
                resume_component ResumeComponent
                send_configuration_validity_report SendConfigurationValidityReport
                stop_component StopComponent
                update_configuration UpdateConfiguration
                update_state UpdateState
                update_thing_shadow UpdateThingShadow
                validate_authorization_token ValidateAuthorizationToken
                verify_client_device_identity VerifyClientDeviceIdentity
            }
            streaming {
                subscribe_to_certificate_updates SubscribeToCertificateUpdates
                subscribe_to_component_updates SubscribeToComponentUpdates
                subscribe_to_configuration_update SubscribeToConfigurationUpdate
                subscribe_to_iot_core SubscribeToIoTCore
                subscribe_to_iot_core_connection_status SubscribeToIoTCoreConnectionStatus
                subscribe_to_topic SubscribeToTopic
                subscribe_to_validate_configuration_updates SubscribeToValidateConfigurationUpdates
            }
        }
    };
}

pub(super) use each_operation;
