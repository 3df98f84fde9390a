//! Why there is no connection to a broker.

use rumqttc::{
    ConnectionError, StateError,
    mqttbytes::{self, v5::DisconnectReasonCode},
};

/// The reason for an error. `client_id` is the client ID, unless it is a random one.
pub(super) fn reason(
    error: &ConnectionError,
    was_connected: bool,
    client_id: Option<&str>,
) -> String {
    match error {
        ConnectionError::ConnectionRefused(code) => format!("the broker refuses it: {code:?}"),
        ConnectionError::Timeout(_) => "the broker does not answer".to_owned(),
        ConnectionError::Io(error) => error.to_string(),
        ConnectionError::MqttState(error) => match (error, client_id) {
            (StateError::Deserialization(mqttbytes::Error::Io(error)), _) => error.to_string(),
            (StateError::ConnectionAborted, _) if !was_connected => {
                "the broker has closed it without an answer, as when it requires TLS (mqtts://)"
                    .to_owned()
            }
            (StateError::ConnectionAborted, None) => "the broker has closed it".to_owned(),
            (StateError::ConnectionAborted, Some(id)) => format!(
                "the broker has closed it, as when another client connects with the client ID {id:?}"
            ),
            (StateError::ServerDisconnect { reason_code, .. }, Some(id))
                if *reason_code == DisconnectReasonCode::SessionTakenOver =>
            {
                format!("another client has connected with the client ID {id:?}")
            }
            (StateError::ServerDisconnect { reason_code, .. }, _) => {
                format!("the broker has ended it: {reason_code:?}")
            }
            (error, _) => error.to_string(),
        },
        error => error.to_string(),
    }
}
