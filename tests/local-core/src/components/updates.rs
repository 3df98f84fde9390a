//! The questions to components whether they are ready for an update.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use greengrass_core_ipc::{
    error::Unhandled,
    operation::{
        defer_component_update::{DeferComponentUpdateRequest, DeferComponentUpdateResponse},
        subscribe_to_component_updates::{
            SubscribeToComponentUpdates, SubscribeToComponentUpdatesError,
            SubscribeToComponentUpdatesRequest, SubscribeToComponentUpdatesResponse,
        },
    },
    server::{RequestContext, StreamingResponse},
    types::{ComponentUpdatePolicyEvents, PostComponentUpdateEvent, PreComponentUpdateEvent},
};
use tokio::sync::oneshot;

use crate::service::{Nucleus, failed, invalid};

/// The questions without an answer, by component and deployment.
#[derive(Debug, Default)]
pub(crate) struct Updates(Mutex<HashMap<(String, String), oneshot::Sender<Duration>>>);

impl Nucleus {
    /// Serves `SubscribeToComponentUpdates`.
    pub(crate) async fn subscribe_to_updates(
        &self,
        _: SubscribeToComponentUpdatesRequest,
        context: &RequestContext,
    ) -> Result<StreamingResponse<SubscribeToComponentUpdates>, SubscribeToComponentUpdatesError>
    {
        let (_, events) = self.open(context);
        let response = SubscribeToComponentUpdatesResponse::default();
        Ok(StreamingResponse::queued(response, events))
    }

    /// Serves `DeferComponentUpdate`.
    pub(crate) async fn defer(
        &self,
        request: DeferComponentUpdateRequest,
        context: &RequestContext,
    ) -> Result<DeferComponentUpdateResponse, Unhandled> {
        let component = &context.identity().0;
        if self.streams.of::<SubscribeToComponentUpdates>(component).is_empty() {
            let text = "the component has not subscribed to component updates";
            return Err(Unhandled::undeclared(&invalid(text)));
        }
        if !context.violations().is_empty() {
            return Err(Unhandled::undeclared(&invalid("deploymentId is required")));
        }
        let DeferComponentUpdateRequest { deployment_id, message, recheck_after_ms, .. } = request;
        let message = message.map(|it| format!(": {it}")).unwrap_or_default();
        let time = match recheck_after_ms {
            None => {
                tracing::warn!(
                    "{component} answers without recheckAfterMs, which counts as 0; a device waits for its time limit"
                );
                Duration::ZERO
            }
            Some(millis) => Duration::from_millis(u64::try_from(millis).unwrap_or_default()),
        };
        tracing::info!("{component} defers deployment {deployment_id} by {time:?}{message}");
        let question = (component.clone(), deployment_id);
        let asked = self.updates.lock().remove(&question);
        if asked.is_some_and(|it| it.send(time).is_ok()) {
            return Ok(DeferComponentUpdateResponse::default());
        }
        Err(Unhandled::undeclared(&failed("no question about this deployment is open")))
    }

    /// Asks the components that have subscribed until none defers the update. Components that do not answer within the
    /// time limit agree.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future withdraws the questions, and tells the components that the update is over.
    pub(crate) async fn announce_update(&self, deployment: &str, limit: Duration) -> Announced<'_> {
        let announced = Announced { nucleus: self, deployment: deployment.to_owned() };
        let event = PreComponentUpdateEvent::builder().deployment_id(deployment);
        let event = event.is_ggc_restarting(false).build();
        let event = ComponentUpdatePolicyEvents::PreUpdateEvent(event.expect("both are set"));
        loop {
            let deferred = self.ask(deployment, &event, limit).await;
            if deferred.is_zero() {
                return announced;
            }
            self.clock.sleep(deferred).await;
        }
    }

    /// Asks each component that has subscribed, once. Returns the longest time by which one defers the update.
    async fn ask(
        &self,
        deployment: &str,
        event: &ComponentUpdatePolicyEvents,
        limit: Duration,
    ) -> Duration {
        let mut answers = Vec::new();
        for component in self.streams.components_of::<SubscribeToComponentUpdates>() {
            let (sender, answer) = oneshot::channel();
            // Before the event, which a component may answer at once.
            self.updates.lock().insert((component.clone(), deployment.to_owned()), sender);
            for stream in self.streams.of::<SubscribeToComponentUpdates>(&component) {
                // A component whose stream has just ended does not answer.
                let _ = stream.send(event);
            }
            answers.push(answer);
        }
        let end = self.clock.instant() + limit;
        let mut deferred = Duration::ZERO;
        for answer in answers {
            // An error means that the component was asked again, or that the time is over.
            if let Some(Ok(time)) = self.clock.until(end, answer).await {
                deferred = deferred.max(time);
            }
        }
        self.updates.withdraw(deployment);
        deferred
    }
}

/// An update that was announced. Tells the components that it is over when dropped.
#[must_use = "dropping it tells the components that the update is over"]
pub(crate) struct Announced<'n> {
    nucleus: &'n Nucleus,
    deployment: String,
}

impl Drop for Announced<'_> {
    fn drop(&mut self) {
        let Self { nucleus, deployment } = self;
        nucleus.updates.withdraw(deployment);
        let event = PostComponentUpdateEvent::builder().deployment_id(&**deployment).build();
        let event = ComponentUpdatePolicyEvents::PostUpdateEvent(event.expect("it is set"));
        for component in nucleus.streams.components_of::<SubscribeToComponentUpdates>() {
            for stream in nucleus.streams.of::<SubscribeToComponentUpdates>(&component) {
                // A component whose stream has just ended needs no event.
                let _ = stream.send(&event);
            }
        }
    }
}

impl Updates {
    fn withdraw(&self, deployment: &str) {
        self.lock().retain(|(_, it), _| it != deployment);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(String, String), oneshot::Sender<Duration>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
