//! The operations that require a permission, with their service identifiers and resources. Other operations require
//! none.

use std::sync::LazyLock;

use Resource::{DeploymentId, Metric, Name, Required, SecretArn, Shadow, Star, Text};
use eventstream_rpc::greengrass::Permission;
use greengrass_core_ipc::operation::PERMISSIONS;

/// A service identifier, which is a key in `accessControl`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Service {
    pub(crate) id: &'static str,
    /// The service in recommended policy ids, such as `pubsub` in `com.example.App:pubsub:1`.
    pub(crate) short: &'static str,
    /// Whether `+` and `#` are wildcards in resources.
    pub(crate) has_mqtt_wildcards: bool,
    /// A component of AWS that requires no policy.
    pub(crate) exempt: Option<&'static str>,
}

/// An operation that requires a permission.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Protected {
    /// The absolute shape ID, which policies contain.
    pub(crate) id: &'static str,
    pub(crate) service: &'static Service,
    pub(crate) resource: Resource,
}

/// The text of a request that is matched against the resources of policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resource {
    /// A member of the request. Without it, any policy for the operation allows the call, which then fails.
    Text(&'static str),
    /// A member whose absence is an `InvalidArgumentsError`, before authorization.
    Required(&'static str),
    /// Like `Required`, and it must not be empty.
    Name(&'static str),
    /// Like `Required`, and it must be a UUID.
    DeploymentId(&'static str),
    /// `$aws/things/THING/shadow` or `$aws/things/THING/shadow/name/SHADOW`; `thingName` is required.
    Shadow,
    /// The ARN of the secret, even if the request contains its name.
    SecretArn,
    /// The name of each metric.
    Metric,
    /// The text `*`.
    Star,
}

pub(crate) static PUBSUB: Service = service("aws.greengrass.ipc.pubsub", "pubsub");
pub(crate) static MQTT: Service =
    Service { has_mqtt_wildcards: true, ..service("aws.greengrass.ipc.mqttproxy", "mqttproxy") };
static SHADOWS: Service = service("aws.greengrass.ShadowManager", "shadow");
static SECRETS: Service = service("aws.greengrass.SecretManager", "secrets");
static LIFECYCLE: Service = service("aws.greengrass.ipc.lifecycle", "lifecycle");
static CLIENT_DEVICES: Service = service("aws.greengrass.clientdevices.Auth", "clientdevices");
static CLI: Service =
    Service { exempt: Some("aws.greengrass.Cli"), ..service("aws.greengrass.Cli", "cli") };
static METRICS: Service = Service {
    exempt: Some(STREAM_MANAGER),
    ..service("aws.greengrass.ipc.componentmetric", "metrics")
};
/// Credentials over HTTP, which are open to all components.
static TOKEN_EXCHANGE: Service = service("aws.greengrass.TokenExchangeService", "credentials");

pub(crate) static SERVICES: [&Service; 9] = [
    &PUBSUB,
    &MQTT,
    &SHADOWS,
    &SECRETS,
    &LIFECYCLE,
    &CLIENT_DEVICES,
    &CLI,
    &METRICS,
    &TOKEN_EXCHANGE,
];

/// The operations of the service in the order of the model, and the request for credentials over HTTP.
pub(crate) static OPERATIONS: LazyLock<Vec<Protected>> = LazyLock::new(|| {
    let of_model = PERMISSIONS.iter().map(|it| Protected {
        id: it.operation,
        service: known_service(it.service),
        resource: Resource::of(it),
    });
    let credentials = Protected { id: "getCredentials", service: &TOKEN_EXCHANGE, resource: Star };
    of_model.chain([credentials]).collect()
});

/// The operations that require no permission.
pub(crate) static UNPROTECTED: [&str; 10] = [
    "aws.greengrass#SubscribeToIoTCoreConnectionStatus",
    "aws.greengrass#GetConfiguration",
    "aws.greengrass#UpdateConfiguration",
    "aws.greengrass#SubscribeToConfigurationUpdate",
    "aws.greengrass#SubscribeToValidateConfigurationUpdates",
    "aws.greengrass#SendConfigurationValidityReport",
    "aws.greengrass#UpdateState",
    "aws.greengrass#SubscribeToComponentUpdates",
    "aws.greengrass#DeferComponentUpdate",
    VALIDATE_AUTHORIZATION_TOKEN,
];

/// The operation that only [`STREAM_MANAGER`] may call.
pub(crate) const VALIDATE_AUTHORIZATION_TOKEN: &str = "aws.greengrass#ValidateAuthorizationToken";

/// The component of AWS that sends metrics and validates authorization tokens.
pub(crate) const STREAM_MANAGER: &str = "aws.greengrass.StreamManager";

/// The start of the names of logins of the command line tool.
pub(crate) const CLI_LOGIN: &str = "greengrass-cli#";

/// The operation that a nucleus denies to all components, regardless of policies.
pub(crate) const CANCEL_LOCAL_DEPLOYMENT: &str = "aws.greengrass#CancelLocalDeployment";

const fn service(id: &'static str, short: &'static str) -> Service {
    Service { id, short, has_mqtt_wildcards: false, exempt: None }
}

/// The entry of an operation, if it requires a permission.
pub(crate) fn protected(id: &str) -> Option<&'static Protected> {
    OPERATIONS.iter().find(|it| it.id == id)
}

/// The service with exactly this identifier.
pub(crate) fn service_of(id: &str) -> Option<&'static Service> {
    OPERATIONS.iter().map(|it| it.service).find(|it| it.id == id)
}

/// The service of an operation of the model, which need not be one of a nucleus: models can be extended.
fn known_service(id: &'static str) -> &'static Service {
    let known = SERVICES.iter().copied().find(|it| it.id == id);
    known.unwrap_or_else(|| {
        let short = id.rsplit('.').next().unwrap_or(id);
        Box::leak(Box::new(service(id, short)))
    })
}

impl Resource {
    /// The resource of an operation of the model, which says what it consists of. A nucleus checks some of them first.
    fn of(permission: &Permission) -> Self {
        match permission.resource {
            "*" => Star,
            "{topicName}" => Required("topicName"),
            "{componentName}" => Name("componentName"),
            "{thingName}" => Name("thingName"),
            "{deploymentId}" => DeploymentId("deploymentId"),
            "{secretId}" => SecretArn,
            "{metrics.name}" => Metric,
            shadow if shadow.starts_with("$aws/things/") => Shadow,
            member => Text(member.trim_matches(['{', '}'])),
        }
    }

    /// The member of the request that contains it.
    pub(crate) fn member(self) -> Option<&'static str> {
        match self {
            Text(member) | Required(member) | Name(member) | DeploymentId(member) => Some(member),
            Shadow => Some("thingName"),
            SecretArn | Metric | Star => None,
        }
    }
}

impl Service {
    /// Whether a component needs no policy.
    pub(crate) fn exempts(&self, component: &str) -> bool {
        self.exempt == Some(component) || self.id == CLI.id && component.starts_with(CLI_LOGIN)
    }

    /// The operations of the service.
    pub(crate) fn operations(&self) -> impl Iterator<Item = &'static Protected> {
        OPERATIONS.iter().filter(|it| it.service.id == self.id)
    }
}

impl Protected {
    /// Checks the resource before authorization; `None` if the request has none. The error describes the argument.
    pub(crate) fn check_argument(&self, text: Option<&str>) -> Result<(), String> {
        match (self.resource, text) {
            (Required(member), None) => Err(format!("{member} is required")),
            (Name(member), None | Some("")) => Err(format!("{member} must not be empty")),
            (Shadow, None) => Err("thingName must not be empty".to_owned()),
            (DeploymentId(member), text) if !text.is_some_and(is_uuid) => {
                Err(format!("{member} must be a UUID"))
            }
            _ => Ok(()),
        }
    }
}

/// Whether Java reads a text as a UUID: five hexadecimal numbers of any length.
pub(crate) fn is_uuid(text: &str) -> bool {
    let is_hex = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_hexdigit());
    text.split('-').count() == 5 && text.split('-').all(is_hex)
}
