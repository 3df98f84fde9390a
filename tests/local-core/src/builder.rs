//! The builder of a core.

use std::{collections::BTreeMap, io, path::PathBuf, sync::Arc};

use serde_json::{Map, Value};

use crate::{
    authorization::{Authorization, AuthorizationRequest},
    call_filter::CallFilter,
    configuration::is_access_control,
    configurations::Configurations,
    core::{Component, LocalCore},
    operations::{self, Service},
    policy::{self, AccessControl, snippet},
    pubsub::PubSub,
    record::Recorder,
    service::{Nucleus, OpenStreams},
    socket,
};

/// A builder of a [`LocalCore`].
#[derive(Debug)]
#[must_use = "the core does not listen until `start` is called"]
pub struct Builder {
    components: BTreeMap<String, Component>,
    configurations: BTreeMap<String, Map<String, Value>>,
    problem: Option<String>,
    socket: Option<PathBuf>,
    is_user_wide: bool,
    authorization: Authorization,
    allowed: Vec<Allowed>,
    records_calls: bool,
}

/// A permission from [`Builder::allow`].
#[derive(Debug)]
struct Allowed {
    component: String,
    service: &'static Service,
    operation: String,
    resource: String,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            components: BTreeMap::new(),
            configurations: BTreeMap::new(),
            problem: None,
            socket: None,
            is_user_wide: false,
            authorization: Authorization::default(),
            allowed: Vec::new(),
            records_calls: true,
        }
    }
}

/// The maximum length of a component's name, in characters.
const MAX_NAME_LEN: usize = 128;

impl Builder {
    /// Adds a component that may connect. Its name consists of 1 to 128 letters, digits, `.`, `-` and `_`.
    pub fn component(mut self, name: impl Into<String>) -> Self {
        let name = name.into();
        let is_valid = |it: char| it.is_ascii_alphanumeric() || ".-_".contains(it);
        if name.is_empty() || name.len() > MAX_NAME_LEN || !name.chars().all(is_valid) {
            self.problem.get_or_insert(format!(
                "{name:?} is not the name of a component: 1 to {MAX_NAME_LEN} letters, digits, '.', '-' and '_'"
            ));
            return self;
        }
        self.configurations.entry(name.clone()).or_default();
        self.components.entry(name).or_insert_with(|| Component { token: socket::token() });
        self
    }

    /// Sets the initial configuration of a component, a JSON object. Adds the component if necessary.
    pub fn config(self, component: impl Into<String>, configuration: impl Into<Value>) -> Self {
        let component = component.into();
        let mut builder = self.component(&component);
        match configuration.into() {
            Value::Object(values) => {
                builder.configurations.insert(component, values);
            }
            _ => {
                builder.problem.get_or_insert(format!(
                    "the configuration of {component} is not a JSON object"
                ));
            }
        }
        builder
    }

    /// Sets the Unix domain socket to listen on. Default: a new socket in a folder with mode 0700, which is removed with
    /// the core.
    pub fn socket_path(mut self, path: impl Into<PathBuf>) -> Self {
        self.socket = Some(path.into());
        self
    }

    /// Listens on the default socket of this user, which only one core at a time can use.
    pub fn user_socket(mut self) -> Self {
        self.is_user_wide = true;
        self
    }

    /// Denies calls that require a permission and have none, as a nucleus does, even if no component has an
    /// `accessControl`. See [Permissions](crate#permissions).
    pub fn deny_by_default(mut self) -> Self {
        self.authorization.deny_by_default();
        self
    }

    /// Adds a policy to the configuration of a component, and adds the component if necessary.
    ///
    /// Service, operation and resource have the form that they have in `accessControl`, such as
    /// `aws.greengrass.ipc.pubsub`, `aws.greengrass#PublishToTopic` (or `*`) and `sensors/*`.
    pub fn allow(
        mut self,
        component: impl Into<String>,
        service: &str,
        operation: &str,
        resource: &str,
    ) -> Self {
        let component = component.into();
        let parsed = AccessControl::parse(&component, &snippet(service, "id", operation, resource));
        if let Some(fault) = parsed.faults.iter().find(|it| it.is_error()) {
            self.problem.get_or_insert(fault.to_string());
            return self;
        }
        if let Some(service) = operations::service_of(service) {
            let (operation, resource) = (operation.to_owned(), resource.to_owned());
            let component = component.clone();
            self.allowed.push(Allowed { component, service, operation, resource });
        }
        self.component(component)
    }

    /// Sets a function that authorizes calls that require a permission, instead of policies. Default: policies, if
    /// there are any; otherwise all calls are allowed. See [Permissions](crate#permissions).
    pub fn authorizer(
        mut self,
        authorizer: impl Fn(&AuthorizationRequest<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.authorization.set_authorizer(authorizer);
        self
    }

    /// Sets whether the last 10,000 calls are recorded for [`LocalCore::next_call`]. Default: yes.
    pub fn record_calls(mut self, is_on: bool) -> Self {
        self.records_calls = is_on;
        self
    }

    /// Starts the core.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for an invalid name or configuration, `AddrInUse` if another server listens on the socket, or
    /// another error of the operating system.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not start the core.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with I/O and time enabled.
    pub async fn start(mut self) -> io::Result<LocalCore> {
        self.add_allowed();
        self.log_unseen_keys();
        if let Some(problem) = self.problem {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
        }
        let (path, folder) = match self.socket {
            Some(path) => (path, None),
            None if self.is_user_wide => (socket::user_path()?, None),
            None => {
                let path = socket::private_path()?;
                let folder = socket::Folder::of(&path);
                (path, folder)
            }
        };
        let configurations = Configurations::new(self.configurations.into_iter());
        self.authorization.load(|| configurations.access_controls());
        let nucleus = Nucleus {
            pubsub: Arc::new(PubSub::default()),
            configurations: Arc::new(configurations),
            authorization: Arc::new(self.authorization),
            streams: Arc::new(OpenStreams::default()),
        };
        let filter = CallFilter::new(nucleus.clone(), Recorder::new(self.records_calls));
        LocalCore::listen(path, folder, self.components, Arc::new(filter), nucleus)
    }

    /// Adds the policies of [`Self::allow`] to the configurations.
    fn add_allowed(&mut self) {
        for Allowed { component, service, operation, resource } in self.allowed.drain(..) {
            let Some(configuration) = self.configurations.get_mut(&component) else { continue };
            if policy::add(configuration, &component, service, &operation, &resource).is_none() {
                let text = format!(
                    "cannot add a policy to the accessControl of {component}: it is not an object"
                );
                self.problem.get_or_insert(text);
            }
        }
    }

    /// Logs the keys of policies that the configurations hide or merge.
    fn log_unseen_keys(&self) {
        for (component, configuration) in &self.configurations {
            let written = configuration.iter().filter(|(key, _)| is_access_control(key));
            for fault in written.flat_map(|(_, it)| policy::unseen_keys(component, it)) {
                tracing::warn!("{fault}");
            }
        }
    }
}
