//! The operations on components: their states, details, restarts, stops and pauses.

mod states;
mod updates;

use eventstream_rpc::operation::Operation;
use greengrass_core_ipc::{
    error::Unhandled,
    operation::{
        get_component_details::{
            GetComponentDetails, GetComponentDetailsRequest, GetComponentDetailsResponse,
        },
        list_components::{ListComponents, ListComponentsRequest, ListComponentsResponse},
        pause_component::{PauseComponent, PauseComponentRequest, PauseComponentResponse},
        restart_component::{RestartComponent, RestartComponentRequest, RestartComponentResponse},
        resume_component::{ResumeComponent, ResumeComponentRequest, ResumeComponentResponse},
        stop_component::{StopComponent, StopComponentRequest, StopComponentResponse},
        update_state::{UpdateStateRequest, UpdateStateResponse},
    },
    server::RequestContext,
    types::{
        ComponentDetails, ReportedLifecycleState, RequestStatus, error::ResourceNotFoundError,
    },
};

pub(crate) use updates::Updates;

use crate::{
    lifecycle::Input,
    service::{Nucleus, failed, invalid},
    supervisor::{Listed, PauseError},
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

    /// Serves `ListComponents`: each component after its dependencies.
    pub(crate) async fn components(
        &self,
        _: ListComponentsRequest,
        context: &RequestContext,
    ) -> Result<ListComponentsResponse, Unhandled> {
        self.authorize::<ListComponents>(context, "*")?;
        let components = self.supervisor.list().into_iter().map(|it| self.details(it));
        Ok(ListComponentsResponse::builder().components(components).build())
    }

    /// Serves `GetComponentDetails`.
    pub(crate) async fn component(
        &self,
        request: GetComponentDetailsRequest,
        context: &RequestContext,
    ) -> Result<GetComponentDetailsResponse, Unhandled> {
        let name = request.component_name;
        self.authorize::<GetComponentDetails>(context, &name)?;
        let listed = self.supervisor.listed(&name).ok_or_else(|| unknown(&name))?;
        let details = self.details(listed);
        built(GetComponentDetailsResponse::builder().component_details(details).build())
    }

    fn details(&self, Listed { name, version, state }: Listed) -> ComponentDetails {
        let configuration = self.configurations.get(&name, &[]).unwrap_or_default();
        let details = ComponentDetails::builder().component_name(name).version(version);
        let details = details.state(state).configuration(configuration).build();
        details.expect("the required members are set")
    }

    /// Serves `RestartComponent`, which succeeds before the component restarts.
    pub(crate) async fn restart_one(
        &self,
        request: RestartComponentRequest,
        context: &RequestContext,
    ) -> Result<RestartComponentResponse, Unhandled> {
        let name = request.component_name;
        self.authorize::<RestartComponent>(context, &name)?;
        let is_taken = self.supervisor.restart(&name).ok_or_else(|| unknown(&name))?;
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
        if !self.supervisor.stop_one(&name) {
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
