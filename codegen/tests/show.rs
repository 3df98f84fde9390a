//! The output of `show`: one file in `tests/show` for each item. `UPDATE_GOLDEN=1` rewrites the files.

use std::fs;

use crate::support::{Folder, check_golden, run, tests};

#[test]
fn each_name_of_an_item_shows_its_description() {
    let model = tests("show/model.json").to_string_lossy().into_owned();
    for (file, names) in [
        ("service", &[""][..]),
        ("call", &["Call", "a#Call", "call", "operation::call::Call", "CallError", "CallBuilder"]),
        ("watch", &["Watch"]),
        ("structure", &["HTTPThing", "HttpThing", "types::HttpThing", "crate::types::HttpThing"]),
        ("member", &["HTTPThing$thingId", "a#HTTPThing$thingId"]),
        ("union", &["Choice"]),
        ("enum", &["Color"]),
        ("int-enum", &["Level"]),
        ("error", &["types::error::Failed"]),
        ("list", &["Names"]),
        ("string", &["Word"]),
    ] {
        for name in names {
            let args = ["show", name, "--model", &model];
            let args = args.into_iter().filter(|it| !it.is_empty()).collect::<Vec<_>>();
            let run = run(&args);
            assert_eq!((run.status, &*run.stderr), (0, ""), "{name}: {run:?}");
            check_golden(&format!("show/{file}.txt"), &run.stdout);
        }
    }
}

#[test]
fn custom_words_are_not_split_by_any_command() {
    let folder = Folder::new("words");
    let echo = crate::support::echo_model().replace("#EchoMessage\"", "#EchoGitHubMQTTSMessage\"");
    folder.write("echo.json", &echo);
    let model = folder.path("echo.json");
    let words = ["--word", "GitHub", "--word", "MQTT", "--word", "MQTTS"];
    let run_with = |args: &[&str]| run(&[args, &words].concat());

    let shown = run_with(&["show", "echo_github_mqtts_message", "--model", &model]);
    assert_eq!((shown.status, &*shown.stderr), (0, ""), "{shown:?}");
    assert!(shown.stdout.contains("EchoGitHubMqttsMessage"), "{shown:?}");

    let out = folder.path("out");
    let written = run_with(&["--model", &model, "--out", &out]);
    assert_eq!((written.status, &*written.stderr), (0, ""), "{written:?}");
    let client = fs::read_to_string(folder.path("out/client.rs")).unwrap();
    assert!(client.contains("pub fn echo_github_mqtts_message"), "{client}");
    // The command that `--check` prints contains the words.
    let stale = run(&["--model", &model, "--out", &out, "--check", "--word", "IoT"]);
    assert_eq!(stale.status, 1, "{stale:?}");
    assert!(stale.stdout.ends_with("--word IoT\n"), "{stale:?}");

    let same = run_with(&["diff", &model, &model]);
    assert_eq!((same.status, &*same.stdout), (0, "no changes\n"), "{same:?}");
}

#[test]
fn an_unknown_name_is_status_1_with_a_suggestion() {
    for (name, expected) in [
        ("PublishToTopik", "did you mean PublishToTopic?"),
        ("publish_to_topik", "did you mean publish_to_topic?"),
        ("aws.greengrass#MQTTMesage", "did you mean MQTTMessage?"),
        ("QOS$AT_MOST_TWICE", "QOS has no member AT_MOST_TWICE"),
        ("Nothing", "without a name, show lists all names"),
    ] {
        let run = run(&["show", name]);
        assert_eq!((run.status, &*run.stdout), (1, ""), "{run:?}");
        assert_eq!(run.stderr, format!("error: the service has no {name}: {expected}\n"));
    }
}

#[test]
fn show_without_arguments_lists_the_model_of_this_workspace() {
    let run = run(&["show"]);
    assert_eq!((run.status, &*run.stderr), (0, ""));
    assert!(run.stdout.contains("\noperations: 35\n"), "{run:?}");
}

#[test]
fn the_exit_status_of_diff_tells_whether_something_breaks() {
    let folder = Folder::new("diff");
    let echo = crate::support::echo_model();
    folder.write("old/echo.json", &echo);
    folder.write("same.json", &echo);
    folder.write("new.json", echo.replacen("\"price\"", "\"cost\"", 1));
    folder.write("refused.json", echo.replacen("#Float\"", "#Flaot\"", 1));
    let diff = |new: &str| run(&["diff", &folder.path("old"), &folder.path(new)]);

    let same = diff("same.json");
    assert_eq!((same.status, &*same.stdout, &*same.stderr), (0, "no changes\n", ""));
    let broken = diff("new.json");
    assert_eq!((broken.status, &*broken.stderr), (1, ""), "{broken:?}");
    let lines: Vec<_> = broken.stdout.lines().collect();
    assert_eq!(
        lines,
        [
            "member  awstest#Product$cost   added, optional  client: ok      server: ok      older peers ignore it",
            "member  awstest#Product$price  removed          client: BREAKS  server: BREAKS  its field and setter are removed",
            "2 changes: 1 break clients, 1 break servers",
        ]
    );
    let refused = diff("refused.json");
    assert_eq!((refused.status, &*refused.stdout), (1, ""), "{refused:?}");
    assert!(refused.stderr.contains("did you mean smithy.api#Float?"), "{refused:?}");
    let missing = diff("missing.json");
    assert_eq!(missing.status, 1, "{missing:?}");
    assert!(missing.stderr.starts_with("error: cannot read the model "), "{missing:?}");
}
