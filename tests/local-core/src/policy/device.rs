//! Warnings about policies that allow more or less on a device than here, because of bugs of the Java nucleus that the
//! local core does not reproduce.

use std::collections::HashMap;

use serde_json::Value;

use super::{
    Pattern, Policy,
    fault::{Fault, Severity},
    pattern::Piece,
};
use crate::operations::SERVICES;

/// Returns a warning for each policy that allows more or less on a device than here.
pub(super) fn warnings(component: &str, policies: &[Policy]) -> Vec<Fault> {
    let warn = |path: &[&str], text: String| Fault {
        component: component.to_owned(),
        path: path.iter().map(|it| (*it).to_owned()).collect(),
        severity: Severity::DiffersOnDevice,
        text,
        place: None,
    };
    let mut faults = Vec::new();
    for policy in policies {
        for pattern in &policy.resources {
            let text = pattern.text();
            let index = pattern.index().to_string();
            let path = [policy.service.id, &*policy.id, "resources", &*index];
            if has_widened_escape(pattern.pieces()) {
                let text = format!(
                    "a device treats ${{*}} in {text:?} as a wildcard, because another wildcard follows"
                );
                faults.push(warn(&path, text));
            }
            if let Some(variable) = recipe_variable(text) {
                let text = format!(
                    "{variable} in {text:?} is not replaced; a device replaces it in deployments, with the option \
                     interpolateComponentConfiguration of the nucleus"
                );
                faults.push(warn(&path, text));
            }
        }
    }
    for service in SERVICES {
        let own: Vec<_> = policies.iter().filter(|it| it.service.id == service.id).collect();
        let masked = masked(&own).map(|(one, other)| {
            format!("a device may deny what {one:?} or {other:?} allows, because both are present")
        });
        let mistaken = mistaken_plus(&own).filter(|_| service.has_mqtt_wildcards);
        let mistaken = mistaken.map(|(one, other)| {
            format!("a device treats + in {one:?} as a wildcard, because of {other:?}")
        });
        for text in masked.into_iter().chain(mistaken) {
            faults.push(warn(&[service.id, &own[0].id, "resources"], text));
        }
    }
    faults
}

/// Whether an escaped `*` is followed by a wildcard. The Java nucleus then treats the escape as a wildcard too.
fn has_widened_escape(pieces: &[Piece]) -> bool {
    let has_star = |it: &Piece| matches!(it, Piece::Text(text) if text.contains('*'));
    let after = pieces.iter().skip_while(|it| !has_star(it));
    after.into_iter().any(|it| !matches!(it, Piece::Text(_)))
}

fn recipe_variable(text: &str) -> Option<&str> {
    ["{iot:thingName}", "{kernel:rootPath}", "{work:path}", "{artifacts:path}"]
        .into_iter()
        .find(|it| text.contains(it))
}

/// The number of pieces of a resource, and of resources that one is compared with, above which no warning is searched:
/// larger policies are not written by hand, and must not delay the start.
const MAX_COMPARED: usize = 100;

/// The text after a `*` in a resource.
struct AfterStar<'p> {
    text: &'p str,
    is_last: bool,
    resource: &'p str,
}

/// Finds two resources of one operation where a device may ignore one: they are equal up to a `*`, and the text after
/// it in one ends with the text after it in the other.
fn masked<'p>(policies: &[&'p Policy]) -> Option<(&'p str, &'p str)> {
    // By operation, and by the pieces up to the `*`.
    let mut seen: HashMap<(&str, &[Piece]), Vec<AfterStar<'p>>> = HashMap::new();
    for (operation, pattern) in pairs(policies) {
        let (pieces, resource) = (pattern.pieces(), pattern.text());
        for (at, pair) in pieces.windows(2).take(MAX_COMPARED).enumerate() {
            let [Piece::Any, Piece::Text(text)] = pair else { continue };
            let is_last = at + 2 == pieces.len();
            let others = seen.entry((operation, &pieces[..=at])).or_default();
            let hides = |other: &&AfterStar<'_>| {
                let overlap = text.ends_with(other.text) || other.text.ends_with(&**text);
                text != other.text && overlap && !(is_last && other.is_last)
            };
            if let Some(other) = others.iter().find(hides) {
                return Some((resource, other.resource));
            }
            if others.len() < MAX_COMPARED {
                others.push(AfterStar { text, is_last, resource });
            }
        }
    }
    None
}

/// Finds a resource with a literal `+` where another resource of the operation has the wildcard `+`. Returns both.
fn mistaken_plus<'p>(policies: &[&'p Policy]) -> Option<(&'p str, &'p str)> {
    let has_level = |it: &(&str, &Pattern)| it.1.pieces().contains(&Piece::Level);
    let with_levels: Vec<_> = pairs(policies).filter(has_level).take(MAX_COMPARED).collect();
    pairs(policies).find_map(|(operation, pattern)| {
        let text = pattern.text();
        let is_level = |rest: &str| rest.is_empty() || rest.starts_with('/');
        let plain = text.match_indices('+').map(|(at, _)| text.split_at(at + 1)).take(MAX_COMPARED);
        plain.filter(|(_, rest)| !is_level(rest)).find_map(|(start, _)| {
            let has_wildcard = |other: &str| other.strip_prefix(start).is_some_and(is_level);
            let (_, other) = with_levels
                .iter()
                .find(|(of, other)| *of == operation && has_wildcard(other.text()))?;
            Some((text, other.text()))
        })
    })
}

/// Each operation of each policy with each resource.
fn pairs<'p>(policies: &[&'p Policy]) -> impl Iterator<Item = (&'p str, &'p Pattern)> {
    policies.iter().copied().flat_map(|policy| {
        let operations = policy.operations.iter();
        operations.flat_map(|it| policy.resources.iter().map(move |pattern| (&**it, pattern)))
    })
}

/// Returns a warning for each key of an `accessControl` that the configuration hides or merges with another.
pub(crate) fn unseen_keys(component: &str, access_control: &Value) -> Vec<Fault> {
    let mut faults = Vec::new();
    visit(component, &mut Vec::new(), access_control, &mut faults);
    faults
}

fn visit(component: &str, path: &mut Vec<String>, value: &Value, faults: &mut Vec<Fault>) {
    let Value::Object(members) = value else { return };
    let mut spellings: HashMap<String, &str> = HashMap::new();
    for (key, value) in members {
        path.push(key.clone());
        let former = spellings.insert(key.to_ascii_lowercase(), key);
        let text = match former {
            _ if key.starts_with('_') => {
                Some("keys that start with _ are hidden, so it has no effect".to_owned())
            }
            Some(other) => Some(format!("is the same key as {other:?}: the two are merged")),
            None => None,
        };
        faults.extend(text.map(|text| Fault {
            component: component.to_owned(),
            path: path.clone(),
            severity: Severity::Ignored,
            text,
            place: None,
        }));
        visit(component, path, value, faults);
        path.pop();
    }
}
