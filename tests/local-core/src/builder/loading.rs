//! The recipes and the initial configurations that a builder was given.

use std::{collections::BTreeMap, path::PathBuf};

use serde_json::{Map, Value};

use super::Builder;
use crate::{
    configuration::is_access_control,
    policy,
    recipes::{self, Loaded, Source},
};

impl Builder {
    /// Reads the recipes and adds their components.
    ///
    /// `kept` are the components that deployments have added before this start, with their recipes. The builder's come
    /// first.
    pub(super) fn load_recipes(
        &mut self,
        kept: &[(String, PathBuf)],
    ) -> Result<Vec<Loaded>, String> {
        let is_known =
            |it: &str| self.components.contains(it) || kept.iter().any(|(name, _)| name == it);
        let mut loaded = recipes::load(&self.recipes, is_known)?;
        for (name, path) in kept {
            let is_given = loaded.iter().any(|it| it.recipe.component == *name);
            if !is_given && !self.components.contains(name) {
                let source = Source { is_installed: true, ..Source::new(path.clone(), true) };
                // The other components were checked with it.
                loaded.extend(recipes::load(&[source], |_| true)?);
            }
        }
        if !loaded.is_empty() {
            self.authorization.deny_by_default();
        }
        let with_recipe: Vec<_> = loaded.iter().map(|it| &*it.recipe.component).collect();
        let is_configured = |it: &str| self.initial.configurations.contains_key(it);
        let required =
            self.components.iter().filter(|it| self.requires_recipes && !is_configured(it));
        let mut required = required.chain(&self.by_hand);
        if let Some(name) = required.find(|it| !with_recipe.contains(&it.as_str())) {
            let known = with_recipe.join(", ");
            return Err(format!("{name} has no recipe here; the components are {known}"));
        }
        for Loaded { source, recipe } in &mut loaded {
            let name = &recipe.component;
            self.components.insert(name.clone());
            self.authorization.add_source(name, recipe.source.clone());
            source.runs &= !self.by_hand.contains(name);
        }
        Ok(loaded)
    }

    /// The initial configurations of all components.
    pub(super) fn configurations(
        &self,
        loaded: &[Loaded],
    ) -> Result<BTreeMap<String, Option<Map<String, Value>>>, String> {
        let configurations = self.components.iter().map(|name| {
            let recipe = loaded.iter().find(|it| it.recipe.component == *name);
            let default = recipe.map(|it| it.recipe.configuration.clone()).unwrap_or_default();
            let values = self.initial.configuration(name, default)?;
            // As on a device, a component without a definition has no configuration until it writes a value.
            let is_defined = recipe.is_some() || self.initial.configurations.contains_key(name);
            Ok((name.clone(), Some(values).filter(|it| is_defined || !it.is_empty())))
        });
        configurations.collect()
    }

    /// Logs the keys of policies that the configurations hide or merge.
    pub(super) fn log_unseen_keys(
        &self,
        configurations: &BTreeMap<String, Option<Map<String, Value>>>,
    ) {
        for (component, configuration) in configurations {
            let written = configuration.iter().flatten().filter(|it| is_access_control(it.0));
            for (_, value) in written {
                for mut fault in policy::unseen_keys(component, value) {
                    let source = self.authorization.source(component);
                    fault.place = source.and_then(|it| it.place(value, &fault.path));
                    tracing::warn!("{fault}");
                }
            }
        }
    }
}
