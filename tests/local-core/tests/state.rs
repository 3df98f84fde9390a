//! The state that outlives a core.

#[cfg(target_os = "linux")]
mod disks;

use std::{env, sync::Arc};

use crate::support::Program;

use eventstream_rpc::error::OperationError;
use greengrass_core_ipc::{Client, error::SdkError, primitives::Timestamp};
use greengrass_local_core::LocalCore;
use serde_json::{Value, json};
use test_util::{Random, in_time};
use tokio::{
    sync::Semaphore,
    task::{JoinSet, yield_now},
};

/// The number of times that the program is killed. The environment variable of this name sets another one.
const CRASHES: &str = "CRASHES";

/// The maximum number of answers before the program is killed.
const MAX_ANSWERS: u32 = 100;

/// Something that is changed again and again: a value in a configuration, or a shadow.
struct Entry {
    name: String,
    is_shadow: bool,
    /// The number of changes that were answered with success.
    answered: u64,
}

impl Entry {
    /// The value of the entry after this number of changes.
    fn after(&self, changes: u64) -> Option<u64> {
        let is_deleted = changes == 0 || self.is_shadow && changes % 5 == 0;
        (!is_deleted).then_some(changes)
    }

    /// Makes the next change. Returns whether it is answered.
    async fn change(&mut self, client: &Client) -> bool {
        let (name, next) = (&*self.name, self.after(self.answered + 1));
        let is_answered = match (self.is_shadow, next) {
            (true, Some(next)) => {
                let document = json!({ "state": { "desired": { "n": next } } }).to_string();
                let call = client.update_thing_shadow().thing_name("t").shadow_name(name);
                answered(call.payload(document).send().await).is_some()
            }
            (true, None) => {
                let call = client.delete_thing_shadow().thing_name("t").shadow_name(name);
                answered(call.send().await).is_some()
            }
            (false, _) => {
                let call = client.update_configuration().key_path([name]);
                let call = call.timestamp(Timestamp::now()).value_to_merge(json!({ "n": next }));
                answered(call.send().await).is_some()
            }
        };
        self.answered += u64::from(is_answered);
        is_answered
    }

    /// The value that a core has.
    async fn found(&self, client: &Client) -> Option<u64> {
        let name = &*self.name;
        let value = if self.is_shadow {
            let call = client.get_thing_shadow().thing_name("t").shadow_name(name);
            let shadow = existing(call.send().await)?.payload;
            serde_json::from_slice::<Value>(&shadow).unwrap()["state"]["desired"]["n"].clone()
        } else {
            let call = client.get_configuration().key_path([name, "n"]);
            existing(call.send().await)?.value.unwrap()["n"].clone()
        };
        Some(value.as_f64().expect("a number") as u64)
    }

    /// Checks that a core has all changes that were answered with success. It may have the change after them.
    async fn check(&mut self, client: &Client) {
        let found = self.found(client).await;
        let at = [self.answered + 1, self.answered].into_iter().find(|it| self.after(*it) == found);
        self.answered = at.unwrap_or_else(|| {
            let answered = self.after(self.answered);
            panic!("{} is {found:?} instead of {answered:?} or the next one", self.name)
        });
    }
}

/// Checks that a core knows deployments.
async fn check_deployments(client: &Client, ids: &[String]) {
    for id in ids {
        client.get_local_deployment_status().deployment_id(id).send().await.unwrap();
    }
}

/// The answer to a call, unless the connection was lost.
#[track_caller]
fn answered<T, E: OperationError>(answer: Result<T, SdkError<E>>) -> Option<T> {
    match answer {
        Ok(answer) => Some(answer),
        Err(SdkError::DispatchFailure { .. } | SdkError::ResponseError(_)) => None,
        Err(error) => panic!("{error:?}"),
    }
}

