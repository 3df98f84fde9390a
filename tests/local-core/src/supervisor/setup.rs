//! The preparation of components before they start: recipe variables, environment and folders.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::{Map, Value};

use super::{Instance, Supervisor, instance::Scripts};
use crate::{
    artifacts,
    blocking::Cancellation,
    clock::Clock,
    configuration::Configurations,
    folders::Folders,
    initial::{self, Initial},
    process::{Console, Output, environment},
    recipe::{ComponentVariables, Recipe, Variables},
    recipes::{self, Loaded},
    service::Nucleus,
    tokens::Tokens,
};

/// What the components of a core are prepared from.
#[derive(Debug)]
pub(crate) struct Preparation {
    /// Exists if the core starts processes.
    pub(crate) setup: Option<Setup>,
    pub(crate) initial: Initial,
    /// The folder of [`Builder::artifacts`](crate::Builder::artifacts).
    pub(crate) artifacts: Option<PathBuf>,
    pub(crate) socket: PathBuf,
    pub(crate) recipes: Mutex<Vec<Loaded>>,
    /// Locked by a reload.
    pub(crate) reloads: Mutex<()>,
    /// The names of the components.
    pub(crate) components: BTreeSet<String>,
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) configurations: Arc<Configurations>,
    pub(crate) thing_name: String,
    pub(crate) clock: Clock,
}

/// What components with processes share.
#[derive(Debug)]
pub(crate) struct Setup {
    folders: Folders,
    output: Output,
}

impl Setup {
    /// Creates the folders, if the core starts processes.
    ///
    /// `exports` is the environment of the components.
    pub(crate) fn new(
        recipes: &[Loaded],
        root: Option<&Path>,
        exports: &str,
    ) -> io::Result<Option<Self>> {
        if !recipes.iter().any(|it| it.source.runs) {
            return Ok(None);
        }
        let folders = Folders::new(root, exports)?;
        let output = Output::start(folders.logs(), Some(Console::standard()))?;
        Ok(Some(Self { folders, output }))
    }
}

impl Preparation {
    /// Prepares all components without starting them.
    ///
    /// # Errors
    ///
    /// If an artifact is missing or a recipe variable is invalid. The error has a line for each problem.
    pub(crate) fn supervisor(
        &self,
        cancellation: &Cancellation,
    ) -> Result<Arc<Supervisor>, String> {
        let recipes = self.recipes();
        let mut instances = Vec::new();
        let mut problems = Vec::new();
        for name in &self.components {
            let loaded = recipes.iter().find(|it| it.recipe.component == *name);
            let configuration = self.configurations.get(name, &[]).unwrap_or_default();
            let scripts = |it| self.scripts(it, &recipes, configuration, cancellation);
            match loaded.map(|it| (it, scripts(it))) {
                Some((it, Ok(scripts))) => {
                    instances.push(Instance::new(&it.recipe, scripts, &self.clock))
                }
                Some((_, Err(problem))) => problems.push(problem),
                None => instances.push(Instance::without_recipe(name, &self.clock)),
            }
        }
        if problems.is_empty() {
            return Ok(Supervisor::new(instances, self.clock.clone()));
        }
        Err(problems.join("\n"))
    }

    /// Reads the recipe and the artifacts of a component again, and replaces the component.
    ///
    /// # Errors
    ///
    /// If the recipe or an artifact cannot be used, or the reload is cancelled. The component is unchanged.
    pub(crate) fn reload(
        &self,
        component: &str,
        nucleus: &Nucleus,
        cancellation: &Cancellation,
    ) -> Result<(), String> {
        let _one_at_a_time = self.reloads.lock().unwrap_or_else(PoisonError::into_inner);
        let mut recipes = self.recipes().clone();
        let found = recipes.iter().position(|it| it.recipe.component == component);
        let at = found.ok_or_else(|| format!("{component} has no recipe"))?;
        let recipe = read_again(component, &recipes[at].source.path)?;
        let before = std::mem::replace(&mut recipes[at].recipe, recipe);
        recipes::report(recipes::check(&recipes, |it| self.components.contains(it)))?;
        let after = &recipes[at].recipe;
        let values = |it: &Recipe| self.initial.configuration(component, it.configuration.clone());
        let merges = initial::merges(&values(&before)?, &values(after)?);
        let configuration = self.configurations.preview(component, &merges).unwrap_or_default();
        let scripts = self.scripts(&recipes[at], &recipes, configuration, cancellation)?;
        cancellation.check().map_err(|it| it.to_string())?;
        nucleus.authorization.add_source(component, after.source.clone());
        nucleus.merge_config(component, merges);
        nucleus.supervisor.replace(after, scripts);
        *self.recipes() = recipes;
        Ok(())
    }

