//! Authorization in the handlers of operations.

use eventstream_rpc::operation::Operation;
use greengrass_core_ipc::{
    error::{Unhandled, Violation, ViolationKind},
    server::RequestContext,
    types::error::UnauthorizedError,
};

use crate::{
    operations::{self, Resource},
    service::{Nucleus, failed, invalid},
};

impl Nucleus {
    /// Checks the resource of a call and the permission for it.
    pub(crate) fn authorize<O: Operation>(
        &self,
        context: &RequestContext,
        resource: &str,
    ) -> Result<(), Unhandled> {
        let operation = operations::protected(O::ID).expect("the table has the operation");
        let is_missing = |it: &Violation| {
            it.kind == ViolationKind::Missing && operation.resource.member() == Some(&*it.path)
        };
        let resource = Some(resource).filter(|_| !context.violations().iter().any(is_missing));
        if let (Resource::DeploymentId(member), None) = (operation.resource, resource) {
            return Err(Unhandled::undeclared(&failed(&format!("{member} is required"))));
        }
        let checked = operation.check_argument(resource);
        checked.map_err(|text| Unhandled::undeclared(&invalid(&text)))?;
        let component = &context.identity().0;
        let checked = self.authorization.check(component, operation, resource);
        checked.map_err(|error| Unhandled::undeclared(&error))
    }

    /// Checks that an operation is called by one of the components of AWS that may. `callers` describes them.
    pub(crate) fn authorize_caller<O: Operation>(
        &self,
        context: &RequestContext,
        callers: &str,
        is_one: impl Fn(&str) -> bool,
    ) -> Result<(), Unhandled> {
        let component = &context.identity().0;
        if !self.authorization.is_on() || is_one(component) {
            return Ok(());
        }
        tracing::warn!("{component} may not call {}: only {callers} may", O::ID);
        let text = format!("principal {component} is not authorized to perform {}", O::ID);
        Err(Unhandled::undeclared(&UnauthorizedError::builder().message(text).build()))
    }
}

/// Whether a required member is missing or null.
pub(crate) fn is_missing(context: &RequestContext, member: &str) -> bool {
    let mut violations = context.violations().iter();
    violations.any(|it| it.kind == ViolationKind::Missing && it.path == member)
}
