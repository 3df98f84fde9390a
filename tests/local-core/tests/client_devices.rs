//! Client devices and certificates from a file.

use std::{fs, path::Path};

use crate::support::Raw;
use greengrass_core_ipc::types::{
    CertificateOptions, CertificateType, CertificateUpdateEvent, ClientDeviceCredential,
    CredentialDocument, MqttCredential,
};
use greengrass_local_core::LocalCore;
use serde_json::{Value, json};
use test_util::in_time;

const SERVICE: &str = "aws.greengrass.clientdevices.Auth";

/// PEM of something that has the start of a certificate.
fn pem(text: &str) -> String {
    format!("-----BEGIN CERTIFICATE-----\nMAMC{text}\n-----END CERTIFICATE-----\n")
}

/// Replaces the file at once, as editors do.
fn write(folder: &Path, content: &Value) {
    fs::write(folder.join("new"), content.to_string()).unwrap();
    fs::rename(folder.join("new"), folder.join("devices.json")).unwrap();
}

fn content(certificate: &str) -> Value {
    json!({
        "devices": [
            { "thingName": "lamp", "certificate": "lamp.pem" },
            { "thingName": "old", "certificate": pem("BBBB"), "active": false },
        ],
        "deviceGroups": {
            "definitions": { "all": { "selectionRule": "thingName: *", "policyName": "own" } },
            "policies": { "own": { "1": {
                "operations": ["mqtt:publish"],
                "resources": ["mqtt:topic:${iot:Connection.Thing.ThingName}/*"],
            } } },
        },
        "serverCertificate": {
            "certificate": certificate,
            "privateKey": "-----BEGIN PRIVATE KEY-----\n",
            "publicKey": "-----BEGIN PUBLIC KEY-----\n",
            "caCertificates": [pem("EEEE")],
        },
    })
}

#[tokio::test]
async fn client_devices_are_those_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("devices.json");
    fs::write(folder.path().join("lamp.pem"), pem("AAAA")).unwrap();
    write(folder.path(), &content(&pem("CCCC")));
    let core = LocalCore::builder().component("a").client_devices(&file).start().await.unwrap();
    let client = core.connect("a").await.unwrap();

    for (certificate, is_valid) in [
        (pem("AAAA"), true),
        ("MAMCAAAA".to_owned(), true),
        (pem("BBBB"), false),
        (pem("CCCC"), false),
    ] {
        let credential = ClientDeviceCredential::ClientDeviceCertificate(certificate.clone());
        let response = client.verify_client_device_identity().credential(credential).send().await;
        assert_eq!(response.unwrap().is_valid_client_device, is_valid, "{certificate}");
    }
    let log_in = |id: &str, certificate: &str| {
        let credential = MqttCredential::builder().client_id(id).certificate_pem(certificate);
        let credential = CredentialDocument::MqttCredential(credential.build());
        client.get_client_device_auth_token().credential(credential).send()
    };
    for (id, certificate) in [("lamp", "BBBB"), ("old", "BBBB"), ("door", "AAAA"), ("", "AAAA")] {
        let error = log_in(id, &pem(certificate)).await.unwrap_err();
        assert_eq!(error.code(), Some("InvalidCredentialError"), "{id}");
    }
    let token = log_in("lamp", &pem("AAAA")).await.unwrap().client_device_auth_token;
    for (operation, resource, is_authorized) in [
        ("mqtt:publish", "mqtt:topic:lamp/on", true),
        ("mqtt:publish", "mqtt:topic:door/on", false),
        ("mqtt:subscribe", "mqtt:topic:lamp/on", false),
        ("publish", "lamp/on", false),
    ] {
        let call = client.authorize_client_device_action().client_device_auth_token(&token);
        let response = call.operation(operation).resource(resource).send().await.unwrap();
        assert_eq!(response.is_authorized, is_authorized, "{operation} {resource}");
    }

    let options = CertificateOptions::builder().certificate_type(CertificateType::Server).build();
    let subscription = client.subscribe_to_certificate_updates();
    let mut updates = subscription.certificate_options(options.unwrap()).send().await.unwrap();
    let mut next = async || match in_time("an update", updates.next()).await.unwrap().unwrap() {
        CertificateUpdateEvent::CertificateUpdate(it) => it,
        other => panic!("{other:?}"),
    };
    let first = next().await;
    assert_eq!(first.certificate, Some(pem("CCCC")));
    assert_eq!(first.private_key.as_deref(), Some("-----BEGIN PRIVATE KEY-----\n"));
    assert_eq!(first.ca_certificates, Some(vec![pem("EEEE")]));
    // What cannot be read changes nothing.
    fs::write(&file, "{").unwrap();
    fs::remove_file(folder.path().join("lamp.pem")).unwrap();
    let mut changed = content(&pem("DDDD"));
    changed["devices"] = json!([]);
    write(folder.path(), &changed);
    assert_eq!(next().await.certificate, Some(pem("DDDD")));
    let credential = ClientDeviceCredential::ClientDeviceCertificate(pem("AAAA"));
    let response = client.verify_client_device_identity().credential(credential).send().await;
    assert!(!response.unwrap().is_valid_client_device);
}

