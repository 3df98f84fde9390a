//! Changes of the recipe and the artifacts of a component that runs.

use std::{fs, io, path::Path, process::Command};

use greengrass_core_ipc::types::{DeploymentStatus, LifecycleState};
use serde_json::json;
use test_util::in_time;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::unix::pipe,
    sync::mpsc,
};
use tracing::Level;

use super::{reload_changed, with_snapshot};
use crate::LocalCore;

const NAME: &str = "com.example.Hello";

/// Runs a component, whose scripts print into a pipe, and watches its files meanwhile. Its artifact is beside the recipe.
async fn watch(run: &str, test: impl AsyncFnOnce(&Path, &LocalCore, Lines)) {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let receiver = pipe::OpenOptions::new().read_write(true).open_receiver(&fifo).unwrap();
    fs::write(folder.path().join("app"), "echo app").unwrap();
    write_recipe(folder.path(), run);
    let recipe = folder.path().join("recipe.json");
    let core = LocalCore::builder().run_recipe(recipe).cli_login().start().await.unwrap();
    tokio::select! {
        never = reload_changed(&core) => match never {},
        () = test(folder.path(), &core, Lines(BufReader::new(receiver).lines())) => {}
    }
}

/// What the scripts print.
struct Lines(tokio::io::Lines<BufReader<pipe::Receiver>>);

impl Lines {
    async fn next(&mut self) -> String {
        in_time("a line", self.0.next_line()).await.unwrap().unwrap()
    }
}

fn write_recipe(folder: &Path, run: &str) {
    let recipe = json!({
        "RecipeFormatVersion": "2020-01-25",
        "ComponentName": NAME,
        "ComponentVersion": "1.0.0",
        "Manifests": [{
            "Lifecycle": { "Run": format!("exec >{}/fifo; {run}", folder.display()) },
            "Artifacts": [{ "URI": "s3://bucket/app" }],
        }],
    });
    fs::write(folder.join("recipe.json"), recipe.to_string()).unwrap();
}

#[tokio::test]
async fn a_component_restarts_when_its_recipe_or_an_artifact_changes() {
    watch("echo one; sleep 1000", async |folder, _, mut lines| {
        assert_eq!(lines.next().await, "one");
        write_recipe(folder, ". {artifacts:path}/app; sleep 1000");
        assert_eq!(lines.next().await, "app");
        fs::write(folder.join("app"), "echo changed").unwrap();
        assert_eq!(lines.next().await, "changed");
    })
    .await;
}

#[test]
fn a_change_during_a_reload_is_seen_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let files = ["recipe", "changed", "created", "named"].map(|it| folder.path().join(it));
    let snapshot = |count| with_snapshot((NAME.to_owned(), files[..count].to_vec())).1;
    fs::write(&files[1], "").unwrap();
    let before = snapshot(3);
    for file in &files[1..] {
        fs::write(file, "1").unwrap();
    }
    let applied = snapshot(4).with(&before);
    let now = snapshot(4).files;
    let differs = |it: &&std::path::PathBuf| applied.files[*it] != now[*it];
    assert_eq!(files.iter().filter(differs).collect::<Vec<_>>(), [&files[1], &files[2]]);
}

#[tokio::test]
async fn a_component_that_is_broken_starts_with_a_new_recipe() {
    watch("exit 1", async |folder, core, mut lines| {
        in_time("BROKEN", core.wait_for_state(NAME, LifecycleState::Broken)).await.unwrap();
        write_recipe(folder, "echo repaired; sleep 1000");
        assert_eq!(lines.next().await, "repaired");
    })
    .await;
}

#[tokio::test]
async fn a_component_that_a_deployment_adds_starts_once() {
    const OTHER: &str = "com.example.Other";
    watch("echo one; sleep 1000", async |folder, core, mut lines| {
        assert_eq!(lines.next().await, "one");
        let recipes = folder.join("recipes");
        fs::create_dir(&recipes).unwrap();
        let write = |line: &str| {
            let recipe = json!({
                "RecipeFormatVersion": "2020-01-25",
                "ComponentName": OTHER,
                "ComponentVersion": "1.0.0",
                "Manifests": [{ "Lifecycle": {
                    "Run": format!("exec >{}/fifo; echo {line}; sleep 1000", folder.display()),
                } }],
            });
            fs::write(recipes.join("other.json"), recipe.to_string()).unwrap();
        };
        write("two");
        let login = core.components().find(|it| it.starts_with("greengrass-cli#")).unwrap();
        let client = core.connect(&login).await.unwrap();
        let deployment = client
            .create_local_deployment()
            .recipe_directory_path(recipes.to_str().unwrap())
            .root_component_versions_to_add([(OTHER.to_owned(), "1.0.0".to_owned())]);
        let id = deployment.send().await.unwrap().deployment_id.unwrap();
        assert_eq!(lines.next().await, "two");
        let succeeded = async {
            loop {
                let status = client.get_local_deployment_status().deployment_id(&id).send().await;
                if status.unwrap().deployment.status == DeploymentStatus::Succeeded {
                    break;
                }
                tokio::task::yield_now().await;
            }
        };
        in_time("the end of the deployment", succeeded).await;
        write("three");
        assert_eq!(lines.next().await, "three");
    })
    .await;
}

/// A writer that sends each event of a log.
struct Log(mpsc::UnboundedSender<String>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(String::from_utf8_lossy(bytes).into_owned()).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_component_continues_when_its_recipe_is_invalid() {
    let (sender, mut errors) = mpsc::unbounded_channel();
    let log = tracing_subscriber::fmt().with_max_level(Level::ERROR);
    let log = log.with_writer(move || Log(sender.clone())).finish();
    let _guard = tracing::subscriber::set_default(log);
    let run = "echo one; trap 'echo stopped; exit' TERM; while :; do sleep 0.01; done";
    watch(run, async |folder, core, mut lines| {
        assert_eq!(lines.next().await, "one");
        let path = folder.join("recipe.json");
        let valid = fs::read_to_string(&path).unwrap();
        for (from, to, expected) in [
            ("{", "", "recipe.json:1:"),
            ("bucket/app", "bucket/other", "the artifact other (s3://bucket/other) is missing"),
            (NAME, "com.example.Other", "it is the recipe of com.example.Other now"),
        ] {
            fs::write(&path, valid.replace(from, to)).unwrap();
            let error = in_time("an error", errors.recv()).await.unwrap();
            let expected = [expected, "com.example.Hello continues without the change"];
            assert!(expected.iter().all(|it| error.contains(it)), "{error}");
            assert_eq!(core.state(NAME), LifecycleState::Running);
        }
        write_recipe(folder, "echo two; sleep 1000");
        assert_eq!(lines.next().await, "stopped");
        assert_eq!(lines.next().await, "two");
    })
    .await;
}
