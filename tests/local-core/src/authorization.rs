//! Who may do what.

use greengrass_core_ipc::types::error::UnauthorizedError;

/// What an authorizer is asked, in the terms of `accessControl` in a recipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuthorizationRequest<'a> {
    /// The name of the calling component.
    pub component: &'a str,
    /// The service that has the operation, such as `aws.greengrass.ipc.pubsub`.
    pub service: &'a str,
    /// The operation, such as `aws.greengrass#PublishToTopic`.
    pub operation: &'a str,
    /// What it is done to: a topic, for example.
    pub resource: &'a str,
}

type Hook = Box<dyn Fn(&AuthorizationRequest<'_>) -> bool + Send + Sync>;

/// Asks the hook, if there is one.
#[derive(Default)]
pub(crate) struct Authorization(Option<Hook>);

impl Authorization {
    pub(crate) fn new(
        hook: impl Fn(&AuthorizationRequest<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self(Some(Box::new(hook)))
    }

    /// Whether the request is allowed.
    ///
    /// As with a nucleus, nothing may be done to an empty resource.
    pub(crate) fn check(
        &self,
        request: &AuthorizationRequest<'_>,
    ) -> Result<(), UnauthorizedError> {
        let AuthorizationRequest { component, service, operation, resource } = request;
        let denied = |text: String| Err(UnauthorizedError::builder().message(text).build());
        if resource.is_empty() {
            return denied("the resource is empty".to_owned());
        }
        match &self.0 {
            Some(hook) if !hook(request) => denied(format!(
                "principal {component} is not authorized to perform {service}:{operation} on resource {}",
                shown(resource)
            )),
            _ => Ok(()),
        }
    }
}

/// Text from a client as part of a message: on one line, and cut if it is long.
fn shown(text: &str) -> String {
    const MAX_CHARS: usize = 256;
    let cut = if text.chars().nth(MAX_CHARS).is_some() { "…" } else { "" };
    text.chars().take(MAX_CHARS).flat_map(char::escape_debug).chain(cut.chars()).collect()
}

impl std::fmt::Debug for Authorization {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Authorization").field(&self.0.is_some()).finish()
    }
}
