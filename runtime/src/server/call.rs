//! One call, from its request to its reply.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
};

use bytes::BytesMut;
use tokio::{
    task::coop::cooperative,
    time::{Sleep, sleep},
};
use tracing::Instrument;

use super::{
    BoxFuture, ErrorReply, Identity, PeerCredentials, Violation,
    connection::Client,
    streaming::{self, StreamingRequest, StreamingResponse},
};
use crate::{
    error::{BuildError, Unhandled},
    json::{self, Shape},
    operation::{NoEvents, Operation, StreamingOperation},
    protocol::{
        RpcMessage, SendError, SendTurn, StreamId,
        server::{Answer, Core, Phase},
    },
    transport::Shared,
};

/// What happens to a request that lacks required members, or holds values that the model does not allow, and
/// to such an event from a client, whose stream ends if it is refused.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum InvalidRequest {
    /// It is refused with an error that is not of the model, as the Java server refuses what it cannot read.
    /// That server does not check requests for what the model asks, and hands them to its handlers.
    Reject,
    /// It is refused with this error.
    RejectWith(ErrorReply),
    /// The handler gets it, with zero values in the place of what is missing, and without the nulls in lists
    /// and maps that have none. Nothing else says what is wrong with an event.
    Accept,
}

/// Who is calling, and how.
#[derive(Clone)]
pub struct RequestContext {
    client: Arc<Client>,
    stream_id: StreamId,
    /// None for nearly all requests.
    violations: Option<Arc<[Violation]>>,
}

impl RequestContext {
    /// Who the authenticator said the client is.
    pub fn identity(&self) -> &Identity {
        &self.client.identity
    }

    /// The process at the other end of a Unix socket, as far as the platform says.
    pub fn peer(&self) -> Option<PeerCredentials> {
        self.client.peer
    }

    /// A number that tells this connection from the others of the process.
    pub fn connection(&self) -> u64 {
        self.client.shared.number
    }

    /// The stream of the call.
    pub fn stream_id(&self) -> StreamId {
        self.stream_id
    }

    /// Which required members the request lacks, and which values the model does not allow, if the service
    /// has accepted such a request. Of a report of more than 64 KiB there is only the beginning.
    pub fn violations(&self) -> &[Violation] {
        self.violations.as_deref().unwrap_or_default()
    }

    /// Closes the connection of the call, without an answer to anything that is open on it.
    pub fn close_connection(&self) {
        self.client.shared.with(|core| core.fail(crate::error::ConnectionError::Closed));
    }

    /// Waits until the stream of the call has ended, from either side.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops waiting.
    pub async fn ended(&self) {
        let id = self.stream_id;
        cooperative(self.client.shared.poll(|core, cx| core.poll_ended(id, cx))).await;
    }
}

impl fmt::Debug for RequestContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestContext")
            .field("identity", self.identity())
            .field("peer", &self.peer())
            .field("connection", &self.connection())
            .field("stream_id", &self.stream_id)
            .field("violations", &self.violations())
            .finish()
    }
}

/// Decides about requests that are not what the model says.
pub(super) type OnInvalid = Arc<dyn Fn(&str, &[Violation]) -> InvalidRequest + Send + Sync>;

/// Tells the protocol something about a stream when it is dropped.
pub(super) struct OnDrop {
    client: Arc<Client>,
    id: StreamId,
    action: Option<fn(&mut Core, StreamId)>,
}

impl OnDrop {
    pub(super) fn new(context: &RequestContext, action: fn(&mut Core, StreamId)) -> Self {
        let client = Arc::clone(&context.client);
        Self { client, id: context.stream_id, action: Some(action) }
    }
}

impl Drop for OnDrop {
    fn drop(&mut self) {
        if let Some(action) = self.action {
            self.client.shared.with(|core| action(core, self.id));
        }
    }
}

/// The first message of a stream, not decoded yet.
pub struct IncomingCall {
    message: RpcMessage,
    context: RequestContext,
    on_invalid: OnInvalid,
    /// For a call that is dropped without a handler.
    unread: OnDrop,
}

impl IncomingCall {
    pub(super) fn new(message: RpcMessage, client: &Arc<Client>, on_invalid: OnInvalid) -> Self {
        let client = Arc::clone(client);
        let context = RequestContext { client, stream_id: message.stream_id, violations: None };
        let unread = OnDrop::new(&context, Core::stop_reading);
        Self { message, context, on_invalid, unread }
    }

