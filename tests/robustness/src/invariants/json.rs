//! Payloads: whatever is read can be written, and reads the same again, and the patient way.

use eventstream_rpc::json::{Shape, from_slice, payload_from_slice, to_vec};
use greengrass_core_ipc::{operation as greengrass, types};

use crate::invariants::Input;

/// Reads bytes as the JSON of a shape, which the first byte chooses.
pub fn json(data: &[u8]) {
    let mut input = Input::new(data);
    let which = input.byte();
    let json = input.rest();
    macro_rules! one_of {
        ($($shape:ty),* $(,)?) => {{
            let readers: &[fn(&[u8])] = &[$(check::<$shape>),*];
            readers[usize::from(which) % readers.len()](json);
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
    // The general reader takes whatever the reader of payloads takes.
    let again: T = from_slice(json).expect("it was read before");
    let debug = format!("{value:?}");
    assert_eq!(debug, format!("{again:?}"));
    // A number that is written as no integer is has everything read the patient way, one level deeper.
    match from_slice::<(u8, T)>(&[b"[1.0,", json, b"]"].concat()) {
        Ok((_, patient)) => assert_eq!(debug, format!("{patient:?}")),
        Err(error) => {
            // Only the quick way takes a control character as it is, where a blob is expected, and bytes that are
            // not UTF-8, where nothing is.
            let allowed = ["recursion limit", "control character", "unicode code point"];
            let text = error.to_string();
            assert!(allowed.iter().any(|it| text.contains(it)), "{text}");
        }
    }
    // What cannot be written: a union member that nobody knows, and a number that JSON has not.
    let Ok(written) = to_vec(&value) else { return };
    let read: T = payload_from_slice(&written).expect("what is written can be read");
    let again = to_vec(&read).expect("what was written once can be written");
    assert_eq!(
        String::from_utf8_lossy(&written),
        String::from_utf8_lossy(&again),
        "writing and reading change nothing"
    );
}
