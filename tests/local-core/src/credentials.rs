//! The password of the debug console, and the validation of tokens.

use std::time::Duration;

use greengrass_core_ipc::{
    error::Unhandled,
    operation::{
        create_debug_password::{
            CreateDebugPassword, CreateDebugPasswordRequest, CreateDebugPasswordResponse,
        },
        validate_authorization_token::{
            ValidateAuthorizationToken, ValidateAuthorizationTokenRequest,
            ValidateAuthorizationTokenResponse,
        },
    },
    server::RequestContext,
    types::error::InvalidTokenError,
};

use crate::{components::built, operations::STREAM_MANAGER, random, service::Nucleus};

/// The time in which a password is valid.
const LIFETIME: Duration = Duration::from_secs(8 * 60 * 60);

impl Nucleus {
    /// Serves `CreateDebugPassword`.
    pub(crate) async fn create_password(
        &self,
        _: CreateDebugPasswordRequest,
        context: &RequestContext,
    ) -> Result<CreateDebugPasswordResponse, Unhandled> {
        self.authorize::<CreateDebugPassword>(context, "*")?;
        tracing::warn!("the password has no use: the local core has no debug console");
        let password = base64_simd::URL_SAFE_NO_PAD.encode_to_string(random::bytes::<32>());
        let response = CreateDebugPasswordResponse::builder().username("debug").password(password);
        built(response.password_expiration(self.clock.now() + LIFETIME).build())
    }

    /// Serves `ValidateAuthorizationToken`, which never returns that a token is invalid.
    pub(crate) async fn validate_token(
        &self,
        request: ValidateAuthorizationTokenRequest,
        context: &RequestContext,
    ) -> Result<ValidateAuthorizationTokenResponse, Unhandled> {
        let is_one = |it: &str| it == STREAM_MANAGER;
        self.authorize_caller::<ValidateAuthorizationToken>(context, STREAM_MANAGER, is_one)?;
        if let Err(reason) = self.tokens.component_of(&request.token) {
            let error = InvalidTokenError::builder().message(reason).build();
            return Err(Unhandled::undeclared(&error));
        }
        built(ValidateAuthorizationTokenResponse::builder().is_valid(true).build())
    }
}
