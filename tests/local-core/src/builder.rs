//! The builder of a core.

pub(crate) mod identity;
mod loading;
mod prepare;

use std::{collections::BTreeSet, io, path::PathBuf};

use serde_json::{Map, Value};

use crate::{
    authorization::{Authorization, AuthorizationRequest},
    blocking,
    clock::Clock,
    configuration::overlay,
    core::LocalCore,
    edition::Edition,
    faults::{Definitions, Double},
    initial::{Allowed, Initial},
    iot_core::Target,
    numbers::Numbers,
    operations,
    policy::{AccessControl, snippet},
    recipes::Source,
};

/// A builder of a [`LocalCore`].
#[derive(Debug)]
#[must_use = "the core does not listen until `start` is called"]
pub struct Builder {
    components: BTreeSet<String>,
    initial: Initial,
    recipes: Vec<Source>,
    /// The components whose processes the core does not start, although their recipe is run.
    by_hand: BTreeSet<String>,
    requires_recipes: bool,
    artifacts: Option<PathBuf>,
    root: Option<PathBuf>,
    secrets: Option<PathBuf>,
    client_devices: Option<PathBuf>,
    state: Option<PathBuf>,
    /// What is wrong with the settings.
    pub(crate) problem: Option<String>,
    socket: Option<PathBuf>,
    is_user_wide: bool,
    socket_mode: u32,
    edition: Edition,
    pub(crate) numbers: Numbers,
    pub(crate) iot_core: Target,
    authorization: Authorization,
    records_calls: bool,
    thing_name: Option<String>,
    has_login: bool,
    notifies: bool,
    pub(crate) definitions: Definitions,
    clock: Clock,
    pub(crate) service: Option<Double>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            components: BTreeSet::new(),
            initial: Initial::default(),
            recipes: Vec::new(),
            by_hand: BTreeSet::new(),
            requires_recipes: false,
            artifacts: None,
            root: None,
            secrets: None,
            client_devices: None,
            state: None,
            problem: None,
            socket: None,
            is_user_wide: false,
            socket_mode: 0o600,
            edition: Edition::Java,
            numbers: Numbers::default(),
            iot_core: Target::default(),
            authorization: Authorization::default(),
            records_calls: true,
            thing_name: None,
            has_login: false,
            notifies: false,
            definitions: Definitions::default(),
            clock: Clock::default(),
            service: None,
        }
    }
}

/// The maximum length of a component's name, in characters.
const MAX_NAME_LEN: usize = 128;

impl Builder {
    /// Adds a component that may connect. Its name consists of 1 to 128 letters, digits, `.`, `-` and `_`.
    pub fn component(mut self, name: impl Into<String>) -> Self {
        let name = name.into();
        if let Err(problem) = check_name(&name) {
            self.problem.get_or_insert(problem);
            return self;
        }
        self.components.insert(name);
        self
    }

    /// Adds a component with its recipe, whose default configuration and permissions apply. No process is started: a
    /// test or a developer connects as the component, which is `RUNNING` while it is connected.
    ///
    /// The recipe is read by [`Self::start`].
    pub fn recipe(mut self, path: impl Into<PathBuf>) -> Self {
        self.recipes.push(Source::new(path.into(), false));
        self
    }

    /// Adds a component with its recipe, like [`Self::recipe`], and runs the scripts of its lifecycle.
    pub fn run_recipe(mut self, path: impl Into<PathBuf>) -> Self {
        self.recipes.push(Source::new(path.into(), true));
        self
    }

    /// Starts no process of a component whose recipe is added with [`Self::run_recipe`].
    pub fn by_hand(mut self, component: impl Into<String>) -> Self {
        self.by_hand.insert(component.into());
        self
    }

    /// Requires that each component has a recipe or a configuration of its own, so that a misspelt name is an error.
    #[cfg(feature = "cli")]
    pub(crate) fn require_recipes(mut self) -> Self {
        self.requires_recipes = true;
        self
    }

    /// Sets the folder with the artifacts of components: those of a component are in `NAME/VERSION`, or in the folder
    /// itself. An artifact that it does not have may be beside the recipe.
    pub fn artifacts(mut self, folder: impl Into<PathBuf>) -> Self {
        self.artifacts = Some(folder.into());
        self
    }

