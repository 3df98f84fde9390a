//! The nucleus whose limits, operations and errors the core has.

use greengrass_core_ipc::{
    error::Unhandled,
    server::{Config, IncomingCall},
};

use serde_json::Value;

use crate::{lite, numbers::Numbers, requests, service::failed};

/// A nucleus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Edition {
    #[default]
    Java,
    Lite,
}

impl Edition {
    /// The limits of connections.
    pub(crate) fn config(self) -> Config {
        let mut config = Config::default();
        // The model has no events from clients.
        config.strict_stream_ends = true;
        if self == Self::Lite {
            config.max_frame_len = lite::MAX_MESSAGE_LEN;
        }
        config.max_connect_len = config.max_frame_len;
        config
    }

    /// The form of numbers, where this one is asked for.
    pub(crate) fn numbers(self, numbers: Numbers) -> Numbers {
        if self == Self::Lite { Numbers::Exact } else { numbers }
    }

    /// The maximum number of connections at the same time.
    pub(crate) fn max_connections(self) -> Option<usize> {
        (self == Self::Lite).then_some(lite::MAX_CONNECTIONS)
    }

    /// Checks the number of components.
    pub(crate) fn check_components(self, count: usize) -> Result<(), String> {
        match self {
            Self::Lite if count > lite::MAX_COMPONENTS => {
                Err(format!("nucleus lite has up to {} components", lite::MAX_COMPONENTS))
            }
            _ => Ok(()),
        }
    }

    /// The maximum length of topics and filters, in bytes.
    pub(crate) fn max_topic_len(self) -> usize {
        if self == Self::Lite { lite::MAX_TOPIC_LEN } else { usize::MAX }
    }

    /// The maximum number of subscriptions to topics, of all components together.
    pub(crate) fn max_subscriptions(self) -> usize {
        if self == Self::Lite { lite::MAX_SUBSCRIPTIONS } else { usize::MAX }
    }

    /// Logs the policies of components that are too large. `read` returns the `accessControl` of each component that has
    /// one.
    pub(crate) fn check_policies(self, read: impl FnOnce() -> Vec<(String, Value)>) {
        let limit = lite::MAX_POLICIES_LEN;
        let access_controls = if self == Self::Lite { read() } else { Vec::new() };
        for (component, services) in &access_controls {
            for (service, policies) in services.as_object().into_iter().flatten() {
                if policies.to_string().len() > limit {
                    tracing::warn!(
                        "{component}: the policies of {service} have more than {limit} bytes, the limit of nucleus lite"
                    );
                }
            }
        }
    }

    /// Checks a call before its request is decoded.
    pub(crate) fn check(self, call: &IncomingCall) -> Result<(), Unhandled> {
        let operation = call.operation();
        if self == Self::Lite {
            if !lite::serves(operation) {
                return Err(Unhandled::undeclared(&failed("")));
            }
            if !lite::has_valid_size(&call.payload()) {
                return Err(Unhandled::undeclared(&failed("the request is too large")));
            }
        }
        requests::check(operation, || call.payload()).map_err(|reason| {
            tracing::warn!("{}: {operation}: {reason}", call.context().identity().0);
            match reason {
                requests::NULL => Unhandled::undeclared(&failed(reason)),
                _ => Unhandled::internal(),
            }
        })
    }

    /// The error for a request that cannot be decoded.
    pub(crate) fn undecodable(self, operation: &str, payload: &[u8]) -> Unhandled {
        match payload.trim_ascii() {
            b"" | b"null" => Unhandled::undeclared(&failed("the request is empty")),
            _ => {
                tracing::warn!(
                    "a request of {operation} is not JSON with the types of the model; some such requests are accepted \
                     by the Java nucleus, but not by nucleus lite"
                );
                Unhandled::internal()
            }
        }
    }

    /// The form in which an error is sent; `None` for that of the Java nucleus.
    pub(crate) fn error_reply(
        self,
        operation: Option<&str>,
        error: &Unhandled,
    ) -> Option<Unhandled> {
        (self == Self::Lite).then(|| lite::error(operation, error))
    }
}
