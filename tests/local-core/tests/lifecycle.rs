//! Components with recipes: their states, their processes and the order of both.

use std::{fs, path::PathBuf};

use greengrass_core_ipc::types::{BinaryMessage, LifecycleState, ReportedLifecycleState};
use greengrass_local_core::{Builder, LocalCore};
use serde_json::{Value, json};
use tempfile::TempDir;
use test_util::in_time;

use crate::support::{Raw, wait_until};

/// A folder with recipes, and the root folder of a core.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Writes the recipe of a component. Each script can write lines with `$EV`.
    fn recipe(&self, name: &str, lifecycle: Value, dependencies: &[&str]) -> PathBuf {
        let dependencies = dependencies.iter().map(|it| (format!("com.example.{it}"), json!({})));
        let dependencies: serde_json::Map<_, _> = dependencies.collect();
        let text = json!({
            "RecipeFormatVersion": "2020-01-25",
            "ComponentName": format!("com.example.{name}"),
            "ComponentVersion": "1.0.0",
            "ComponentDependencies": dependencies,
            "Lifecycle": { "Setenv": { "EVENTS": self.events() } },
            "Manifests": [{ "Lifecycle": lifecycle }],
        });
        self.write(name, &format!("{text:#}"))
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(format!("{name}.json"));
        fs::write(&path, text).unwrap();
        path
    }

    fn events(&self) -> PathBuf {
        self.0.path().join("events")
    }

    /// The lines of all scripts.
    fn lines(&self) -> Vec<String> {
        let text = fs::read_to_string(self.events()).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn builder(&self) -> Builder {
        LocalCore::builder().root(self.0.path().join("root"))
    }

    /// A script that writes a line.
    fn event(&self, line: &str) -> String {
        format!("echo {line} >> {}", self.events().display())
    }

    async fn error(&self, builder: Builder) -> String {
        let error = builder.start().await.expect_err("the core does not start").to_string();
        error.replace(&format!("{}/", self.0.path().display()), "")
    }
}

const HOLD: &str = "while :; do sleep 1000; done";

#[tokio::test]
async fn a_component_runs_its_steps_with_the_environment_of_a_nucleus() {
    let folder = Folder::new();
    let run = folder.event("$SVCUID $AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH_FOR_COMPONENT $PWD");
    let lifecycle = json!({
        "Install": folder.event("install"),
        "Run": format!("{run}; echo {{work:path}}"),
        "Shutdown": folder.event("shutdown"),
    });
    let core = folder.builder().run_recipe(folder.recipe("A", lifecycle, &[]));
    let core = core.start().await.unwrap();
    in_time("the state", core.wait_for_state("com.example.A", LifecycleState::Finished))
        .await
        .unwrap();
    let work = fs::canonicalize(folder.0.path()).unwrap().join("root/work/com.example.A");
    let token = core.auth_token("com.example.A");
    let expected = format!("{token} {} {}", core.socket_path().display(), work.display());
    assert_eq!(folder.lines(), ["install", &*expected, "shutdown"]);
    core.stop().await.unwrap();
    let log = folder.0.path().join("root/logs/com.example.A.log");
    assert!(fs::read_to_string(log).unwrap().contains(&*work.display().to_string()));
}

#[tokio::test]
async fn a_component_by_hand_is_running_while_it_is_connected() {
    let core = LocalCore::builder().component("com.example.A").start().await.unwrap();
    let state = || core.state("com.example.A");
    assert_eq!(state(), LifecycleState::Installed);
    let first = core.connect("com.example.A").await.unwrap();
    let second = core.connection("com.example.A").connect().await.unwrap();
    assert_eq!(state(), LifecycleState::Running);
    drop(second);
    let report = |state| first.update_state().state(state).send();
    report(ReportedLifecycleState::Running).await.unwrap();
    assert_eq!(state(), LifecycleState::Running);
    report(ReportedLifecycleState::Errored).await.unwrap();
    assert_eq!(state(), LifecycleState::Errored);
    drop(first);
    in_time("the state", core.wait_for_state("com.example.A", LifecycleState::Installed))
        .await
        .unwrap();
    let _again = core.connect("com.example.A").await.unwrap();
    assert_eq!(state(), LifecycleState::Running);
}

