//! Components with simulated processes in virtual time.

use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{
    Entry,
    scripts::{OnSigterm, Op, Script, script},
};
use crate::{
    lifecycle::{Input, Machine, Outcome, Output, StepKind},
    recipe::{Lifecycle, Platform, Recipe, SkipIf, Test},
};

pub(super) struct World {
    start: Instant,
    now: f64,
    components: BTreeMap<String, Component>,
    dependencies: &'static [(&'static str, &'static str)],
    entries: Vec<(String, Entry)>,
}

struct Component {
    lifecycle: Lifecycle,
    machine: Machine,
    processes: Vec<Process>,
    /// The number of starts of each step.
    starts: Vec<StepKind>,
    is_ready: Option<bool>,
    is_ending: bool,
}

struct Process {
    /// `None` for a child of a script.
    step: Option<StepKind>,
    script: Script,
    wakes_at: f64,
}

impl World {
    pub(super) fn new(
        components: &Value,
        dependencies: &'static [(&'static str, &'static str)],
    ) -> Self {
        let start = Instant::now();
        let components = components.as_object().unwrap().iter().map(|(name, lifecycle)| {
            let lifecycle = read(name, lifecycle);
            let component = Component {
                machine: Machine::new(&lifecycle, start),
                lifecycle,
                processes: Vec::new(),
                starts: Vec::new(),
                is_ready: None,
                is_ending: false,
            };
            (name.clone(), component)
        });
        let components = components.collect();
        let mut world = Self { start, now: 0.0, components, dependencies, entries: Vec::new() };
        world.settle();
        world
    }

    /// The entries of a component in their order.
    pub(super) fn entries_of(&self, component: &str) -> Vec<Entry> {
        let entries = self.entries.iter().filter(|it| it.0 == component);
        entries.map(|it| it.1.clone()).collect()
    }

    pub(super) fn handle(&mut self, component: &str, input: Input) {
        let now = self.instant();
        self.components.get_mut(component).unwrap().machine.handle(input, now);
        self.settle();
    }

    pub(super) fn run_until(&mut self, end: f64) {
        loop {
            let wakes = self.components.values().flat_map(|it| &it.processes).map(|it| it.wakes_at);
            let deadlines = self.components.values().filter_map(|it| it.machine.deadline());
            let deadlines = deadlines.map(|it| (it - self.start).as_secs_f64());
            let next = wakes.chain(deadlines).fold(f64::INFINITY, f64::min);
            if next > end {
                break;
            }
            self.now = next;
            let now = self.instant();
            for component in self.components.values_mut() {
                component.machine.time_out(now);
            }
            self.settle();
        }
        self.now = end;
    }

    fn instant(&self) -> Instant {
        // Rounded up, so that deadlines are reached.
        self.start + Duration::from_secs_f64(self.now) + Duration::from_nanos(1)
    }

    /// Does everything that happens now.
    fn settle(&mut self) {
        while self.step() {}
    }

    fn step(&mut self) -> bool {
        let now = self.instant();
        let names: Vec<String> = self.components.keys().cloned().collect();
        for name in names {
            let is_ready = self.is_ready(&name);
            let Some(component) = self.components.get_mut(&name) else { continue };
            let mut entry = |text: String| self.entries.push((name.clone(), (self.now, text)));
            if component.is_ready != Some(is_ready) {
                component.is_ready = Some(is_ready);
                component.machine.handle(Input::DependenciesReady(is_ready), now);
                return true;
            }
            if let Some(output) = component.machine.next_output() {
                if let Output::State(state) = output {
                    entry(format!("-> {state}"));
                }
                component.perform(&name, output, self.now, now);
                return true;
            }
            if component.run(self.now, now, &mut entry) {
                return true;
            }
        }
        false
    }

    fn is_ready(&self, name: &str) -> bool {
        let mut needed = self.dependencies.iter().filter(|it| it.0 == name);
        needed.all(|it| self.components[it.1].machine.satisfies_dependents())
    }
}

impl Component {
    fn perform(&mut self, name: &str, output: Output, seconds: f64, now: Instant) {
        match output {
            Output::Start(kind) => self.start(name, kind, seconds, now),
            Output::Terminate => {
                self.is_ending = true;
                for process in &mut self.processes {
                    match std::mem::replace(&mut process.script.on_sigterm, OnSigterm::Ignore) {
                        OnSigterm::Ignore => continue,
                        OnSigterm::End => process.script.ops = [Op::Exit(143)].into(),
                        OnSigterm::Run(ops) => process.script.ops = ops,
                    }
                    process.wakes_at = seconds;
                }
            }
            Output::Kill => self.processes.clear(),
            Output::State(_) | Output::TimedOut(..) | Output::Warning(_) => {}
        }
    }

    fn start(&mut self, name: &str, kind: StepKind, seconds: f64, now: Instant) {
        let step = kind.of(&self.lifecycle).unwrap();
        let is_skipped = step.skip_if.as_ref().is_some_and(is_met);
        let text = match &step.script {
            Err(_) => return self.machine.handle(Input::Ended(kind, Outcome::Failed), now),
            Ok(text) if text.trim().is_empty() || is_skipped => {
                return self.machine.handle(Input::Ended(kind, Outcome::Skipped), now);
            }
            Ok(text) => text,
        };
        self.starts.push(kind);
        let count = self.starts.iter().filter(|it| **it == kind).count();
        let script = script(name, text, count);
        self.processes.push(Process { step: Some(kind), script, wakes_at: seconds });
        self.machine.handle(Input::Started(kind), now);
    }

    /// Continues a process that is due. Returns whether anything happened.
    fn run(&mut self, seconds: f64, now: Instant, entry: &mut impl FnMut(String)) -> bool {
        let due = self.processes.iter().position(|it| it.wakes_at <= seconds);
        let Some(at) = due else {
            let is_done = self.is_ending && self.processes.is_empty();
            if is_done {
                self.is_ending = false;
                self.machine.handle(Input::ProcessesEnded, now);
            }
            return is_done;
        };
        match self.processes[at].script.ops.pop_front() {
            Some(Op::Line(text)) => entry(text),
            Some(Op::Sleep(time)) => self.processes[at].wakes_at = seconds + time,
            Some(Op::Fork(script)) => {
                self.processes.push(Process { step: None, script, wakes_at: seconds });
            }
            exit => {
                let Process { step, .. } = self.processes.remove(at);
                if let Some(step) = step {
                    let is_success = matches!(exit, Some(Op::Exit(0)) | None);
                    let outcome = if is_success { Outcome::Succeeded } else { Outcome::Failed };
                    self.machine.handle(Input::Ended(step, outcome), now);
                }
            }
        }
        true
    }
}

fn is_met(condition: &SkipIf) -> bool {
    let is_true = match &condition.test {
        Test::OnPath(program) => program == "sh",
        Test::Exists(path) => path == "/etc/passwd",
    };
    is_true != condition.is_negated
}

fn read(name: &str, lifecycle: &Value) -> Lifecycle {
    let recipe = json!({
        "RecipeFormatVersion": "2020-01-25",
        "ComponentName": name,
        "ComponentVersion": "1.0.0",
        "Manifests": [{ "Lifecycle": lifecycle }],
    });
    let path = Path::new("recipe.json");
    Recipe::read(path, &recipe.to_string(), &Platform::current()).0.unwrap().lifecycle
}