#[tokio::test]
async fn operations_on_client_devices_fail_in_the_order_of_the_nucleus() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &json!({}));
    let core = LocalCore::builder()
        .component("b")
        .allow("a", SERVICE, "*", "*")
        .client_devices(folder.path().join("devices.json"));
    let core = core.start().await.unwrap();
    let (denied, invalid) = ("UnauthorizedError", "InvalidArgumentsError");
    let certificate = |it: &str| json!({ "credential": { "clientDeviceCertificate": it } });
    let mqtt = |it: &str| json!({ "credential": { "mqttCredential": { "certificatePem": it } } });
    let action = |operation: &str| json!({ "clientDeviceAuthToken": "x", "operation": operation, "resource": "m:t:r" });
    let server = json!({ "certificateOptions": { "certificateType": "SERVER" } });
    let client = json!({ "certificateOptions": { "certificateType": "CLIENT" } });
    for (component, operation, request, expected) in [
        ("b", "SubscribeToCertificateUpdates", json!({}), denied),
        ("a", "SubscribeToCertificateUpdates", json!({}), invalid),
        ("a", "SubscribeToCertificateUpdates", json!({ "certificateOptions": {} }), invalid),
        ("a", "SubscribeToCertificateUpdates", client, invalid),
        ("a", "SubscribeToCertificateUpdates", server, "ServiceError"),
        ("b", "VerifyClientDeviceIdentity", json!({}), denied),
        ("a", "VerifyClientDeviceIdentity", json!({}), invalid),
        ("a", "VerifyClientDeviceIdentity", certificate(""), invalid),
        ("a", "VerifyClientDeviceIdentity", certificate("#"), invalid),
        ("b", "GetClientDeviceAuthToken", json!({}), denied),
        ("a", "GetClientDeviceAuthToken", json!({}), invalid),
        ("a", "GetClientDeviceAuthToken", mqtt("#"), invalid),
        ("a", "GetClientDeviceAuthToken", mqtt("MAMCAQE="), "InvalidCredentialError"),
        ("b", "AuthorizeClientDeviceAction", json!({}), denied),
        ("a", "AuthorizeClientDeviceAction", json!({}), invalid),
        ("a", "AuthorizeClientDeviceAction", action(""), invalid),
        ("a", "AuthorizeClientDeviceAction", action("m:o"), "InvalidClientDeviceAuthTokenError"),
    ] {
        let mut raw = Raw::connect(&core, component).await;
        let answer = raw.call(operation, request.to_string()).await;
        assert_eq!(answer, Err(expected.to_owned()), "{component} {operation} {request}");
    }
}

#[tokio::test]
async fn operation_and_resource_of_a_client_device_are_of_one_service() {
    let folder = tempfile::tempdir().unwrap();
    let devices = json!({ "devices": [{ "thingName": "lamp", "certificate": pem("AAAA") }] });
    write(folder.path(), &devices);
    let core = LocalCore::builder().component("a");
    let core = core.client_devices(folder.path().join("devices.json")).start().await.unwrap();
    let mut raw = Raw::connect(&core, "a").await;
    let credential =
        json!({ "mqttCredential": { "clientId": "lamp", "certificatePem": pem("AAAA") } });
    let request = json!({ "credential": credential }).to_string();
    let token = raw.call("GetClientDeviceAuthToken", request).await.unwrap();
    let request = json!({
        "clientDeviceAuthToken": token["clientDeviceAuthToken"],
        "operation": "mqtt:publish",
        "resource": "http:topic:lamp",
    });
    let answer = raw.call("AuthorizeClientDeviceAction", request.to_string()).await;
    assert_eq!(answer, Err("ServiceError".to_owned()));
}

#[tokio::test]
async fn without_client_devices_an_error_names_the_option() {
    let core = LocalCore::builder().component("a").start().await.unwrap();
    let mut raw = Raw::connect(&core, "a").await;
    let error = raw.error("GetClientDeviceAuthToken", "{}").await;
    assert_eq!(error["_errorCode"], "ServiceError");
    assert!(error["message"].as_str().unwrap().contains("--client-devices FILE"), "{error}");
}

#[tokio::test]
async fn a_core_does_not_start_with_a_wrong_file_of_client_devices() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("devices.json");
    let start = || LocalCore::builder().component("a").client_devices(&file).start();
    let error = start().await.unwrap_err().to_string();
    assert!(
        error.starts_with("cannot use the client devices in ") && error.contains("No such file")
    );
    write(folder.path(), &json!({ "devices": {} }));
    let error = start().await.unwrap_err().to_string();
    assert!(error.contains("expected a sequence"), "{error}");
}
