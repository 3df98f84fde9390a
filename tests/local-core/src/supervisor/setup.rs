//! The preparation of components before they start: recipe variables, environment and folders.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
};

use serde_json::{Map, Value};
use tokio::sync::Mutex as AsyncMutex;

use super::{Instance, Supervisor, instance::Scripts};
use crate::{
    artifacts,
    blocking::Cancellation,
    clock::Clock,
    configuration::{Configurations, DEFAULT_TIME},
    folders::Folders,
    initial::{self, Initial},
    lock::LockedFile,
    process::{Console, Output, environment},
    recipe::{ComponentVariables, Recipe, Variables},
    recipes::{self, Loaded, Source},
    service::Nucleus,
    tokens::Tokens,
};

/// The version of a component without a recipe.
pub(crate) const NO_VERSION: &str = "1.0.0";

/// What the components of a core are prepared from.
#[derive(Debug)]
pub(crate) struct Preparation {
    /// Exists if the core starts processes.
    pub(crate) setup: OnceLock<Setup>,
    /// Locked while the setup is made.
    pub(crate) setup_lock: Mutex<()>,
    /// The folder of [`Builder::root`](crate::Builder::root).
    pub(crate) root: Option<PathBuf>,
    /// The file with the environment of components, which the socket has.
    pub(crate) exports: Weak<Mutex<LockedFile>>,
    /// The components whose processes the core does not start.
    pub(crate) by_hand: BTreeSet<String>,
    /// Whether deployments ask components before an update.
    pub(crate) notifies: bool,
    pub(crate) initial: Initial,
    /// The folder of [`Builder::artifacts`](crate::Builder::artifacts).
    pub(crate) artifacts: Option<PathBuf>,
    pub(crate) socket: PathBuf,
    pub(crate) recipes: Mutex<Vec<Loaded>>,
    /// The recipes that deployments have brought. Later deployments can use them.
    pub(crate) brought: Mutex<Vec<Loaded>>,
    /// The number of reloads. Locked by a reload, and by a deployment while it plans and while it makes its changes.
    pub(crate) reloads: AsyncMutex<u64>,
    /// The names of the components.
    pub(crate) components: Mutex<BTreeSet<String>>,
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) configurations: Arc<Configurations>,
    pub(crate) thing_name: String,
    pub(crate) clock: Clock,
}

/// What components with processes share.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) folders: Folders,
    output: Output,
}

impl Preparation {
    /// What components with processes share. Creates the folders.
    pub(crate) fn setup(&self) -> io::Result<&Setup> {
        let _one_at_a_time = self.setup_lock.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(setup) = self.setup.get() {
            return Ok(setup);
        }
        let exports = self.tokens.exports(&self.socket, None);
        let folders = Folders::new(self.root.as_deref(), &exports)?;
        let output = Output::start(folders.logs(), Some(Console::standard()))?;
        Ok(self.setup.get_or_init(|| Setup { folders, output }))
    }

    /// The root folder, if there is one.
    pub(crate) fn root_in_use(&self) -> Option<&Path> {
        self.setup.get().map(|it| it.folders.root())
    }

