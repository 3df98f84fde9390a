//! Plays a scenario against a core.

use std::collections::BTreeMap;

use greengrass_core_ipc::types::LifecycleState;
use greengrass_local_core::LocalCore;
use serde_json::{Map, Value, json};
use test_util::{END, Received};

use super::{
    compare,
    connection::{Connection, SLOW, encoded},
    deploy::LOGIN,
    describe::{describe, is_event},
    substitute,
    world::World,
};

/// The time between two attempts of a call.
pub(super) const POLL_INTERVAL: std::time::Duration = std::time::Duration::from_millis(10);

/// The time in which a reply becomes the recorded one, when one has not.
const SHORT: std::time::Duration = std::time::Duration::from_secs(3);

/// The default time between two steps of a recording, in seconds.
const SETTLE_TIME: f64 = 0.3;

pub(super) struct Player<'s> {
    pub(super) core: LocalCore,
    pub(super) world: World<'s>,
    pub(super) connections: BTreeMap<String, Connection>,
    /// The events of the current step.
    pub(super) events: Vec<Value>,
    /// The payload of the last reply.
    pub(super) replied: Vec<u8>,
    /// The members of replies that later requests have.
    saved: BTreeMap<String, String>,
    /// Texts, and what recordings have in their place, such as the ids of deployments.
    pub(super) placeholders: Vec<(String, String)>,
    /// The states of components before the core was started again.
    pub(super) past: BTreeMap<String, Vec<LifecycleState>>,
    /// The deployment of the event that is answered.
    pub(super) answered: String,
    /// The replies to the calls of the current step that answer events.
    pub(super) answers: Vec<Value>,
}

/// Plays a scenario. Returns what happened at each step, in the form of the recording.
///
/// The outcome of a scenario with a known difference is not waited for.
pub(super) async fn play(scenario: &Value, is_different: bool) -> Vec<Value> {
    let world = World::new(scenario);
    let core = world.start().await;
    let mut player = Player {
        core,
        world,
        connections: BTreeMap::new(),
        events: Vec::new(),
        replied: Vec::new(),
        saved: BTreeMap::new(),
        placeholders: Vec::new(),
        past: BTreeMap::new(),
        answered: String::new(),
        answers: Vec::new(),
    };
    let mut patience = if is_different { SHORT } else { SLOW };
    let mut outcome = Vec::new();
    let steps = scenario["steps"].as_array().unwrap().iter();
    for (step, recorded) in steps.zip(scenario["recorded"].as_array().unwrap()) {
        let closed_before = player.closed();
        player.rest(step).await;
        for _ in 1..step["burst"].as_u64().unwrap_or(1) {
            player.step(step, recorded).await;
        }
        let mut reply = player.step(step, recorded).await;
        player.save(&step["save"]);
        let start = tokio::time::Instant::now();
        // The nucleus had the time to start and stop processes.
        while player.world.has_processes()
            && step["deploy"].is_null()
            && !compare::is_same(step, recorded, &reply)
            && start.elapsed() < patience
        {
            tokio::time::sleep(POLL_INTERVAL).await;
            reply = player.step(step, recorded).await;
        }
        if start.elapsed() >= patience {
            patience = SHORT;
        }
        player.settle(&recorded["closed"]).await;
        let time = step["sleep"].as_f64().or(step["settle"].as_f64()).unwrap_or(SETTLE_TIME);
        player.world.advance(std::time::Duration::from_secs_f64(time));
        let mut closed = player.closed();
        closed.retain(|it| !closed_before.contains(it));
        let events = std::mem::take(&mut player.events);
        let answers = std::mem::take(&mut player.answers);
        let (closed, answers) =
            (Some(closed).filter(|it| !it.is_empty()), Some(answers).filter(|it| !it.is_empty()));
        outcome.push(
            json!({ "reply": reply, "events": events, "closed": closed, "answers": answers }),
        );
    }
    outcome
}