    /// Sets the folder for the work folders, artifacts and logs of components. Default: a temporary folder, which is
    /// removed with the core.
    pub fn root(mut self, folder: impl Into<PathBuf>) -> Self {
        self.root = Some(folder.into());
        self
    }

    /// Sets the file with the client devices and the certificate of the server that they connect to. See
    /// [Client devices](crate#client-devices).
    pub fn client_devices(mut self, path: impl Into<PathBuf>) -> Self {
        self.client_devices = Some(path.into());
        self
    }

    /// Sets the file with the secrets that `GetSecretValue` reads. See [Secrets](crate#secrets).
    pub fn secrets(mut self, path: impl Into<PathBuf>) -> Self {
        self.secrets = Some(path.into());
        self
    }

    /// Keeps the state of the core in a folder, for one core at a time. See [State](crate#state). Default: no state is kept.
    pub fn state(mut self, folder: impl Into<PathBuf>) -> Self {
        self.state = Some(folder.into());
        self
    }

    /// Sets a value in the initial configuration of a component, after [`Self::config`] and the recipe. Adds the
    /// component if necessary.
    ///
    /// The path is a JSON pointer without empty keys, such as `/mqtt/port`. The first `/` is optional.
    pub fn set(
        mut self,
        component: impl Into<String>,
        path: &str,
        value: impl Into<Value>,
    ) -> Self {
        let component = component.into();
        let keys = path.strip_prefix('/').unwrap_or(path).split('/');
        if keys.clone().any(str::is_empty) {
            let problem = format!("the path {path:?} of a value of {component} has an empty key");
            self.problem.get_or_insert(problem);
            return self;
        }
        let keys = keys.map(|it| it.replace("~1", "/").replace("~0", "~"));
        let value =
            keys.rev().fold(value.into(), |value, key| Map::from_iter([(key, value)]).into());
        if let Value::Object(values) = value {
            self.initial.settings.push((component.clone(), values));
        }
        self.component(component)
    }

    /// Sets the initial configuration of a component, a JSON object, which is merged into the default configuration of
    /// its recipe. The objects of several calls are merged in their order. Adds the component if necessary.
    pub fn config(self, component: impl Into<String>, configuration: impl Into<Value>) -> Self {
        let component = component.into();
        let mut builder = self.component(&component);
        match configuration.into() {
            Value::Object(values) => {
                overlay(builder.initial.configurations.entry(component).or_default(), values);
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

    /// Sets the mode of the socket. Default: 0600, so that only this user can connect.
    ///
    /// With 0666, all users can connect who can reach the folder of the socket, also in containers. A component still
    /// needs its token.
    pub fn socket_mode(mut self, mode: u32) -> Self {
        self.socket_mode = mode;
        self
    }

    /// Listens on the default socket of this user, which only one core at a time can use.
    pub fn user_socket(mut self) -> Self {
        self.is_user_wide = true;
        self
    }

    /// Applies the size limits of nucleus lite, serves only its operations, and sends errors in its form. Default: those of
    /// the Java nucleus.
    pub fn lite(mut self) -> Self {
        self.edition = Edition::Lite;
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
            self.initial.allowed.push(Allowed { component, service, operation, resource });
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

    /// Sets the clock of time limits and timestamps. Default: that of the system.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Starts the core.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for an invalid name, configuration or recipe, `AddrInUse` if another server listens on the socket, or
    /// another error of the operating system.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not start the core. What it has prepared, such as its folders, is removed soon after.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with I/O and time enabled.
    pub async fn start(self) -> io::Result<LocalCore> {
        let prepared = blocking::run(move |cancellation| self.prepare(cancellation)).await?;
        LocalCore::listen(prepared)
    }
}

fn invalid(problem: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, problem)
}

/// Checks the name of a component. The error says what is wrong.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    let is_valid = |it: char| it.is_ascii_alphanumeric() || ".-_".contains(it);
    // Folders have the names of components. A name of dots would be another folder; so would no name.
    let is_dots = name.chars().all(|it| it == '.');
    if is_dots || name.len() > MAX_NAME_LEN || !name.chars().all(is_valid) {
        return Err(format!(
            "{name:?} is not the name of a component: 1 to {MAX_NAME_LEN} letters, digits, '.', '-' and '_', not only dots"
        ));
    }
    Ok(())
}
