//! Passwords and tokens are not printed, and are sent and read unchanged.

use std::fmt::Debug;

use eventstream_rpc::json::{Shape, from_slice};
use greengrass_core_ipc::{
    operation::{
        authorize_client_device_action::AuthorizeClientDeviceActionRequest,
        create_debug_password::CreateDebugPasswordResponse,
        get_client_device_auth_token::{
            GetClientDeviceAuthTokenRequest, GetClientDeviceAuthTokenResponse,
        },
        get_secret_value::GetSecretValueResponse,
        validate_authorization_token::ValidateAuthorizationTokenRequest,
    },
    types::MqttCredential,
};

const SECRET: &str = "correct-horse";

/// Checks that `Debug` prints the members of a shape but not the secret, and that the JSON stays as it is.
#[track_caller]
fn check<S: Shape + Debug>(json: &str, printed: &str) {
    let shape: S = from_slice(json.as_bytes()).expect("the shape is valid");
    check_printed(&shape, printed);
    assert_eq!(shape.to_json().expect("the shape is complete"), json);
}

#[track_caller]
fn check_printed(value: &impl Debug, printed: &str) {
    for text in [format!("{value:?}"), format!("{value:#?}")] {
        assert!(!text.contains(SECRET), "{text}");
        assert!(text.contains(printed), "{text}");
    }
}

#[test]
fn the_password_of_the_debug_console_is_not_printed() {
    check::<CreateDebugPasswordResponse>(
        r#"{"password":"correct-horse","username":"debug","passwordExpiration":1700000000.5}"#,
        "\"debug\"",
    );
}

#[test]
fn the_password_of_a_client_device_is_not_printed() {
    let json =
        r#"{"clientId":"lamp","certificatePem":"PEM","username":"me","password":"correct-horse"}"#;
    check::<MqttCredential>(json, "\"PEM\"");
    let request = format!(r#"{{"credential":{{"mqttCredential":{json}}}}}"#);
    check::<GetClientDeviceAuthTokenRequest>(&request, "\"lamp\"");
    check_printed(&MqttCredential::builder().client_id("lamp").password(SECRET), "\"lamp\"");
}

#[test]
fn the_token_of_a_component_is_not_printed() {
    check::<ValidateAuthorizationTokenRequest>(r#"{"token":"correct-horse"}"#, "token");
    check_printed(&ValidateAuthorizationTokenRequest::builder().token(SECRET), "token");
}

#[test]
fn the_token_of_a_client_device_is_not_printed() {
    check::<GetClientDeviceAuthTokenResponse>(
        r#"{"clientDeviceAuthToken":"correct-horse"}"#,
        "GetClientDeviceAuthTokenResponse",
    );
    check::<AuthorizeClientDeviceActionRequest>(
        r#"{"clientDeviceAuthToken":"correct-horse","operation":"mqtt:publish","resource":"mqtt:topic:a"}"#,
        "\"mqtt:publish\"",
    );
    let builder = AuthorizeClientDeviceActionRequest::builder();
    let builder = builder.client_device_auth_token(SECRET).operation("mqtt:publish");
    check_printed(&builder, "\"mqtt:publish\"");
}

#[test]
fn the_value_of_a_secret_is_not_printed() {
    check::<GetSecretValueResponse>(
        r#"{"secretId":"login","versionId":"1","versionStage":["AWSCURRENT"],"secretValue":{"secretString":"correct-horse"}}"#,
        "\"login\"",
    );
}