    /// Writes the environment of the components beside the socket and into the root folder.
    pub(crate) fn write_exports(&self) -> io::Result<()> {
        let text = self.tokens.exports(&self.socket, self.root_in_use());
        if let Some(file) = self.exports.upgrade() {
            file.lock().unwrap_or_else(PoisonError::into_inner).write(&text)?;
        }
        self.setup.get().map_or(Ok(()), |it| it.folders.write_exports(&text))
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
        let configuration = |name: &str| self.configurations.get(name, &[]).unwrap_or_default();
        for name in self.components() {
            let loaded = recipes.iter().find(|it| it.recipe.component == name);
            let scripts = |it| self.scripts(it, &recipes, &configuration, cancellation);
            match loaded.map(|it| (it, scripts(it))) {
                Some((it, Ok(scripts))) => {
                    instances.push(Instance::new(&it.recipe, scripts, &self.clock))
                }
                Some((_, Err(problem))) => problems.push(problem),
                None => instances.push(Instance::without_recipe(&name, &self.clock)),
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
        let mut reloads = self.reloads.blocking_lock();
        let mut recipes = self.recipes().clone();
        let found = recipes.iter().position(|it| it.recipe.component == component);
        let at = found.ok_or_else(|| format!("{component} has no recipe"))?;
        let recipe = read_again(component, &recipes[at].source.path)?;
        let before = std::mem::replace(&mut recipes[at].recipe, recipe);
        let source = &mut recipes[at].source;
        source.is_installed &= source.artifacts.is_none();
        let components = self.components();
        recipes::report(recipes::check(&recipes, |it| components.contains(it)))?;
        let after = &recipes[at].recipe;
        let values = |it: &Recipe| self.initial.configuration(component, it.configuration.clone());
        let merges = initial::merges(&values(&before)?, &values(after)?);
        let configuration = |name: &str| match name == component {
            true => self.configurations.preview(name, &merges, DEFAULT_TIME).unwrap_or_default(),
            false => self.configurations.get(name, &[]).unwrap_or_default(),
        };
        let scripts = self.scripts(&recipes[at], &recipes, &configuration, cancellation)?;
        cancellation.check().map_err(|it| it.to_string())?;
        nucleus.authorization.add_source(component, after.source.clone());
        // What the component has written counts more than a changed default.
        nucleus.merge_config(component, merges, DEFAULT_TIME);
        nucleus.supervisor.replace(after, scripts);
        nucleus.deployments.set_root_version(component, &after.version);
        *self.recipes() = recipes;
        *reloads += 1;
        Ok(())
    }

    /// The names of the components.
    pub(crate) fn components(&self) -> BTreeSet<String> {
        self.components.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets the components of the core and their recipes.
    pub(crate) fn set_components(&self, recipes: Vec<Loaded>) {
        let names = recipes.iter().map(|it| it.recipe.component.clone());
        *self.components.lock().unwrap_or_else(PoisonError::into_inner) = names.collect();
        // A component without a recipe has no file.
        let with_file = recipes.into_iter().filter(|it| it.recipe.source.document.is_some());
        *self.recipes() = with_file.collect();
        self.log_exports();
    }

    /// Writes the environment of the components. An error does not end the core.
    pub(crate) fn log_exports(&self) {
        if let Err(error) = self.write_exports() {
            tracing::warn!("{error}");
        }
    }

    /// The names and versions of the components that no deployment has added.
    pub(crate) fn versions(&self) -> Vec<(String, String)> {
        let recipes = self.recipes();
        let version = |name: String| {
            let found = recipes.iter().find(|it| it.recipe.component == name);
            let version = found.map_or(NO_VERSION, |it| &it.recipe.version).to_owned();
            let is_added = found.is_some_and(|it| it.source.is_installed);
            Some((name, version)).filter(|_| !is_added)
        };
        self.components().into_iter().filter_map(version).collect()
    }

    pub(crate) fn recipes(&self) -> MutexGuard<'_, Vec<Loaded>> {
        self.recipes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The components with a recipe, and the files that make them up.
    #[cfg(feature = "cli")]
    pub(crate) fn files(&self) -> Vec<(String, Vec<PathBuf>)> {
        let files = |it: &Loaded| artifacts::files(&it.recipe, self.artifacts_of(&it.source));
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
        self.setup.get().map(|it| &it.output)
    }

    fn artifacts_of<'p>(&'p self, source: &'p Source) -> Option<&'p Path> {
        source.artifacts.as_deref().or(self.artifacts.as_deref())
    }

    /// The scripts of a component, whose artifacts are installed. `None` if the component is started by hand.
    ///
    /// `configuration` returns the configuration of a component.
    pub(crate) fn scripts(
        &self,
        loaded: &Loaded,
        all: &[Loaded],
        configuration: &dyn Fn(&str) -> Map<String, Value>,
        cancellation: &Cancellation,
    ) -> Result<Option<Scripts>, String> {
        let Loaded { source, recipe } = loaded;
        if !source.runs {
            return Ok(None);
        }
        let Setup { folders, output } = self.setup().map_err(|it| it.to_string())?;
        let name = &recipe.component;
        let variables = self.variables(recipe, all, folders, configuration);
        let (lifecycle, mut diagnostics) = recipe.resolve_lifecycle(&variables);
        let from = self.artifacts_of(source);
        let (found, missing) = match source.is_installed {
            true => Default::default(),
            false => artifacts::find(recipe, from),
        };
        diagnostics.extend(missing);
        recipes::report(diagnostics)?;
        let to = folders.artifacts_of(name, &recipe.version);
        if !source.is_installed {
            let installed = artifacts::install(recipe, &found, from, &to, cancellation);
            installed.map_err(|it| it.to_string())?;
        }
        let token = self.tokens.of(name).unwrap_or_default();
        let (socket, thing_name) = (&self.socket, &self.thing_name);
        Ok(Some(Scripts {
            recipe: recipe.source.file.clone(),
            lifecycle,
            environment: environment::variables(socket, &token, folders.root(), thing_name),
            folder: folders.work(name),
            artifacts: to.artifacts,
            output: output.clone(),
        }))
    }

    /// The recipe variables that a configuration can have.
    pub(crate) fn system_variables(
        &self,
        recipe: &Recipe,
    ) -> io::Result<[(&'static str, String); 5]> {
        let folders = &self.setup()?.folders;
        let own = variables_of(recipe, folders, Map::new());
        Ok([
            ("{iot:thingName}", self.thing_name.clone()),
            ("{kernel:rootPath}", text(folders.root())),
            ("{work:path}", own.work),
            ("{artifacts:path}", own.artifacts),
            ("{artifacts:decompressedPath}", own.decompressed),
        ])
    }

    /// The recipe variables of a component.
    fn variables(
        &self,
        recipe: &Recipe,
        all: &[Loaded],
        folders: &Folders,
        configuration: &dyn Fn(&str) -> Map<String, Value>,
    ) -> Variables {
        let own = |it: &Recipe| variables_of(it, folders, configuration(&it.component));
        let is_dependency = |it: &&Loaded| {
            recipe.dependencies.iter().any(|dependency| dependency.component == it.recipe.component)
        };
        let dependencies = all.iter().filter(is_dependency).map(|it| &it.recipe);
        Variables {
            root: text(folders.root()),
            thing_name: self.thing_name.clone(),
            own: own(recipe),
            dependencies: dependencies.map(|it| (it.component.clone(), own(it))).collect(),
        }
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