    /// Absolute shape ID of the operation.
    pub fn operation(&self) -> &str {
        self.message.operation().unwrap_or_default()
    }

    /// The payload of the request: the JSON of the operation's input, if the client keeps to the model.
    pub fn payload(&self) -> bytes::Bytes {
        self.message.to_payload()
    }

    /// Who is calling.
    pub fn context(&self) -> &RequestContext {
        &self.context
    }

    /// Serves a call of an operation with one response.
    pub fn unary<O, F, Fut>(self, operation: O, handler: F) -> BoxFuture<'static, ()>
    where
        O: Operation,
        F: FnOnce(O::Request, RequestContext) -> Fut + Send + 'static,
        Fut: Future<Output = Result<O::Response, O::Error>> + Send + 'static,
    {
        let _ = operation;
        let span = self.context.client.shared.call_span(O::ID);
        let serving = async move {
            let Some((request, reply)) = self.accept::<O>(false) else { return };
            let call = async {
                match handler(request, reply.context.clone()).await {
                    Ok(response) => {
                        let append = |dst: &mut _| json::append(dst, &response);
                        reply.send(Answer::Response, O::Response::ID, append).await;
                    }
                    Err(error) => reply.error(&error),
                }
            };
            reply.run(call).await;
        };
        Box::pin(serving.instrument(span))
    }

    /// Serves a call of an operation that keeps its stream open for events.
    pub fn streaming<O, F, Fut>(self, operation: O, handler: F) -> BoxFuture<'static, ()>
    where
        O: StreamingOperation,
        F: FnOnce(StreamingRequest<O>, RequestContext) -> Fut + Send + 'static,
        Fut: Future<Output = Result<StreamingResponse<O>, O::Error>> + Send + 'static,
    {
        let _ = operation;
        let span = self.context.client.shared.call_span(O::ID);
        let serving = async move {
            let takes_events = O::RequestEvent::ID != NoEvents::ID;
            let Some((request, reply)) = self.accept::<O>(takes_events) else { return };
            let running = takes_events.then(|| reply.start_handler());
            let events = streaming::client_events::<O>(&reply);
            let request = StreamingRequest { request, events };
            let call = async {
                match handler(request, reply.context.clone()).await {
                    Ok(response) => streaming::serve(&reply, running, response).await,
                    Err(error) => reply.error(&error),
                }
            };
            reply.run(call).await;
        };
        Box::pin(serving.instrument(span))
    }

    /// Answers a call of an operation that the service does not have.
    pub fn unsupported(self) -> BoxFuture<'static, ()> {
        let error = Unhandled::not_implemented(self.operation());
        self.deny(&error.into());
        Box::pin(std::future::ready(()))
    }

    /// Answers with an error, without a handler.
    pub fn deny(self, error: &ErrorReply) {
        let Self { context, on_invalid, .. } = self;
        Reply { operation: None, context, on_invalid }.send_error(error);
    }

    /// Reads the request; one that cannot be read is answered.
    fn accept<O: Operation>(self, takes_events: bool) -> Option<(O::Request, Reply)> {
        let Self { message, context, on_invalid, mut unread } = self;
        let mut reply = Reply { operation: Some(O::ID), context, on_invalid };
        match reply.read(message.payload(), "invalid request") {
            Ok((request, violations)) => {
                if !violations.is_empty() {
                    reply.context.violations = Some(violations.into());
                }
                reply.shared().with(|core| core.expect_events(reply.id(), takes_events));
                unread.action = None;
                Some((request, reply))
            }
            Err(refusal) => {
                reply.send_error(&refusal);
                None
            }
        }
    }
}

impl fmt::Debug for IncomingCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncomingCall")
            .field("operation", &self.operation())
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}

/// Where the reply to a call is sent.
#[derive(Clone)]
pub(super) struct Reply {
    /// Its shape ID. A call that no handler takes has none: the name in it is text from the peer.
    operation: Option<&'static str>,
    pub(super) context: RequestContext,
    /// Holds the service, which may keep contexts: those must not hold it.
    on_invalid: OnInvalid,
}

impl Reply {
    pub(super) fn shared(&self) -> &Shared<Core> {
        &self.context.client.shared
    }

    pub(super) fn id(&self) -> StreamId {
        self.context.stream_id
    }

