//! The explanation of a denied call.

use std::fmt;

use eventstream_rpc::greengrass::exact_pattern;
use serde_json::{Value, json};

use super::{
    Fault, NearMiss, Pattern, Request, Rules,
    fault::Severity,
    is_blank,
    snippet::{flow, snippet, yaml},
    suspicious::obstacle,
};
use crate::{
    configuration::ACCESS_CONTROL,
    operations::{self, Resource},
    recipe::{Format, Insertion, Source},
};

/// The longest resource for which a policy is proposed, in bytes.
const MAX_RESOURCE_LEN: usize = 4096;

/// A call that no policy allows. `Display` prints the explanation, and only its first line in the alternate form.
#[derive(Debug)]
pub(crate) struct Denial<'a> {
    pub(crate) request: Request<'a>,
    /// The policies that nearly allow the call.
    pub(crate) near: Vec<NearMiss<'a>>,
    /// Faults that may have removed the permission.
    pub(crate) faults: Vec<&'a Fault>,
    /// An unused id for a policy that allows it.
    pub(crate) free_id: String,
    /// The recipe of the component.
    source: Option<&'a Source>,
}

impl Rules {
    pub(super) fn denial<'a>(&'a self, request: Request<'a>) -> Denial<'a> {
        let service = request.operation.service;
        let may_matter = |it: &&Fault| match (it.severity, it.path.first()) {
            (Severity::DiffersOnDevice, _) => false,
            (Severity::ServiceRefused, id) => id.is_some_and(|it| it == service.id),
            // An unknown service may be a misspelling of this one.
            (Severity::Ignored, Some(id)) => {
                it.component == request.component
                    && (id == service.id || operations::service_of(id).is_none())
            }
            _ => it.component == request.component,
        };
        let faults = self.faults.iter().filter(may_matter);
        let component = self.components.get(request.component);
        let used = component.map(|it| &*it.ids).unwrap_or_default();
        Denial {
            near: self.near_misses(&request),
            faults: faults.collect(),
            free_id: self.proposed_ids().id(&request, used),
            source: component.and_then(|it| it.source.as_deref()),
            request,
        }
    }
}

impl Denial<'_> {
    /// An `accessControl` that allows exactly this call; `None` if that is impossible.
    pub(crate) fn snippet(&self) -> Option<Value> {
        let Request { operation, resource, .. } = self.request;
        let resource = match resource {
            // The call fails even if it is allowed.
            None => return None,
            Some(text) if is_blank(text) || text.len() > MAX_RESOURCE_LEN => return None,
            Some(text) if operation.resource == Resource::Star => text.to_owned(),
            Some(text) => exact_pattern(text),
        };
        if self.obstacle().is_some() || self.faults.iter().any(|it| it.removes_all()) {
            return None;
        }
        let policy = snippet(operation.service.id, &self.free_id, operation.id, &resource);
        Some(json!({ ACCESS_CONTROL: policy }))
    }
}

impl Denial<'_> {
    /// Where to insert a policy, and its text.
    fn proposal(&self, snippet: &Value) -> String {
        let Request { component, operation, .. } = self.request;
        let Some(source) = self.source else {
            return format!("merge into the configuration of {component}:\n{snippet:#}");
        };
        let file = source.file.display();
        let keys = [
            "ComponentConfiguration",
            "DefaultConfiguration",
            ACCESS_CONTROL,
            operation.service.id,
        ];
        let Some((depth, insertion)) = source.insertion(&keys) else {
            let snippet = match source.format {
                Format::Json => format!("{snippet:#}"),
                Format::Yaml => yaml(snippet, 0),
            };
            let snippet = snippet.trim_end();
            return format!("merge into the DefaultConfiguration in {file}:\n{snippet}");
        };
        // The recipe has the first keys.
        let whole = json!({ keys[0]: { keys[1]: snippet } });
        let missing = keys[..depth].iter().fold(&whole, |it, key| &it[*key]);
        match insertion {
            Insertion::Above { line, indent } => {
                format!("insert above {file}:{line}:\n{}", yaml(missing, indent).trim_end())
            }
            Insertion::Below { line, indent } => {
                format!("insert below {file}:{line}:\n{}", yaml(missing, indent).trim_end())
            }
            Insertion::AfterBracket { position, is_alone } => {
                let space = "  ".repeat(depth);
                let members = match source.format {
                    Format::Json => {
                        let text = format!("{missing:#}");
                        let members = text.trim_start_matches("{\n").trim_end_matches("\n}");
                        members.replace('\n', &format!("\n{space}"))
                    }
                    Format::Yaml => {
                        let text = flow(missing);
                        text[1..text.len() - 1].to_owned()
                    }
                };
                let comma = if is_alone { "" } else { "," };
                format!("insert after the bracket at {file}:{position}:\n{space}{members}{comma}")
            }
        }
    }

    /// Why the call fails even if it is allowed.
    fn obstacle(&self) -> Option<String> {
        let Request { operation, resource, .. } = self.request;
        let pattern = Pattern::parse(&exact_pattern(resource?), false).ok()?;
        obstacle(operation, &pattern).filter(|_| operation.resource != Resource::Star)
    }
}

impl fmt::Display for Denial<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Request { component, operation, resource } = self.request;
        let service = operation.service.id;
        write!(f, "{component} may not call {}", operation.id)?;
        match resource {
            None => write!(f, ": no policy for {service} allows it")?,
            Some(text) if is_blank(text) => f.write_str(" with an empty resource")?,
            Some(text) => write!(f, " on {}: no policy for {service} allows it", escaped(text))?,
        }
        if f.alternate() {
            return Ok(());
        }
        for near in &self.near {
            write!(f, "\n  {near}")?;
        }
        for fault in &self.faults {
            write!(f, "\n  {fault}")?;
        }
        match self.snippet() {
            Some(snippet) => {
                let has_wildcard = operation.service.has_mqtt_wildcards
                    && resource.is_some_and(|it| it.contains(['+', '#']));
                let more = if has_wildcard { " and what its wildcards match" } else { "" };
                write!(f, "\nTo allow this call{more}, {}", self.proposal(&snippet))
            }
            None => match self.obstacle() {
                Some(obstacle) => write!(f, "\nNo policy makes this call succeed: {obstacle}"),
                None if self.faults.iter().any(|it| it.removes_all()) => {
                    f.write_str("\nCorrect this first: until then, no policy has an effect")
                }
                None => Ok(()),
            },
        }
    }
}

/// Escapes and truncates a client's text for a message.
pub(crate) fn escaped(text: &str) -> String {
    const MAX_CHARS: usize = 256;
    let ellipsis = if text.chars().nth(MAX_CHARS).is_some() { "…" } else { "" };
    text.chars().take(MAX_CHARS).flat_map(char::escape_debug).chain(ellipsis.chars()).collect()
}
