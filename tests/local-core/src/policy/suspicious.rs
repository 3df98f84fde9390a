//! Policies that allow nothing, or more than they seem to.

use super::{Fault, Pattern, Policy, Rules, Severity, pattern::Piece};
use crate::operations::{CANCEL_LOCAL_DEPLOYMENT, MQTT, OPERATIONS, PUBSUB, Protected, Resource};

impl Rules {
    /// Returns an error for each part of a policy that never matches, and a warning for one that matches more or less
    /// than it seems to.
    pub(crate) fn suspicious(&self) -> Vec<Fault> {
        let mut policies: Vec<_> = self.all().collect();
        policies.sort_unstable_by_key(|(component, it)| (*component, it.service.id, &*it.id));
        let mut faults = Vec::new();
        for (component, policy) in policies {
            for (severity, item, text) in findings(policy) {
                let mut path = vec![policy.service.id.to_owned(), policy.id.clone()];
                match item {
                    Some(index) => path.extend(["resources".to_owned(), index.to_string()]),
                    None => path.push("operations".to_owned()),
                }
                let (component, place) = (component.to_owned(), policy.place.clone());
                faults.push(Fault { component, path, severity, text, place });
            }
        }
        faults
    }
}

/// The faults of a policy, each with the index of the resource, unless it concerns the operations.
fn findings(policy: &Policy) -> Vec<(Severity, Option<usize>, String)> {
    let operations = || OPERATIONS.iter().filter(|it| policy.has_operation(it));
    let mut found = Vec::new();
    let mut matching = Vec::new();
    for pattern in &policy.resources {
        let obstacle = operations().map(|it| obstacle(it, pattern)).reduce(Option::and).flatten();
        match obstacle {
            Some(obstacle) => {
                let text = format!("{:?} never matches: {obstacle}", pattern.text());
                found.push((Severity::Ignored, Some(pattern.index()), text));
            }
            None => matching.push(pattern),
        }
    }
    if !matching.is_empty() {
        let named = operations().filter(|it| policy.operations.iter().any(|name| name == it.id));
        for operation in named {
            let obstacles = matching.iter().map(|it| obstacle(operation, it));
            if let Some(obstacle) = obstacles.reduce(Option::and).flatten() {
                let text = format!("{} is never allowed: {obstacle}", operation.id);
                found.push((Severity::Ignored, None, text));
            }
        }
    }
    for pattern in matching {
        let width = width(policy, pattern);
        found.extend(width.map(|it| (Severity::Suspicious, Some(pattern.index()), it)));
    }
    if policy.operations.iter().any(|it| it == CANCEL_LOCAL_DEPLOYMENT) {
        let text = format!("a device denies {CANCEL_LOCAL_DEPLOYMENT} to all components");
        found.push((Severity::DiffersOnDevice, None, text));
    }
    found
}

/// Why a pattern matches no resource of an operation.
pub(super) fn obstacle(operation: &Protected, pattern: &Pattern) -> Option<String> {
    let name = operation.id.rsplit('#').next().unwrap_or_default();
    let is_publish = name.starts_with("Publish");
    let wildcards = if operation.service.id == PUBSUB.id { "+#*" } else { "+#" };
    let (can_match, resource) = match operation.resource {
        Resource::Text(_) | Resource::Required(_) if is_publish => {
            let has_none = has_only(pattern, |it| !wildcards.contains(it));
            (has_none, "a topic, which contains no wildcards")
        }
        Resource::Text(_) | Resource::Required(_) | Resource::Metric => return None,
        Resource::Name("thingName") => {
            let is_valid = |it: char| it.is_ascii_alphanumeric() || ":_-".contains(it);
            (has_only(pattern, is_valid), "the name of a thing")
        }
        Resource::Name(_) => {
            let is_valid = |it: char| it.is_ascii_alphanumeric() || "._-".contains(it);
            (has_only(pattern, is_valid), "the name of a component")
        }
        Resource::DeploymentId(_) => {
            (has_only(pattern, |it| it.is_ascii_hexdigit() || it == '-'), "a UUID")
        }
        Resource::Shadow => {
            let forms = ["$aws/things/+/shadow", "$aws/things/+/shadow/name/+"];
            (
                overlaps_any(pattern, &forms),
                "$aws/things/THING/shadow or $aws/things/THING/shadow/name/SHADOW",
            )
        }
        Resource::SecretArn => {
            let forms = ["arn:*:secretsmanager:*:*:secret:*"];
            (overlaps_any(pattern, &forms), "the ARN of a secret")
        }
        Resource::Star => (pattern.matches("*"), "always *"),
    };
    (!can_match).then(|| format!("the resource of {name} is {resource}"))
}

