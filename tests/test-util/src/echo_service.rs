//! An implementation of EchoTestRPC, the service that the official SDKs use in their tests.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use echo::{
    operation::{
        cause_service_error::{
            CauseServiceErrorError, CauseServiceErrorRequest, CauseServiceErrorResponse,
        },
        cause_stream_service_to_error::{
            CauseStreamServiceToError, CauseStreamServiceToErrorError,
        },
        echo_message::{EchoMessageError, EchoMessageRequest, EchoMessageResponse},
        echo_stream_messages::{EchoStreamMessages, EchoStreamMessagesError},
        get_all_customers::{
            GetAllCustomersError, GetAllCustomersRequest, GetAllCustomersResponse,
        },
        get_all_products::{GetAllProductsError, GetAllProductsRequest, GetAllProductsResponse},
    },
    server::{
        ConnectRequest, EchoTestRpc, EventStream, Identity, Rejected, RequestContext,
        StreamingRequest, StreamingResponse,
    },
    types::{EchoStreamingMessage, EchoStreamingResponse, error::ServiceError},
};
use futures_core::Stream;

/// Accepts clients whose connect message has a header `client-name` that begins with `accepted.`.
///
/// # Errors
///
/// All other clients are rejected.
pub fn authenticate(request: &ConnectRequest) -> Result<Identity, Rejected> {
    match request.header("client-name") {
        Some(name) if name.starts_with("accepted.") => Ok(Identity(name.to_owned())),
        _ => Err(Rejected),
    }
}

/// The implementation of EchoTestRPC.
#[derive(Clone, Copy, Debug, Default)]
pub struct EchoService;

impl EchoTestRpc for EchoService {
    async fn echo_message(
        &self,
        request: EchoMessageRequest,
        _context: RequestContext,
    ) -> Result<EchoMessageResponse, EchoMessageError> {
        Ok(EchoMessageResponse::builder().set_message(request.message).build())
    }

    async fn echo_stream_messages(
        &self,
        request: StreamingRequest<EchoStreamMessages>,
        _context: RequestContext,
    ) -> Result<StreamingResponse<EchoStreamMessages>, EchoStreamMessagesError> {
        let echoes = Echoes { events: request.events, is_closed: false };
        Ok(StreamingResponse::new(EchoStreamingResponse::default(), echoes))
    }

    async fn cause_service_error(
        &self,
        _request: CauseServiceErrorRequest,
        _context: RequestContext,
    ) -> Result<CauseServiceErrorResponse, CauseServiceErrorError> {
        Err(service_error("Intentionally thrown ServiceError").into())
    }

    async fn cause_stream_service_to_error(
        &self,
        request: StreamingRequest<CauseStreamServiceToError>,
        _context: RequestContext,
    ) -> Result<StreamingResponse<CauseStreamServiceToError>, CauseStreamServiceToErrorError> {
        let failure = Failure { events: request.events };
        Ok(StreamingResponse::new(EchoStreamingResponse::default(), failure))
    }

    async fn get_all_products(
        &self,
        _request: GetAllProductsRequest,
        _context: RequestContext,
    ) -> Result<GetAllProductsResponse, GetAllProductsError> {
        Ok(GetAllProductsResponse::default())
    }

    async fn get_all_customers(
        &self,
        _request: GetAllCustomersRequest,
        _context: RequestContext,
    ) -> Result<GetAllCustomersResponse, GetAllCustomersError> {
        Ok(GetAllCustomersResponse::default())
    }
}

fn service_error(message: &str) -> ServiceError {
    ServiceError::builder().message(message).build()
}

/// The stream that sends each event of the client back, and ends after an event with the text `close`.
struct Echoes {
    events: EventStream<EchoStreamingMessage>,
    is_closed: bool,
}

impl Stream for Echoes {
    type Item = Result<EchoStreamingMessage, EchoStreamMessagesError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.is_closed {
            return Poll::Ready(None);
        }
        let event = ready!(self.events.as_mut().poll_next(cx));
        self.is_closed = match &event {
            Some(EchoStreamingMessage::StreamMessage(message)) => {
                message.string_message.as_deref().is_some_and(|it| it.eq_ignore_ascii_case("close"))
            }
            Some(_) => false,
            None => true,
        };
        Poll::Ready(event.map(Ok))
    }
}

/// The stream that fails once the client has sent an event.
struct Failure {
    events: EventStream<EchoStreamingMessage>,
}

impl Stream for Failure {
    type Item = Result<EchoStreamingMessage, CauseStreamServiceToErrorError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let event = ready!(self.events.as_mut().poll_next(cx));
        Poll::Ready(
            event.map(|_| Err(service_error("Intentionally caused ServiceError on stream").into())),
        )
    }
}
