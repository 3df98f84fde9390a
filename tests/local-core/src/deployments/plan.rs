//! The plan of a deployment: the components, their versions and their configurations. Only artifacts are copied.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::PoisonError,
};

use serde_json::{Map, Value};

use super::{document::Document, failure::Failure, resolve::resolve};
use crate::{
    artifacts,
    blocking::Cancellation,
    configuration::{Configuration, DEFAULT_TIME, Millis},
    recipe::{Diagnostic, Recipe, Severity},
    recipes::{self, Loaded, Source},
    supervisor::{NO_VERSION, Preparation, Wanted},
};

/// The root components of a group with their versions.
pub(super) type Roots = BTreeMap<String, String>;

/// The root components of each group.
pub(super) type Groups = BTreeMap<String, Roots>;

/// The components and configurations that a core has, or is to have.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) components: Vec<Loaded>,
    /// Of all components.
    pub(super) configurations: BTreeMap<String, Configuration>,
}

/// What a deployment makes of a core.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) before: Target,
    pub(super) target: Target,
    /// The root components of the group.
    pub(super) roots: Roots,
}

impl Target {
    /// What the core has.
    pub(super) fn present(preparation: &Preparation) -> Self {
        let mut components = preparation.recipes().clone();
        for name in preparation.components() {
            if !components.iter().any(|it| it.recipe.component == name) {
                let recipe =
                    Recipe { component: name, version: NO_VERSION.to_owned(), ..Recipe::default() };
                components.push(Loaded { source: Source::new(PathBuf::new(), false), recipe });
            }
        }
        let configuration = |it: &Loaded| {
            let name = &it.recipe.component;
            Some((name.clone(), preparation.configurations.of(name)?))
        };
        let configurations = components.iter().filter_map(configuration).collect();
        Self { components, configurations }
    }

    /// The components for the supervisor.
    pub(super) fn wanted(
        &self,
        preparation: &Preparation,
        cancellation: &Cancellation,
    ) -> Result<Vec<Wanted>, Failure> {
        let values = |name: &str| {
            let configuration = self.configurations.get(name).and_then(|it| it.get(&[]));
            configuration.unwrap_or_default()
        };
        let wanted = self.components.iter().map(|it| {
            let scripts = preparation.scripts(it, &self.components, &values, cancellation);
            let scripts = scripts.map_err(Failure::other)?;
            Ok(Wanted { recipe: it.recipe.clone(), scripts })
        });
        wanted.collect()
    }

    pub(super) fn version(&self, component: &str) -> Option<&str> {
        let found = self.components.iter().find(|it| it.recipe.component == component)?;
        Some(&found.recipe.version)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        self.components.iter().map(|it| &it.recipe.component)
    }
}

/// Plans a deployment, and copies the artifacts of its components.
pub(super) fn plan(
    preparation: &Preparation,
    document: &Document,
    groups: &Groups,
    time: Millis,
    cancellation: &Cancellation,
) -> Result<Plan, Failure> {
    let before = Target::present(preparation);
    let mut available = before.components.clone();
    let new = collect(preparation, document)?;
    let mut brought = preparation.brought.lock().unwrap_or_else(PoisonError::into_inner);
    brought.retain(|it| !new.iter().any(|new| is_same(new, it)));
    available.retain(|it| !new.iter().any(|new| is_same(new, it)));
    brought.extend(new);
    for it in brought.iter() {
        if !available.iter().any(|known| is_same(known, it)) {
            available.push(it.clone());
        }
    }
    drop(brought);
    let roots = requirements(document, groups);
    let active = before
        .components
        .iter()
        .map(|Loaded { recipe, .. }| (recipe.component.clone(), recipe.version.clone()));
    let recipes: Vec<_> = available.iter().map(|it| &it.recipe).collect();
    let chosen = resolve(&roots, &recipes, &active.collect())?;
    let is_chosen = |it: &&Loaded| chosen.iter().any(|chosen| std::ptr::eq(*chosen, &it.recipe));
    let mut components: Vec<_> = available.iter().filter(is_chosen).cloned().collect();
    for it in &mut components {
        if let Some(defect) = it.recipe.defects.first() {
            let file = it.recipe.source.file.display();
            return Err(Failure::defect(*defect, format!("{file} cannot be deployed: {defect:?}")));
        }
        install(preparation, it, cancellation)?;
        keep(preparation, it)?;
    }
    let version = |name: &String| {
        let found = components.iter().find(|it| it.recipe.component == *name)?;
        Some((name.clone(), found.recipe.version.clone()))
    };
    let of_group = groups.get(&document.group).into_iter().flatten().map(|it| it.0);
    let of_group = of_group.filter(|it| !document.remove.contains(it));
    let of_group = of_group.chain(document.add.keys()).filter_map(version).collect();
    let configurations = configure(preparation, document, &of_group, &components, time)?;
    let target = Target { components, configurations };
    Ok(Plan { before, target, roots: of_group })
}

