//! The states of components, as tests see and change them.

use std::{io, sync::Arc};

use greengrass_core_ipc::types::LifecycleState;

use crate::{
    blocking::{self, Cancellation},
    core::LocalCore,
};

impl LocalCore {
    /// The state of a component.
    ///
    /// # Panics
    ///
    /// If the component is unknown.
    pub fn state(&self, component: &str) -> LifecycleState {
        match self.supervisor().state(component) {
            Some(state) => state.into(),
            None => panic!("unknown component {component:?}"),
        }
    }

    /// Requests a restart of a component. Like a device, it does not start a `BROKEN` component.
    ///
    /// # Panics
    ///
    /// If the component is unknown.
    pub fn restart(&self, component: &str) {
        let is_known = self.supervisor().restart(component).is_some();
        assert!(is_known, "unknown component {component:?}");
    }

    /// Reads the recipe and the artifacts of a component again, and restarts the component with them. Values of the
    /// recipe's default configuration that have changed, and its permissions, apply at once.
    ///
    /// # Errors
    ///
    /// If the recipe or an artifact cannot be used. The component continues without the change.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is ready, the component may or may not be reloaded.
    pub async fn reload(&self, component: &str) -> io::Result<()> {
        let (preparation, nucleus) = (Arc::clone(self.preparation()), self.nucleus().clone());
        let component = component.to_owned();
        let reload = move |cancellation: &Cancellation| {
            preparation.reload(&component, &nucleus, cancellation).map_err(io::Error::other)
        };
        blocking::run(reload).await
    }

    /// The components with a recipe, and the files that make them up.
    #[cfg(feature = "cli")]
    pub(crate) fn files(&self) -> impl Iterator<Item = (String, Vec<std::path::PathBuf>)> {
        self.preparation().files().into_iter()
    }

    /// The components whose processes the core does not start.
    #[cfg(feature = "cli")]
    pub(crate) fn by_hand(&self) -> Vec<String> {
        self.preparation().by_hand()
    }

    /// The states that a component has entered since the core started, at most the last 1,000.
    ///
    /// # Panics
    ///
    /// If the component is unknown.
    pub fn states(&self, component: &str) -> Vec<LifecycleState> {
        match self.supervisor().states(component) {
            Some(states) => states.into_iter().map(Into::into).collect(),
            None => panic!("unknown component {component:?}"),
        }
    }

    /// Waits until a component is in a state, even if only briefly.
    ///
    /// # Errors
    ///
    /// If the component is `BROKEN` instead, or the core does not have it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect.
    pub async fn wait_for_state(&self, component: &str, state: LifecycleState) -> io::Result<()> {
        self.supervisor().wait_for_state(component, &state).await
    }
}
