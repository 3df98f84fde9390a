//! The HelloWorld recipe of the AWS documentation, run by the program of the local core: a denied call works after the
//! snippet in the log has been pasted into the recipe.

use std::{
    fs,
    path::{Path, PathBuf},
};

use conformance::official::{self, Tool};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};

use super::support::local_core_run;

const COMPONENT: &str = "com.example.HelloWorld";

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../local-core/examples/hello-world")
}

/// Runs a recipe until its component has finished. Returns the output of the component, and the log.
async fn run(recipe: &Path) -> (Vec<String>, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = local_core_run();
    command.arg(recipe).arg("--artifacts").arg(example().join("artifacts"));
    command.arg("--socket").arg(folder.path().join("ipc.socket"));
    let mut core = command.spawn().unwrap();
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

/// Runs the recipe in this file as it is, and with the snippet of the log pasted in.
async fn check(name: &str) {
    let denied = "denied: principal com.example.HelloWorld is not authorized to perform \
                  aws.greengrass.ipc.pubsub:aws.greengrass#PublishToTopic on resource test/other";
    let path = example().join(name);
    let (output, log) = run(&path).await;
    assert_eq!(output[..3], ["connected", "published to test/topic", denied], "{log}");

    let (_, snippet) = log.split_once("To allow this call, insert ").unwrap();
    let (place, snippet) = snippet.split_once(":\n").unwrap();
    assert!(place.contains(name), "{place}");
    let lines = snippet.lines().take_while(|it| it.starts_with("      "));
    let lines: String = lines.map(|it| format!("{it}\n")).collect();
    let folder = tempfile::tempdir().unwrap();
    let pasted = folder.path().join(name);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&pasted, test_util::insert(&text, place, &lines)).unwrap();
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
    if official::has(Tool::Python) {
        check("recipe.json").await;
    }
}

#[tokio::test]
async fn the_yaml_recipe_runs_and_its_denied_call_is_fixed_by_the_snippet() {
    if official::has(Tool::Node) {
        check("recipe.yaml").await;
    }
}