/// Whether two recipes are of one version of a component.
fn is_same(one: &Loaded, other: &Loaded) -> bool {
    let key = |it: &Loaded| (it.recipe.component.clone(), it.recipe.version.clone());
    key(one) == key(other)
}

/// The root components of all groups after a deployment, with the ranges of their versions.
fn requirements(document: &Document, groups: &Groups) -> Vec<(String, String)> {
    let mut roots = Vec::new();
    for (group, components) in groups {
        for (name, version) in components {
            let is_changed = document.remove.contains(name) || document.add.contains_key(name);
            if *group != document.group || !is_changed {
                roots.push((name.clone(), version.clone()));
            }
        }
    }
    roots.extend(document.add.iter().map(|(name, range)| (name.clone(), range.clone())));
    roots
}

/// Reads the recipes of the folder of a deployment.
fn collect(preparation: &Preparation, document: &Document) -> Result<Vec<Loaded>, Failure> {
    if let Some(folder) = document.artifacts.as_deref().filter(|it| !it.is_dir()) {
        let text = format!("the folder of artifacts, {}, does not exist", folder.display());
        return Err(Failure::file(text));
    }
    let Some(folder) = &document.recipes else { return Ok(Vec::new()) };
    let mut files = Vec::new();
    find(folder, &mut files).map_err(|error| {
        Failure::file(format!("cannot read the folder of recipes, {}: {error}", folder.display()))
    })?;
    let mut found = Vec::new();
    for file in files {
        // An empty file is no recipe.
        if fs::metadata(&file).is_ok_and(|it| it.len() == 0) {
            continue;
        }
        let mut diagnostics = Vec::new();
        let recipe = recipes::read(&file, &mut diagnostics);
        let Some(recipe) = recipe.filter(|it| count_errors(&diagnostics) == it.defects.len())
        else {
            let problem = recipes::report(diagnostics).err();
            let text = problem.unwrap_or_else(|| format!("{} is not a recipe", file.display()));
            return Err(Failure::unreadable(text));
        };
        // Those of a recipe with a defect are reported when it is chosen.
        if recipe.defects.is_empty() {
            let _ = recipes::report(diagnostics);
        }
        let runs = !preparation.by_hand.contains(&recipe.component);
        let artifacts = document.artifacts.clone();
        let source = Source { path: file, runs, artifacts, is_installed: true, kept: None };
        found.push(Loaded { source, recipe });
    }
    Ok(found)
}

fn count_errors(diagnostics: &[Diagnostic]) -> usize {
    diagnostics.iter().filter(|it| it.severity == Severity::Error).count()
}

/// Finds the files of recipes in a folder and its sub-folders.
fn find(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut entries: Vec<_> = fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (path, kind) = (entry.path(), entry.file_type()?);
        let extension = path.extension().and_then(|it| it.to_str()).unwrap_or_default();
        if kind.is_dir() {
            find(&path, files)?;
        } else if ["yaml", "yml", "json"].iter().any(|it| it.eq_ignore_ascii_case(extension)) {
            files.push(path);
        }
    }
    Ok(())
}

