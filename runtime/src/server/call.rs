//! One call, from its request to its reply.

use std::{
    fmt,
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use tokio::{
    task::coop::{cooperative, unconstrained},
    time::timeout,
};
use tracing::Instrument;

use super::{
    BoxFuture, EncodedMessage, Identity, PeerCredentials, Service, Violation,
    connection::Client,
    streaming::{self, StreamingRequest, StreamingResponse},
};
use crate::{
    error::{BuildError, ConnectionError, OperationError, Unhandled},
    json::{self, Shape},
    operation::{NoEvents, Operation, StreamingOperation},
    protocol::{
        RpcMessage, SendError, SendTurn, StreamId,
        server::{Answer, Core, Phase},
    },
    transport::{Shared, caught, race},
};

/// What happens to an invalid request or event: one that lacks required members, or contains values that the model
/// does not allow. The stream of an event that is rejected ends.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum InvalidRequest {
    /// The answer is an error that is not in the model, like that of the Java server for a request that it cannot
    /// read. The Java server does not check requests against the model.
    Reject,
    /// The answer is this error.
    RejectWith(Unhandled),
    /// The handler gets it, with zero values for missing members and without null elements of lists and maps. For an
    /// event, the handler does not see what was wrong.
    Accept,
}

/// The context of a call: the client, the connection and the stream.
#[derive(Clone, Debug)]
pub struct RequestContext {
    client: Arc<Client>,
    stream_id: StreamId,
    /// `None` for nearly all requests.
    violations: Option<Arc<[Violation]>>,
}

impl RequestContext {
    /// The identity that the authenticator gave the client.
    pub fn identity(&self) -> &Identity {
        &self.client.identity
    }

    /// The client's process; `None` for other transports than Unix sockets, or if the platform does not tell.
    pub fn peer(&self) -> Option<PeerCredentials> {
        self.client.peer
    }

    /// The number of the connection, unique in this process.
    pub fn connection(&self) -> u64 {
        self.client.shared.number
    }

    /// The stream of the call.
    pub fn stream_id(&self) -> StreamId {
        self.stream_id
    }

    /// The required members that the request lacks and the values that the model does not allow, if the service
    /// has accepted an invalid request. The list is cut off at 64 KiB.
    pub fn violations(&self) -> &[Violation] {
        self.violations.as_deref().unwrap_or_default()
    }

    /// Closes the connection of the call. Open calls on it get no answer.
    pub fn close_connection(&self) {
        self.client.shared.with(|core| core.fail(ConnectionError::Closed));
    }

    /// Waits until either side has ended the stream of the call.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops waiting.
    pub async fn ended(&self) {
        let id = self.stream_id;
        cooperative(self.client.shared.poll(|core, cx| core.poll_ended(id, cx))).await;
    }
}

/// The methods of a [`Service`] that replies need.
pub(super) trait Hooks: Send + Sync {
    fn invalid_request(&self, operation: &str, violations: &[Violation]) -> InvalidRequest;
    fn undecodable(&self, operation: &str, payload: &[u8]) -> Unhandled;
    fn error_reply(&self, operation: Option<&str>, error: &Unhandled) -> Unhandled;
}

impl<S: Service> Hooks for S {
    fn invalid_request(&self, operation: &str, violations: &[Violation]) -> InvalidRequest {
        Service::invalid_request(self, operation, violations)
    }

    fn undecodable(&self, operation: &str, payload: &[u8]) -> Unhandled {
        Service::undecodable(self, operation, payload)
    }

    fn error_reply(&self, operation: Option<&str>, error: &Unhandled) -> Unhandled {
        Service::error_reply(self, operation, error)
    }
}

/// Changes the state of a stream when it is dropped.
pub(super) struct OnDrop {
    client: Arc<Client>,
    id: StreamId,
    action: fn(&mut Core, StreamId),
}

impl OnDrop {
    pub(super) fn new(context: &RequestContext, action: fn(&mut Core, StreamId)) -> Self {
        let client = Arc::clone(&context.client);
        Self { client, id: context.stream_id, action }
    }
}

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.client.shared.with(|core| (self.action)(core, self.id));
    }
}

/// A call whose request has not been decoded.
pub struct IncomingCall {
    message: RpcMessage,
    reply: Reply,
    /// The owner of the client's events.
    events: OnDrop,
}

impl IncomingCall {
    pub(super) fn new(message: RpcMessage, client: &Arc<Client>, hooks: Arc<dyn Hooks>) -> Self {
        let client = Arc::clone(client);
        let context = RequestContext { client, stream_id: message.stream_id, violations: None };
        let events = OnDrop::new(&context, Core::stop_reading);
        Self { message, reply: Reply { operation: None, context, hooks }, events }
    }

