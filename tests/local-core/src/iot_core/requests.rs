//! The operations of AWS IoT Core.

use greengrass_core_ipc::{
    error::Unhandled,
    operation::{
        publish_to_iot_core::{PublishToIoTCore, PublishToIoTCoreRequest},
        subscribe_to_iot_core::{SubscribeToIoTCore, SubscribeToIoTCoreRequest},
    },
    server::RequestContext,
    types::Qos,
};

use crate::{
    permission::is_missing,
    service::{Nucleus, invalid},
};

impl Nucleus {
    /// Checks the permission and the arguments of a publication.
    pub(crate) fn check_publish_to_iot_core(
        &self,
        request: &PublishToIoTCoreRequest,
        context: &RequestContext,
    ) -> Result<(), Unhandled> {
        self.authorize::<PublishToIoTCore>(context, &request.topic_name)?;
        if request.payload.is_none() {
            return Err(Unhandled::undeclared(&invalid("payload is required")));
        }
        check_qos(&request.qos, context)
    }

    /// Checks the permission and the arguments of a subscription.
    pub(crate) fn check_subscribe_to_iot_core(
        &self,
        request: &SubscribeToIoTCoreRequest,
        context: &RequestContext,
    ) -> Result<(), Unhandled> {
        self.authorize::<SubscribeToIoTCore>(context, &request.topic_name)?;
        check_qos(&request.qos, context)
    }
}

fn check_qos(qos: &Qos, context: &RequestContext) -> Result<(), Unhandled> {
    let text = match qos {
        _ if is_missing(context, "qos") => "qos is required",
        Qos::Unknown(_) => "qos must be \"0\" or \"1\"",
        _ => return Ok(()),
    };
    Err(Unhandled::undeclared(&invalid(text)))
}
