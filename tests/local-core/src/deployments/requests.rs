//! The operations on local deployments.

use std::{path::Path, sync::Arc};

use eventstream_rpc::json::Shape;
use greengrass_core_ipc::{
    error::Unhandled,
    operation::{
        cancel_local_deployment::{
            CancelLocalDeployment, CancelLocalDeploymentRequest, CancelLocalDeploymentResponse,
        },
        create_local_deployment::{
            CreateLocalDeployment, CreateLocalDeploymentRequest, CreateLocalDeploymentResponse,
        },
        get_local_deployment_status::{
            GetLocalDeploymentStatus, GetLocalDeploymentStatusRequest,
            GetLocalDeploymentStatusResponse,
        },
        list_local_deployments::{
            ListLocalDeployments, ListLocalDeploymentsRequest, ListLocalDeploymentsResponse,
        },
    },
    server::{BoxFuture, IncomingCall, RequestContext},
    types::{
        LocalDeployment,
        error::{InvalidArtifactsDirectoryPathError, ResourceNotFoundError},
    },
};
use serde::{Deserialize, Serialize};

use super::{Cancelled, Details, Document, Record, Status};
use crate::{
    lenient::{self, Lenient},
    operations,
    service::{Nucleus, failed, invalid},
};

impl Nucleus {
    /// Serves `CreateLocalDeployment`, which succeeds when the deployment is in the queue.
    pub(crate) async fn create_deployment(
        &self,
        mut request: CreateLocalDeploymentRequest,
        context: &RequestContext,
    ) -> Result<CreateLocalDeploymentResponse, Unhandled> {
        self.authorize::<CreateLocalDeployment>(context, "*")?;
        for it in request.component_to_configuration.iter_mut().flat_map(|it| it.values_mut()) {
            *it = self.numbers.received(it.take());
        }
        let document =
            Document::read(&request).map_err(|it| Unhandled::undeclared(&failed(&it)))?;
        if let Some(folder) = &document.artifacts {
            self.check_artifacts(folder)?;
        }
        if request.group_name.as_ref().is_some_and(|it| it.contains(':')) {
            return Err(Unhandled::undeclared(&invalid("groupName must not contain a colon")));
        }
        let (deployments, now) = (Arc::clone(&self.deployments), self.clock.now().into());
        // A task, because the future of a call is dropped with its connection.
        let created = tokio::spawn(async move { deployments.create(request, document, now).await });
        let id = created.await.unwrap_or_else(|it| Err(failed(&it.to_string())));
        let id = id.map_err(|it| Unhandled::undeclared(&it))?;
        Ok(CreateLocalDeploymentResponse::builder().deployment_id(id).build())
    }

    /// Checks that artifacts are not copied from the folder that they are copied to.
    fn check_artifacts(&self, from: &Path) -> Result<(), Unhandled> {
        let to = self.deployments.store();
        let from = from.canonicalize().unwrap_or_else(|_| from.to_owned());
        if to.as_ref().is_some_and(|it| it.starts_with(&from)) {
            let text = format!("{} contains the artifacts of the core", from.display());
            let error = InvalidArtifactsDirectoryPathError::builder().message(text).build();
            return Err(Unhandled::undeclared(&error));
        }
        Ok(())
    }

    /// Serves `CancelLocalDeployment`.
    pub(crate) async fn cancel_deployment(
        &self,
        request: CancelLocalDeploymentRequest,
        context: &RequestContext,
    ) -> Result<CancelLocalDeploymentResponse, Unhandled> {
        let id = request.deployment_id;
        let id = id.ok_or_else(|| Unhandled::undeclared(&failed("deploymentId is required")))?;
        if !operations::is_uuid(&id) {
            return Err(Unhandled::undeclared(&invalid("deploymentId must be a UUID")));
        }
        self.authorize::<CancelLocalDeployment>(context, "*")?;
        let cancelled = self.deployments.cancel(&id).await;
        let text = match cancelled.map_err(|it| Unhandled::undeclared(&it))? {
            Cancelled::Unknown => return Err(unknown(&id)),
            Cancelled::Submitted => format!("Cancel request submitted. Deployment ID: {id}"),
            Cancelled::Finished => {
                "Cancellation request is not processed because deployment is already finished"
                    .to_owned()
            }
        };
        Ok(CancelLocalDeploymentResponse::builder().message(text).build())
    }

    /// Serves `ListLocalDeployments`.
    pub(crate) async fn deployments(
        &self,
        _: ListLocalDeploymentsRequest,
        context: &RequestContext,
    ) -> Result<ListLocalDeploymentsResponse, Unhandled> {
        self.authorize::<ListLocalDeployments>(context, "*")?;
        let listed = self.deployments.records().into_iter().map(|it| {
            let deployment = LocalDeployment::builder().deployment_id(it.id);
            let deployment = deployment.status(it.status.text()).created_on(it.created_on);
            deployment.build().expect("the required members are set")
        });
        Ok(ListLocalDeploymentsResponse::builder().local_deployments(listed).build())
    }

    /// Serves `GetLocalDeploymentStatus` for a service in front of this one. See [`serve_status`].
    pub(crate) async fn deployment_status(
        &self,
        request: GetLocalDeploymentStatusRequest,
        context: &RequestContext,
    ) -> Result<GetLocalDeploymentStatusResponse, Unhandled> {
        let status = self.deployment(&request, context)?;
        Ok(lenient::read(&status))
    }

    fn deployment(
        &self,
        request: &GetLocalDeploymentStatusRequest,
        context: &RequestContext,
    ) -> Result<StatusResponse, Unhandled> {
        let id = &request.deployment_id;
        self.authorize::<GetLocalDeploymentStatus>(context, id)?;
        let record = self.deployments.record(id).ok_or_else(|| unknown(id))?;
        Ok(StatusResponse { deployment: record.into() })
    }
}

fn unknown(id: &str) -> Unhandled {
    let error = ResourceNotFoundError::builder().message(format!("there is no deployment {id}"));
    let error = error.resource_type("LocalDeployment").resource_name(id);
    Unhandled::undeclared(&error.build())
}

/// Serves `GetLocalDeploymentStatus`, whose response can lack a member that the model requires.
pub(crate) fn serve_status(call: IncomingCall, nucleus: Arc<Nucleus>) -> BoxFuture<'static, ()> {
    call.unary(
        Lenient::<GetLocalDeploymentStatus, StatusResponse>::NEW,
        |request, context| async move { Ok(nucleus.deployment(&request, &context)?) },
    )
}

#[derive(Debug, Serialize, Deserialize)]
struct StatusResponse {
    deployment: Shown,
}

impl Shape for StatusResponse {
    const ID: &'static str = GetLocalDeploymentStatusResponse::ID;
}

/// A deployment with its details.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    deployment_id: String,
    status: Status,
    created_on: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    deployment_status_details: Option<Details>,
}

impl From<Record> for Shown {
    fn from(record: Record) -> Self {
        let Record { id, status, created_on, details, .. } = record;
        Self { deployment_id: id, status, created_on, deployment_status_details: details }
    }
}
