//! Round trips of every shape of the model, with all members and with only the required ones.

use std::collections::BTreeMap;

use eventstream_rpc::json::Shape;
use greengrass_core_ipc::{
    operation::{
        authorize_client_device_action, cancel_local_deployment, create_debug_password,
        create_local_deployment, defer_component_update, delete_thing_shadow,
        get_client_device_auth_token, get_component_details, get_configuration,
        get_local_deployment_status, get_secret_value, get_thing_shadow, list_components,
        list_local_deployments, list_named_shadows_for_thing, pause_component, publish_to_iot_core,
        publish_to_topic, put_component_metric, restart_component, resume_component,
        send_configuration_validity_report, stop_component, subscribe_to_certificate_updates,
        subscribe_to_component_updates, subscribe_to_configuration_update, subscribe_to_iot_core,
        subscribe_to_iot_core_connection_status, subscribe_to_topic,
        subscribe_to_validate_configuration_updates, update_configuration, update_state,
        update_thing_shadow, validate_authorization_token, verify_client_device_identity,
    },
    types::{
        BinaryMessage, CertificateOptions, CertificateUpdate, CertificateUpdateEvent,
        ClientDeviceCredential, ComponentDetails, ComponentUpdatePolicyEvents,
        ConfigurationUpdateEvent, ConfigurationUpdateEvents, ConfigurationValidityReport,
        ConnectionStatusEvent, CredentialDocument, DeploymentStatusDetails,
        IoTCoreConnectionStatusEvent, IoTCoreMessage, JsonMessage, LocalDeployment, MessageContext,
        Metric, MqttCredential, MqttMessage, PostComponentUpdateEvent, PreComponentUpdateEvent,
        PublishMessage, RunWithInfo, SecretValue, SubscriptionResponseMessage,
        SystemResourceLimits, UserProperty, ValidateConfigurationUpdateEvent,
        ValidateConfigurationUpdateEvents, error,
    },
};
use serde_json::{Map, Value, json};

type RoundTrip = fn(&str) -> String;

fn round_trip<S: Shape>(json: &str) -> String {
    let shape: S = eventstream_rpc::json::from_slice(json.as_bytes())
        .unwrap_or_else(|error| panic!("{}: {error} in {json}", S::ID));
    shape.to_json().unwrap_or_else(|error| panic!("{}: {error}", S::ID))
}