    /// Reads what the client sent, and asks the service about what is not as the model says.
    pub(super) fn read<T: Shape>(
        &self,
        payload: &[u8],
        failure: &str,
    ) -> Result<(T, Vec<Violation>), ErrorReply> {
        let (value, violations) = json::request_from_slice(payload).map_err(|error| {
            tracing::debug!(
                target: crate::LOG_TARGET,
                connection = self.shared().number, operation = self.operation, error = error.kind(),
                "{failure}"
            );
            ErrorReply::internal()
        })?;
        if violations.is_empty() {
            return Ok((value, violations));
        }
        let operation = self.operation.unwrap_or_default();
        match (self.on_invalid)(operation, &violations) {
            InvalidRequest::Accept => Ok((value, violations)),
            InvalidRequest::Reject => Err(ErrorReply::internal()),
            InvalidRequest::RejectWith(error) => Err(error),
        }
    }

    /// Says that the handler reads its client's events: it may finish after the end of its stream.
    fn start_handler(&self) -> OnDrop {
        self.shared().with(|core| core.set_handler(self.id(), true));
        OnDrop::new(&self.context, |core, id| core.set_handler(id, false))
    }

    /// Runs a call until it is done, or its stream has ended and nothing is left to finish. A panic is answered.
    async fn run(&self, call: impl Future<Output = ()>) {
        let mut call = pin!(call);
        let mut finish: Option<Pin<Box<Sleep>>> = None;
        std::future::poll_fn(|cx| {
            // Before the call, which may use up what the task may do at a time.
            if finish.as_mut().is_some_and(|it| it.as_mut().poll(cx).is_ready()) {
                return Poll::Ready(());
            }
            match catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(cx))) {
                Ok(Poll::Ready(())) => return Poll::Ready(()),
                Ok(Poll::Pending) => {}
                Err(_panic) => {
                    tracing::error!(
                        target: crate::LOG_TARGET,
                        connection = self.context.connection(), operation = self.operation,
                        "handler panicked"
                    );
                    self.send_error(&ErrorReply::internal());
                    return Poll::Ready(());
                }
            }
            match self.shared().with(|core| core.poll_phase(self.id(), cx)) {
                Phase::Over => Poll::Ready(()),
                Phase::Finishing(timeout) if finish.is_none() => {
                    finish.insert(Box::pin(sleep(timeout))).as_mut().poll(cx)
                }
                Phase::Open | Phase::Finishing(_) => Poll::Pending,
            }
        })
        .await;
    }

    /// Waits for a future; `None` if the stream ends first.
    pub(super) async fn unless_ended<F: Future>(&self, future: F) -> Option<F::Output> {
        let mut future = pin!(future);
        std::future::poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => {
                self.shared().with(|core| core.poll_ended(self.id(), cx)).map(|()| None)
            }
        })
        .await
    }

    /// Sends a message when there is room for it; `false` if the stream has ended or it cannot be encoded. A reply that
    /// cannot be encoded is answered in its place.
    pub(super) async fn send(
        &self,
        answer: Answer,
        shape: &'static str,
        payload: impl Fn(&mut BytesMut) -> Result<(), json::Error>,
    ) -> bool {
        let turn = match answer {
            Answer::Event => SendTurn::default(),
            Answer::Response | Answer::OpenResponse => SendTurn::of_reply(),
        };
        let sent =
            self.shared().send(turn, |core| core.send(self.id(), answer, shape, &payload)).await;
        if let Err(SendError::Build(error)) = &sent {
            self.log_not_encoded(error);
            self.send_error(&ErrorReply::internal());
        }
        sent.is_ok()
    }

    pub(super) fn error(&self, error: &impl crate::error::OperationError) {
        self.send_error(&ErrorReply::of_operation(error));
    }

    pub(super) fn send_error(&self, error: &ErrorReply) {
        let error = error.to_message(self.context.client.service_id);
        if let Err(error) = self.shared().with(|core| core.send_error(self.id(), &error)) {
            self.log_not_encoded(&error);
        }
    }

    /// A reply was not sent as it is, and an internal error in its place.
    fn log_not_encoded(&self, error: &BuildError) {
        tracing::error!(
            target: crate::LOG_TARGET,
            connection = self.shared().number, operation = self.operation, %error,
            "reply cannot be encoded"
        );
    }
}