fn has_only(pattern: &Pattern, is_valid: impl Fn(char) -> bool) -> bool {
    let mut pieces = pattern.pieces().iter();
    pieces.all(|it| !matches!(it, Piece::Text(text) if !text.chars().all(&is_valid)))
}

/// A warning about a pattern that matches more or less than it seems to.
fn width(policy: &Policy, pattern: &Pattern) -> Option<String> {
    let text = pattern.text();
    let has_topics = [&PUBSUB, &MQTT].contains(&policy.service);
    if pattern.pieces().iter().all(|it| *it == Piece::Any) {
        let mut operations = OPERATIONS.iter().filter(|it| policy.has_operation(it));
        let is_always_star = operations.all(|it| it.resource == Resource::Star);
        return (!is_always_star).then(|| format!("{text:?} matches every resource"));
    }
    if !has_topics {
        return None;
    }
    let is_literal = !policy.service.has_mqtt_wildcards;
    let as_filter = Pattern::parse(text, true);
    if is_literal && as_filter.is_ok_and(|it| it.pieces() != pattern.pieces()) {
        let text = format!("{text:?} matches only itself: + and # are not wildcards here, use *");
        return Some(text);
    }
    let levels: Vec<_> = text.split('/').collect();
    if let Some(at) = levels.iter().position(|it| *it == "*") {
        let example = [&levels[..at], &["x", "y"], &levels[at + 1..]].concat().join("/");
        return Some(format!("{text:?} also matches topics with more levels, such as {example:?}"));
    }
    let subscribes = policy.operations.iter().any(|it| it == "*" || it.contains("Subscribe"));
    if subscribes && policy.service.has_mqtt_wildcards && levels.last() == Some(&"+") {
        let wide = [&levels[..levels.len() - 1], &["#"]].concat().join("/");
        return Some(format!("{text:?} also allows a subscription to {wide:?}"));
    }
    None
}

fn overlaps_any(pattern: &Pattern, forms: &[&str]) -> bool {
    forms.iter().any(|it| Pattern::parse(it, true).is_ok_and(|it| overlaps(pattern, &it)))
}

/// A piece of a pattern, one character or a wildcard.
#[derive(Clone, Copy)]
enum Token {
    Character(char),
    /// Any text; without slashes if false.
    Any(bool),
}

/// Whether two patterns match a common text. Neither has `/#`.
fn overlaps(one: &Pattern, other: &Pattern) -> bool {
    let (one, other) = (tokens(one), tokens(other));
    // Whether the ends of both from some token on match a common text, for each token of `other`.
    let mut after: Vec<bool> = vec![false; other.len() + 1];
    for i in (0..=one.len()).rev() {
        let mut row = vec![false; other.len() + 1];
        for j in (0..=other.len()).rev() {
            let takes = |wildcard, next| match next {
                Some(Token::Character(it)) => wildcard || it != '/',
                _ => false,
            };
            let (a, b) = (one.get(i).copied(), other.get(j).copied());
            row[j] = match (a, b) {
                (None, None) => true,
                (Some(Token::Character(a)), Some(Token::Character(b))) => a == b && after[j + 1],
                _ => false,
            };
            if let Some(Token::Any(slashes)) = a {
                row[j] |= after[j] || (takes(slashes, b) && row[j + 1]);
            }
            if let Some(Token::Any(slashes)) = b {
                row[j] |= row[j + 1] || (takes(slashes, a) && after[j]);
            }
        }
        after = row;
    }
    after[0]
}

fn tokens(pattern: &Pattern) -> Vec<Token> {
    let mut tokens = Vec::new();
    for piece in pattern.pieces() {
        match piece {
            Piece::Text(text) => tokens.extend(text.chars().map(Token::Character)),
            Piece::Level => tokens.push(Token::Any(false)),
            Piece::Any | Piece::Below => tokens.push(Token::Any(true)),
        }
    }
    tokens
}
