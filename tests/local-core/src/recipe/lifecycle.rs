//! Reading of lifecycles.

use std::{collections::HashSet, time::Duration};

use serde_json::Value;

use super::{
    Lifecycle, SkipIf, Step, Test,
    diagnostic::Report,
    document::{Entry, Kind, Node},
    reader::{Members, not, quoting_advice},
};

const LIFECYCLE: [&str; 8] =
    ["Setenv", "Bootstrap", "Install", "Startup", "Run", "Shutdown", "Recover", "Uninstall"];
const STEP: [&str; 6] =
    ["Script", "RequiresPrivilege", "Timeout", "Skipif", "Setenv", "BootstrapOnRollback"];

/// Reduces a global lifecycle to the selections of a manifest.
///
/// An object with a key that is a selection of any manifest is replaced with the value of the first selection of this
/// manifest. Other objects stay.
pub(super) fn selected(
    node: &Node,
    selectors: &HashSet<String>,
    selections: &[String],
) -> Option<Node> {
    let Kind::Object(entries) = &node.kind else { return Some(node.clone()) };
    if entries.iter().any(|it| selectors.contains(&it.key)) {
        let find = |selection: &String| entries.iter().find(|it| it.key == *selection);
        let chosen = selections.iter().find_map(find)?;
        return selected(&chosen.value, selectors, selections);
    }
    let entries = entries.iter().filter_map(|it| {
        let value = selected(&it.value, selectors, selections)?;
        Some(Entry { value, ..it.clone() })
    });
    Some(Node { position: node.position, kind: Kind::Object(entries.collect()) })
}

/// Reads a lifecycle.
pub(super) fn read(node: &Node, report: &mut Report) -> Lifecycle {
    let members = Members::read(node, "a lifecycle", &LIFECYCLE, report);
    let outer = environment(members, report);
    if let Some(entry) = members.get("Bootstrap") {
        report.warning(entry.position, "the step Bootstrap does not run here");
    }
    let mut step = |name| Some(step(members.get(name)?, &outer, report));
    let lifecycle = Lifecycle {
        install: step("Install"),
        startup: step("Startup"),
        run: step("Run"),
        shutdown: step("Shutdown"),
        recover: step("Recover"),
        uninstall: step("Uninstall"),
        source: Some(node.clone()),
    };
    if let (Some(Step { skip_if: None, script: Ok(_), .. }), Some(run)) =
        (&lifecycle.startup, &lifecycle.run)
    {
        let text = "Run never runs, because there is a Startup without Skipif; remove one of them";
        report.warning(run.position, text);
    }
    lifecycle
}

fn step(entry: &Entry, outer: &[(String, String)], report: &mut Report) -> Step {
    let Entry { key, position, value } = entry;
    let mut step = Step {
        name: key.clone(),
        script: Ok(String::new()),
        timeout: None,
        skip_if: None,
        environment: outer.to_vec(),
        requires_privilege: false,
        position: *position,
    };
    let advice = quoting_advice(value);
    if !advice.is_empty() {
        report.error(value.position, format!("{key} must be a string or an object{advice}"));
        return step;
    }
    let Kind::Object(_) = &value.kind else {
        step.script = Ok(script(key, value, report));
        return step;
    };
    let members = Members::read(value, "a step", &STEP, report);
    step.environment.extend(environment(members, report));
    step.timeout = members.get("Timeout").and_then(|it| timeout(it, report));
    step.requires_privilege =
        members.get("RequiresPrivilege").is_some_and(|it| boolean(it, report));
    step.script = match members.get("Script") {
        Some(entry) => Ok(script(&entry.key, &entry.value, report)),
        None => Err("the step has no Script".to_owned()),
    };
    if let Some(entry) = members.get("Skipif") {
        let text = entry.value.text().unwrap_or_else(|| entry.value.to_value().to_string());
        match text.parse() {
            Ok(condition) => step.skip_if = Some(condition),
            Err(error) if !text.contains('{') => step.script = Err(error),
            Err(_) => {}
        }
    }
    if let Err(error) = &step.script {
        report
            .broken(*position, format!("{error}, so a nucleus fails the step without running it"));
    }
    if step.requires_privilege {
        let text = "RequiresPrivilege is ignored: the script runs as the current user";
        report.warning(*position, text);
    }
    step
}

/// The text of a script. A nucleus runs the text of any value.
fn script(name: &str, value: &Node, report: &mut Report) -> String {
    if let Kind::Scalar(Value::String(text)) = &value.kind {
        check_text(name, text, value, report);
        return text.clone();
    }
    let text = format!("{name} must be a string, {}; a nucleus runs its text", not(value));
    report.warning(value.position, text);
    value.to_value().to_string()
}

fn environment(members: Members<'_>, report: &mut Report) -> Vec<(String, String)> {
    let Some(entry) = members.get("Setenv") else { return Vec::new() };
    let variables = Members::of(&entry.value, "Setenv", report).iter();
    let mut environment = Vec::new();
    for Entry { key, position, value } in variables {
        if key.is_empty() || key.contains(['=', '\0']) {
            report.error(*position, format!("{key:?} is not the name of an environment variable"));
            continue;
        }
        let text = value.text().unwrap_or_else(|| {
            report.warning(value.position, format!("{key} must be a string, {}", not(value)));
            value.to_value().to_string()
        });
        check_text(key, &text, value, report);
        environment.push((key.clone(), text));
    }
    environment
}

/// Checks that a process can be given a text.
fn check_text(name: &str, text: &str, value: &Node, report: &mut Report) {
    if text.contains('\0') {
        report.error(value.position, format!("{name} contains a null character; remove it"));
    }
}

fn timeout(entry: &Entry, report: &mut Report) -> Option<Duration> {
    let text = entry.value.text().unwrap_or_default();
    let seconds = text.trim().parse::<f64>().ok().filter(|it| it.is_finite() && *it >= 0.0);
    if seconds.is_none() && !text.contains('{') {
        let found = entry.value.to_value();
        let text = format!("Timeout must be a number of seconds, not {found}; it is ignored");
        report.warning(entry.value.position, text);
    }
    Some(Duration::try_from_secs_f64(seconds?).unwrap_or(Duration::MAX))
}

fn boolean(entry: &Entry, report: &mut Report) -> bool {
    let text = entry.value.text().unwrap_or_default();
    let is_true = text.eq_ignore_ascii_case("true");
    if !is_true && !text.eq_ignore_ascii_case("false") && !text.contains('{') {
        let found = entry.value.to_value();
        let text = format!("{} must be true or false, not {found}", entry.key);
        report.warning(entry.value.position, text);
    }
    is_true
}

impl std::str::FromStr for SkipIf {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let trimmed = text.trim();
        let (is_negated, rest) = match trimmed.strip_prefix('!') {
            Some(rest) => (true, rest.trim_start()),
            None => (false, trimmed),
        };
        let test = match rest.split_once(char::is_whitespace) {
            Some(("onpath", program)) => Some(Test::OnPath(program.trim_start().to_owned())),
            Some(("exists", path)) => Some(Test::Exists(path.trim_start().to_owned())),
            _ => None,
        };
        let test = test.ok_or_else(|| {
            format!("Skipif must be \"onpath PROGRAM\" or \"exists PATH\", perhaps after !, not {text:?}")
        })?;
        Ok(Self { test, is_negated })
    }
}
