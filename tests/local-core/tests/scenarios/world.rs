//! What a scenario needs beside the socket: folders, files and scripts.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use greengrass_core_ipc::primitives::Blob;
use greengrass_local_core::{Clock, LocalCore};
use serde_json::Value;
use tempfile::TempDir;

use super::{recipe, substitute};

/// The files and folders of a scenario.
pub(super) struct World<'s> {
    folder: TempDir,
    scenario: &'s Value,
    /// The files of the recipes of components with scripts.
    recipes: Vec<PathBuf>,
    pub(super) start: SystemTime,
    /// Of scenarios whose outcome depends on the time.
    clock: Option<Clock>,
}

impl<'s> World<'s> {
    pub(super) fn new(scenario: &'s Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["root", "recipes", "artifacts"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        // Writes its arguments into the file that the first one names.
        let script = "name=$1; shift; echo \"$*\" >> ${0%/*}/$name.events";
        fs::write(folder.path().join("event"), script).unwrap();
        // A whole second: how a time is cut to milliseconds must not depend on it.
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(now.as_secs());
        let mut world = Self { folder, scenario, recipes: Vec::new(), start, clock: None };
        // The limits of the number of requests depend on the time.
        world.clock = world.needs("shadow").then(|| Clock::manual(start));
        for (name, content) in scenario["files"].as_object().into_iter().flatten() {
            let path = world.folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, world.content(content)).unwrap();
        }
        for (name, component) in scenario["components"].as_object().into_iter().flatten() {
            if component["lifecycle"].is_object() {
                let text = world.script(&recipe::text(name, component));
                let path = world.folder.path().join(format!("{name}.json"));
                fs::write(&path, text).unwrap();
                world.recipes.push(path);
            }
        }
        world
    }

    /// Starts a core, or starts it again.
    pub(super) async fn start(&self) -> LocalCore {
        let mut builder = LocalCore::builder().deny_by_default().offline().root(self.root());
        if self.needs("cli-login") {
            builder = builder.cli_login();
        }
        if self.needs("restart") {
            builder = builder.state(self.folder.path().join("state"));
        }
        builder = builder.thing_name(if self.needs("thing-name") { "T1" } else { "" });
        if let Some(clock) = &self.clock {
            builder = builder.clock(clock.clone());
        }
        let text = |it: &str| substitute::text(it, None, |_| String::new());
        let components = [&self.scenario["components"], &self.scenario["services"]];
        for (name, component) in components.into_iter().filter_map(Value::as_object).flatten() {
            if component["lifecycle"].is_object() {
                continue;
            }
            builder = match component.get("configuration") {
                Some(values) => builder.config(name, substitute::json(values, self.start, &text)),
                None => builder.component(name),
            };
        }
        for it in &self.recipes {
            builder = builder.run_recipe(it);
        }
        builder.start().await.unwrap()
    }

    /// Whether processes start and stop, for which the nucleus had the time.
    pub(super) fn has_processes(&self) -> bool {
        !self.recipes.is_empty() || self.needs("deploy")
    }

    /// Advances the clock.
    pub(super) fn advance(&self, time: Duration) {
        if let Some(clock) = &self.clock {
            clock.advance(time);
        }
    }

    /// Whether a component writes a line when it runs.
    pub(super) fn writes(&self, component: &str) -> bool {
        self.scenario.to_string().contains(&format!("$EV {component} run"))
    }

    pub(super) fn needs(&self, what: &str) -> bool {
        self.scenario["needs"].as_array().is_some_and(|it| it.iter().any(|it| it == what))
    }

    pub(super) fn root(&self) -> PathBuf {
        self.path("root")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    /// The lines that the scripts of a component have written.
    pub(super) fn lines(&self, component: &str) -> Vec<String> {
        let path = self.folder.path().join(format!("{component}.events"));
        fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    /// Replaces the variables for folders.
    pub(super) fn folders(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (variable, name) in
            [("$RECIPES", "recipes"), ("$ARTIFACTS", "artifacts"), ("$ROOT", "root")]
        {
            text = text.replace(variable, &self.path(name).display().to_string());
        }
        text
    }

    /// The content of a file of the root folder, or the names in a folder.
    pub(super) fn read(&self, name: &str) -> Value {
        let path = self.root().join(name);
        if path.is_dir() {
            let entries = fs::read_dir(path).unwrap();
            let mut names: Vec<_> =
                entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            return names.into();
        }
        match fs::read_to_string(path) {
            Ok(text) => text.replace(&self.root().display().to_string(), "$ROOT").into(),
            Err(_) => Value::Null,
        }
    }

    /// The content of a file of the scenario.
    fn content(&self, content: &Value) -> Vec<u8> {
        match content.as_str() {
            Some(text) => match text.strip_prefix("base64:") {
                Some(base64) => {
                    let blob: Blob = serde_json::from_value(base64.into()).unwrap();
                    blob.to_vec()
                }
                None => text.into(),
            },
            None => self.script(&content.to_string()).into(),
        }
    }

    /// Replaces the variables of scripts.
    fn script(&self, text: &str) -> String {
        let event = format!("sh {}", self.path("event").display());
        let text = text.replace("$EV", &event).replace("$HOLD", HOLD);
        self.folders(&text.replace("$NUCLEUS/hold.sh", HOLD))
    }
}

const HOLD: &str = "while :; do sleep 1000; done";