fn round_trips() -> BTreeMap<&'static str, RoundTrip> {
    macro_rules! all {
        ($($shape:ty),* $(,)?) => {
            BTreeMap::from([$((<$shape as Shape>::ID, round_trip::<$shape> as RoundTrip)),*])
        };
    }
    all![
        authorize_client_device_action::AuthorizeClientDeviceActionRequest,
        authorize_client_device_action::AuthorizeClientDeviceActionResponse,
        cancel_local_deployment::CancelLocalDeploymentRequest,
        cancel_local_deployment::CancelLocalDeploymentResponse,
        create_debug_password::CreateDebugPasswordRequest,
        create_debug_password::CreateDebugPasswordResponse,
        create_local_deployment::CreateLocalDeploymentRequest,
        create_local_deployment::CreateLocalDeploymentResponse,
        defer_component_update::DeferComponentUpdateRequest,
        defer_component_update::DeferComponentUpdateResponse,
        delete_thing_shadow::DeleteThingShadowRequest,
        delete_thing_shadow::DeleteThingShadowResponse,
        get_client_device_auth_token::GetClientDeviceAuthTokenRequest,
        get_client_device_auth_token::GetClientDeviceAuthTokenResponse,
        get_component_details::GetComponentDetailsRequest,
        get_component_details::GetComponentDetailsResponse,
        get_configuration::GetConfigurationRequest,
        get_configuration::GetConfigurationResponse,
        get_local_deployment_status::GetLocalDeploymentStatusRequest,
        get_local_deployment_status::GetLocalDeploymentStatusResponse,
        get_secret_value::GetSecretValueRequest,
        get_secret_value::GetSecretValueResponse,
        get_thing_shadow::GetThingShadowRequest,
        get_thing_shadow::GetThingShadowResponse,
        list_components::ListComponentsRequest,
        list_components::ListComponentsResponse,
        list_local_deployments::ListLocalDeploymentsRequest,
        list_local_deployments::ListLocalDeploymentsResponse,
        list_named_shadows_for_thing::ListNamedShadowsForThingRequest,
        list_named_shadows_for_thing::ListNamedShadowsForThingResponse,
        pause_component::PauseComponentRequest,
        pause_component::PauseComponentResponse,
        publish_to_iot_core::PublishToIoTCoreRequest,
        publish_to_iot_core::PublishToIoTCoreResponse,
        publish_to_topic::PublishToTopicRequest,
        publish_to_topic::PublishToTopicResponse,
        put_component_metric::PutComponentMetricRequest,
        put_component_metric::PutComponentMetricResponse,
        restart_component::RestartComponentRequest,
        restart_component::RestartComponentResponse,
        resume_component::ResumeComponentRequest,
        resume_component::ResumeComponentResponse,
        send_configuration_validity_report::SendConfigurationValidityReportRequest,
        send_configuration_validity_report::SendConfigurationValidityReportResponse,
        stop_component::StopComponentRequest,
        stop_component::StopComponentResponse,
        subscribe_to_certificate_updates::SubscribeToCertificateUpdatesRequest,
        subscribe_to_certificate_updates::SubscribeToCertificateUpdatesResponse,
        subscribe_to_component_updates::SubscribeToComponentUpdatesRequest,
        subscribe_to_component_updates::SubscribeToComponentUpdatesResponse,
        subscribe_to_configuration_update::SubscribeToConfigurationUpdateRequest,
        subscribe_to_configuration_update::SubscribeToConfigurationUpdateResponse,
        subscribe_to_iot_core::SubscribeToIoTCoreRequest,
        subscribe_to_iot_core::SubscribeToIoTCoreResponse,
        subscribe_to_iot_core_connection_status::SubscribeToIoTCoreConnectionStatusRequest,
        subscribe_to_iot_core_connection_status::SubscribeToIoTCoreConnectionStatusResponse,
        subscribe_to_topic::SubscribeToTopicRequest,
        subscribe_to_topic::SubscribeToTopicResponse,
        subscribe_to_validate_configuration_updates::SubscribeToValidateConfigurationUpdatesRequest,
        subscribe_to_validate_configuration_updates::SubscribeToValidateConfigurationUpdatesResponse,
        update_configuration::UpdateConfigurationRequest,
        update_configuration::UpdateConfigurationResponse,
        update_state::UpdateStateRequest,
        update_state::UpdateStateResponse,
        update_thing_shadow::UpdateThingShadowRequest,
        update_thing_shadow::UpdateThingShadowResponse,
        validate_authorization_token::ValidateAuthorizationTokenRequest,
        validate_authorization_token::ValidateAuthorizationTokenResponse,
        verify_client_device_identity::VerifyClientDeviceIdentityRequest,
        verify_client_device_identity::VerifyClientDeviceIdentityResponse,
        BinaryMessage,
        CertificateOptions,
        CertificateUpdate,
        CertificateUpdateEvent,
        ClientDeviceCredential,
        ComponentDetails,
        ComponentUpdatePolicyEvents,
        ConfigurationUpdateEvent,
        ConfigurationUpdateEvents,
        ConfigurationValidityReport,
        ConnectionStatusEvent,
        CredentialDocument,
        DeploymentStatusDetails,
        IoTCoreConnectionStatusEvent,
        IoTCoreMessage,
        JsonMessage,
        LocalDeployment,
        MessageContext,
        Metric,
        MqttCredential,
        MqttMessage,
        PostComponentUpdateEvent,
        PreComponentUpdateEvent,
        PublishMessage,
        RunWithInfo,
        SecretValue,
        SubscriptionResponseMessage,
        SystemResourceLimits,
        UserProperty,
        ValidateConfigurationUpdateEvent,
        ValidateConfigurationUpdateEvents,
        error::ComponentNotFoundError,
        error::ConflictError,
        error::FailedUpdateConditionCheckError,
        error::InvalidArgumentsError,
        error::InvalidArtifactsDirectoryPathError,
        error::InvalidClientDeviceAuthTokenError,
        error::InvalidCredentialError,
        error::InvalidRecipeDirectoryPathError,
        error::InvalidTokenError,
        error::ResourceNotFoundError,
        error::ServiceError,
        error::UnauthorizedError,
    ]
}

