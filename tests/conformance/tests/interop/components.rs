//! The example components of the local core in Rust, Python and JavaScript, run by its program from their recipes, with
//! components that misbehave.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::ExitStatus,
};

use conformance::official::{self, Tool};
use greengrass_core_ipc::{
    Client,
    client::ConnectionBuilder,
    types::{IoTCoreMessage, JsonMessage, Qos},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use test_util::in_time;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::Child,
    sync::mpsc,
};

use super::support::local_core_run;

/// A running `greengrass-local-core run`.
struct Core {
    process: Child,
    lines: mpsc::UnboundedReceiver<String>,
    /// All lines so far, of the output and of the log.
    log: Vec<String>,
}

impl Core {
    /// Runs recipes, with their artifacts, in a folder for the socket and the root.
    fn run(folder: &Path, recipes: &[PathBuf], options: &[&str]) -> Self {
        let mut command = local_core_run();
        command.args(recipes).args(options);
        command.arg("--artifacts").arg(official::example("").unwrap());
        command.arg("--socket").arg(folder.join("ipc.socket"));
        command.arg("--root").arg(folder.join("root"));
        let mut process = command.spawn().unwrap();
        let (sender, lines) = mpsc::unbounded_channel();
        tokio::spawn(read(process.stdout.take().unwrap(), sender.clone()));
        tokio::spawn(read(process.stderr.take().unwrap(), sender));
        Self { process, lines, log: Vec::new() }
    }

    /// Waits for a line with each of these texts, in any order.
    async fn expect(&mut self, texts: &[&str]) {
        let mut missing = texts.to_vec();
        let expected = async {
            while !missing.is_empty() {
                let Some(line) = self.lines.recv().await else {
                    panic!("the core has ended before {missing:?}:\n{}", self.log.join("\n"));
                };
                missing.retain(|it| !line.contains(it));
                self.log.push(line);
            }
        };
        in_time(&format!("{texts:?}"), expected).await;
    }

    /// Sends a signal and waits for the end of the program. Returns the status and all lines.
    async fn end(mut self, signal: &str) -> (ExitStatus, Vec<String>) {
        test_util::signal(self.process.id().unwrap(), signal);
        let status = in_time("the end of the core", self.process.wait()).await.unwrap();
        while let Some(line) = in_time("the last lines", self.lines.recv()).await {
            self.log.push(line);
        }
        (status, self.log)
    }
}

async fn read(stream: impl AsyncRead + Unpin, sender: mpsc::UnboundedSender<String>) {
    let mut lines = BufReader::new(stream).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let _ = sender.send(line);
    }
}

/// Whether both official SDKs can be used.
fn has_sdks() -> bool {
    official::has(Tool::Python) && official::has(Tool::Node)
}

fn example(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../local-core/examples").join(path)
}

fn examples() -> [PathBuf; 3] {
    ["sensor/recipe.json", "filter/recipe.yaml", "display/recipe.yaml"].map(example)
}

/// Writes the recipe of a component with a run step. Returns its path.
fn recipe(folder: &TempDir, name: &str, run: &str) -> PathBuf {
    let path = folder.path().join(format!("{name}.json"));
    let recipe = json!({
        "RecipeFormatVersion": "2020-01-25",
        "ComponentName": name,
        "ComponentVersion": "1.0.0",
        "Manifests": [{ "Lifecycle": { "Run": run } }],
    });
    fs::write(&path, recipe.to_string()).unwrap();
    path
}

/// The position of the first line with a text.
#[track_caller]
fn position(log: &[String], text: &str) -> usize {
    let found = log.iter().position(|it| it.contains(text));
    found.unwrap_or_else(|| panic!("no {text:?}:\n{}", log.join("\n")))
}

/// What the components print when messages and changes of configurations have passed between all of them.
const CONVERSATION: [&str; 4] = [
    "com.example.Display | alarm: ",
    "com.example.Display | asked for readings every 20 ms",
    "com.example.Sensor | the interval is 20 ms",
    "com.example.Filter | the sensor has changed: {'interval': 20.0}",
];

#[tokio::test]
async fn components_in_three_languages_talk_to_each_other() {
    if !has_sdks() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let options = ["--set", "com.example.Filter:threshold=3"];
    let mut core = Core::run(folder.path(), &examples(), &options);
    core.expect(&CONVERSATION).await;
    let (status, log) = core.end("INT").await;
    assert!(status.success(), "{}", log.join("\n"));
    position(&log, "com.example.Filter | the threshold is 3");
    for name in ["Sensor", "Filter", "Display"] {
        position(&log, &format!("com.example.{name} | stopped"));
    }
    // The filter depends on the sensor.
    let [filter, sensor] = ["Filter: FINISHED", "Sensor: STOPPING"].map(|it| position(&log, it));
    assert!(filter < sensor, "{}", log.join("\n"));
    let log = fs::read_to_string(folder.path().join("root/logs/com.example.Filter.log")).unwrap();
    assert!(log.contains("stdout. the threshold is 3"), "{log}");
}

