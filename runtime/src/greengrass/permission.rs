//! The permissions of components.

use serde::Serialize;
use serde_json::{Value, json};

use crate::{error::ErrorMetadata, json};

/// The permission that an operation requires: what a policy in `accessControl` has to allow.
///
/// Generated code has one for each operation with the trait `aws.greengrass#permission`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Permission {
    /// The absolute shape ID of the operation.
    pub operation: &'static str,
    /// The service identifier, such as `aws.greengrass.ipc.pubsub`.
    pub service: &'static str,
    /// The resource, in which `{member}` is the text of a member of the request, `{list.member}` stands for one resource
    /// for each element of a list, and a part in square brackets is left out if one of its members is not set.
    pub resource: &'static str,
}

/// The longest resource for which a policy is proposed, in bytes.
const MAX_RESOURCE_LEN: usize = 4096;

impl Permission {
    /// A permission for an operation.
    pub const fn new(
        operation: &'static str,
        service: &'static str,
        resource: &'static str,
    ) -> Self {
        Self { operation, service, resource }
    }

    /// The resources of a request, without repetitions. There is none if a member that is needed is not set.
    pub fn resources<R: Serialize + ?Sized>(&self, request: &R) -> Vec<String> {
        let request = json::to_vec(request).ok();
        let request: Option<Value> = request.and_then(|it| serde_json::from_slice(&it).ok());
        let mut resources = Vec::new();
        for resource in expanded(self.resource, &request.unwrap_or_default()) {
            if !resources.contains(&resource) {
                resources.push(resource);
            }
        }
        resources
    }

    /// An `accessControl` that allows exactly these resources.
    ///
    /// ```
    /// use eventstream_rpc::greengrass::Permission;
    ///
    /// let publish =
    ///     Permission::new("aws.greengrass#PublishToTopic", "aws.greengrass.ipc.pubsub", "{topic}");
    /// assert_eq!(
    ///     publish.access_control(&["a/b".to_owned()]),
    ///     serde_json::json!({ "aws.greengrass.ipc.pubsub": { "PublishToTopic on a/b": {
    ///         "operations": ["aws.greengrass#PublishToTopic"],
    ///         "resources": ["a/b"],
    ///     } } }),
    /// );
    /// ```
    pub fn access_control(&self, resources: &[String]) -> Value {
        let name = self.operation.rsplit('#').next().unwrap_or(self.operation);
        let id = format!("{name} on {}", resources.join(", "));
        let patterns: Vec<_> = match self.resource {
            "*" => vec!["*".to_owned()],
            _ => resources.iter().map(|it| exact_pattern(it)).collect(),
        };
        json!({ self.service: { id: { "operations": [self.operation], "resources": patterns } } })
    }

    /// What allows a request that a core has denied; `None` for other errors, and if no policy can allow it.
    pub fn hint<R: Serialize + ?Sized>(
        &self,
        request: &R,
        error: &dyn ErrorMetadata,
    ) -> Option<String> {
        if error.code() != Some("UnauthorizedError") {
            return None;
        }
        // The core replaces the name of a secret by its ARN.
        let told = error.message().and_then(|it| it.rsplit_once(" on resource arn:"));
        let resources = match told {
            Some((_, end)) => vec![format!("arn:{end}")],
            None => self.resources(request),
        };
        let is_possible = |it: &String| !it.trim().is_empty() && it.len() <= MAX_RESOURCE_LEN;
        if resources.is_empty() || !resources.iter().all(is_possible) {
            return None;
        }
        Some(format!(
            "to allow {} on {}, merge this into accessControl in the component's configuration: {}",
            self.operation,
            resources.join(", "),
            self.access_control(&resources)
        ))
    }
}

/// A pattern of a policy that matches exactly this text: with `${*}`, `${?}` and `${$}` for the characters that have a
/// meaning.
pub fn exact_pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '*' | '?' => pattern.extend(['$', '{', character, '}']),
            '$' if rest.peek() == Some(&'{') => pattern.push_str("${$}"),
            other => pattern.push(other),
        }
    }
    pattern
}