#[test]
fn every_shape_is_written_as_it_was_read() {
    let model: Value =
        serde_json::from_str(include_str!("../../model/greengrass-core-ipc.json")).unwrap();
    let shapes = model["shapes"].as_object().unwrap();
    let round_trips = round_trips();
    for (id, shape) in shapes {
        // Definitions of traits are not sent.
        let is_trait = !shape["traits"]["smithy.api#trait"].is_null();
        if is_trait || !matches!(shape["type"].as_str().unwrap(), "structure" | "union") {
            continue;
        }
        let round_trip = round_trips.get(&**id).unwrap_or_else(|| panic!("{id} is not listed"));
        for sample in samples(shapes, id) {
            let written: Value = serde_json::from_str(&round_trip(&sample.to_string())).unwrap();
            assert_eq!(written, sample, "{id}");
        }
    }
    assert!(round_trips.keys().all(|it| shapes.contains_key(*it)), "a type without a shape");
}

/// Values of a shape: with all members and with the required ones; each member of a union; each value of an enum and an
/// unknown one.
fn samples(shapes: &Map<String, Value>, id: &str) -> Vec<Value> {
    let shape = &shapes[id];
    let members = shape["members"].as_object();
    match shape["type"].as_str().unwrap() {
        "structure" => [true, false].map(|it| structure(shapes, shape, it)).to_vec(),
        "union" => members
            .unwrap()
            .iter()
            .map(|(name, member)| json!({ name: value(shapes, target(member)) }))
            .collect(),
        _ => {
            let value = |it: &Value| it["traits"]["smithy.api#enumValue"].clone();
            members.unwrap().values().map(value).chain([json!("OF_THE_FUTURE")]).collect()
        }
    }
}

fn structure(shapes: &Map<String, Value>, shape: &Value, is_complete: bool) -> Value {
    let mut object = Map::new();
    for (name, member) in shape["members"].as_object().unwrap() {
        let is_required = !member["traits"]["smithy.api#required"].is_null();
        let is_stream = shapes
            .get(target(member))
            .is_some_and(|it| !it["traits"]["smithy.api#streaming"].is_null());
        if (is_complete || is_required) && !is_stream {
            object.insert(name.clone(), value(shapes, target(member)));
        }
    }
    object.into()
}

fn target(member: &Value) -> &str {
    member["target"].as_str().unwrap()
}

fn text() -> Value {
    json!("text \u{e9} \" \\")
}

fn value(shapes: &Map<String, Value>, id: &str) -> Value {
    match id {
        "smithy.api#String" => text(),
        "smithy.api#Boolean" => json!(true),
        "smithy.api#Integer" => json!(-5),
        "smithy.api#Long" => json!(9_007_199_254_740_993_i64),
        "smithy.api#Double" => json!(0.1),
        "smithy.api#Blob" => json!("AAEC/w=="),
        "smithy.api#Timestamp" => json!(1_709_210_096.789),
        "smithy.api#Document" => json!({ "a": [1, null, { "b": 2.5 }], "": "x" }),
        id => match shapes[id]["type"].as_str().unwrap() {
            "string" => text(),
            "list" => {
                let item = value(shapes, target(&shapes[id]["member"]));
                json!([item, item])
            }
            "map" => json!({ "a key": value(shapes, target(&shapes[id]["value"])) }),
            _ => samples(shapes, id).swap_remove(0),
        },
    }
}