#[tokio::test]
async fn a_denied_call_works_when_the_snippet_is_pasted_into_the_recipe() {
    if !has_sdks() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::copy(example("display/display.js"), folder.path().join("display.js")).unwrap();
    let complete = fs::read_to_string(example("display/recipe.yaml")).unwrap();
    let policy = complete.find("        \"com.example.Display:pubsub:2\":").unwrap();
    let end = complete.find("ComponentDependencies:").unwrap();
    let recipe = folder.path().join("recipe.yaml");
    fs::write(&recipe, [&complete[..policy], &complete[end..]].concat()).unwrap();

    let [sensor, filter, _] = examples();
    let mut core = Core::run(folder.path(), &[sensor, filter, recipe.clone()], &["--watch"]);
    core.expect(&["com.example.Display | denied: ", "            - \"example/commands\""]).await;
    let start = position(&core.log, "        \"com.example.Display:pubsub:2\":");
    // The components print meanwhile.
    let snippet = core.log[start..].iter().filter(|it| it.starts_with("        "));
    let snippet: String = snippet.map(|it| format!("{it}\n")).collect();
    fs::write(&recipe, [&complete[..policy], &snippet, &complete[end..]].concat()).unwrap();
    core.expect(&CONVERSATION).await;
    let (status, log) = core.end("TERM").await;
    assert!(status.success(), "{}", log.join("\n"));
}

#[tokio::test]
async fn components_that_crash_hang_or_fork_leave_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let fork =
        "setsid sh -c 'echo $$; exec sleep 1000' & (sh -c 'echo $$; exec sleep 1000' &); wait";
    let recipes = [
        example("sensor/recipe.json"),
        recipe(&folder, "com.example.Crash", "exit 3"),
        recipe(
            &folder,
            "com.example.Hang",
            "trap '' TERM; echo hangs; while :; do sleep 0.1; done",
        ),
        recipe(&folder, "com.example.Fork", fork),
    ];
    let mut core = Core::run(folder.path(), &recipes, &[]);
    core.expect(&[
        "com.example.Sensor | the interval is 50 ms",
        "com.example.Crash.json:1:",
        ") exited with status 3",
        "com.example.Crash: BROKEN",
        "com.example.Hang | hangs",
    ])
    .await;
    let is_forked = |it: &&String| it.starts_with("com.example.Fork | ");
    while core.log.iter().filter(is_forked).count() < 2 {
        core.expect(&[""]).await;
    }
    let folders = ["Sensor", "Crash", "Hang", "Fork"].map(|it| work_folder(folder.path(), it));
    // The shell and its two descendants.
    assert!(processes(&folders[3..]) >= 3);
    let (status, log) = core.end("INT").await;
    // A component is `BROKEN`.
    assert_eq!(status.code(), Some(1), "{}", log.join("\n"));
    assert_eq!(processes(&folders), 0, "{}", log.join("\n"));
    position(&log, "com.example.Sensor | stopped");
    for name in ["Sensor", "Hang", "Fork"] {
        position(&log, &format!("com.example.{name}: FINISHED"));
    }
}

