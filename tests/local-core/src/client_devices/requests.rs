//! The operations on client devices.

use std::sync::Arc;

use eventstream_rpc::operation::Operation;
use greengrass_core_ipc::{
    error::Unhandled,
    operation::{
        authorize_client_device_action::{
            AuthorizeClientDeviceAction, AuthorizeClientDeviceActionRequest,
            AuthorizeClientDeviceActionResponse,
        },
        get_client_device_auth_token::{
            GetClientDeviceAuthToken, GetClientDeviceAuthTokenRequest,
            GetClientDeviceAuthTokenResponse,
        },
        subscribe_to_certificate_updates::{
            SubscribeToCertificateUpdates, SubscribeToCertificateUpdatesRequest,
            SubscribeToCertificateUpdatesResponse,
        },
        verify_client_device_identity::{
            VerifyClientDeviceIdentity, VerifyClientDeviceIdentityRequest,
            VerifyClientDeviceIdentityResponse,
        },
    },
    server::{RequestContext, StreamingResponse},
    types::{
        CertificateType, ClientDeviceCredential, CredentialDocument,
        error::{InvalidClientDeviceAuthTokenError, InvalidCredentialError},
    },
};

use super::{
    ClientDevices, event,
    permission::{is_operation, is_resource, service_of},
    registry,
};
use crate::{
    builder::identity::is_thing_name,
    components::built,
    service::{Nucleus, failed, invalid},
};

impl Nucleus {
    /// The client devices, if there are some and the component may ask for them.
    fn devices<O: Operation>(
        &self,
        context: &RequestContext,
    ) -> Result<&Arc<ClientDevices>, Unhandled> {
        let devices = self.client_devices.as_ref();
        let devices = devices.ok_or_else(|| {
            let text = format!("{} needs client devices: --client-devices FILE gives them", O::ID);
            Unhandled::undeclared(&failed(&text))
        })?;
        self.authorize::<O>(context, "*")?;
        Ok(devices)
    }

    /// Serves `SubscribeToCertificateUpdates`.
    pub(crate) async fn follow_certificates(
        &self,
        request: SubscribeToCertificateUpdatesRequest,
        context: &RequestContext,
    ) -> Result<StreamingResponse<SubscribeToCertificateUpdates>, Unhandled> {
        let devices = self.devices::<SubscribeToCertificateUpdates>(context)?;
        if request.certificate_options.certificate_type != CertificateType::Server {
            return Err(refused("certificateType must be SERVER"));
        }
        let mut current = devices.lock();
        let Some(update) = current.registry.server.clone() else {
            let text = "the file of client devices has no serverCertificate";
            return Err(Unhandled::undeclared(&failed(text)));
        };
        let (sender, events) = self.open(context);
        // An error means that the stream has just ended.
        let _ = sender.send(&event(update));
        current.subscribers.retain(|it| it.is_open());
        current.subscribers.push(sender);
        Ok(StreamingResponse::queued(SubscribeToCertificateUpdatesResponse::default(), events))
    }

    /// Serves `VerifyClientDeviceIdentity`.
    pub(crate) async fn verify_device(
        &self,
        request: VerifyClientDeviceIdentityRequest,
        context: &RequestContext,
    ) -> Result<VerifyClientDeviceIdentityResponse, Unhandled> {
        let devices = self.devices::<VerifyClientDeviceIdentity>(context)?;
        let certificate = match request.credential {
            ClientDeviceCredential::ClientDeviceCertificate(pem) if !pem.is_empty() => pem,
            _ => return Err(refused("clientDeviceCertificate is required")),
        };
        let certificate = certificate_in(&certificate)?;
        let is_valid = devices.lock().registry.has(&certificate);
        built(
            VerifyClientDeviceIdentityResponse::builder().is_valid_client_device(is_valid).build(),
        )
    }

    /// Serves `GetClientDeviceAuthToken`.
    pub(crate) async fn open_session(
        &self,
        request: GetClientDeviceAuthTokenRequest,
        context: &RequestContext,
    ) -> Result<GetClientDeviceAuthTokenResponse, Unhandled> {
        let devices = self.devices::<GetClientDeviceAuthToken>(context)?;
        let CredentialDocument::MqttCredential(credential) = request.credential else {
            return Err(refused("mqttCredential is required"));
        };
        let thing = credential.client_id.unwrap_or_default();
        let certificate = certificate_in(&credential.certificate_pem.unwrap_or_default())?;
        let mut current = devices.lock();
        if !is_thing_name(&thing) || !current.registry.is_attached(&certificate, &thing) {
            let text = "no active certificate of this device is attached to the thing";
            let error = InvalidCredentialError::builder().message(text).build();
            return Err(Unhandled::undeclared(&error));
        }
        let token = current.sessions.open(&thing);
        built(GetClientDeviceAuthTokenResponse::builder().client_device_auth_token(token).build())
    }

    /// Serves `AuthorizeClientDeviceAction`.
    pub(crate) async fn authorize_device(
        &self,
        request: AuthorizeClientDeviceActionRequest,
        context: &RequestContext,
    ) -> Result<AuthorizeClientDeviceActionResponse, Unhandled> {
        let devices = self.devices::<AuthorizeClientDeviceAction>(context)?;
        let (operation, resource) = (&*request.operation, &*request.resource);
        let token = &*request.client_device_auth_token;
        if [token, operation, resource].contains(&"") {
            return Err(refused("clientDeviceAuthToken, operation and resource are required"));
        }
        let mut current = devices.lock();
        let Some(thing) = current.sessions.thing_of(token).map(str::to_owned) else {
            let text = "no client device has the token";
            let error = InvalidClientDeviceAuthTokenError::builder().message(text).build();
            return Err(Unhandled::undeclared(&error));
        };
        let is_valid = is_operation(operation) && is_resource(resource);
        if is_valid && service_of(operation) != service_of(resource) {
            let text = "operation and resource are of different services";
            return Err(Unhandled::undeclared(&failed(text)));
        }
        let is_allowed = is_valid && current.registry.allows(&thing, operation, resource);
        built(AuthorizeClientDeviceActionResponse::builder().is_authorized(is_allowed).build())
    }
}

fn refused(text: &str) -> Unhandled {
    Unhandled::undeclared(&invalid(text))
}

fn certificate_in(pem: &str) -> Result<Vec<u8>, Unhandled> {
    registry::decoded(pem).ok_or_else(|| refused("the certificate is not PEM"))
}
