//! Invariants of payloads: decoding reverses encoding, and all decoders agree.

use eventstream_rpc::json::{Shape, from_slice, payload_from_slice, to_vec};
use greengrass_core_ipc::{operation as greengrass, types};

use crate::invariants::Input;

/// Decodes bytes as JSON of the shape that the first byte selects.
pub fn json(data: &[u8]) {
    let mut input = Input::new(data);
    let shape = input.byte();
    let json = input.rest();
    macro_rules! one_of {
        ($($ty:ty),* $(,)?) => {{
            let readers: &[fn(&[u8])] = &[$(check::<$ty>),*];
            readers[usize::from(shape) % readers.len()](json);
        }};
    }
    one_of!(
        echo::types::MessageData,
        echo::types::EchoStreamingMessage,
        echo::operation::echo_message::EchoMessageRequest,
        echo::operation::get_all_products::GetAllProductsResponse,
        greengrass::publish_to_topic::PublishToTopicRequest,
        greengrass::publish_to_iot_core::PublishToIoTCoreRequest,
        greengrass::update_configuration::UpdateConfigurationRequest,
        greengrass::get_configuration::GetConfigurationResponse,
        greengrass::create_local_deployment::CreateLocalDeploymentRequest,
        greengrass::get_secret_value::GetSecretValueResponse,
        greengrass::put_component_metric::PutComponentMetricRequest,
        greengrass::list_components::ListComponentsResponse,
        greengrass::get_local_deployment_status::GetLocalDeploymentStatusResponse,
        types::SubscriptionResponseMessage,
        types::IoTCoreMessage,
        types::ConfigurationUpdateEvents,
        types::ComponentUpdatePolicyEvents,
        types::CertificateUpdateEvent,
    );
}

fn check<T: Shape + std::fmt::Debug>(json: &[u8]) {
    let Ok(value) = payload_from_slice::<T>(json) else { return };
    // The general decoder accepts all that the payload decoder accepts.
    let again: T = from_slice(json).expect("the payload decoder accepts the JSON");
    let debug = format!("{value:?}");
    assert_eq!(debug, format!("{again:?}"));
    // A number with a fraction where an integer is expected selects the slow path of the decoder, one level deeper.
    match from_slice::<(u8, T)>(&[b"[1.0,", json, b"]"].concat()) {
        Ok((_, slow)) => assert_eq!(debug, format!("{slow:?}")),
        Err(error) => {
            // Only the fast path accepts unescaped control characters in blobs, and bytes that are not UTF-8 in
            // values that are skipped.
            let allowed = ["recursion limit", "control character", "unicode code point"];
            let text = error.to_string();
            assert!(allowed.iter().any(|it| text.contains(it)), "{text}");
        }
    }
    // Unknown union members and numbers that JSON does not support cannot be encoded.
    let Ok(written) = to_vec(&value) else { return };
    let read: T = payload_from_slice(&written).expect("encoded values can be decoded");
    let again = to_vec(&read).expect("decoded values can be encoded");
    assert_eq!(
        String::from_utf8_lossy(&written),
        String::from_utf8_lossy(&again),
        "encoding and decoding change the value"
    );
}
