//! Tests of steps, conditions and selections.

use std::time::Duration;

use super::*;

/// Reads a lifecycle in flow style, without diagnostics.
#[track_caller]
fn lifecycle(text: &str) -> Lifecycle {
    let (recipe, found) = with(&format!("Manifests: [{{Lifecycle: {text}}}]"));
    assert_eq!(found, [""; 0]);
    recipe.unwrap().lifecycle
}

#[test]
fn steps_have_options() {
    let Lifecycle { install, startup, run, shutdown, recover, .. } = lifecycle(
        "{Setenv: {A: outer, B: 5, C: true}, Install: {Script: i, Timeout: 5, Setenv: {A: inner}}, Startup: {Script: s, Skipif: exists y}, \
         Run: {Script: r, Timeout: '1.5', Skipif: '! exists /x', RequiresPrivilege: false}, Shutdown: '', Recover: ' '}",
    );
    let install = install.unwrap();
    assert_eq!(install.timeout, Some(Duration::from_secs(5)));
    let pairs = |step: &Step| step.environment.iter().map(|(k, v)| format!("{k}={v}")).collect();
    let environment: Vec<String> = pairs(&install);
    assert_eq!(environment, ["A=outer", "B=5", "C=true", "A=inner"]);
    let run = run.unwrap();
    assert_eq!(run.timeout, Some(Duration::from_millis(1500)));
    let test = Test::Exists("/x".to_owned());
    assert_eq!(run.skip_if, Some(SkipIf { test, is_negated: true }));
    let environment: Vec<String> = pairs(&run);
    assert_eq!(environment, ["A=outer", "B=5", "C=true"]);
    let texts = [startup, shutdown, recover].map(|it| it.unwrap().script.unwrap());
    assert_eq!(texts, ["s", "", " "]);
}

#[test]
fn timeouts_are_numbers_of_seconds() {
    for (text, expected) in [
        ("5", Some(Duration::from_secs(5))),
        ("1e300", Some(Duration::MAX)),
        ("inf", None),
        ("infinity", None),
        ("nan", None),
        ("-1", None),
    ] {
        let (recipe, found) =
            with(&format!("Manifests: [{{Lifecycle: {{Run: {{Script: x, Timeout: {text}}}}}}}]"));
        assert_eq!(recipe.unwrap().lifecycle.run.unwrap().timeout, expected, "{text}");
        assert_eq!(found.is_empty(), expected.is_some(), "{text}: {found:?}");
    }
}

#[test]
fn startup_replaces_run() {
    let (_, found) = with("Manifests: [{Lifecycle: {Startup: s, Run: r}}]");
    let expected = "Run never runs, because there is a Startup without Skipif; remove one of them";
    assert_eq!(found, [format!("r.yaml:4:38: warning: {expected}")]);
}

#[test]
fn conditions_have_two_tests() {
    for (text, expected) in [
        ("onpath sh", Some((Test::OnPath("sh".to_owned()), false))),
        ("!onpath sh", Some((Test::OnPath("sh".to_owned()), true))),
        ("! exists /x y", Some((Test::Exists("/x y".to_owned()), true))),
        ("exists  /etc/passwd ", Some((Test::Exists("/etc/passwd".to_owned()), false))),
        ("EXISTS /etc/passwd", None),
        ("onpath", None),
        ("onpath ", None),
        ("foo bar", None),
        ("", None),
        ("true", None),
        ("!", None),
        ("!! exists /x", None),
    ] {
        let expected = expected.map(|(test, is_negated)| SkipIf { test, is_negated });
        assert_eq!(text.parse().ok(), expected, "{text:?}");
    }
    let (recipe, found) = with("Manifests: [{Lifecycle: {Run: {Script: x, Skipif: true}}}]");
    let reason =
        "Skipif must be \"onpath PROGRAM\" or \"exists PATH\", perhaps after !, not \"true\"";
    assert_eq!(recipe.unwrap().lifecycle.run.unwrap().script, Err(reason.to_owned()));
    let text = "so a nucleus fails the step without running it";
    assert_eq!(found, [format!("r.yaml:4:26: error: {reason}, {text}")]);
}

#[test]
fn selections_reduce_the_global_lifecycle() {
    for (manifest, global, expected) in [
        ("{Selections: [b, a]}", "{Install: {a: x, b: y, all: z}, Run: r}", [Some("y"), Some("r")]),
        ("{}", "{Install: {a: x, all: z}, Run: r}", [Some("z"), Some("r")]),
        (
            "{Selections: [a]}",
            "{a: {Install: x, Run: {Script: {a: s, all: t}}}}",
            [Some("x"), Some("s")],
        ),
        ("{Selections: [a]}", "{Install: {all: x}, Run: r}", [None, Some("r")]),
        ("{Lifecycle: {Run: own}}", "{Install: x, Run: r}", [None, Some("own")]),
        ("{Lifecycle: {}}", "{Install: x}", [Some("x"), None]),
        ("{Selections: []}", "{Install: {all: x}, Run: {Script: r}}", [None, Some("r")]),
    ] {
        let (recipe, found) = with(&format!("Manifests: [{manifest}]\nLifecycle: {global}"));
        assert_eq!(found, [""; 0]);
        let Lifecycle { install, run, .. } = recipe.unwrap().lifecycle;
        let scripts = [install, run].map(|it| it.map(|it| it.script.unwrap()));
        assert_eq!(scripts.each_ref().map(Option::as_deref), expected, "{manifest} {global}");
    }
}
