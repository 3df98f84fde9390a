//! Authorization of calls.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use greengrass_core_ipc::types::error::UnauthorizedError;
use serde_json::Value;

use crate::{
    operations::{CANCEL_LOCAL_DEPLOYMENT, Protected},
    policy::{Decision, Request, Rules, Sources, escaped, is_blank},
    recipe::Source,
};

/// A request to an authorizer, in the terms of `accessControl` in a recipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuthorizationRequest<'a> {
    /// The name of the calling component.
    pub component: &'a str,
    /// The service of the operation, such as `aws.greengrass.ipc.pubsub`.
    pub service: &'a str,
    /// The operation, such as `aws.greengrass#PublishToTopic`.
    pub operation: &'a str,
    /// The resource, such as a topic. Empty if the request has none.
    pub resource: &'a str,
}

type Authorizer = Box<dyn Fn(&AuthorizationRequest<'_>) -> bool + Send + Sync>;

/// Checks calls with the authorizer, if there is one, or with the policies, if there are any.
#[derive(Default)]
pub(crate) struct Authorization {
    authorizer: Option<Authorizer>,
    /// The recipes of the components, for explanations.
    sources: RwLock<Sources>,
    /// `None` while all calls are allowed.
    rules: RwLock<Option<Rules>>,
    /// The keys of the calls whose denials are explained in the log since the rules were loaded.
    explained: Mutex<HashSet<u64>>,
}

/// The maximum number of denials that are remembered as explained.
const MAX_EXPLAINED: usize = 1000;

impl Authorization {
    /// Sets an authorizer, which replaces the policies.
    pub(crate) fn set_authorizer(
        &mut self,
        authorizer: impl Fn(&AuthorizationRequest<'_>) -> bool + Send + Sync + 'static,
    ) {
        self.authorizer = Some(Box::new(authorizer));
    }

    /// Denies calls that no policy allows, even if there are no policies.
    pub(crate) fn deny_by_default(&mut self) {
        self.rules = RwLock::new(Some(Rules::default()));
    }

    /// Adds the recipe of a component, which explanations name.
    pub(crate) fn add_source(&self, component: &str, source: Source) {
        let mut sources = self.sources.write().unwrap_or_else(PoisonError::into_inner);
        sources.insert(component.to_owned(), Arc::new(source));
    }

    /// The recipe of a component.
    pub(crate) fn source(&self, component: &str) -> Option<Arc<Source>> {
        self.sources.read().unwrap_or_else(PoisonError::into_inner).get(component).cloned()
    }

    /// Loads the policies of all components, and denies calls without one even if there is none.
    pub(crate) fn enforce(&self, read: impl FnOnce() -> Vec<(String, Value)>) {
        let mut rules = self.rules.write().unwrap_or_else(PoisonError::into_inner);
        rules.get_or_insert_default();
        drop(rules);
        self.load(read);
    }

    /// Loads the policies of all components and logs their faults. `read` returns the `accessControl` of each
    /// component that has one.
    pub(crate) fn load(&self, read: impl FnOnce() -> Vec<(String, Value)>) {
        let mut rules = self.rules.write().unwrap_or_else(PoisonError::into_inner);
        let components = read();
        if components.is_empty() && rules.is_none() {
            return;
        }
        let components = components.iter().map(|(name, value)| (&**name, value));
        let sources = self.sources.read().unwrap_or_else(PoisonError::into_inner);
        let loaded = Rules::load(components, &sources, &rules.take().unwrap_or_default());
        drop(sources);
        for fault in loaded.faults() {
            tracing::warn!("{fault}");
        }
        *rules = Some(loaded);
        self.explained.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Whether policies are in force.
    pub(crate) fn is_on(&self) -> bool {
        self.rules.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Checks a call.
    ///
    /// As in a nucleus, calls with a blank resource are denied.
    pub(crate) fn check(
        &self,
        component: &str,
        operation: &'static Protected,
        resource: Option<&str>,
    ) -> Result<(), UnauthorizedError> {
        let is_blank = resource.is_some_and(is_blank);
        let is_allowed = match &self.authorizer {
            Some(authorizer) => {
                let request = AuthorizationRequest {
                    component,
                    service: operation.service.id,
                    operation: operation.id,
                    resource: resource.unwrap_or_default(),
                };
                !is_blank && authorizer(&request)
            }
            None => self.decide(Request { component, operation, resource }, is_blank),
        };
        if is_allowed { Ok(()) } else { Err(denied(component, operation, resource)) }
    }

    /// Whether the policies allow a call. Logs the explanation of a denial.
    fn decide(&self, request: Request<'_>, is_blank: bool) -> bool {
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        match rules.as_ref().map(|it| it.decide(request)) {
            None => !is_blank,
            Some(Decision::Allowed(None)) => true,
            Some(Decision::Allowed(Some(policy))) => {
                if request.operation.id == CANCEL_LOCAL_DEPLOYMENT {
                    tracing::warn!(
                        "a device ignores policy {policy:?} for {CANCEL_LOCAL_DEPLOYMENT}"
                    );
                }
                true
            }
            Some(Decision::Denied(denial)) => {
                if self.is_first(&request) {
                    tracing::warn!("{denial}");
                } else {
                    tracing::warn!("{denial:#}, as explained above");
                }
                false
            }
        }
    }

    /// Whether the denial of a call is to be explained, because no equal one was.
    fn is_first(&self, request: &Request<'_>) -> bool {
        let mut explained = self.explained.lock().unwrap_or_else(PoisonError::into_inner);
        if explained.len() >= MAX_EXPLAINED {
            explained.clear();
        }
        explained.insert(request.key())
    }
}

fn denied(component: &str, operation: &Protected, resource: Option<&str>) -> UnauthorizedError {
    let text = match resource {
        Some(text) if is_blank(text) => "the resource is empty".to_owned(),
        resource => format!(
            "principal {component} is not authorized to perform {}:{} on resource {}",
            operation.service.id,
            operation.id,
            escaped(resource.unwrap_or("null"))
        ),
    };
    UnauthorizedError::builder().message(text).build()
}

impl std::fmt::Debug for Authorization {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authorization")
            .field("authorizer", &self.authorizer.is_some())
            .finish_non_exhaustive()
    }
}
