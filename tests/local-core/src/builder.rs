//! The builder of a core.

use std::{collections::BTreeMap, io, path::PathBuf, sync::Arc};

use serde_json::{Map, Value};

use crate::{
    authorization::{Authorization, AuthorizationRequest},
    call_filter::CallFilter,
    configurations::Configurations,
    core::{Component, LocalCore},
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
    records_calls: bool,
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

    /// Sets a function that authorizes publishing and subscribing. Default: all components may publish and subscribe to
    /// all topics.
    pub fn authorizer(
        mut self,
        authorizer: impl Fn(&AuthorizationRequest<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.authorization = Authorization::new(authorizer);
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
    pub async fn start(self) -> io::Result<LocalCore> {
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
        let nucleus = Nucleus {
            pubsub: Arc::new(PubSub::default()),
            configurations: Arc::new(Configurations::new(self.configurations.into_iter())),
            authorization: Arc::new(self.authorization),
            streams: Arc::new(OpenStreams::default()),
        };
        let streams = Arc::clone(&nucleus.streams);
        let filter = Arc::new(CallFilter::new(nucleus, Recorder::new(self.records_calls)));
        LocalCore::listen(path, folder, self.components, filter, streams)
    }
}