    fn recipes(&self) -> MutexGuard<'_, Vec<Loaded>> {
        self.recipes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The components with a recipe, and the files that make them up.
    #[cfg(feature = "cli")]
    pub(crate) fn files(&self) -> Vec<(String, Vec<PathBuf>)> {
        let files = |it: &Loaded| artifacts::files(&it.recipe, self.artifacts.as_deref());
        self.recipes().iter().map(|it| (it.recipe.component.clone(), files(it))).collect()
    }

    /// The components whose processes the core does not start.
    #[cfg(feature = "cli")]
    pub(crate) fn by_hand(&self) -> Vec<String> {
        let recipes = self.recipes();
        let runs =
            |name: &str| recipes.iter().any(|it| it.source.runs && it.recipe.component == name);
        self.tokens.names().into_iter().filter(|it| !runs(it)).collect()
    }

    /// The output of components, if the core starts processes.
    pub(crate) fn output(&self) -> Option<&Output> {
        self.setup.as_ref().map(|it| &it.output)
    }

    /// The scripts of a component with its artifacts. `None` if the component is started by hand.
    fn scripts(
        &self,
        loaded: &Loaded,
        all: &[Loaded],
        configuration: Map<String, Value>,
        cancellation: &Cancellation,
    ) -> Result<Option<Scripts>, String> {
        let Loaded { source, recipe } = loaded;
        let Some(setup) = self.setup.as_ref().filter(|_| source.runs) else { return Ok(None) };
        let folders = &setup.folders;
        let name = &recipe.component;
        let values = |recipe: &Recipe| {
            let values = self.configurations.get(&recipe.component, &[]).unwrap_or_default();
            (recipe.component.clone(), variables_of(recipe, folders, values))
        };
        let is_dependency = |it: &&Loaded| {
            recipe.dependencies.iter().any(|dependency| dependency.component == it.recipe.component)
        };
        let dependencies = all.iter().filter(is_dependency).map(|it| &it.recipe);
        let variables = Variables {
            root: text(folders.root()),
            thing_name: self.thing_name.clone(),
            own: variables_of(recipe, folders, configuration),
            dependencies: dependencies.map(values).collect(),
        };
        let (lifecycle, mut diagnostics) = recipe.resolve_lifecycle(&variables);
        let from = self.artifacts.as_deref();
        let (found, missing) = artifacts::find(recipe, from);
        diagnostics.extend(missing);
        recipes::report(diagnostics)?;
        let to = artifacts::Folders {
            artifacts: folders.artifacts(name, &recipe.version),
            decompressed: folders.decompressed(name, &recipe.version),
        };
        artifacts::install(recipe, &found, from, &to, cancellation).map_err(|it| it.to_string())?;
        let token = self.tokens.of(name).unwrap_or_default();
        Ok(Some(Scripts {
            recipe: recipe.source.file.clone(),
            lifecycle,
            environment: environment::variables(
                &self.socket,
                &token,
                folders.root(),
                &self.thing_name,
            ),
            folder: folders.work(name),
            artifacts: to.artifacts,
            output: setup.output.clone(),
        }))
    }
}

/// Reads the recipe of a component that exists.
fn read_again(component: &str, path: &Path) -> Result<Recipe, String> {
    let mut diagnostics = Vec::new();
    let recipe = recipes::read(path, &mut diagnostics);
    recipes::report(diagnostics)?;
    let recipe = recipe.ok_or_else(|| format!("{}: not a recipe", path.display()))?;
    if recipe.component == component {
        return Ok(recipe);
    }
    let (path, other) = (path.display(), recipe.component);
    Err(format!("{path}: error: it is the recipe of {other} now; restart the core"))
}

fn variables_of(
    recipe: &Recipe,
    folders: &Folders,
    configuration: Map<String, Value>,
) -> ComponentVariables {
    let (name, version) = (&recipe.component, &recipe.version);
    ComponentVariables {
        artifacts: text(&folders.artifacts(name, version)),
        decompressed: text(&folders.decompressed(name, version)),
        work: text(&folders.work(name)),
        configuration,
    }
}

/// The names of the dependencies of a component, and whether each is hard.
pub(super) fn dependencies_of(recipe: &Recipe) -> Vec<(String, bool)> {
    recipe.dependencies.iter().map(|it| (it.component.clone(), it.is_hard)).collect()
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
