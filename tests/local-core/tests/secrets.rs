//! The operation on secrets.

use std::{fs, os::unix::fs::PermissionsExt, sync::mpsc};

use greengrass_core_ipc::types::SecretValue;
use greengrass_local_core::LocalCore;
use serde_json::json;

use crate::support::Raw;

const SERVICE: &str = "aws.greengrass.SecretManager";
const ARN: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf";
const OTHER: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:other-AbCdEf";

#[tokio::test]
async fn versions_are_selected_by_id_or_label() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let entries = json!([
        { "ARN": ARN, "Name": "database", "VersionId": "v1", "VersionStages": ["AWSPREVIOUS"], "SecretBinary": "AAEC" },
        { "ARN": ARN, "Name": "database", "VersionId": "v2", "VersionStages": ["AWSCURRENT", "x"], "SecretString": "two" },
    ]);
    fs::write(&file, entries.to_string()).unwrap();
    let core = LocalCore::builder().component("a").secrets(file.path()).start().await.unwrap();
    let client = core.connect("a").await.unwrap();
    let text = SecretValue::SecretString("two".to_owned());
    let bytes = SecretValue::SecretBinary((&[0, 1, 2]).into());
    for (id, version, label, expected) in [
        (ARN, None, None, ("v2", &text)),
        (&ARN[..ARN.len() - 7], None, None, ("v2", &text)),
        ("database", None, None, ("v2", &text)),
        ("database", Some("v1"), None, ("v1", &bytes)),
        ("database", None, Some("x"), ("v2", &text)),
        ("database", None, Some("AWSPREVIOUS"), ("v1", &bytes)),
    ] {
        let request = client.get_secret_value().secret_id(id);
        let request = request.set_version_id(version.map(str::to_owned));
        let secret = request.set_version_stage(label.map(str::to_owned)).send().await.unwrap();
        assert_eq!(secret.secret_id, ARN);
        assert_eq!(
            (&*secret.version_id, &secret.secret_value),
            expected,
            "{id} {version:?} {label:?}"
        );
    }
    let current = client.get_secret_value().secret_id(ARN).send().await.unwrap();
    assert_eq!(current.version_stage, ["AWSCURRENT", "x"]);
}

#[tokio::test]
async fn an_unknown_name_is_not_found_before_authorization_and_the_versions_are_checked_after_it() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let entries =
        json!([{ "ARN": ARN, "SecretString": "s" }, { "ARN": OTHER, "SecretString": "s" }]);
    fs::write(&file, entries.to_string()).unwrap();
    let core = LocalCore::builder()
        .secrets(file.path())
        .allow("a", SERVICE, "aws.greengrass#GetSecretValue", ARN)
        // The resource is the ARN.
        .allow("b", SERVICE, "aws.greengrass#GetSecretValue", "db");
    let core = core.start().await.unwrap();
    let mut with = Raw::connect(&core, "a").await;
    let mut without = Raw::connect(&core, "b").await;
    for (request, expected, expected_without) in [
        (json!({}), "ServiceError", "ServiceError"),
        (json!({ "secretId": "" }), "ServiceError", "ServiceError"),
        (json!({ "secretId": "unknown" }), "ResourceNotFoundError", "ResourceNotFoundError"),
        (json!({ "secretId": "db" }), "", "UnauthorizedError"),
        (json!({ "secretId": "other" }), "UnauthorizedError", "UnauthorizedError"),
        (json!({ "secretId": format!("{ARN}x") }), "UnauthorizedError", "UnauthorizedError"),
        (
            json!({ "secretId": "db", "versionId": "x", "versionStage": "AWSCURRENT" }),
            "ServiceError",
            "UnauthorizedError",
        ),
        (
            json!({ "secretId": "db", "versionId": "x" }),
            "ResourceNotFoundError",
            "UnauthorizedError",
        ),
        (
            json!({ "secretId": "db", "versionStage": "x" }),
            "ResourceNotFoundError",
            "UnauthorizedError",
        ),
    ] {
        let answer = with.call("GetSecretValue", request.to_string()).await;
        assert_eq!(answer.err().unwrap_or_default(), expected, "{request}");
        let answer = without.call("GetSecretValue", request.to_string()).await;
        assert_eq!(answer.unwrap_err(), expected_without, "{request}");
    }
    let error = with.error("GetSecretValue", json!({ "secretId": "unknown" }).to_string()).await;
    assert_eq!(error["resourceType"], "secret");
}

#[tokio::test]
async fn the_file_is_read_again_on_request() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let write = |value: &str| {
        fs::write(&file, json!([{ "ARN": ARN, "SecretString": value }]).to_string()).unwrap();
    };
    write("one");
    let core = LocalCore::builder().component("a").secrets(file.path()).start().await.unwrap();
    let client = core.connect("a").await.unwrap();
    let get = |refresh| client.get_secret_value().secret_id("db").refresh(refresh).send();
    let one = get(false).await.unwrap();
    write("two");
    assert_eq!(get(false).await.unwrap(), one);
    let two = get(true).await.unwrap();
    assert_eq!(two.secret_value, SecretValue::SecretString("two".to_owned()));
    let previous = client.get_secret_value().secret_id("db").version_stage("AWSPREVIOUS");
    let previous = previous.send().await.unwrap();
    assert_eq!(
        (&previous.version_id, &previous.secret_value),
        (&one.version_id, &one.secret_value)
    );
    // A secret that cannot be read stays as it was.
    fs::write(&file, "not JSON").unwrap();
    assert_eq!(get(true).await.unwrap(), two);
}

#[test]
fn the_file_is_read_beside_other_calls() {
    let calls = || async {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secrets.json");
        let write = |value: usize| {
            fs::write(&file, json!({ "ARN": ARN, "SecretString": value.to_string() }).to_string())
        };
        write(0).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let core = LocalCore::builder().component("a").secrets(&file);
        let core = core.state(folder.path().join("state")).start().await.unwrap();
        let mut callers = tokio::task::JoinSet::new();
        for refresh in [false, true].repeat(8) {
            let client = core.connect("a").await.unwrap();
            callers.spawn(async move {
                for _ in 0..50 {
                    let call = client.get_secret_value().secret_id(ARN).refresh(refresh);
                    call.send().await.unwrap();
                }
            });
        }
        let mut value = 0;
        while !callers.is_empty() {
            value += 1;
            write(value).unwrap();
            callers.join_next().await.unwrap().unwrap();
        }
    };
    let (done, is_done) = mpsc::channel();
    // A fault blocks threads, so that no timeout of the runtime expires.
    std::thread::spawn(move || {
        tokio::runtime::Runtime::new().unwrap().block_on(calls());
        done.send(())
    });
    is_done.recv_timeout(test_util::TIMEOUT).expect("the calls are answered");
}
