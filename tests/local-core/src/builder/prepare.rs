//! The preparation of a core before it listens.

use std::{
    io,
    sync::{Arc, Mutex, OnceLock},
};

use super::{Builder, identity, invalid};
use crate::{
    blocking::Cancellation,
    call_filter::CallFilter,
    client_devices::ClientDevices,
    configuration::Configurations,
    core::Prepared,
    deployments::Deployments,
    events::OpenStreams,
    process::environment,
    pubsub::PubSub,
    record::Recorder,
    secrets::Secrets,
    service::Nucleus,
    shadows::Shadows,
    socket::{self, Place},
    state::State,
    supervisor::Preparation,
    tokens::Tokens,
};

impl Builder {
    /// Makes everything that the core needs.
    pub(super) fn prepare(mut self, cancellation: &Cancellation) -> io::Result<Prepared> {
        if let Some(problem) = self.problem.take() {
            return Err(invalid(problem));
        }
        let state = self.state.as_deref().map(State::open).transpose()?.unwrap_or_default();
        let state = Arc::new(state);
        let deployments = Deployments::load(Arc::clone(&state));
        let loaded = self.load_recipes(deployments.kept()).map_err(invalid)?;
        self.edition.check_components(self.components.len()).map_err(invalid)?;
        let configurations = self.configurations(&loaded).map_err(invalid)?;
        self.log_unseen_keys(&configurations);
        let thing = self.thing_name.as_deref();
        let iot_core = self.iot_core.prepare(self.edition, self.clock.clone(), thing);
        let iot_core = iot_core.map_err(invalid)?;
        let place = match self.socket {
            Some(path) => Place::shared(&path, self.socket_mode)?,
            None if self.is_user_wide => Place::shared(&socket::user_path()?, self.socket_mode)?,
            None => Place::private(self.socket_mode)?,
        };
        let configurations =
            Configurations::new(Arc::clone(&state), self.clock.clone(), configurations);
        let configurations = Arc::new(configurations);
        let tokens = Arc::new(Tokens::default());
        self.components.iter().for_each(|it| tokens.add(it));
        self.authorization.load(|| configurations.access_controls());
        self.edition.check_policies(|| configurations.access_controls());
        if self.has_login {
            let login = identity::login_name();
            configurations.add(&login, identity::login_configuration());
            if self.authorization.is_on() {
                self.authorization.load(|| configurations.access_controls());
            }
            tokens.add(&login);
        }
        let preparation = Preparation {
            setup: OnceLock::new(),
            setup_lock: Mutex::default(),
            root: self.root.or_else(|| Some(self.state?.join("root"))),
            exports: Arc::downgrade(&place.exports),
            by_hand: self.by_hand,
            notifies: self.notifies,
            initial: self.initial,
            artifacts: self.artifacts,
            socket: place.path.clone(),
            recipes: Mutex::new(loaded),
            brought: Mutex::default(),
            reloads: Default::default(),
            components: Mutex::new(self.components),
            tokens: Arc::clone(&tokens),
            configurations: Arc::clone(&configurations),
            thing_name: self.thing_name.unwrap_or_else(environment::thing_name),
            clock: self.clock.clone(),
        };
        if let Some(token) = tokens.of(&identity::login_name()).filter(|_| self.has_login) {
            preparation.setup()?.folders.write_login(&preparation.socket, &token)?;
        }
        deployments.add_roots(preparation.versions());
        let supervisor = preparation.supervisor(cancellation).map_err(invalid)?;
        let client_devices = self.client_devices.map(ClientDevices::load).transpose()?;
        let nucleus = Nucleus {
            clock: self.clock,
            supervisor,
            pubsub: Arc::new(PubSub::new(self.edition)),
            iot_core,
            configurations,
            validations: Arc::default(),
            numbers: self.edition.numbers(self.numbers),
            authorization: Arc::new(self.authorization),
            client_devices: client_devices.map(Arc::new),
            streams: Arc::new(OpenStreams::default()),
            secrets: Arc::new(Secrets::load(self.secrets, &state)?),
            shadows: Arc::new(Shadows::load(&state, self.edition)),
            deployments: Arc::new(deployments),
            updates: Arc::default(),
            builtins: Arc::default(),
            state,
            tokens: Arc::clone(&tokens),
        };
        let recorder = Recorder::new(self.records_calls);
        let service = self.service.map(|it| it.before(nucleus.clone()));
        let filter =
            CallFilter::new(nucleus.clone(), service, self.definitions, recorder, self.edition);
        let filter = Arc::new(filter);
        Ok(Prepared { place, tokens, filter, nucleus, preparation })
    }
}
