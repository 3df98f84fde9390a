//! Helpers of the tests with the official SDKs: the program of the local core, tables of outcomes, and descriptions of
//! messages.

use std::{collections::BTreeMap, process::Stdio};

use conformance::official::{self, Tool};
use serde_json::Value;
use test_util::Received;
use tokio::process::Command;

/// The command `greengrass-local-core run`, whose components find the SDKs that can be installed.
pub(super) fn local_core_run() -> Command {
    let mut command = Command::new(official::binary("greengrass-local-core").unwrap());
    command.arg("run").env_remove("RUST_LOG").kill_on_drop(true);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    if official::has(Tool::Python) {
        command.env("PYTHONPATH", official::python_folder().unwrap());
    }
    if official::has(Tool::Node) {
        command.env("NODE_PATH", official::node_folder().unwrap().join("node_modules"));
    }
    command
}

/// The length above which lines of a table are truncated.
const MAX_LEN: usize = 300;

/// Compares outcomes with the reviewed table at `path`. Rewrites the table if `UPDATE_OUTCOMES` is set.
///
/// A table has a line for each case, followed by notes, which begin with `#`, and the outcome.
#[track_caller]
pub(super) fn check_table(path: &str, outcomes: &[(String, Vec<String>)]) {
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    let notes = notes(&expected);
    let mut actual = String::new();
    for (name, lines) in outcomes {
        actual.push_str(name);
        actual.push('\n');
        for note in notes.get(name.as_str()).into_iter().flatten() {
            actual.push_str(note);
            actual.push('\n');
        }
        for line in lines {
            let cut = line.char_indices().nth(MAX_LEN).map(|(at, _)| format!("{}…", &line[..at]));
            actual.push_str("    ");
            actual.push_str(cut.as_ref().unwrap_or(line));
            actual.push('\n');
        }
    }
    if std::env::var_os("UPDATE_OUTCOMES").is_some() {
        std::fs::write(path, &actual).unwrap();
    }
    for (expected, actual) in blocks(&expected).zip(blocks(&actual)) {
        assert_eq!(actual, expected);
    }
    assert_eq!(actual.len(), expected.len(), "a case is missing in the table");
}

fn notes(table: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut notes = BTreeMap::<_, Vec<_>>::new();
    let mut name = "";
    for line in table.lines() {
        match line.trim_start() {
            note if note.starts_with('#') => notes.entry(name).or_default().push(line),
            _ if line.starts_with(' ') => {}
            _ => name = line,
        }
    }
    notes
}

/// Splits a table into its cases.
fn blocks(table: &str) -> impl Iterator<Item = String> {
    let mut lines = table.lines().peekable();
    std::iter::from_fn(move || {
        let mut block = format!("{}\n", lines.next()?);
        while let Some(line) = lines.next_if(|it| it.starts_with(' ')) {
            block.push_str(line);
            block.push('\n');
        }
        Some(block)
    })
}

/// Decodes a recorded frame, which is hexadecimal text or a list of pairs of hexadecimal text and a repeat count.
pub(super) fn frame(recorded: &Value) -> Vec<u8> {
    match recorded {
        Value::String(hex) => unhex(hex),
        parts => parts
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|part| {
                let count = usize::try_from(part[1].as_u64().unwrap()).unwrap();
                unhex(part[0].as_str().unwrap()).repeat(count)
            })
            .collect(),
    }
}

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// Describes a message in one line.
pub(super) fn describe(received: &Received) -> String {
    let kind = ["message", "error", "ping", "ping response", "connect", "connect ack"]
        .into_iter()
        .chain(["protocol error", "internal error"])
        .nth(usize::try_from(received.kind).unwrap())
        .unwrap();
    let shape = received.text("service-model-type");
    let shape = shape.map(|it| format!(", {it}")).unwrap_or_default();
    let (flags, stream, payload) = (received.flags, received.stream, received.payload());
    format!("sent {kind}, flags {flags}, stream {stream}{shape}, payload {payload:?}")
}
