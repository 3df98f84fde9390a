//! The operations on components: their states, details, restarts, stops and pauses.

mod builtin;
mod details;
mod states;
mod updates;

use eventstream_rpc::operation::Operation;
use greengrass_core_ipc::{
    error::Unhandled,
    operation::{
        pause_component::{PauseComponent, PauseComponentRequest, PauseComponentResponse},
        restart_component::{RestartComponent, RestartComponentRequest, RestartComponentResponse},
        resume_component::{ResumeComponent, ResumeComponentRequest, ResumeComponentResponse},
        stop_component::{StopComponent, StopComponentRequest, StopComponentResponse},
        update_state::{UpdateStateRequest, UpdateStateResponse},
    },
    server::RequestContext,
    types::{ReportedLifecycleState, RequestStatus, error::ResourceNotFoundError},
};

pub(crate) use self::{
    builtin::Builtins,
    details::{serve_details, serve_list},
    updates::Updates,
};

use crate::{
    lifecycle::Input,
    service::{Nucleus, failed, invalid},
    supervisor::PauseError,
};

impl Nucleus {
    /// Serves `UpdateState`.
    pub(crate) async fn report_state(
        &self,
        request: UpdateStateRequest,
        context: &RequestContext,
    ) -> Result<UpdateStateResponse, Unhandled> {
        let report = match request.state {
            ReportedLifecycleState::Running => Input::ReportedRunning,
            ReportedLifecycleState::Errored => Input::ReportedErrored,
            _ => return Err(Unhandled::undeclared(&failed("state must be RUNNING or ERRORED"))),
        };
        self.supervisor.handle(&context.identity().0, report);
        Ok(UpdateStateResponse::default())
    }

    /// Serves `RestartComponent`, which succeeds before the component restarts.
    pub(crate) async fn restart_one(
        &self,
        request: RestartComponentRequest,
        context: &RequestContext,
    ) -> Result<RestartComponentResponse, Unhandled> {
        let name = request.component_name;
        self.authorize::<RestartComponent>(context, &name)?;
        let is_taken = self.supervisor.restart(&name);
        let is_taken = is_taken.or_else(|| self.builtins.set_running(&name, true).then_some(true));
        let is_taken = is_taken.ok_or_else(|| unknown(&name))?;
        let status = if is_taken { RequestStatus::Succeeded } else { RequestStatus::Failed };
        built(RestartComponentResponse::builder().restart_status(status).build())
    }

    /// Serves `StopComponent`, which succeeds before the component stops.
    pub(crate) async fn stop_one(
        &self,
        request: StopComponentRequest,
        context: &RequestContext,
    ) -> Result<StopComponentResponse, Unhandled> {
        let name = request.component_name;
        self.authorize::<StopComponent>(context, &name)?;
        if !self.supervisor.stop_one(&name) && !self.builtins.set_running(&name, false) {
            return Err(unknown(&name));
        }
        built(StopComponentResponse::builder().stop_status(RequestStatus::Succeeded).build())
    }

    /// Serves `PauseComponent`, which succeeds when the processes are stopped.
    pub(crate) async fn pause(
        &self,
        request: PauseComponentRequest,
        context: &RequestContext,
    ) -> Result<PauseComponentResponse, Unhandled> {
        self.set_paused::<PauseComponent>(&request.component_name, context, true).await?;
        Ok(PauseComponentResponse::default())
    }

    /// Serves `ResumeComponent`, which succeeds when the processes continue.
    pub(crate) async fn resume(
        &self,
        request: ResumeComponentRequest,
        context: &RequestContext,
    ) -> Result<ResumeComponentResponse, Unhandled> {
        self.set_paused::<ResumeComponent>(&request.component_name, context, false).await?;
        Ok(ResumeComponentResponse::default())
    }

    async fn set_paused<O: Operation>(
        &self,
        name: &str,
        context: &RequestContext,
        is_paused: bool,
    ) -> Result<(), Unhandled> {
        self.authorize::<O>(context, name)?;
        let result = self.supervisor.set_paused(name, is_paused).await;
        result.map_err(|error| match error {
            // Without a text, as on a device.
            PauseError::Unknown if self.builtins.details(name).is_some() => {
                refused(name, "is a service of the nucleus")
            }
            PauseError::Unknown => Unhandled::undeclared(&ResourceNotFoundError::builder().build()),
            PauseError::NotRunning => refused(name, "is not running"),
            PauseError::NotPaused => refused(name, "is not paused"),
        })
    }
}

fn refused(name: &str, reason: &str) -> Unhandled {
    Unhandled::undeclared(&invalid(&format!("{name} {reason}")))
}

fn unknown(name: &str) -> Unhandled {
    let text = format!("the core has no component {name}");
    Unhandled::undeclared(&ResourceNotFoundError::builder().message(text).build())
}

/// A response, whose required members are set.
pub(crate) fn built<T, E: std::fmt::Debug>(response: Result<T, E>) -> Result<T, Unhandled> {
    Ok(response.expect("the required members are set"))
}
