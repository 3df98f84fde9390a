//! Policies that nearly allow a call.

use std::fmt;

use super::{Pattern, Policy, Request, Rules, is_blank};
use crate::{
    operations::{MQTT, PUBSUB},
    recipe::closest,
};

/// A policy that matches a call only in part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NearMiss<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) why: Why<'a>,
}

/// Why a policy does not allow a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Why<'a> {
    /// It has the operation, but other resources. If one of them nearly matches: that one, and the difference.
    Resource(Option<(&'a Pattern, &'static str)>),
    /// It has the resource, but other operations.
    Operation,
    /// It has the resource, but is for the other service with topics. The value is the service that the call needs.
    Service(&'static str),
    /// It is in the configuration of this other component.
    Component(&'a str),
}

/// The maximum number of listed policies, and of resources of each.
const MAX_LISTED: usize = 8;

impl Rules {
    /// The policies that nearly allow a call.
    pub(super) fn near_misses<'a>(&'a self, request: &Request<'_>) -> Vec<NearMiss<'a>> {
        if request.resource.is_some_and(is_blank) {
            return Vec::new();
        }
        let own = self.policies(request.component);
        let own = own.filter_map(|policy| Some(NearMiss { policy, why: why(policy, request)? }));
        let mut own: Vec<_> = own.collect();
        own.sort_by_key(|it| matches!(it.why, Why::Service(_)));
        let mut others: Vec<_> = self.components.iter().collect();
        others.sort_unstable_by_key(|(name, _)| *name);
        let others = others.into_iter().filter(|(name, _)| *name != request.component);
        let others = others.flat_map(|(name, component)| {
            let policies = component.policies.iter().filter(|it| it.allows(request));
            policies.map(move |policy| NearMiss { policy, why: Why::Component(name) })
        });
        own.into_iter().chain(others).take(MAX_LISTED).collect()
    }
}

fn why<'a>(policy: &'a Policy, request: &Request<'_>) -> Option<Why<'a>> {
    let service = request.operation.service;
    let has_resource = policy.has_resource(request.resource);
    if policy.has_operation(request.operation) {
        let text = request.resource.unwrap_or_default();
        let hint = policy.resources.iter().find_map(|it| Some((it, hint(it, policy, text)?)));
        return Some(Why::Resource(hint));
    }
    if policy.service.id == service.id {
        return has_resource.then_some(Why::Operation);
    }
    // Local topics and topics of IoT Core are easily confused.
    let topics = [&PUBSUB, &MQTT];
    let is_mistaken = topics.contains(&service) && topics.contains(&policy.service);
    (is_mistaken && has_resource).then_some(Why::Service(service.id))
}

/// Why a pattern does not match a text that it nearly matches.
fn hint(pattern: &Pattern, policy: &Policy, text: &str) -> Option<&'static str> {
    let has_mqtt_wildcards = policy.service.has_mqtt_wildcards;
    let folded = Pattern::parse(&pattern.text().to_lowercase(), has_mqtt_wildcards);
    if folded.is_ok_and(|it| it.matches(&text.to_lowercase())) {
        return Some("case is significant");
    }
    if pattern.matches(&format!("{text}/"))
        || text.strip_suffix('/').is_some_and(|it| pattern.matches(it))
    {
        return Some("a slash at the end is significant");
    }
    if !has_mqtt_wildcards && Pattern::parse(pattern.text(), true).is_ok_and(|it| it.matches(text))
    {
        return Some("+ and # are not wildcards for this service, use *");
    }
    if pattern.text().contains("{iot:thingName}") {
        return Some("the recipe variable is not replaced");
    }
    is_similar(pattern.text(), text).then_some("is one of them misspelt?")
}

/// Whether two topics differ only in levels that are similar.
fn is_similar(one: &str, other: &str) -> bool {
    let mut levels = one.split('/').zip(other.split('/'));
    let is_similar = |(one, other): (&str, &str)| one == other || closest(one, [other]).is_some();
    one.split('/').count() == other.split('/').count() && levels.all(is_similar)
}

impl fmt::Display for NearMiss<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Policy { id, service, operations, resources, place } = self.policy;
        write!(f, "policy {id:?} ")?;
        if let Some(place) = place {
            write!(f, "({place}) ")?;
        }
        match &self.why {
            Why::Resource(_) if resources.is_empty() => {
                f.write_str("has the operation, but no resources")
            }
            Why::Resource(hint) => {
                let listed = resources.iter().take(MAX_LISTED).map(|it| format!("{:?}", it.text()));
                let listed = listed.collect::<Vec<_>>().join(", ");
                let more = if resources.len() > MAX_LISTED { ", …" } else { "" };
                write!(f, "has the operation, but other resources: {listed}{more}")?;
                match hint {
                    Some((_, text)) if resources.len() == 1 => write!(f, " ({text})"),
                    Some((pattern, text)) => write!(f, " (nearly {:?}: {text})", pattern.text()),
                    None => Ok(()),
                }
            }
            Why::Operation if operations.is_empty() => {
                f.write_str("has the resource, but no valid operation")
            }
            Why::Operation => {
                write!(f, "has the resource, but other operations: {}", operations.join(", "))
            }
            Why::Service(wanted) => {
                write!(f, "has the resource, but is for {}, not {wanted}", service.id)
            }
            Why::Component(name) => {
                write!(f, "allows it, but only for {name}, whose configuration contains it")
            }
        }
    }
}
