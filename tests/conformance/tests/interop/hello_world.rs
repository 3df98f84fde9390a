//! The HelloWorld recipe of the AWS documentation, run by the program of the local core: a denied call works after the
//! snippet in the log has been pasted into the recipe.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use conformance::official::{self, Tool};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::Command,
};

const COMPONENT: &str = "com.example.HelloWorld";

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../local-core/examples/hello-world")
}

/// Runs a recipe until its component has finished. Returns the output of the component, and the log.
async fn run(recipe: &Path) -> (Vec<String>, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(official::binary("greengrass-local-core").unwrap());
    command.arg("run").arg(recipe).arg("--artifacts").arg(example().join("artifacts"));
    command.arg("--socket").arg(folder.path().join("ipc.socket")).kill_on_drop(true);
    command.env_remove("RUST_LOG");
    if official::has(Tool::Python) {
        command.env("PYTHONPATH", official::python_folder().unwrap());
    }
    if official::has(Tool::Node) {
        command.env("NODE_PATH", official::node_folder().unwrap().join("node_modules"));
    }
    let mut core = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(core.stderr.take().unwrap()).lines();
    let mut log = String::new();
    let finished = format!("{COMPONENT}: FINISHED");
    while !log.contains(&finished) {
        let line = test_util::in_time("the end of the component", lines.next_line()).await.unwrap();
        log += &line.unwrap_or_else(|| panic!("the core has ended: {log}"));
        log.push('\n');
    }
    test_util::signal(core.id().unwrap(), "INT");
    let mut output = String::new();
    core.stdout.take().unwrap().read_to_string(&mut output).await.unwrap();
    assert!(core.wait().await.unwrap().success(), "{log}");
    let of_component =
        |line: &str| Some(line.strip_prefix(COMPONENT)?.strip_prefix(" | ")?.to_owned());
    (output.lines().filter_map(of_component).collect(), log)
}

/// Runs the recipe in this file as it is, and with the snippet of the log pasted in by `paste`.
async fn check(name: &str, paste: impl FnOnce(&str, &str) -> String) {
    let denied = "denied: principal com.example.HelloWorld is not authorized to perform \
                  aws.greengrass.ipc.pubsub:aws.greengrass#PublishToTopic on resource test/other";
    let path = example().join(name);
    let (output, log) = run(&path).await;
    assert_eq!(output[..3], ["connected", "published to test/topic", denied], "{log}");

    let (_, snippet) = log.split_once("To allow this call, merge into the ").unwrap();
    let (place, snippet) = snippet.split_once(":\n").unwrap();
    assert!(place.contains("DefaultConfiguration") && place.contains(name), "{place}");
    let folder = tempfile::tempdir().unwrap();
    let pasted = folder.path().join(name);
    fs::write(&pasted, paste(&fs::read_to_string(&path).unwrap(), snippet)).unwrap();
    let (output, log) = run(&pasted).await;
    assert_eq!(
        output[..3],
        ["connected", "published to test/topic", "published to test/other"],
        "{log}"
    );
    assert!(!log.contains("WARN"), "{log}");
}

#[tokio::test]
async fn the_json_recipe_runs_and_its_denied_call_is_fixed_by_the_snippet() {
    if !official::has(Tool::Python) {
        return;
    }
    check("recipe.json", |recipe, log| {
        let snippet = serde_json::Deserializer::from_str(log).into_iter::<Value>().next();
        let mut recipe: Value = serde_json::from_str(recipe).unwrap();
        let configuration = &mut recipe["ComponentConfiguration"]["DefaultConfiguration"];
        merge(configuration, snippet.unwrap().unwrap());
        recipe.to_string()
    })
    .await;
}

fn merge(target: &mut Value, snippet: Value) {
    match (target, snippet) {
        (Value::Object(target), Value::Object(members)) => {
            for (key, value) in members {
                merge(target.entry(key).or_insert(Value::Null), value);
            }
        }
        (target, value) => *target = value,
    }
}

#[tokio::test]
async fn the_yaml_recipe_runs_and_its_denied_call_is_fixed_by_the_snippet() {
    if !official::has(Tool::Node) {
        return;
    }
    check("recipe.yaml", |recipe, log| {
        // The recipe already has the first two keys of the snippet.
        let mut lines = log.lines();
        for key in ["    accessControl:", "      aws.greengrass.ipc.pubsub:"] {
            assert_eq!(lines.next(), Some(key));
        }
        let policy: Vec<_> = lines.take_while(|it| it.starts_with("        ")).collect();
        recipe.replace("\nManifests:", &format!("\n{}\nManifests:", policy.join("\n")))
    })
    .await;
}