/// Copies the artifacts of a component that a deployment brings.
fn install(
    preparation: &Preparation,
    loaded: &Loaded,
    cancellation: &Cancellation,
) -> Result<(), Failure> {
    let Loaded { source, recipe } = loaded;
    if !source.is_installed || !source.runs {
        return Ok(());
    }
    let setup = preparation.setup().map_err(|it| Failure::file(it.to_string()))?;
    let to = setup.folders.artifacts_of(&recipe.component, &recipe.version);
    let from = source.artifacts.as_deref();
    let own = from.map(|it| it.join(&recipe.component).join(&recipe.version));
    // Those of an earlier deployment are still there.
    let folders: Vec<_> = own.into_iter().chain([to.artifacts.clone()]).collect();
    let (found, missing) = artifacts::find_in(recipe, &folders);
    recipes::report(missing).map_err(Failure::artifact)?;
    let installed = artifacts::install(recipe, &found, from, &to, cancellation);
    installed.map_err(|it| Failure::file(it.to_string()))
}

/// Copies the recipe of a component that a deployment brings, so that it is there when the core starts again.
fn keep(preparation: &Preparation, loaded: &mut Loaded) -> Result<(), Failure> {
    let Loaded { source, recipe } = loaded;
    let setup = preparation.setup().map_err(|it| Failure::file(it.to_string()))?;
    let folder = setup.folders.recipes();
    if !source.is_installed || source.path.starts_with(&folder) {
        return Ok(());
    }
    let extension = source.path.extension().and_then(|it| it.to_str()).unwrap_or_default();
    let path = folder.join(format!("{}-{}.{extension}", recipe.component, recipe.version));
    let copied = fs::create_dir_all(&folder).and_then(|()| fs::copy(&source.path, &path));
    copied.map_err(|it| {
        Failure::file(format!("cannot copy the recipe to {}: {it}", path.display()))
    })?;
    source.kept = Some(path);
    Ok(())
}

/// The configurations of components after a deployment, which updates those of root components only.
fn configure(
    preparation: &Preparation,
    document: &Document,
    roots: &BTreeMap<String, String>,
    components: &[Loaded],
    time: Millis,
) -> Result<BTreeMap<String, Configuration>, Failure> {
    let mut configurations = BTreeMap::new();
    for Loaded { recipe, .. } in components {
        let name = &recipe.component;
        let update = document.configurations.get(name).filter(|_| roots.contains_key(name));
        let mut changes = update.map(|it| it.changes()).transpose()?.unwrap_or_default();
        let defaults = preparation.initial.configuration(name, recipe.configuration.clone());
        let mut defaults = defaults.map_err(Failure::other)?;
        if is_interpolated(preparation) {
            let variables = preparation.system_variables(recipe);
            let variables = variables.map_err(|it| Failure::file(it.to_string()))?;
            let values = defaults.values_mut().chain(changes.merge.values_mut());
            values.for_each(|it| interpolate(it, &variables));
        }
        let before = preparation.configurations.of(name);
        let before = before.unwrap_or_else(|| Configuration::new(Map::new(), DEFAULT_TIME));
        configurations.insert(name.clone(), before.deployed(defaults, &changes, time));
    }
    Ok(configurations)
}

/// Whether configurations have recipe variables, by the configuration of the nucleus.
fn is_interpolated(preparation: &Preparation) -> bool {
    let path = ["interpolateComponentConfiguration".to_owned()];
    let option = preparation.configurations.get("aws.greengrass.Nucleus", &path);
    option.is_some_and(|it| it.values().any(|it| *it == Value::Bool(true)))
}

/// Replaces variables in all texts of a value.
fn interpolate(value: &mut Value, variables: &[(&str, String)]) {
    match value {
        Value::String(text) => {
            for (variable, replacement) in variables {
                *text = text.replace(variable, replacement);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|it| interpolate(it, variables)),
        Value::Object(members) => members.values_mut().for_each(|it| interpolate(it, variables)),
        _ => {}
    }
}
