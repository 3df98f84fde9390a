//! The example in the README of the model: added to a copy of the model, it becomes a typed call, a method of the server
//! trait, and documentation.

use std::fs;

use crate::support::{Folder, Workspace, run, workspace};

const MAIN: &str = r#"//! Uses the new operation.

use greengrass_core_ipc::{
    Client,
    operation::subscribe_to_clock_changes::{
        SubscribeToClockChanges, SubscribeToClockChangesError,
    },
    server::{GreengrassCoreIpc, RequestContext, StreamingRequest, StreamingResponse},
    types::{ClockEvents, error::ClockNotSetError},
};

/// Subscribes and reads the first event.
pub async fn subscribe(client: &Client) -> Option<f64> {
    let mut changes = client.subscribe_to_clock_changes().minimum_seconds(1.0).send().await.ok()?;
    match changes.next().await? {
        Ok(ClockEvents::ClockChange(change)) => Some(change.time.as_secs_f64()),
        _ => None,
    }
}

struct Core;

impl GreengrassCoreIpc for Core {
    async fn subscribe_to_clock_changes(
        &self,
        request: StreamingRequest<SubscribeToClockChanges>,
        _: RequestContext,
    ) -> Result<StreamingResponse<SubscribeToClockChanges>, SubscribeToClockChangesError> {
        let _: f64 = request.request.minimum_seconds;
        Err(ClockNotSetError::builder().message("no clock").build().into())
    }
}

fn main() {
    let _ = greengrass_core_ipc::server::GreengrassCoreIpcService::new(Core);
}
"#;

#[test]
fn the_example_of_the_readme_becomes_a_call_a_method_and_a_page() {
    let folder = Folder::new("extend");
    let readme = fs::read_to_string(workspace().join("model/README.md")).unwrap();
    let mut examples = readme.split("```json\n").skip(1).map(|it| it.split("```").next().unwrap());
    let (operation, shapes) = (examples.next().unwrap(), examples.next().unwrap());
    let model = fs::read_to_string(workspace().join("model/greengrass-core-ipc.json")).unwrap();
    let model = model.replacen("\"operations\": [", &format!("\"operations\": [{operation},"), 1);
    let model = model.replacen("\"shapes\": {", &format!("\"shapes\": {{{shapes},"), 1);
    folder.write("model/greengrass-core-ipc.json", model);

    let (model, out) = (folder.path("model"), folder.path("generated"));
    let args = ["--model", &model, "--out", &out, "--crate", "greengrass-core-ipc"];
    let generated = run(&[&args[..], &["--connector", "greengrass"]].concat());
    assert_eq!(generated.status, 0, "{generated:?}");
    assert!(
        generated.stdout.contains("operations  36: 28 unary, 8 subscriptions"),
        "{generated:?}"
    );

    let page = format!("{out}/src/operation/subscribe_to_clock_changes.rs");
    let page = fs::read_to_string(page).unwrap();
    for text in [
        "/// Subscribes to changes of the device's clock.\n",
        "/// Access policy: not required.\n",
        "/// - Events from the server: [`ClockEvents`]\n",
        "/// The minimum change that causes an event, in seconds.\n",
        "///     .minimum_seconds(1.0)\n",
    ] {
        assert!(page.contains(text), "{text} is not in\n{page}");
    }

    let mut workspace = Workspace::new(&folder);
    workspace.add_crate("generated");
    workspace.add_program("component", ("generated", "greengrass-core-ipc"), MAIN);
    let check = workspace.cargo(&["check", "--workspace", "--all-features", "--keep-going"]);
    assert_eq!(check.status, 0, "{}", check.stderr);
}
