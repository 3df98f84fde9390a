//! The password of the debug console, and the validation of tokens.

use std::time::{Duration, SystemTime};

use crate::support::Raw;
use greengrass_core_ipc::primitives::Timestamp;
use greengrass_local_core::LocalCore;
use serde_json::json;

#[tokio::test]
async fn a_debug_password_has_the_form_of_the_nucleus_s() {
    let core = LocalCore::builder().component("a").start().await.unwrap();
    let client = core.connect("a").await.unwrap();
    let lifetime = Duration::from_secs(8 * 60 * 60);
    let before = Timestamp::from(SystemTime::now() + lifetime);
    let first = client.create_debug_password().send().await.unwrap();
    let second = client.create_debug_password().send().await.unwrap();
    let after = Timestamp::from(SystemTime::now() + lifetime);
    assert_eq!(first.username, "debug");
    let is_digit = |it: char| it.is_ascii_alphanumeric() || it == '-' || it == '_';
    assert!(first.password.len() == 43 && first.password.chars().all(is_digit));
    assert_ne!(first.password, second.password);
    let expiration = first.password_expiration;
    assert!(before <= expiration && expiration <= after, "{expiration:?}");
    assert!(first.certificate_sha256_hash.is_none() && first.certificate_sha1_hash.is_none());
}

#[tokio::test]
async fn the_stream_manager_validates_the_tokens_of_components() {
    let manager = "aws.greengrass.StreamManager";
    let core = LocalCore::builder().deny_by_default().component(manager).component("a");
    let core = core.start().await.unwrap();
    let mut raw = Raw::connect(&core, manager).await;
    let request = |token: &str| json!({ "token": token }).to_string();
    let token = core.auth_token("a");
    let answer = raw.call("ValidateAuthorizationToken", request(&token)).await;
    assert_eq!(answer, Ok(json!({ "isValid": true })));
    let wrong = token.to_lowercase();
    for token in [request("x"), request(""), request(&wrong), "{}".to_owned()] {
        let answer = raw.call("ValidateAuthorizationToken", token.clone()).await;
        assert_eq!(answer, Err("InvalidTokenError".to_owned()), "{token}");
    }
    core.refuse_tokens(true);
    let answer = raw.call("ValidateAuthorizationToken", request(&token)).await;
    assert_eq!(answer, Err("InvalidTokenError".to_owned()));
    core.refuse_tokens(false);
    let mut other = Raw::connect(&core, "a").await;
    let answer = other.call("ValidateAuthorizationToken", request(&token)).await;
    assert_eq!(answer, Err("UnauthorizedError".to_owned()));
}
