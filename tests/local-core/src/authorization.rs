//! Authorization of publishing and subscribing.

use greengrass_core_ipc::types::error::UnauthorizedError;

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
    /// The resource, such as a topic.
    pub resource: &'a str,
}

type Authorizer = Box<dyn Fn(&AuthorizationRequest<'_>) -> bool + Send + Sync>;

/// Checks requests with the authorizer, if there is one.
#[derive(Default)]
pub(crate) struct Authorization(Option<Authorizer>);

impl Authorization {
    pub(crate) fn new(
        authorizer: impl Fn(&AuthorizationRequest<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self(Some(Box::new(authorizer)))
    }

    /// Checks a request.
    ///
    /// As in a nucleus, requests with an empty resource are denied.
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
            Some(authorizer) if !authorizer(request) => denied(format!(
                "principal {component} is not authorized to perform {service}:{operation} on resource {}",
                escaped(resource)
            )),
            _ => Ok(()),
        }
    }
}

/// Escapes and truncates a client's text for a message.
fn escaped(text: &str) -> String {
    const MAX_CHARS: usize = 256;
    let ellipsis = if text.chars().nth(MAX_CHARS).is_some() { "…" } else { "" };
    text.chars().take(MAX_CHARS).flat_map(char::escape_debug).chain(ellipsis.chars()).collect()
}

impl std::fmt::Debug for Authorization {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Authorization").field(&self.0.is_some()).finish()
    }
}
