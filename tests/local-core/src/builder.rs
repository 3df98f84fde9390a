//! What a core is made of.

use std::{collections::BTreeMap, io, path::PathBuf, sync::Arc};

use serde_json::{Map, Value};

use crate::{
    authorization::{Authorization, AuthorizationRequest},
    configurations::Configurations,
    core::{Component, LocalCore},
    front::Front,
    pubsub::PubSub,
    record::Recorder,
    service::{Nucleus, OpenStreams},
    socket,
};

/// Builds a [`LocalCore`].
#[derive(Debug)]
#[must_use = "nothing listens until `start` is called"]
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

/// The longest name of a component, in characters.
const MAX_NAME_LEN: usize = 128;

impl Builder {
    /// Adds a component, which may then connect. Its name has 1 to 128 letters, digits, `.`, `-` and `_`.
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

    /// The configuration with which a component starts, as its recipe would have it: a JSON object. The
    /// component is added if it has not been.
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

    /// Listens on this Unix domain socket. Default: one of its own, in a folder that only this user may
    /// enter and that goes away with the core.
    pub fn socket_path(mut self, path: impl Into<PathBuf>) -> Self {
        self.socket = Some(path.into());
        self
    }

    /// Listens on the one socket that this user's cores share, so that there is one at a time.
    pub fn user_socket(mut self) -> Self {
        self.is_user_wide = true;
        self
    }

    /// Decides who may publish and subscribe to what. Default: everyone, to everything.
    pub fn authorizer(
        mut self,
        authorizer: impl Fn(&AuthorizationRequest<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.authorization = Authorization::new(authorizer);
        self
    }

    /// Whether calls are kept for [`LocalCore::next_call`]; the last 10,000 are. Default: yes.
    pub fn record_calls(mut self, is_on: bool) -> Self {
        self.records_calls = is_on;
        self
    }

    /// Starts to listen.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a name or configuration that is not one; `AddrInUse` if a server listens on the
    /// socket; otherwise what the operating system says.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future listens on nothing.
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
        let front = Arc::new(Front::new(nucleus, Recorder::new(self.records_calls)));
        LocalCore::listen(path, folder, self.components, front, streams)
    }
}
