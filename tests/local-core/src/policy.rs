//! Authorization policies: the `accessControl` in the configurations of components.
//!
//! The rules are those of the Java nucleus. This module has no I/O: [`AccessControl::parse`] reads the policies of
//! one component, [`Rules::decide`] decides on a call, and both return values with explanations.

mod denial;
mod device;
mod fault;
mod load;
mod near;
#[cfg(test)]
mod paste_tests;
mod pattern;
mod snippet;
mod suspicious;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;

use self::snippet::ProposedIds;
pub(crate) use self::{
    denial::{Denial, escaped},
    device::unseen_keys,
    fault::{Fault, Severity},
    load::AccessControl,
    near::NearMiss,
    pattern::{Pattern, is_blank},
    snippet::{add, snippet},
};
use crate::{
    operations::{Protected, Service},
    recipe::{Place, Source},
};

/// A policy, which allows each of its operations on each of its resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    pub(crate) id: String,
    pub(crate) service: &'static Service,
    /// Operations of the service; `*` matches all.
    pub(crate) operations: Vec<String>,
    pub(crate) resources: Vec<Pattern>,
    /// Its place in a recipe, if it comes from one.
    pub(crate) place: Option<Place>,
}

/// The recipes of components, by name.
pub(crate) type Sources = HashMap<String, Arc<Source>>;

/// The policies of all components.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    components: HashMap<String, Component>,
    faults: Vec<Fault>,
    proposed_ids: Mutex<ProposedIds>,
}

#[derive(Debug, Default)]
struct Component {
    policies: Vec<Policy>,
    /// The ids of all its policies, also of invalid ones.
    ids: Vec<String>,
    /// Its recipe, if it has one.
    source: Option<Arc<Source>>,
}

/// A call that requires a permission.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) component: &'a str,
    pub(crate) operation: &'static Protected,
    /// `None` if the request has none.
    pub(crate) resource: Option<&'a str>,
}

impl Request<'_> {
    /// A hash, equal for equal requests.
    pub(crate) fn key(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.component, self.operation.id, self.resource).hash(&mut hasher);
        hasher.finish()
    }
}

/// The decision on a call.
#[derive(Debug)]
pub(crate) enum Decision<'a> {
    /// Allowed by the policy with this id, or without a policy for some components of AWS.
    Allowed(Option<&'a str>),
    Denied(Denial<'a>),
}

/// The maximum number of policies of a component, and of faults, whose places are looked up.
const MAX_PLACED: usize = 100;

impl Rules {
    /// Reads the `accessControl` of each component that has one. `former` are the previous rules.
    pub(crate) fn load<'c>(
        components: impl IntoIterator<Item = (&'c str, &'c Value)>,
        sources: &Sources,
        former: &Self,
    ) -> Self {
        let proposed_ids = Mutex::new(former.proposed_ids().clone());
        let mut rules = Self { proposed_ids, ..Self::default() };
        for (name, source) in sources {
            let component = Component { source: Some(Arc::clone(source)), ..Component::default() };
            rules.components.insert(name.clone(), component);
        }
        let mut refused = Vec::new();
        for (name, value) in components {
            let AccessControl { mut policies, ids, refused: services, mut faults } =
                AccessControl::parse(name, value);
            let component = rules.components.entry(name.to_owned()).or_default();
            if let Some(source) = &component.source {
                for it in policies.iter_mut().take(MAX_PLACED) {
                    it.place = source.place(value, &[it.service.id, &it.id]);
                }
                for it in faults.iter_mut().take(MAX_PLACED) {
                    it.place = source.place(value, &it.path);
                }
            }
            refused.extend(services.iter().map(|it| it.id));
            rules.faults.extend(faults);
            (component.policies, component.ids) = (policies, ids);
        }
        // The previous policies for such a service stay in force.
        let is_refused = |it: &Policy| refused.contains(&it.service.id);
        for component in rules.components.values_mut() {
            component.policies.retain(|it| !is_refused(it));
        }
        for (name, component) in &former.components {
            let kept = component.policies.iter().filter(|it| is_refused(it)).cloned();
            rules.components.entry(name.clone()).or_default().policies.extend(kept);
        }
        rules
    }

    fn proposed_ids(&self) -> MutexGuard<'_, ProposedIds> {
        self.proposed_ids.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The faults of all configurations.
    pub(crate) fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// All policies with their components.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &Policy)> {
        let components = self.components.iter();
        components.flat_map(|(name, it)| it.policies.iter().map(move |it| (&**name, it)))
    }

    /// Decides on a call.
    pub(crate) fn decide<'a>(&'a self, request: Request<'a>) -> Decision<'a> {
        if request.operation.service.exempts(request.component) {
            return Decision::Allowed(None);
        }
        let is_blank = request.resource.is_some_and(is_blank);
        let allowing = self.policies(request.component).find(|it| it.allows(&request));
        match allowing {
            Some(policy) if !is_blank => Decision::Allowed(Some(&policy.id)),
            _ => Decision::Denied(self.denial(request)),
        }
    }

    fn policies(&self, component: &str) -> impl Iterator<Item = &Policy> {
        self.components.get(component).into_iter().flat_map(|it| &it.policies)
    }
}

impl Policy {
    fn new(id: &str, service: &'static Service) -> Self {
        let (operations, resources) = (Vec::new(), Vec::new());
        Self { id: id.to_owned(), service, operations, resources, place: None }
    }

    fn allows(&self, request: &Request<'_>) -> bool {
        self.has_operation(request.operation) && self.has_resource(request.resource)
    }

    fn has_operation(&self, operation: &Protected) -> bool {
        let names = |it: &String| it == "*" || it == operation.id;
        self.service.id == operation.service.id && self.operations.iter().any(names)
    }

    /// Whether a pattern matches the resource. If the request has none, any policy matches, even without resources.
    fn has_resource(&self, resource: Option<&str>) -> bool {
        resource.is_none_or(|text| self.resources.iter().any(|it| it.matches(text)))
    }
}
