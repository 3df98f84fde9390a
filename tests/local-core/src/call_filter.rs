//! A filter in front of the service, which records calls and answers those that a test defines.

use std::{fmt, sync::Arc};

use eventstream_rpc::operation::Operation;
use greengrass_core_ipc::{
    error::Unhandled,
    operation::{
        get_component_details::GetComponentDetails,
        get_local_deployment_status::GetLocalDeploymentStatus, list_components::ListComponents,
    },
    server::{
        BoxFuture, GreengrassCoreIpcService, Identity, IncomingCall, InvalidRequest, Service,
        Violation,
    },
};

use crate::{
    components, deployments,
    edition::Edition,
    faults::{Definitions, Serve},
    record::{Call, Recorder},
    service::Nucleus,
    supervisor::Supervisor,
};

pub(crate) struct CallFilter {
    service: GreengrassCoreIpcService<Nucleus>,
    /// Serves the calls that no definition answers.
    serve: Serve,
    supervisor: Arc<Supervisor>,
    pub(crate) recorder: Recorder,
    pub(crate) edition: Edition,
    pub(crate) definitions: Definitions,
}

impl CallFilter {
    /// `service` serves the calls in place of the nucleus.
    pub(crate) fn new(
        nucleus: Nucleus,
        service: Option<Serve>,
        definitions: Definitions,
        recorder: Recorder,
        edition: Edition,
    ) -> Self {
        let supervisor = Arc::clone(&nucleus.supervisor);
        let nucleus = Arc::new(nucleus);
        let serve = service.unwrap_or_else(|| {
            let service = GreengrassCoreIpcService::from(Arc::clone(&nucleus));
            let nucleus = Arc::clone(&nucleus);
            Arc::new(move |call| {
                // The responses of the Java nucleus lack members that the model requires.
                let serve: fn(_, _) -> _ = match call.operation() {
                    GetLocalDeploymentStatus::ID => deployments::serve_status,
                    GetComponentDetails::ID => components::serve_details,
                    ListComponents::ID => components::serve_list,
                    _ => return service.call(call),
                };
                serve(call, Arc::clone(&nucleus))
            })
        });
        // Refuses calls before they are decoded.
        let serve: Serve = Arc::new(move |call| match edition.check(&call) {
            Ok(()) => serve(call),
            Err(error) => {
                call.deny(&error);
                Box::pin(std::future::ready(()))
            }
        });
        Self { service: nucleus.into(), serve, supervisor, recorder, edition, definitions }
    }
}

impl Service for CallFilter {
    const ID: &'static str = GreengrassCoreIpcService::<Nucleus>::ID;

    fn call(&self, call: IncomingCall) -> BoxFuture<'static, ()> {
        self.recorder.add(|| Call {
            component: call.context().identity().0.clone(),
            operation: call.operation().rsplit('#').next().unwrap_or_default().to_owned(),
            payload: call.payload(),
        });
        let logged = tracing::enabled!(tracing::Level::DEBUG).then(|| log_call(&call)).flatten();
        let serving = self.definitions.serve(call, &self.serve);
        match logged {
            None => serving,
            Some(logged) => Box::pin(async move {
                serving.await;
                tracing::debug!("{logged} has ended");
            }),
        }
    }

    fn invalid_request(&self, operation: &str, violations: &[Violation]) -> InvalidRequest {
        self.service.invalid_request(operation, violations)
    }

    fn undecodable(&self, operation: &str, payload: &[u8]) -> Unhandled {
        self.edition.undecodable(operation, payload)
    }

    fn error_reply(&self, operation: Option<&str>, error: &Unhandled) -> Unhandled {
        let reply = self.edition.error_reply(operation, error);
        reply.unwrap_or_else(|| self.service.error_reply(operation, error))
    }

    fn connected(&self, client: &Identity, connection: u64) {
        tracing::debug!("{} has connected (connection {connection})", client.0);
        self.supervisor.connected(&client.0, true);
    }

    fn disconnected(&self, client: &Identity, connection: u64) {
        tracing::debug!("{} has disconnected (connection {connection})", client.0);
        self.supervisor.connected(&client.0, false);
    }
}

/// Logs a call. Returns the name of its subscription, if the operation is one.
fn log_call(call: &IncomingCall) -> Option<String> {
    let context = call.context();
    // The name of an unknown operation is any text.
    let (component, operation) =
        (&context.identity().0, call.operation().escape_debug().to_string());
    let place = format!("connection {}, stream {}", context.connection(), context.stream_id().0);
    tracing::debug!("{component} calls {operation} ({place})");
    let name = operation.rsplit('#').next().unwrap_or_default();
    name.starts_with("SubscribeTo").then(|| format!("{name} of {component} ({place})"))
}

impl fmt::Debug for CallFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallFilter").finish_non_exhaustive()
    }
}
