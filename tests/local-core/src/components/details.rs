//! The details of components, which lack members that the model requires if a nucleus does not have them.

use std::sync::Arc;

use eventstream_rpc::json::Shape;
use greengrass_core_ipc::{
    error::Unhandled,
    operation::{
        get_component_details::{
            GetComponentDetails, GetComponentDetailsRequest, GetComponentDetailsResponse,
        },
        list_components::{ListComponents, ListComponentsRequest, ListComponentsResponse},
    },
    server::{BoxFuture, IncomingCall, RequestContext},
    types::LifecycleState,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::unknown;
use crate::{
    lenient::{self, Lenient},
    service::Nucleus,
    supervisor::Listed,
};

/// A component as `ListComponents` and `GetComponentDetails` show it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Details {
    pub(super) component_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<String>,
    pub(super) state: LifecycleState,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) configuration: Option<Map<String, Value>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Listing {
    components: Vec<Details>,
}

impl Shape for Listing {
    const ID: &'static str = ListComponentsResponse::ID;
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    component_details: Details,
}

impl Shape for Shown {
    const ID: &'static str = GetComponentDetailsResponse::ID;
}

/// Serves `ListComponents`.
pub(crate) fn serve_list(call: IncomingCall, nucleus: Arc<Nucleus>) -> BoxFuture<'static, ()> {
    call.unary(Lenient::<ListComponents, Listing>::NEW, |_, context| async move {
        Ok(nucleus.listing(&context)?)
    })
}

/// Serves `GetComponentDetails`.
pub(crate) fn serve_details(call: IncomingCall, nucleus: Arc<Nucleus>) -> BoxFuture<'static, ()> {
    call.unary(Lenient::<GetComponentDetails, Shown>::NEW, |request, context| async move {
        Ok(nucleus.shown(&request, &context)?)
    })
}

impl Nucleus {
    /// Serves `ListComponents` for a service in front of this one. See [`serve_list`].
    pub(crate) async fn components(
        &self,
        _: ListComponentsRequest,
        context: &RequestContext,
    ) -> Result<ListComponentsResponse, Unhandled> {
        Ok(lenient::read(&self.listing(context)?))
    }

    /// Serves `GetComponentDetails` for a service in front of this one. See [`serve_details`].
    pub(crate) async fn component(
        &self,
        request: GetComponentDetailsRequest,
        context: &RequestContext,
    ) -> Result<GetComponentDetailsResponse, Unhandled> {
        Ok(lenient::read(&self.shown(&request, context)?))
    }

    /// All components, each after its dependencies, and the built-in services.
    fn listing(&self, context: &RequestContext) -> Result<Listing, Unhandled> {
        self.authorize::<ListComponents>(context, "*")?;
        let listed: Vec<_> =
            self.supervisor.list().into_iter().map(|it| self.details(it)).collect();
        let is_other =
            |it: &Details| !listed.iter().any(|other| other.component_name == it.component_name);
        let mut components: Vec<_> = self.builtins.list().filter(is_other).collect();
        components.extend(listed);
        Ok(Listing { components })
    }

    fn shown(
        &self,
        request: &GetComponentDetailsRequest,
        context: &RequestContext,
    ) -> Result<Shown, Unhandled> {
        let name = &request.component_name;
        self.authorize::<GetComponentDetails>(context, name)?;
        let listed = self.supervisor.listed(name).map(|it| self.details(it));
        let details = listed.or_else(|| self.builtins.details(name));
        Ok(Shown { component_details: details.ok_or_else(|| unknown(name))? })
    }

    fn details(&self, Listed { name, version, state }: Listed) -> Details {
        let configuration = Some(self.configurations.get(&name, &[]).unwrap_or_default());
        Details { component_name: name, version: Some(version), state, configuration }
    }
}
