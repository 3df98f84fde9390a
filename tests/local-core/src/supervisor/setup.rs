//! The preparation of components before they start: recipe variables, environment and folders.

use std::path::{Path, PathBuf};

use super::{Instance, instance::Scripts};
use crate::{
    configurations::Configurations,
    folders::Folders,
    process::{Output, environment},
    recipe::{ComponentVariables, Recipe, Severity, Variables},
    recipes::Loaded,
};

/// What components with processes share.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) folders: Folders,
    pub(crate) output: Output,
    pub(crate) socket: PathBuf,
}

impl Setup {
    /// Prepares a component whose processes the core starts. `recipes` are those of all components.
    ///
    /// # Errors
    ///
    /// If recipe variables are invalid. The error has a line for each problem.
    pub(crate) fn instance(
        &self,
        recipe: &Recipe,
        recipes: &[Loaded],
        configurations: &Configurations,
        token: &str,
    ) -> Result<Instance, String> {
        let name = &recipe.component;
        let values = |recipe: &Recipe| self.variables_of(recipe, configurations);
        let is_dependency = |it: &&Loaded| {
            recipe.dependencies.iter().any(|dependency| dependency.component == it.recipe.component)
        };
        let dependencies = recipes.iter().filter(is_dependency).map(|it| &it.recipe);
        let variables = Variables {
            root: text(self.folders.root()),
            thing_name: environment::thing_name(),
            own: values(recipe),
            dependencies: dependencies.map(|it| (it.component.clone(), values(it))).collect(),
        };
        let (lifecycle, diagnostics) = recipe.resolve_lifecycle(&variables);
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
            environment: environment::variables(&self.socket, token, self.folders.root()),
            folder: self.folders.work(name),
            output: self.output.clone(),
        };
        Ok(Instance::new(name, dependencies_of(recipe), scripts))
    }

    fn variables_of(&self, recipe: &Recipe, all: &Configurations) -> ComponentVariables {
        let (name, version) = (&recipe.component, &recipe.version);
        ComponentVariables {
            artifacts: text(&self.folders.artifacts(name, version)),
            decompressed: text(&self.folders.decompressed(name, version)),
            work: text(&self.folders.work(name)),
            configuration: all.get(name, &[]).unwrap_or_default(),
        }
    }
}

/// The names of the dependencies of a component, and whether each is hard.
pub(super) fn dependencies_of(recipe: &Recipe) -> Vec<(String, bool)> {
    recipe.dependencies.iter().map(|it| (it.component.clone(), it.is_hard)).collect()
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