#[tokio::test]
async fn a_component_reports_its_state() {
    let folder = Folder::new();
    let lifecycle = json!({ "Startup": format!("{}; {HOLD}", folder.event("startup")) });
    let core = folder.builder().run_recipe(folder.recipe("A", lifecycle, &[]));
    let core = core.start().await.unwrap();
    assert_eq!(core.state("com.example.A"), LifecycleState::Starting);
    let client = core.connect("com.example.A").await.unwrap();
    client.update_state().state(ReportedLifecycleState::Running).send().await.unwrap();
    assert_eq!(core.state("com.example.A"), LifecycleState::Running);
    for _ in 0..2 {
        client.update_state().state(ReportedLifecycleState::Errored).send().await.unwrap();
        in_time("the state", core.wait_for_state("com.example.A", LifecycleState::Starting))
            .await
            .unwrap();
        client.update_state().state(ReportedLifecycleState::Running).send().await.unwrap();
    }
    client.update_state().state(ReportedLifecycleState::Errored).send().await.unwrap();
    assert_eq!(core.state("com.example.A"), LifecycleState::Broken);
    let error = core.wait_for_state("com.example.A", LifecycleState::Running).await.unwrap_err();
    assert_eq!(error.to_string(), "com.example.A is BROKEN and does not become RUNNING");
    core.stop().await.unwrap();
}

