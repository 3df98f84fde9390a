//! The steps that a nucleus does beside its socket: deployments, states, files and restarts.

use std::{
    cmp::Reverse,
    panic::{AssertUnwindSafe, catch_unwind},
    process::Command,
};

use greengrass_core_ipc::types::LifecycleState;
use greengrass_local_core::LocalCore;
use serde_json::{Value, json};

use super::{
    connection::SLOW,
    player::{POLL_INTERVAL, Player},
    timeline,
};

/// The name of the command line tool in scenarios.
pub(super) const LOGIN: &str = "greengrass-cli";

impl Player<'_> {
    /// Performs a step that is none of a connection, if it is one.
    pub(super) async fn step_beside(&mut self, step: &Value, recorded: &Value) -> Option<Value> {
        if step["sleep"].is_number() {
            return Some(Value::Null);
        }
        if step["deploy"].is_object() {
            return Some(self.deploy(step).await);
        }
        if step["call"] == "CreateLocalDeployment" && step["settle"].as_f64() > Some(1.0) {
            let deploy = json!({ "deploy": step["request"], "name": "call" });
            let start = self.placeholders.len();
            let reply = self.deploy(&deploy).await;
            self.placeholders.truncate(start);
            // The end of the deployment has replaced the reply to a call that succeeded.
            let has_succeeded = reply["kind"] == "deployment";
            return Some(if has_succeeded { recorded.clone() } else { reply });
        }
        if step["restart"] == true {
            self.restart().await;
            return Some(Value::Null);
        }
        if step["timeline"] == true {
            return Some(timeline::of(self, step, recorded));
        }
        if let Some(component) = step["wait"]["component"].as_str() {
            let state = self.has(component).then(|| self.core.state(component).to_string());
            let state = state.unwrap_or("ResourceNotFoundError".to_owned());
            return Some(json!({ "kind": "state", "body": state }));
        }
        if let Some(name) = step["file"].as_str() {
            return Some(json!({ "kind": "file", "body": self.world.read(name) }));
        }
        let script = step["sh"].as_str()?;
        let output = Command::new("sh").arg("-c").arg(self.world.folders(script)).output().unwrap();
        Some(json!({ "kind": "sh", "body": String::from_utf8_lossy(&output.stdout) }))
    }

    fn has(&self, component: &str) -> bool {
        // A deployment adds the token first.
        self.core.components().any(|it| it == component)
            && catch_unwind(AssertUnwindSafe(|| self.core.state(component))).is_ok()
    }

    /// Creates a deployment, and waits for its end. Answers events on the way.
    async fn deploy(&mut self, step: &Value) -> Value {
        let mut answers = step["answers"].as_array().cloned().unwrap_or_default();
        let request = json!({ "call": "CreateLocalDeployment", "request": step["deploy"] });
        let reply = self.ask(LOGIN, &request).await;
        let created: Value = serde_json::from_slice(&self.replied).unwrap_or_default();
        let Some(id) = created["deploymentId"].as_str() else { return reply };
        let name = step["name"].as_str().unwrap_or_default();
        self.placeholders.push((id.to_owned(), format!("$id:{name}")));
        // The name of one may be the start of that of another.
        self.placeholders.sort_by_key(|it| Reverse(it.1.len()));
        if step["nowait"] == true {
            // The nucleus had the time to begin.
            let added = step["deploy"]["rootComponentVersionsToAdd"].as_object();
            let start = tokio::time::Instant::now();
            while step["settle"].as_f64() > Some(1.0)
                && !added.into_iter().flatten().all(|it| self.has(it.0))
                && start.elapsed() < SLOW
            {
                tokio::time::sleep(POLL_INTERVAL).await;
            }
            return reply;
        }
        let request = json!({
            "call": "GetLocalDeploymentStatus", "request": { "deploymentId": id },
        });
        let start = tokio::time::Instant::now();
        loop {
            self.answer(&mut answers).await;
            let reply = self.ask(LOGIN, &request).await;
            let status = &reply["body"]["deployment"]["status"];
            let has_ended = status != "QUEUED" && status != "IN_PROGRESS";
            if has_ended || start.elapsed() > SLOW {
                return json!({ "kind": "deployment", "body": reply["body"] });
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Makes the calls that answer events which have come.
    async fn answer(&mut self, answers: &mut Vec<Value>) {
        let names: Vec<_> = self.connections.keys().filter(|it| *it != LOGIN).cloned().collect();
        for name in names {
            let connection = self.connections.get_mut(&name).unwrap();
            let messages = connection.round_trip().await;
            messages.iter().for_each(|it| self.event(&name, it));
        }
        while let Some((at, event)) = answers.iter().enumerate().find_map(|(at, answer)| {
            let event = self.events.iter().find(|it| it["stream"] == answer["stream"])?;
            Some((at, event["body"].clone()))
        }) {
            let answer = answers.remove(at);
            let event = event.as_object().and_then(|it| it.values().next()).cloned();
            let id = event.map(|it| it["deploymentId"].as_str().unwrap_or_default().to_owned());
            self.answered = id.unwrap_or_default();
            let reply = self.ask(answer["as"].as_str().unwrap(), &answer).await;
            self.answers.push(reply);
        }
    }

    /// Makes a call on a connection.
    async fn ask(&mut self, name: &str, step: &Value) -> Value {
        self.connection(name).await;
        let (stream, bytes) = self.request(name, step, None);
        self.exchange(name, &bytes, stream, true).await
    }

    /// Waits until the components that run have written that they do, so that their traps are set.
    pub(super) async fn rest(&mut self, step: &Value) {
        let passive = ["Get", "List", "Subscribe"];
        let is_passive = match step["call"].as_str() {
            Some(operation) => passive.iter().any(|it| operation.starts_with(it)),
            None => step["deploy"].is_null() && step["restart"].is_null(),
        };
        let is_quick = step["request"]["state"] == "RUNNING";
        if is_passive || is_quick || !self.world.has_processes() {
            return;
        }
        let components: Vec<_> =
            self.core.components().filter(|it| self.world.writes(it)).collect();
        let runs = |component: &str| {
            let past = self.past.get(component).into_iter().flatten();
            let states: Vec<_> = past.cloned().chain(self.core.states(component)).collect();
            let rests = [LifecycleState::Running, LifecycleState::Broken, LifecycleState::Finished];
            let started = states.iter().filter(|it| **it == LifecycleState::Running).count();
            let lines = self.world.lines(component);
            let lines = lines.iter().filter(|it| it.starts_with("run")).count();
            // Those before a restart of the core count too.
            lines >= started && rests.contains(&self.core.state(component))
        };
        let start = tokio::time::Instant::now();
        while !components.iter().all(|it| runs(it)) && start.elapsed() < SLOW {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Stops the core, and starts it again with what it has kept.
    async fn restart(&mut self) {
        self.connections.clear();
        self.core.disconnect_all().await;
        for component in self.core.components().filter(|it| !it.contains('#')) {
            let states = catch_unwind(AssertUnwindSafe(|| self.core.states(&component)));
            self.past.entry(component).or_default().extend(states.unwrap_or_default());
        }
        let nothing = LocalCore::builder().component("nothing").start().await.unwrap();
        let core = std::mem::replace(&mut self.core, nothing);
        core.stop().await.unwrap();
        self.core = self.world.start().await;
    }
}
