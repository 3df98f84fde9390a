//! Definitions of what happens to the calls of an operation, as JSON.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use bytes::Bytes;
use eventstream_rpc::{
    error::Unhandled,
    json::{self, Shape},
    operation::{Operation, StreamingOperation},
};
use greengrass_core_ipc::{
    operation,
    server::{BoxFuture, IncomingCall},
};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Action, Definitions, Serve, operations::each_operation};
use crate::{Builder, recipe::closest_end};

/// What happens to a call.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Reply {
    response: Option<Map<String, Value>>,
    /// Default: the name of the operation with `Response`.
    response_shape: Option<String>,
    /// The events of a stream, which stays open.
    events: Option<Vec<Map<String, Value>>>,
    /// Default: that of the model.
    event_shape: Option<String>,
    error: Option<Error>,
    /// In seconds.
    #[serde(default)]
    delay: f64,
    #[serde(default)]
    no_answer: bool,
    #[serde(default)]
    disconnect: bool,
}

/// An error, by default one that is not in the model.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Error {
    shape: Option<String>,
    #[serde(default)]
    members: Map<String, Value>,
}

/// The definition for the calls of one operation.
#[derive(Debug)]
struct Definition {
    operation: String,
    /// For the first calls. The core serves the calls that follow.
    first: VecDeque<Call>,
    /// For all calls.
    each: Option<Call>,
}

#[derive(Clone, Debug)]
struct Call {
    delay: Duration,
    answer: Answer,
}

#[derive(Clone, Debug)]
enum Answer {
    Served,
    Response(Message, Option<Vec<Message>>),
    Error(Unhandled),
    None,
    Disconnect,
}

use eventstream_rpc::server::EncodedMessage as Message;

/// The namespace of operations and errors without one.
const NAMESPACE: &str = "aws.greengrass";

/// The absolute shape ID of a name, which may be one already.
fn shape_id(name: &str) -> String {
    if name.contains('#') { name.to_owned() } else { format!("{NAMESPACE}#{name}") }
}

impl Builder {
    /// Defines what happens to calls of an operation, also of one that is not in the model. Permissions are not checked.
    ///
    /// The definition is an object for all calls, or a list of objects for the first ones. See
    /// [faults](crate#faults-for-components-in-other-languages).
    pub fn on(mut self, operation: &str, definition: impl Into<Value>) -> Self {
        match Definition::parse(operation, definition.into()) {
            Ok(definition) => definition.add_to(&self.definitions),
            Err(problem) => _ = self.problem.get_or_insert(problem),
        }
        self
    }
}

impl Definition {
    /// Parses a definition: an object for all calls of an operation, or a list of objects for the first ones. The error
    /// says what is wrong.
    fn parse(operation: &str, definition: Value) -> Result<Self, String> {
        let operation = shape_id(operation);
        let shapes = Shapes::of(&operation);
        if shapes.is_none() {
            let similar = closest_end(&operation, '#', Shapes::IDS.iter().copied());
            let hint = similar.map(|it| format!("; did you mean {it}?")).unwrap_or_default();
            tracing::warn!(
                "{operation} is not in the model; its definition is used as it is{hint}"
            );
        }
        let call = |value, path: &str| {
            let located = |problem| format!("{path}: {problem}");
            let call = Reply::read(value, path)
                .and_then(|it| Call::new(it, &operation, shapes.as_ref()).map_err(located));
            call.map_err(|problem| format!("the definition for {operation}: {problem}"))
        };
        let (first, each) = match definition {
            Value::Array(calls) => {
                let calls = calls.into_iter().enumerate();
                let calls = calls.map(|(at, it)| call(it, &format!("$[{at}]")));
                (calls.collect::<Result<_, _>>()?, None)
            }
            definition => (VecDeque::new(), Some(call(definition, "$")?)),
        };
        Ok(Self { operation, first, each })
    }

    fn add_to(self, definitions: &Definitions) {
        definitions.change(&self.operation, |it| {
            it.next.extend(self.first.into_iter().map(Call::action));
            if let Some(call) = self.each {
                it.each = Some(Arc::new(std::sync::Mutex::new(move |_: &IncomingCall| {
                    call.clone().action()
                })));
            }
        });
    }
}

impl Reply {
    /// Reads the definition of a call. The error has the JSON path of what is wrong in it, whose own path is `path`.
    fn read(definition: Value, path: &str) -> Result<Self, String> {
        // A list would be read as the members in their order.
        if !definition.is_object() {
            return Err(format!("{path}: it is not an object"));
        }
        serde_path_to_error::deserialize(definition).map_err(|error| {
            match error.path().to_string() {
                root if root == "." => format!("{path}: {}", error.inner()),
                place => format!("{path}.{place}: {}", error.inner()),
            }
        })
    }
}

impl Call {
    fn new(reply: Reply, operation: &str, shapes: Option<&Shapes>) -> Result<Self, String> {
        let delay =
            Duration::try_from_secs_f64(reply.delay).map_err(|it| format!("delay: {it}"))?;
        let is_response = reply.response.is_some() || reply.events.is_some();
        let answers = [is_response, reply.error.is_some(), reply.no_answer, reply.disconnect];
        if answers.iter().filter(|it| **it).count() > 1 {
            return Err("only one of response, error, noAnswer and disconnect is possible".into());
        }
        let answer = match reply.error {
            Some(error) => Answer::Error(error.unhandled()),
            None if is_response => Answer::response(reply, operation, shapes)?,
            None if reply.no_answer => Answer::None,
            None if reply.disconnect => Answer::Disconnect,
            None => Answer::Served,
        };
        Ok(Self { delay, answer })
    }