#[tokio::test]
async fn other_states_cannot_be_reported() {
    let core = LocalCore::builder().component("com.example.A").start().await.unwrap();
    let mut raw = Raw::connect(&core, "com.example.A").await;
    for state in [r#""FINISHED""#, r#""running""#, r#""""#, "null"] {
        let answer = raw.call("UpdateState", format!(r#"{{"state":{state}}}"#)).await;
        assert_eq!(answer, Err("ServiceError".to_owned()), "{state}");
    }
    let answer = raw.call("UpdateState", r#"{"state":["RUNNING"]}"#).await;
    assert_eq!(answer, Err("InternalServerError".to_owned()));
    assert_eq!(core.state("com.example.A"), LifecycleState::Running);
}

#[tokio::test]
async fn a_component_waits_for_a_dependency_by_hand() {
    let folder = Folder::new();
    let dependent = folder.recipe("B", json!({ "Run": HOLD }), &["A"]);
    let dependency = folder.recipe("A", json!({ "Run": HOLD }), &[]);
    let core = folder.builder().run_recipe(dependent).run_recipe(dependency);
    let core = core.by_hand("com.example.A").start().await.unwrap();
    assert_eq!(core.state("com.example.B"), LifecycleState::Installed);
    let client = core.connect("com.example.A").await.unwrap();
    in_time("the state", core.wait_for_state("com.example.B", LifecycleState::Running))
        .await
        .unwrap();
    drop(client);
    in_time("the state", core.wait_for_state("com.example.B", LifecycleState::Installed))
        .await
        .unwrap();
    core.stop().await.unwrap();
}

#[tokio::test]
async fn components_stop_in_reverse_order() {
    let folder = Folder::new();
    let recipe = |name, dependencies: &[&str]| {
        let line = |step: &str| folder.event(&format!("{name}-{step}"));
        let run = format!("trap '{}; exit' TERM; {}; {HOLD}", line("end"), line("run"));
        let run = run.replace("sleep 1000", "sleep 1000 & wait $!");
        folder.recipe(name, json!({ "Run": run, "Shutdown": line("shutdown") }), dependencies)
    };
    let (c, b, a) = (recipe("C", &["B"]), recipe("B", &["A"]), recipe("A", &[]));
    let core = folder.builder().run_recipe(c).run_recipe(b).run_recipe(a).start().await.unwrap();
    wait_until("lines", || folder.lines().len() >= 3).await;
    core.stop().await.unwrap();
    let lines = folder.lines();
    let stop: Vec<_> = lines[3..].iter().map(String::as_str).collect();
    assert_eq!(stop, ["C-shutdown", "C-end", "B-shutdown", "B-end", "A-shutdown", "A-end"]);
}

#[tokio::test]
async fn a_broken_component_does_not_affect_others() {
    let folder = Folder::new();
    let bad = folder.recipe("Bad", json!({ "Run": "no-such-program" }), &[]);
    let after = folder.recipe("After", json!({ "Run": HOLD }), &["Bad"]);
    let good = folder.recipe("Good", json!({ "Run": HOLD }), &[]);
    let core = folder.builder().run_recipe(bad).run_recipe(after).run_recipe(good);
    let core = core.start().await.unwrap();
    in_time("the state", core.wait_for_state("com.example.Bad", LifecycleState::Broken))
        .await
        .unwrap();
    assert_eq!(core.state("com.example.Good"), LifecycleState::Running);
    let waits = core.wait_for_state("com.example.After", LifecycleState::Installed);
    in_time("the end of its process", waits).await.unwrap();
    core.stop().await.unwrap();
}

#[tokio::test]
async fn processes_end_with_a_core_that_is_dropped() {
    let folder = Folder::new();
    let run = format!("{}; {HOLD}", folder.event("$$"));
    let core = folder.builder().run_recipe(folder.recipe("A", json!({ "Run": run }), &[]));
    let core = core.start().await.unwrap();
    wait_until("its process", || !folder.lines().is_empty()).await;
    let process = folder.lines().remove(0);
    let runs = || {
        let status = std::process::Command::new("kill").args(["-0", &process]).output();
        status.unwrap().status.success()
    };
    assert!(runs());
    drop(core);
    wait_until("the end of its process", || !runs()).await;
}

#[tokio::test]
async fn permissions_and_configuration_come_from_the_recipe() {
    let folder = Folder::new();
    let recipe = json!({
        "RecipeFormatVersion": "2020-01-25",
        "ComponentName": "com.example.A",
        "ComponentVersion": "1.0.0",
        "ComponentConfiguration": { "DefaultConfiguration": {
            "mqtt": { "port": 1, "host": "h" },
            "list": [1],
            "accessControl": { "aws.greengrass.ipc.pubsub": { "com.example.A:pubsub:1": {
                "operations": ["aws.greengrass#PublishToTopic"], "resources": ["test/topic"],
            } } },
        } },
        "Manifests": [{ "Lifecycle": {} }],
    });
    let core = LocalCore::builder()
        .recipe(folder.write("A", &recipe.to_string()))
        .component("com.example.Other")
        .config("com.example.A", json!({ "MQTT": { "port": 2 }, "list": [2] }))
        .set("com.example.A", "/mqtt/a~1b", 3)
        .set("com.example.A", "new", "x")
        .start()
        .await
        .unwrap();
    let client = core.connect("com.example.A").await.unwrap();
    let configuration =
        client.get_configuration().key_path([] as [&str; 0]).send().await.unwrap().value.unwrap();
    assert_eq!(configuration["mqtt"], json!({ "port": 2, "host": "h", "a/b": 3 }));
    assert_eq!((&configuration["list"], &configuration["new"]), (&json!([2]), &json!("x")));
    let publish = |client: &greengrass_core_ipc::Client, topic| {
        let message = BinaryMessage::builder().message("").build();
        client.publish_to_topic().topic(topic).publish_message(message).send()
    };
    publish(&client, "test/topic").await.unwrap();
    publish(&client, "other").await.unwrap_err();
    // A component without a recipe has no permissions either.
    publish(&core.connect("com.example.Other").await.unwrap(), "test/topic").await.unwrap_err();
}

#[tokio::test]
async fn a_component_runs_its_artifacts() {
    let folder = Folder::new();
    let recipe = json!({
        "RecipeFormatVersion": "2020-01-25",
        "ComponentName": "com.example.A",
        "ComponentVersion": "1.0.0",
        "Manifests": [{
            "Lifecycle": { "Run": "{artifacts:path}/run.sh" },
            "Artifacts": [{ "Uri": "s3://bucket/run.sh", "Permission": { "Execute": "OWNER" } }],
        }],
    });
    let recipe = folder.write("A", &format!("{recipe:#}"));
    let error = folder.error(folder.builder().run_recipe(&recipe)).await;
    assert!(error.starts_with("A.json:7:9: error: the artifact run.sh"), "{error}");
    fs::create_dir(folder.0.path().join("artifacts")).unwrap();
    let script = format!("#!/bin/sh\n{}\n", folder.event("ran"));
    fs::write(folder.0.path().join("artifacts/run.sh"), script).unwrap();
    let builder = folder.builder().run_recipe(&recipe).artifacts(folder.0.path().join("artifacts"));
    let core = builder.start().await.unwrap();
    let finished = core.wait_for_state("com.example.A", LifecycleState::Finished);
    in_time("the end of its script", finished).await.unwrap();
    assert_eq!(folder.lines(), ["ran"]);
}

#[tokio::test]
async fn a_changed_recipe_restarts_its_component() {
    let folder = Folder::new();
    let write = |line: &str, resource: &str| {
        let recipe = json!({
            "RecipeFormatVersion": "2020-01-25",
            "ComponentName": "com.example.A",
            "ComponentVersion": "1.0.0",
            "ComponentConfiguration": { "DefaultConfiguration": {
                "fixed": 1,
                "line": line,
                "accessControl": { "aws.greengrass.ipc.pubsub": { "com.example.A:pubsub:1": {
                    "operations": ["*"], "resources": [resource],
                } } },
            } },
            "Manifests": [{ "Lifecycle": {
                "Run": format!("{}; {HOLD}", folder.event("{configuration:/line}")),
                "Shutdown": folder.event(&format!("shutdown-{line}")),
            } }],
        });
        folder.write("A", &recipe.to_string())
    };
    let core = folder.builder().run_recipe(write("one", "a/*")).start().await.unwrap();
    let lines = |count| {
        let folder = &folder;
        async move {
            wait_until("lines", || folder.lines().len() >= count).await;
            folder.lines()
        }
    };
    lines(1).await;
    let client = core.connect("com.example.A").await.unwrap();
    let update = client.update_configuration().value_to_merge(json!({ "fixed": 2 }));
    update.timestamp(std::time::SystemTime::now()).send().await.unwrap();
    write("two", "b/*");
    core.reload("com.example.A").await.unwrap();
    assert_eq!(lines(3).await, ["one", "shutdown-one", "two"]);
    assert_eq!(core.state("com.example.A"), LifecycleState::Running);
    let publish = |topic| {
        let message = BinaryMessage::builder().message("").build();
        client.publish_to_topic().topic(topic).publish_message(message).send()
    };
    publish("b/1").await.unwrap();
    publish("a/1").await.unwrap_err();
    let fixed = client.get_configuration().key_path(["fixed"]).send().await.unwrap();
    assert_eq!(fixed.value.unwrap()["fixed"], 2.0);
    let recipe = fs::read_to_string(write("three", "c/*")).unwrap();
    let artifacts = r#""Artifacts":[{"Uri":"s3://bucket/missing"}],"Lifecycle""#;
    folder.write("A", &recipe.replacen(r#""Lifecycle""#, artifacts, 1));
    let error = core.reload("com.example.A").await.unwrap_err().to_string();
    assert!(error.contains("the artifact missing (s3://bucket/missing) is missing"), "{error}");
    publish("c/1").await.unwrap_err();
    publish("b/1").await.unwrap();
    let line = client.get_configuration().key_path(["line"]).send().await.unwrap();
    assert_eq!(line.value.unwrap()["line"], "two");
    folder.write("A", "{");
    assert!(core.reload("com.example.A").await.unwrap_err().to_string().contains("A.json:1:"));
    assert_eq!(core.state("com.example.A"), LifecycleState::Running);
    core.stop().await.unwrap();
    assert_eq!(folder.lines(), ["one", "shutdown-one", "two", "shutdown-two"]);
}

#[tokio::test]
async fn recipes_that_do_not_fit_together_are_errors() {
    let folder = Folder::new();
    let run = || json!({ "Run": HOLD });
    let (a, b) = (folder.recipe("A", run(), &["B"]), folder.recipe("B", run(), &["A"]));
    let error = folder.error(folder.builder().run_recipe(&a)).await;
    let expected = "A.json:3:5: error: com.example.A depends on com.example.B, which has no recipe here; \
                    give its recipe too, or in its place one with `Manifests: [{}]`";
    assert_eq!(error, expected);
    // Without processes, nothing waits for the dependency.
    folder.builder().recipe(&a).start().await.unwrap().stop().await.unwrap();
    let error = folder.error(folder.builder().run_recipe(&a).run_recipe(&b)).await;
    let expected = "B.json:3:5: error: circular dependency: com.example.A -> com.example.B -> \
                    com.example.A; remove one of the dependencies";
    assert_eq!(error, expected);
    let error = folder.error(folder.builder().recipe(&a).run_recipe(&a)).await;
    let expected = "A.json: error: com.example.A has another recipe, A.json; remove one of them";
    assert_eq!(error.lines().next(), Some(expected));
    let error = folder.error(folder.builder().recipe(folder.0.path().join("C.json"))).await;
    assert!(error.starts_with("C.json: error: cannot read the recipe: No such file"), "{error}");
}
