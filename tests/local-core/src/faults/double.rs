//! A service of a test, in front of that of the core.

use std::{
    fmt,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use eventstream_rpc::{
    error::{OperationError, Unhandled},
    operation::Operation,
};
use futures_core::Stream;
use greengrass_core_ipc::{
    operation,
    server::{
        GreengrassCoreIpc, GreengrassCoreIpcService, InvalidRequest, RequestContext, Service,
        StreamingRequest, StreamingResponse, Violation,
    },
};

use super::{Serve, operations::each_operation};
use crate::{Builder, service::Nucleus};

/// A service that is put in front of a nucleus when there is one.
pub(crate) struct Double(Box<dyn FnOnce(Nucleus) -> Serve + Send>);

impl Double {
    fn new(service: impl GreengrassCoreIpc) -> Self {
        Self(Box::new(|nucleus| {
            let service = GreengrassCoreIpcService::new(Layered { service, nucleus });
            Arc::new(move |call| service.call(call))
        }))
    }

    pub(crate) fn before(self, nucleus: Nucleus) -> Serve {
        self.0(nucleus)
    }
}

impl Builder {
    /// Sets a service that answers all calls of the operations that it implements, in place of the core. Permissions are
    /// not checked for them.
    pub fn service(mut self, service: impl GreengrassCoreIpc) -> Self {
        self.service = Some(Double::new(service));
        self
    }
}

impl fmt::Debug for Double {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Double").finish_non_exhaustive()
    }
}

/// A service, and the nucleus for the operations that the service does not implement.
struct Layered<S> {
    service: S,
    nucleus: Nucleus,
}

/// The events of a client. The model has none.
struct NoEvents<T>(PhantomData<fn() -> T>);

impl<T> Stream for NoEvents<T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<T>> {
        Poll::Ready(None)
    }
}

/// Whether an error is the answer of an operation that a service does not implement.
fn is_unimplemented<O: Operation>(error: &O::Error) -> bool {
    error.metadata().to_unhandled() == Unhandled::not_implemented(O::ID)
}

macro_rules! layered {
    (unary { $($method:ident $operation:ident)* }
     streaming { $($opening:ident $subscription:ident)* }) => {
        $(
            async fn $method(
                &self,
                request: <operation::$method::$operation as Operation>::Request,
                context: RequestContext,
            ) -> Result<
                <operation::$method::$operation as Operation>::Response,
                <operation::$method::$operation as Operation>::Error,
            > {
                match self.service.$method(request.clone(), context.clone()).await {
                    Err(error) if is_unimplemented::<operation::$method::$operation>(&error) => {
                        self.nucleus.$method(request, context).await
                    }
                    result => result,
                }
            }
        )*
        $(
            async fn $opening(
                &self,
                request: StreamingRequest<operation::$opening::$subscription>,
                context: RequestContext,
            ) -> Result<
                StreamingResponse<operation::$opening::$subscription>,
                <operation::$opening::$subscription as Operation>::Error,
            > {
                let events = Box::pin(NoEvents(PhantomData));
                let copy = StreamingRequest { request: request.request.clone(), events };
                match self.service.$opening(copy, context.clone()).await {
                    Err(error) if is_unimplemented::<operation::$opening::$subscription>(&error) => {
                        self.nucleus.$opening(request, context).await
                    }
                    result => result,
                }
            }
        )*
    };
}

impl<S: GreengrassCoreIpc> GreengrassCoreIpc for Layered<S> {
    fn invalid_request(&self, operation: &str, violations: &[Violation]) -> InvalidRequest {
        self.nucleus.invalid_request(operation, violations)
    }

    each_operation!(layered);
}