    /// Absolute shape ID of the operation.
    pub fn operation(&self) -> &str {
        self.message.operation().unwrap_or_default()
    }

    /// The payload of the request: the JSON of the operation's input, if the client follows the model.
    pub fn payload(&self) -> Bytes {
        self.message.to_payload()
    }

    /// The context of the call.
    pub fn context(&self) -> &RequestContext {
        &self.reply.context
    }

    /// Serves a call of an operation with one response.
    pub fn unary<O, F, Fut>(self, _: O, handler: F) -> BoxFuture<'static, ()>
    where
        O: Operation,
        F: FnOnce(O::Request, RequestContext) -> Fut + Send + 'static,
        Fut: Future<Output = Result<O::Response, O::Error>> + Send + 'static,
    {
        self.serve::<O, _>(false, |request, reply, _| async move {
            match handler(request, reply.context.clone()).await {
                Ok(response) => _ = reply.send_response(Answer::Response, &response).await,
                Err(error) => reply.error(&error),
            }
        })
    }

    /// Serves a call of an operation that keeps its stream open for events.
    pub fn streaming<O, F, Fut>(self, _: O, handler: F) -> BoxFuture<'static, ()>
    where
        O: StreamingOperation,
        F: FnOnce(StreamingRequest<O>, RequestContext) -> Fut + Send + 'static,
        Fut: Future<Output = Result<StreamingResponse<O>, O::Error>> + Send + 'static,
    {
        let takes_events = O::RequestEvent::ID != NoEvents::ID;
        self.serve::<O, _>(takes_events, move |request, reply, events| async move {
            let running = takes_events.then(|| reply.start_handler());
            let events = streaming::client_events::<O>(&reply, events);
            let request = StreamingRequest { request, events };
            match handler(request, reply.context.clone()).await {
                Ok(response) => streaming::serve(&reply, running, response).await,
                Err(error) => reply.error(&error),
            }
        })
    }

    /// Answers a call of any operation with a response in its encoded form, without decoding the request.
    ///
    /// With `events`, the stream stays open after them until either side ends it. Otherwise, the response ends it.
    pub fn encoded(
        self,
        response: EncodedMessage,
        events: Option<Vec<EncodedMessage>>,
    ) -> BoxFuture<'static, ()> {
        let reply = self.reply;
        Box::pin(async move {
            let answer = if events.is_some() { Answer::OpenResponse } else { Answer::Response };
            if !reply.send_encoded(SendTurn::of_reply(), answer, &response).await {
                return;
            }
            let Some(events) = events else { return };
            for event in &events {
                if !reply.send_encoded(SendTurn::default(), Answer::Event, event).await {
                    return;
                }
            }
            reply.context.ended().await;
        })
    }

    /// Answers a call of an operation that the service does not have.
    pub fn unsupported(self) -> BoxFuture<'static, ()> {
        let error = Unhandled::not_implemented(self.operation());
        self.deny(&error);
        Box::pin(std::future::ready(()))
    }

    /// Answers with an error, without running a handler.
    pub fn deny(self, error: &Unhandled) {
        self.reply.send_error(error);
    }

    /// Decodes the request and runs the call; answers a request that cannot be decoded or is rejected.
    fn serve<O: Operation, Fut: Future<Output = ()> + Send>(
        self,
        takes_events: bool,
        call: impl FnOnce(O::Request, Reply, OnDrop) -> Fut + Send + 'static,
    ) -> BoxFuture<'static, ()> {
        let Self { message, mut reply, events } = self;
        let span = reply.shared().call_span(O::ID);
        reply.operation = Some(O::ID);
        let serving = async move {
            let (request, violations) = match reply.read(message.payload(), "invalid request") {
                Ok(read) => read,
                Err(error) => return reply.send_error(&error),
            };
            drop(message);
            if !violations.is_empty() {
                reply.context.violations = Some(violations.into());
            }
            reply.shared().with(|core| core.expect_events(reply.id(), takes_events));
            reply.run(call(request, reply.clone(), events)).await;
        };
        Box::pin(serving.instrument(span))
    }
}

impl fmt::Debug for IncomingCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncomingCall")
            .field("operation", &self.operation())
            .field("context", self.context())
            .finish_non_exhaustive()
    }
}

/// The sender of the reply to a call.
#[derive(Clone)]
pub(super) struct Reply {
    /// The operation's shape ID. `None` before the service has selected it: the name in the request is text from the
    /// client.
    operation: Option<&'static str>,
    pub(super) context: RequestContext,
    /// Holds the service. A context must not: the service may keep contexts.
    hooks: Arc<dyn Hooks>,
}

impl Reply {
    pub(super) fn shared(&self) -> &Shared<Core> {
        &self.context.client.shared
    }

    pub(super) fn id(&self) -> StreamId {
        self.context.stream_id
    }