    fn action(self) -> Action {
        Box::new(move |call, serve| {
            if self.delay.is_zero() {
                return self.answer.give(call, &serve);
            }
            Box::pin(async move {
                tokio::time::sleep(self.delay).await;
                self.answer.give(call, &serve).await;
            })
        })
    }
}

impl Answer {
    fn response(reply: Reply, operation: &str, shapes: Option<&Shapes>) -> Result<Self, String> {
        let shape =
            reply.response_shape.map_or_else(|| format!("{operation}Response"), |it| shape_id(&it));
        let check = shapes.map(|it| it.is_response);
        let response = message(shape, reply.response.unwrap_or_default(), check);
        let is_streaming = shapes.is_some_and(|it| it.event.is_some());
        let Some(events) = reply.events.or_else(|| is_streaming.then(Vec::new)) else {
            return Ok(Self::Response(response, None));
        };
        let of_model = shapes.and_then(|it| it.event);
        let shape = match (reply.event_shape, of_model) {
            (Some(shape), _) => shape_id(&shape),
            (None, Some((shape, _))) => shape.to_owned(),
            (None, None) if events.is_empty() => String::new(),
            (None, None) => return Err("events of this operation need an eventShape".into()),
        };
        let check = of_model.map(|it| it.1);
        let events = events.into_iter().map(|it| message(shape.clone(), it, check));
        Ok(Self::Response(response, Some(events.collect())))
    }

    fn give(self, call: IncomingCall, serve: &Serve) -> BoxFuture<'static, ()> {
        match self {
            Self::Served => return serve(call),
            Self::Response(response, events) => return call.encoded(response, events),
            Self::None => return Box::pin(async move { call.context().ended().await }),
            Self::Error(error) => call.deny(&error),
            Self::Disconnect => call.context().close_connection(),
        }
        Box::pin(std::future::ready(()))
    }
}

impl Error {
    fn unhandled(self) -> Unhandled {
        let Some(shape) = self.shape else { return Unhandled::internal() };
        let payload = Value::from(self.members).to_string().into();
        Unhandled::from_reply(Some(&shape_id(&shape)), Some("application/json"), payload)
    }
}

/// A message, which the log warns about if it is not as in the model.
fn message(shape: String, members: Map<String, Value>, check: Option<Check>) -> Message {
    let value = Value::from(members);
    let payload = Bytes::from(value.to_string());
    if check.is_some_and(|it| !it(&value, &payload)) {
        tracing::warn!("what is defined as {shape} is not as in the model; it is sent as it is");
    }
    // Messages are defined at the start only, so that the number of names is limited.
    Message { shape: String::leak(shape), payload }
}

/// Whether a message is as in the model.
type Check = fn(&Value, &[u8]) -> bool;

/// The messages of an operation of the model.
struct Shapes {
    is_response: Check,
    /// The absolute shape ID of events.
    event: Option<(&'static str, Check)>,
}

impl Shapes {
    /// The operations of the model.
    const IDS: &[&str] = {
        macro_rules! ids {
            (unary { $($method:ident $operation:ident)* }
     streaming { $($opening:ident $subscription:ident)* }) => {
                &[
                    $(<operation::$method::$operation as Operation>::ID,)*
                    $(<operation::$opening::$subscription as Operation>::ID,)*
                ]
            };
        }
        each_operation!(ids)
    };

    /// The shapes of an operation; `None` if it is not in the model.
    fn of(id: &str) -> Option<Self> {
        macro_rules! shapes {
            (unary { $($method:ident $operation:ident)* }
     streaming { $($opening:ident $subscription:ident)* }) => {
                match id {
                    $(<operation::$method::$operation as Operation>::ID => {
                        Some(Self::new::<operation::$method::$operation>())
                    })*
                    $(<operation::$opening::$subscription as Operation>::ID => {
                        Some(Self::streaming::<operation::$opening::$subscription>())
                    })*
                    _ => None,
                }
            };
        }
        each_operation!(shapes)
    }

    fn new<O: Operation>() -> Self {
        Self { is_response: is_exact::<O::Response>, event: None }
    }

    fn streaming<O: StreamingOperation>() -> Self {
        let event: Check = is_exact::<O::ResponseEvent>;
        Self { event: Some((O::ResponseEvent::ID, event)), ..Self::new::<O>() }
    }
}

/// Whether a payload is unchanged when it is read as a shape and written again: it has no other members, all required
/// ones, and their types.
fn is_exact<S: Shape>(value: &Value, payload: &[u8]) -> bool {
    let read = json::payload_from_slice::<S>(payload).and_then(|it| json::to_vec(&it));
    let again = read.ok().and_then(|it| serde_json::from_slice(&it).ok());
    again.is_some_and(|it: Value| with_floats(it) == with_floats(value.clone()))
}

/// A value whose numbers are floating-point numbers.
fn with_floats(value: Value) -> Value {
    match value {
        Value::Number(it) => it.as_f64().into(),
        Value::Array(items) => items.into_iter().map(with_floats).collect(),
        Value::Object(members) => {
            members.into_iter().map(|(name, it)| (name, with_floats(it))).collect()
        }
        other => other,
    }
}