impl Player<'_> {
    /// Performs a step. Returns its reply, or waits for none.
    async fn step(&mut self, step: &Value, recorded: &Value) -> Value {
        if let Some(reply) = self.step_beside(step, &recorded["reply"]).await {
            return reply;
        }
        let has_reply = recorded["reply"]["kind"] != "none";
        let name = step["as"].as_str().unwrap_or_default();
        if step["connect"].is_object() {
            return self.connect(name, &step["connect"]).await;
        }
        if !step["reconnect"].is_null() || !step["disconnect"].is_null() {
            self.connections.remove(name);
        }
        if step["disconnect"].is_null() {
            self.connection(name).await;
        }
        if step["times"].is_number() {
            self.calls(name, step).await
        } else if step["call"].is_string() {
            let (stream, bytes) = self.request(name, step, None);
            self.exchange(name, &bytes, stream, has_reply).await
        } else if let Some(bytes) = step["bytes"].as_str() {
            let bytes = hex(bytes);
            let connection = self.connections.get_mut(name).unwrap();
            let len = u32::from_be_bytes(bytes[..4].try_into().unwrap());
            let is_start = !connection.is_within_message && bytes.len() < len as usize;
            connection.is_within_message = is_start;
            self.exchange(name, &bytes, 0, has_reply).await
        } else if step["frame"].is_object() {
            let (stream, bytes) = self.frame(name, step);
            self.exchange(name, &bytes, stream, has_reply).await
        } else if let Some(stream) = step["close"].as_str() {
            self.close(name, stream).await;
            Value::Null
        } else {
            Value::Null
        }
    }

    /// Opens a connection whose first message is that of the step.
    async fn connect(&mut self, name: &str, connect: &Value) -> Value {
        let mut headers = connect_headers();
        headers.extend(connect["headers"].as_object().cloned().unwrap_or_default());
        let mut bytes = encoded(&headers.into(), &self.payload(connect, "payload", None));
        for message in connect["more"].as_array().into_iter().flatten() {
            bytes.extend(encoded(
                &message[0],
                self.text(message[1].as_str().unwrap(), None).as_bytes(),
            ));
        }
        let mut connection = Connection::open(self.core.socket_path(), &bytes).await;
        let more = connect["more"].as_array().into_iter().flatten();
        let streams = more.map(|it| it[0][":stream-id"].as_i64().unwrap() as i32);
        connection.last_stream = streams.max().unwrap_or(0);
        let reply = connection.receive().await;
        self.connections.insert(name.to_owned(), connection);
        self.reply(name, reply)
    }

    /// Opens a connection if the scenario has none of this name.
    pub(super) async fn connection(&mut self, name: &str) {
        if !self.connections.contains_key(name) {
            let token = json!({ "authToken": self.core.auth_token(&self.component(name)) });
            let first = encoded(&connect_headers().into(), token.to_string().as_bytes());
            let mut connection = Connection::open(self.core.socket_path(), &first).await;
            connection.receive().await.expect("the connection is accepted");
            self.connections.insert(name.to_owned(), connection);
        }
    }

    /// Sends bytes and receives the reply: the first message of the stream or of the connection that is no event.
    pub(super) async fn exchange(
        &mut self,
        name: &str,
        bytes: &[u8],
        stream: i32,
        has_reply: bool,
    ) -> Value {
        let connection = self.connections.get_mut(name).unwrap();
        if !connection.send(bytes).await {
            return json!({ "kind": "closed" });
        }
        let is_reply = |it: &Received| {
            let is_of_stream = it.stream == stream && !is_event(it);
            is_of_stream || it.stream == 0 || stream == 0
        };
        let mut reply = None;
        if !has_reply {
            if connection.is_within_message {
                return json!({ "kind": "none" });
            }
            for message in connection.round_trip().await {
                if reply.is_none() && is_reply(&message) {
                    reply = Some(message);
                } else {
                    self.event(name, &message);
                }
            }
            return self.reply(name, reply);
        }
        while let Some(message) = self.connections.get_mut(name).unwrap().receive().await {
            if is_reply(&message) {
                reply = Some(message);
                break;
            }
            self.event(name, &message);
        }
        self.reply(name, reply)
    }

    /// Saves members of the last reply.
    fn save(&mut self, members: &Value) {
        for (name, member) in members.as_object().into_iter().flatten() {
            let reply: Value = serde_json::from_slice(&self.replied).unwrap();
            let value = reply[member.as_str().unwrap()].as_str().unwrap_or_default();
            self.saved.insert(name.clone(), value.to_owned());
        }
    }

    fn reply(&mut self, name: &str, reply: Option<Received>) -> Value {
        self.replied = reply.as_ref().map(|it| it.message.payload.to_vec()).unwrap_or_default();
        let is_closed = self.connections[name].is_closed;
        let kind = if is_closed { "closed" } else { "none" };
        reply.map_or(json!({ "kind": kind }), |it| describe(&it, &self.placeholders()))
    }

    pub(super) fn event(&mut self, name: &str, message: &Received) {
        let names = &self.connections[name].names;
        let stream =
            names.get(&message.stream).cloned().unwrap_or_else(|| message.stream.to_string());
        let mut event = describe(message, &self.placeholders());
        event["as"] = name.into();
        event["stream"] = stream.into();
        self.events.push(event);
    }

    /// Makes several calls at once. Counts equal replies.
    async fn calls(&mut self, name: &str, step: &Value) -> Value {
        let (mut bytes, mut streams) = (Vec::new(), Vec::new());
        for index in 1..=step["times"].as_u64().unwrap() {
            let (stream, request) = self.request(name, step, Some(index as usize));
            streams.push(stream);
            bytes.extend(request);
        }
        self.connections.get_mut(name).unwrap().send(&bytes).await;
        let mut replies = BTreeMap::<String, u64>::new();
        while !streams.is_empty() {
            let message = self.connections.get_mut(name).unwrap().receive().await;
            match message {
                Some(message) if is_event(&message) => self.event(name, &message),
                message => {
                    streams.retain(|it| message.as_ref().is_some_and(|other| other.stream != *it));
                    let reply = self.reply(name, message);
                    *replies.entry(reply.to_string()).or_default() += 1;
                }
            }
        }
        let replies = replies.into_iter().map(|(reply, count)| {
            let mut reply: Value = serde_json::from_str(&reply).unwrap();
            reply["n"] = count.into();
            reply
        });
        json!({ "kind": "many", "replies": replies.collect::<Vec<_>>() })
    }

    /// The stream and the message of a call.
    pub(super) fn request(
        &mut self,
        name: &str,
        step: &Value,
        index: Option<usize>,
    ) -> (i32, Vec<u8>) {
        let payload = self.payload(step, "request", index);
        let connection = self.connections.get_mut(name).unwrap();
        connection.last_stream += 1;
        let stream = connection.last_stream;
        if let Some(name) = step["name"].as_str() {
            let number = index.unwrap_or_default().to_string();
            connection.names.insert(stream, name.replace("$i", &number));
        }
        let operation = format!("aws.greengrass#{}", step["call"].as_str().unwrap());
        let mut headers = json!({
            ":message-type": 0, ":message-flags": step["flags"].as_i64().unwrap_or(0),
            ":stream-id": stream, "operation": operation, ":content-type": "application/json",
            "service-model-type": format!("{operation}Request"),
        });
        for (name, value) in step["headers"].as_object().into_iter().flatten() {
            let text = value.as_str().map(|it| self.text(it, None).into());
            headers[name] = text.unwrap_or_else(|| value.clone());
        }
        (stream, encoded(&headers, &payload).into())
    }

    /// The stream and the bytes of a message with any headers.
    fn frame(&mut self, name: &str, step: &Value) -> (i32, Vec<u8>) {
        let payload = self.payload(&step["frame"], "", None);
        let mut headers = step["frame"]["headers"].clone();
        let connection = self.connections.get_mut(name).unwrap();
        let stream = match &headers[":stream-id"] {
            Value::String(it) if it == "$next" => connection.last_stream + 1,
            Value::String(it) => connection.stream(it),
            it => it.as_i64().unwrap_or(0) as i32,
        };
        connection.last_stream = connection.last_stream.max(stream);
        if !headers[":stream-id"].is_null() {
            headers[":stream-id"] = stream.into();
        }
        if headers[":message-flags"].as_i64().is_some_and(|it| it as i32 & END != 0) {
            connection.subscriptions.remove(&stream);
        }
        if let Some(name) = step["name"].as_str() {
            connection.names.insert(stream, name.to_owned());
        }
        (stream, encoded(&headers, &payload).into())
    }

    async fn close(&mut self, name: &str, stream: &str) {
        let connection = self.connections.get_mut(name).unwrap();
        let stream = connection.stream(stream);
        connection.subscriptions.remove(&stream);
        let headers = json!({ ":message-type": 0, ":message-flags": END, ":stream-id": stream });
        connection.send(&encoded(&headers, &[])).await;
    }

    fn closed(&self) -> Vec<String> {
        let closed = self.connections.iter().filter(|(_, it)| it.is_closed);
        closed.map(|(name, _)| name.clone()).collect()
    }

    fn text(&self, text: &str, index: Option<usize>) -> String {
        if let Some(name) = text.strip_prefix("$saved:") {
            return self.saved[name].clone();
        }
        let mut text = self.world.folders(&text.replace("$event", &self.answered));
        for (value, placeholder) in &self.placeholders {
            text = text.replace(placeholder, value);
        }
        substitute::text(&text, index, |it| self.core.auth_token(it))
    }

    /// Texts, and what recordings have in their place.
    fn placeholders(&self) -> Vec<(String, String)> {
        let login = (self.component(LOGIN), "greengrass-cli#user-0".to_owned());
        let root = (self.world.root().display().to_string(), "<dir>/r".to_owned());
        self.placeholders.iter().cloned().chain([login, root]).collect()
    }

    /// The component of a connection, whose name may have the number of a further connection.
    pub(super) fn component(&self, connection: &str) -> String {
        let name = connection.split('#').next().unwrap_or_default();
        let login = self.core.components().find(|it| it.starts_with("greengrass-cli#"));
        login.filter(|_| name == LOGIN).unwrap_or_else(|| name.to_owned())
    }

    /// The payload of a step: `raw`, or the JSON of a member.
    fn payload(&self, step: &Value, member: &str, index: Option<usize>) -> Vec<u8> {
        if let Some(raw) = step["raw"].as_str() {
            return self.text(raw, index).into();
        }
        let text = |it: &str| self.text(it, index);
        match step.get(member) {
            Some(json) => substitute::python_json(&substitute::json(json, self.world.start, &text)),
            None => b"{}".to_vec(),
        }
    }
}

fn connect_headers() -> Map<String, Value> {
    let headers = json!({
        ":message-type": 4, ":message-flags": 0, ":stream-id": 0, ":version": "0.1.0",
        ":content-type": "application/json",
    });
    headers.as_object().cloned().unwrap_or_default()
}

fn hex(text: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(byte).collect()
}
