//! Decoding of replies, and errors of calls.

use bytes::Bytes;

use crate::{
    error::{ErrorMembers, OperationError, ResponseError, SdkError, Unhandled},
    json::{self, Shape},
    operation::Operation,
    protocol::{MessageType, RpcMessage, SendError, client::Failure},
};

/// The error of a message that was not sent.
pub(super) fn not_sent<E>(error: SendError) -> SdkError<E> {
    match error {
        SendError::Build(error) => SdkError::ConstructionFailure(error),
        SendError::Closed(source) => SdkError::DispatchFailure { source, request_written: false },
        SendError::Full => SdkError::Timeout { request_written: false },
        SendError::StreamEnded => SdkError::StreamEnded,
    }
}

/// Adds what the caller can do about an error of the service.
pub(super) fn with_hint<O: Operation>(
    error: SdkError<O::Error>,
    request: &O::Request,
) -> SdkError<O::Error> {
    match error {
        SdkError::ServiceError { error, .. } => {
            let hint = O::hint(request, &error).map(String::into_boxed_str);
            SdkError::ServiceError { error, hint }
        }
        other => other,
    }
}

/// Decodes a message that should have the shape `S`.
///
/// A message that names another shape is an error, and so is a message that cannot be decoded. A message that names no
/// shape is decoded as `S`.
pub(super) fn decode<O: Operation, S: Shape>(
    message: &RpcMessage,
) -> Result<S, SdkError<O::Error>> {
    if message.message_type == MessageType::ApplicationError {
        let payload = Bytes::copy_from_slice(message.payload());
        let shape = message.service_model_type();
        let error = operation_error(O::SERVICE, shape, message.content_type(), payload);
        return Err(SdkError::ServiceError { error, hint: None });
    }
    if message.has_shape(S::ID) == Some(false) {
        let actual = message.service_model_type().unwrap_or_default();
        let actual = actual.to_owned();
        return Err(ResponseError::UnexpectedShape { expected: S::ID, actual }.into());
    }
    let decoded = json::payload_from_slice(message.payload());
    Ok(decoded.map_err(|source| ResponseError::Payload { shape_id: S::ID, source })?)
}

/// The error of a call without a reply.
pub(super) fn failed<E>(failure: Failure) -> SdkError<E> {
    match failure {
        Failure::Lost { error, request_written } => {
            SdkError::DispatchFailure { source: error, request_written }
        }
        Failure::Timeout => SdkError::Timeout { request_written: true },
        Failure::NoResponse => ResponseError::NoResponse.into(),
        Failure::Lagged { dropped, bytes } => SdkError::Lagged { dropped, bytes },
    }
}

/// Decodes an error reply as the error type of the operation.
///
/// `shape_id` is the `service-model-type` header. Without that header, `_errorCode` names the shape, in the namespace of
/// `service_id`.
fn operation_error<E: OperationError>(
    service_id: &str,
    shape_id: Option<&str>,
    content_type: Option<&str>,
    payload: Bytes,
) -> E {
    let from_code = || {
        let code = ErrorMembers::read(&payload).code?;
        let (namespace, _) = service_id.split_once('#')?;
        Some(format!("{namespace}#{code}"))
    };
    let shape_id = match shape_id {
        Some(id) => Some(id.to_owned()),
        None => from_code(),
    };
    match shape_id.as_deref().and_then(|id| E::from_payload(id, &payload)) {
        Some(Ok(error)) => error,
        // An error that is declared but cannot be decoded keeps its name.
        _ => Unhandled::from_reply(shape_id.as_deref(), content_type, payload).into(),
    }
}