#[tokio::test]
async fn components_start_again_with_another_core() {
    if !has_sdks() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folders = ["Sensor", "Filter", "Display"].map(|it| work_folder(folder.path(), it));
    for signal in ["TERM", "HUP", "KILL"] {
        let mut core = Core::run(folder.path(), &examples(), &[]);
        core.expect(&CONVERSATION).await;
        let (status, log) = core.end(signal).await;
        assert_eq!(status.success(), signal != "KILL", "{}", log.join("\n"));
        let all_end = async {
            while processes(&folders) > 0 {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        };
        in_time("the components notice the end of the core", all_end).await;
    }
    let mut core = Core::run(folder.path(), &examples(), &[]);
    core.expect(&CONVERSATION).await;
    assert!(core.end("INT").await.0.success());
}

/// The sensor, the lamp and the supervisor in Rust and in Python.
const LANGUAGES: [[&str; 3]; 2] = [
    ["sensor/recipe.json", "lamp/recipe.yaml", "supervisor/recipe.yaml"],
    ["sensor/recipe-python.json", "lamp/recipe-python.yaml", "supervisor/recipe-python.yaml"],
];

/// Copies the secrets of the supervisor to a file that only this user can read.
fn secrets(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("secrets.json");
    fs::copy(example("supervisor/secrets.json"), &path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

async fn publish(client: &Client, topic: &str, message: Value) {
    let message = JsonMessage::builder().message(message).build();
    client.publish_to_topic().topic(topic).publish_message(message).send().await.unwrap();
}

#[tokio::test]
async fn a_sensor_a_lamp_and_a_supervisor_work_in_each_language() {
    if !official::has(Tool::Python) {
        return;
    }
    let everything = json!({ "all": { "operations": ["*"], "resources": ["*"] } });
    let services = ["ipc.pubsub", "ipc.mqttproxy", "ShadowManager", "Cli"];
    let services = services.map(|it| (format!("aws.greengrass.{it}"), everything.clone()));
    let policies: Value = services.into_iter().collect();
    let test = format!("com.example.Test={}", json!({ "accessControl": policies }));
    for recipes in LANGUAGES {
        let folder = tempfile::tempdir().unwrap();
        let secrets = secrets(&folder);
        let secrets = secrets.to_str().unwrap();
        let options = ["--secrets", secrets, "--config", &test, "--notify-components"];
        let mut core = Core::run(folder.path(), &recipes.map(example), &options);
        core.expect(&[
            "export SVCUID=",
            "com.example.Sensor | the interval is 50 ms",
            "com.example.Lamp | the lamp is off",
            "com.example.Supervisor | the secret has 17 bytes",
            "com.example.Supervisor | com.example.Lamp 1.0.0 is ",
        ])
        .await;
        let mut tokens = core.log.iter().filter_map(|it| it.strip_prefix("export SVCUID="));
        let connection = ConnectionBuilder::default().socket_path(folder.path().join("ipc.socket"));
        let connection = connection.auth_token(tokens.next().unwrap()).connect().await;
        let client = Client::new(connection.unwrap());

        let readings = client.subscribe_to_iot_core().topic_name("example/readings");
        let mut readings = readings.qos(Qos::AtMostOnce).send().await.unwrap();
        let reading = in_time("a reading", readings.next()).await.unwrap().unwrap();
        let IoTCoreMessage::Message(reading) = reading else { panic!("{reading:?}") };
        let reading: Value = serde_json::from_slice(&reading.payload.unwrap()).unwrap();
        assert!(reading["value"].is_number(), "{reading}");
        publish(&client, "example/commands", json!({ "interval": 20 })).await;
        core.expect(&["com.example.Sensor | the interval is 20 ms"]).await;

        let update = client.update_thing_shadow().thing_name("local-core").shadow_name("lamp");
        let document = json!({ "state": { "desired": { "on": true } } }).to_string();
        update.payload(document).send().await.unwrap();
        core.expect(&["com.example.Lamp | the lamp is on"]).await;
        publish(&client, "example/lamp/switch", json!({ "on": false })).await;
        core.expect(&["com.example.Lamp | the lamp is off"]).await;
        let shadow = client.get_thing_shadow().thing_name("local-core").shadow_name("lamp");
        let shadow: Value = serde_json::from_slice(&shadow.send().await.unwrap().payload).unwrap();
        let is_off = json!({ "on": false });
        assert_eq!(shadow["state"], json!({ "desired": is_off, "reported": is_off }));

        publish(&client, "example/supervisor/restart", json!({ "component": "com.example.Lamp" }))
            .await;
        core.expect(&[
            "com.example.Supervisor | restart of com.example.Lamp: SUCCEEDED",
            "com.example.Lamp | stopped",
            "com.example.Lamp: RUNNING",
            "com.example.Lamp | the lamp is off",
        ])
        .await;

        client.create_local_deployment().send().await.unwrap();
        core.expect(&[
            "com.example.Supervisor | the update is deferred by 1000 ms",
            "com.example.Supervisor | the update is deferred by 0 ms",
        ])
        .await;
        let (status, log) = core.end("TERM").await;
        assert!(status.success(), "{}", log.join("\n"));
    }
}

fn work_folder(folder: &Path, name: &str) -> PathBuf {
    folder.canonicalize().unwrap().join(format!("root/work/com.example.{name}"))
}

/// The number of processes in these work folders.
fn processes(folders: &[PathBuf]) -> usize {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let works = entries.filter_map(|it| fs::read_link(it.path().join("cwd")).ok());
    works.filter(|it| folders.contains(it)).count()
}