/// What there is, if it exists.
#[track_caller]
fn existing<T, E: OperationError>(answer: Result<T, SdkError<E>>) -> Option<T> {
    match answer {
        Ok(answer) => Some(answer),
        Err(error) if error.code() == Some("ResourceNotFoundError") => None,
        Err(error) => panic!("{error:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_with_success_is_there_after_a_crash() {
    let crashes = env::var(CRASHES).map_or(3, |it| it.parse().unwrap());
    let mut random = Random::new(crashes);
    let folder = tempfile::tempdir().unwrap();
    let limits = json!({ "rateLimits": {
        "maxLocalRequestsPerSecondPerThing": 1e9, "maxTotalLocalRequestsRate": 1e9,
    } });
    let all = json!({ "p": { "operations": ["*"], "resources": ["*"] } });
    // A deployment takes the permissions of components without policies.
    let policies = json!({ "accessControl": {
        "aws.greengrass.ShadowManager": all, "aws.greengrass.Cli": all,
    } });
    let configurations =
        [format!("a={policies}"), format!("aws.greengrass.ShadowManager={limits}")];
    let mut args: Vec<_> =
        configurations.into_iter().flat_map(|it| ["--config".to_owned(), it]).collect();
    args.extend(["--state".to_owned(), folder.path().display().to_string()]);
    let new = |at| Entry { name: format!("e{at}"), is_shadow: at % 2 == 1, answered: 0 };
    let mut entries: Vec<_> = (0..8).map(new).collect();
    let mut deployments = Vec::new();
    for _ in 0..crashes {
        let mut program = in_time("the start", Program::start(&args)).await;
        check_deployments(&program.client(0).await, &deployments).await;
        let answers = Arc::new(Semaphore::new(0));
        let (client, deployed) = (program.client(0).await, Arc::clone(&answers));
        let deploying = tokio::spawn(async move {
            let mut ids = Vec::new();
            while let Some(it) = answered(client.create_local_deployment().send().await) {
                ids.push(it.deployment_id.unwrap());
                deployed.add_permits(1);
            }
            ids
        });
        let mut changing = JoinSet::new();
        for mut entry in entries.drain(..) {
            let client = program.client(0).await;
            entry.check(&client).await;
            let answers = Arc::clone(&answers);
            changing.spawn(async move {
                while entry.change(&client).await {
                    answers.add_permits(1);
                }
                entry
            });
        }
        let needed = 1 + random.below(MAX_ANSWERS);
        let _all = in_time("the answers", answers.acquire_many(needed)).await.unwrap();
        // The moment differs also in relation to the commits.
        for _ in 0..random.below(1000) {
            yield_now().await;
        }
        program.child.start_kill().unwrap();
        in_time("the end", program.child.wait()).await.unwrap();
        while let Some(entry) = in_time("the end of a client", changing.join_next()).await {
            entries.push(entry.unwrap());
        }
        deployments = in_time("the end of a client", deploying).await.unwrap();
    }
    let program = in_time("the start", Program::start(&args)).await;
    let client = program.client(0).await;
    check_deployments(&client, &deployments).await;
    for entry in &mut entries {
        entry.check(&client).await;
    }
}

async fn update(client: &Client, key: &str, value: &str) -> Result<(), String> {
    let call = client.update_configuration().timestamp(Timestamp::now());
    let answer = call.value_to_merge(json!({ key: value })).send().await;
    answer.map(drop).map_err(|it| it.message().unwrap_or_default().to_owned())
}

async fn value(client: &Client, key: &str) -> Value {
    let answer = client.get_configuration().key_path([key]).send().await;
    answer.unwrap().value.unwrap()[key].clone()
}

#[tokio::test]
async fn a_core_keeps_its_state_for_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let builder = || LocalCore::builder().component("a").state(folder.path());
    let core = builder().start().await.unwrap();
    update(&core.connect("a").await.unwrap(), "k", "v").await.unwrap();
    let error = builder().start().await.unwrap_err().to_string();
    assert!(error.contains("as the state folder: another core has locked"), "{error}");
    core.stop().await.unwrap();
    let core = builder().start().await.unwrap();
    assert_eq!(value(&core.connect("a").await.unwrap(), "k").await, "v");
    // Dropping it is enough.
    drop(core);
    builder().start().await.unwrap();
}