/// Replaces the parts of a template in braces and brackets. There are several results if a member is in a list, and none
/// if one is not set.
fn expanded(template: &str, request: &Value) -> Vec<String> {
    let Some(start) = template.find(['{', '[']) else { return vec![template.to_owned()] };
    let (before, rest) = template.split_at(start);
    let end = if rest.starts_with('{') { '}' } else { ']' };
    let Some((part, after)) = rest[1..].split_once(end) else { return Vec::new() };
    let parts = if end == '}' {
        texts(part, request)
    } else {
        let optional = expanded(part, request);
        if optional.is_empty() { vec![String::new()] } else { optional }
    };
    let ends = expanded(after, request);
    parts.iter().flat_map(|part| ends.iter().map(move |it| format!("{before}{part}{it}"))).collect()
}

/// The texts of a member, or of the members of all elements of a list.
fn texts(path: &str, value: &Value) -> Vec<String> {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    match (&value[name], rest) {
        (Value::String(text), None) if !text.is_empty() => vec![text.clone()],
        (Value::Array(elements), Some(rest)) => {
            elements.iter().flat_map(|it| texts(rest, it)).collect()
        }
        (value, Some(rest)) => texts(rest, value),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Unhandled;

    #[track_caller]
    fn check(template: &'static str, expected: &[&str]) {
        let request = json!({
            "topic": "a/*", "thing": "t", "shadow": null, "name": "n",
            "metrics": [{ "name": "x" }, { "name": "y" }, { "name": "x" }], "inner": { "id": "i" },
        });
        let permission = Permission::new("s#Op", "service", template);
        assert_eq!(permission.resources(&request), expected, "{template}");
    }

    #[test]
    fn resources_come_from_the_request() {
        check("*", &["*"]);
        check("{topic}", &["a/*"]);
        check("{inner.id}", &["i"]);
        check("things/{thing}/shadow[/name/{shadow}]", &["things/t/shadow"]);
        check("things/{thing}/shadow[/name/{name}]", &["things/t/shadow/name/n"]);
        check("{metrics.name}", &["x", "y"]);
        check("{missing}", &[]);
        check("a/{shadow}", &[]);
        check("{topic", &[]);
    }

    #[test]
    fn a_denial_names_what_would_allow_it() {
        let read = Permission::new("s#GetSecretValue", "secrets", "{secretId}");
        let reply = |code: &str, message: &str| {
            let payload = json!({ "_errorCode": code, "message": message }).to_string();
            Unhandled::from_reply(None, None, payload.into())
        };
        let hint = |id: &str, error: Unhandled| read.hint(&json!({ "secretId": id }), &error);
        let policy = |resource: &str| {
            let id = format!("GetSecretValue on {resource}");
            json!({ "secrets": { id: { "operations": ["s#GetSecretValue"], "resources": [resource] } } })
        };
        let denied = hint("a", reply("UnauthorizedError", "Not Authorized")).unwrap();
        assert!(denied.ends_with(&format!("configuration: {}", policy("a"))), "{denied}");
        let text = "Principal x is not authorized to perform y on resource arn:aws:a-1";
        let denied = hint("a", reply("UnauthorizedError", text)).unwrap();
        assert!(denied.ends_with(&policy("arn:aws:a-1").to_string()), "{denied}");
        assert_eq!(hint(" ", reply("UnauthorizedError", "")), None);
        assert_eq!(hint(&"a".repeat(5000), reply("UnauthorizedError", "")), None);
        assert_eq!(hint("a", reply("ServiceError", "Not Authorized")), None);
    }

    #[test]
    fn characters_with_a_meaning_are_escaped() {
        assert_eq!(exact_pattern("a/*?$b${c}"), "a/${*}${?}$b${$}{c}");
        let everything = Permission::new("s#Op", "service", "*");
        let policy = everything.access_control(&everything.resources(&()));
        assert_eq!(policy["service"]["Op on *"]["resources"], json!(["*"]));
    }
}
