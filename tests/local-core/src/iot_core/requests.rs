//! The operations of AWS IoT Core.

use greengrass_core_ipc::{
    error::Unhandled,
    operation::{
        publish_to_iot_core::{
            PublishToIoTCore, PublishToIoTCoreRequest, PublishToIoTCoreResponse,
        },
        subscribe_to_iot_core::{
            SubscribeToIoTCore, SubscribeToIoTCoreRequest, SubscribeToIoTCoreResponse,
        },
        subscribe_to_iot_core_connection_status::{
            SubscribeToIoTCoreConnectionStatus, SubscribeToIoTCoreConnectionStatusRequest,
            SubscribeToIoTCoreConnectionStatusResponse,
        },
    },
    server::{RequestContext, StreamingResponse},
    types::{Qos, error::ServiceError},
};
use serde_json::json;

use super::{
    Refused,
    message::{self, Message},
};
use crate::{
    edition::Edition,
    permission::is_missing,
    service::{Nucleus, failed, invalid},
};

impl Nucleus {
    /// Serves `PublishToIoTCore`, which succeeds when the message is queued.
    pub(crate) async fn publish_iot(
        &self,
        request: PublishToIoTCoreRequest,
        context: &RequestContext,
    ) -> Result<PublishToIoTCoreResponse, Unhandled> {
        let edition = self.iot_core.edition;
        self.authorize::<PublishToIoTCore>(context, &request.topic_name)?;
        if request.payload.is_none() && edition == Edition::Java {
            return Err(Unhandled::undeclared(&invalid("payload is required")));
        }
        check_qos(&request.qos, context, edition)?;
        if request.content_type.is_some() {
            tracing::info!("{}: a nucleus does not forward contentType", context.identity().0);
        }
        let topic = request.topic_name.clone();
        let message = Message::published(request, edition, self.iot_core.clock.instant());
        self.iot_core.publish(message).map_err(|reason| {
            Unhandled::undeclared(&failed(&format!("publish to topic {topic} failed: {reason}")))
        })?;
        Ok(PublishToIoTCoreResponse::default())
    }

    /// Serves `SubscribeToIoTCore`.
    pub(crate) async fn subscribe_iot(
        &self,
        request: SubscribeToIoTCoreRequest,
        context: &RequestContext,
    ) -> Result<StreamingResponse<SubscribeToIoTCore>, Unhandled> {
        let filter = request.topic_name;
        self.authorize::<SubscribeToIoTCore>(context, &filter)?;
        check_qos(&request.qos, context, self.iot_core.edition)?;
        let (sender, events) = self.open(context);
        let qos = message::qos(&request.qos);
        let subscribed = self.iot_core.subscribe(filter.clone(), qos, sender).await;
        let guard = subscribed.map_err(|refused| refusal(&filter, refused))?;
        let response = SubscribeToIoTCoreResponse::default();
        Ok(StreamingResponse::queued(response, events.keeping(guard)))
    }

    /// Serves `SubscribeToIoTCoreConnectionStatus`.
    pub(crate) async fn follow_iot(
        &self,
        _: SubscribeToIoTCoreConnectionStatusRequest,
        context: &RequestContext,
    ) -> Result<StreamingResponse<SubscribeToIoTCoreConnectionStatus>, Unhandled> {
        let (sender, events) = self.open(context);
        self.iot_core.follow(sender);
        let response = SubscribeToIoTCoreConnectionStatusResponse::default();
        Ok(StreamingResponse::queued(response, events))
    }
}

fn refusal(filter: &str, Refused { reason, code }: Refused) -> Unhandled {
    let text = format!("subscribe to topic {filter} failed: {reason}");
    let context = code.map(|code| json!({ "reasonString": reason, "reasonCode": code }));
    Unhandled::undeclared(&ServiceError::builder().message(text).set_context(context).build())
}

fn check_qos(qos: &Qos, context: &RequestContext, edition: Edition) -> Result<(), Unhandled> {
    let text = match qos {
        _ if is_missing(context, "qos") => match edition {
            Edition::Java => "qos is required".to_owned(),
            Edition::Lite => return Ok(()),
        },
        Qos::Unknown(text) if edition == Edition::Lite && text == "2" => return Ok(()),
        Qos::Unknown(text) => format!("qos is {text:?} and must be \"0\" or \"1\""),
        _ => return Ok(()),
    };
    Err(Unhandled::undeclared(&invalid(&text)))
}
