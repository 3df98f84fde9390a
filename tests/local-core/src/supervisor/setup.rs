//! The preparation of components before they start: recipe variables, environment and folders.

use std::{collections::BTreeMap, io, path::Path, sync::Arc};

use super::{Instance, Supervisor, instance::Scripts};
use crate::{
    artifacts,
    configurations::Configurations,
    core::Component,
    folders::Folders,
    process::{Console, Output, environment},
    recipe::{ComponentVariables, Recipe, Severity, Variables},
    recipes::{Loaded, Source},
};

/// What the components of a core are prepared from.
#[derive(Debug)]
pub(crate) struct Preparation<'a> {
    pub(crate) root: Option<&'a Path>,
    /// The folder of [`Builder::artifacts`](crate::Builder::artifacts).
    pub(crate) artifacts: Option<&'a Path>,
    pub(crate) socket: &'a Path,
    pub(crate) recipes: &'a [Loaded],
    pub(crate) components: &'a BTreeMap<String, Component>,
    pub(crate) configurations: &'a Configurations,
}

/// What components with processes share.
#[derive(Debug)]
pub(super) struct Setup {
    folders: Folders,
    pub(super) output: Output,
}

impl Preparation<'_> {
    /// Prepares all components, none of which starts yet.
    ///
    /// # Errors
    ///
    /// If a folder cannot be used, an artifact is missing or a recipe variable is invalid. The error has a line for each
    /// problem.
    pub(crate) fn supervisor(&self) -> io::Result<Arc<Supervisor>> {
        let mut setup = None;
        if self.recipes.iter().any(|it| it.source.runs) {
            let folders = Folders::new(self.root)?;
            let output = Output::start(folders.logs(), Some(Console::standard()))?;
            setup = Some(Setup { folders, output });
        }
        let mut instances = Vec::new();
        let mut problems = Vec::new();
        for (name, component) in self.components {
            let loaded = self.recipes.iter().find(|it| it.recipe.component == *name);
            match (loaded, &setup) {
                (Some(Loaded { source: Source { runs: true, .. }, recipe }), Some(setup)) => {
                    match self.instance(setup, recipe, &component.token) {
                        Ok(instance) => instances.push(instance),
                        Err(problem) => problems.push(problem),
                    }
                }
                (Some(it), _) => instances.push(Instance::by_hand(&it.recipe)),
                (None, _) => instances.push(Instance::without_recipe(name)),
            }
        }
        if problems.is_empty() {
            return Ok(Supervisor::new(instances, setup));
        }
        Err(io::Error::new(io::ErrorKind::InvalidInput, problems.join("\n")))
    }

    /// Prepares a component whose processes the core starts.
    fn instance(&self, setup: &Setup, recipe: &Recipe, token: &str) -> Result<Instance, String> {
        let folders = &setup.folders;
        let name = &recipe.component;
        let values = |recipe: &Recipe| variables_of(recipe, folders, self.configurations);
        let is_dependency = |it: &&Loaded| {
            recipe.dependencies.iter().any(|dependency| dependency.component == it.recipe.component)
        };
        let dependencies = self.recipes.iter().filter(is_dependency).map(|it| &it.recipe);
        let variables = Variables {
            root: text(folders.root()),
            thing_name: environment::thing_name(),
            own: values(recipe),
            dependencies: dependencies.map(|it| (it.component.clone(), values(it))).collect(),
        };
        let (lifecycle, mut diagnostics) = recipe.resolve_lifecycle(&variables);
        let to = artifacts::Folders {
            artifacts: folders.artifacts(name, &recipe.version),
            decompressed: folders.decompressed(name, &recipe.version),
        };
        diagnostics.extend(artifacts::install(recipe, self.artifacts, &to));
        let (errors, warnings): (Vec<_>, Vec<_>) =
            diagnostics.iter().partition(|it| it.severity == Severity::Error);
        if !errors.is_empty() {
            return Err(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
        }
        for warning in warnings {
            tracing::warn!("{warning}");
        }
        let scripts = Scripts {
            lifecycle,
            environment: environment::variables(self.socket, token, folders.root()),
            folder: folders.work(name),
            artifacts: to.artifacts,
            output: setup.output.clone(),
        };
        Ok(Instance::new(name, dependencies_of(recipe), scripts))
    }
}

fn variables_of(recipe: &Recipe, folders: &Folders, all: &Configurations) -> ComponentVariables {
    let (name, version) = (&recipe.component, &recipe.version);
    ComponentVariables {
        artifacts: text(&folders.artifacts(name, version)),
        decompressed: text(&folders.decompressed(name, version)),
        work: text(&folders.work(name)),
        configuration: all.get(name, &[]).unwrap_or_default(),
    }
}

/// The names of the dependencies of a component, and whether each is hard.
pub(super) fn dependencies_of(recipe: &Recipe) -> Vec<(String, bool)> {
    recipe.dependencies.iter().map(|it| (it.component.clone(), it.is_hard)).collect()
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