    /// Decodes what the client sent. The service decides about a value that does not follow the model.
    pub(super) fn read<T: Shape>(
        &self,
        payload: &[u8],
        failure: &str,
    ) -> Result<(T, Vec<Violation>), Unhandled> {
        let operation = self.operation.unwrap_or_default();
        let (value, violations) = json::request_from_slice(payload).map_err(|error| {
            tracing::debug!(
                target: crate::LOG_TARGET,
                connection = self.shared().number, operation = self.operation, error = error.kind(),
                "{failure}"
            );
            self.hooks.undecodable(operation, payload)
        })?;
        if violations.is_empty() {
            return Ok((value, violations));
        }
        match self.hooks.invalid_request(operation, &violations) {
            InvalidRequest::Accept => Ok((value, violations)),
            InvalidRequest::Reject => Err(Unhandled::internal()),
            InvalidRequest::RejectWith(error) => Err(error),
        }
    }

    /// Marks the stream as one whose handler reads the client's events: it may finish after the end of the stream.
    fn start_handler(&self) -> OnDrop {
        self.shared().with(|core| core.set_handler(self.id(), true));
        OnDrop::new(&self.context, |core, id| core.set_handler(id, false))
    }

    /// Runs a call until it has finished, or until its stream has ended and it may not continue. A panic is answered
    /// with an error.
    async fn run(&self, call: impl Future<Output = ()>) {
        let phase = |cx: &Context<'_>| self.shared().with(|core| core.poll_phase(self.id(), cx));
        let over = async {
            let finish_timeout = poll_fn(|cx| match phase(cx) {
                Phase::Open => Poll::Pending,
                Phase::Finishing(timeout) => Poll::Ready(Some(timeout)),
                Phase::Over => Poll::Ready(None),
            });
            if let Some(finish_timeout) = finish_timeout.await {
                let is_over = |cx: &mut Context<'_>| match phase(cx) {
                    Phase::Over => Poll::Ready(()),
                    Phase::Open | Phase::Finishing(_) => Poll::Pending,
                };
                let _ = timeout(finish_timeout, poll_fn(is_over)).await;
            }
        };
        // The call may have used up the task's budget, without which the timer would be pending.
        if let Ok(Err(_panic)) = race(caught(call), unconstrained(over)).await {
            tracing::error!(
                target: crate::LOG_TARGET,
                connection = self.context.connection(), operation = self.operation,
                "handler panicked"
            );
            self.send_error(&Unhandled::internal());
        }
    }

    /// Waits for a future; `None` if the stream ends first.
    pub(super) async fn unless_ended<F: Future>(&self, future: F) -> Option<F::Output> {
        race(future, self.context.ended()).await.ok()
    }

    /// As [`send`](Self::send), for a response.
    pub(super) async fn send_response<T: Shape>(&self, answer: Answer, response: &T) -> bool {
        self.send(SendTurn::of_reply(), answer, T::ID, |dst| json::append(dst, response)).await
    }

    /// As [`send`](Self::send), for a message that is encoded. Waits no longer than the stream is open.
    async fn send_encoded(&self, turn: SendTurn, answer: Answer, message: &EncodedMessage) -> bool {
        let append = |dst: &mut BytesMut| {
            dst.extend_from_slice(&message.payload);
            Ok(())
        };
        let sending = self.send(turn, answer, message.shape, append);
        self.unless_ended(cooperative(sending)).await == Some(true)
    }

    /// Sends a message when there is room for it; `false` if the stream has ended or the message cannot be encoded. In
    /// place of a message that cannot be encoded, an error is sent.
    pub(super) async fn send(
        &self,
        turn: SendTurn,
        answer: Answer,
        shape: &'static str,
        payload: impl Fn(&mut BytesMut) -> Result<(), json::Error>,
    ) -> bool {
        let sent =
            self.shared().send(turn, |core| core.send(self.id(), answer, shape, &payload)).await;
        if let Err(SendError::Build(error)) = &sent {
            self.log_not_encoded(error);
            self.send_error(&Unhandled::internal());
        }
        sent.is_ok()
    }

    pub(super) fn error(&self, error: &impl OperationError) {
        self.send_error(&error.metadata().to_unhandled());
    }

    pub(super) fn send_error(&self, error: &Unhandled) {
        let error = self.hooks.error_reply(self.operation, error);
        let sent = self.shared().with(|core| core.send_error(self.id(), &error));
        sent.unwrap_or_else(|error| self.log_not_encoded(&error));
    }

    /// Logs that an internal error was sent in place of a reply.
    fn log_not_encoded(&self, error: &BuildError) {
        tracing::error!(
            target: crate::LOG_TARGET,
            connection = self.shared().number, operation = self.operation, %error,
            "reply cannot be encoded"
        );
    }
}
