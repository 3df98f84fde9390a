//! The recipes of a core: reads the files and checks that they fit together.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use crate::recipe::{Dependency, Diagnostic, MAX_SIZE, Platform, Recipe, Severity, closest_end};

/// A recipe that the builder was given.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    /// Whether the core starts the processes of the component.
    pub(crate) runs: bool,
    /// The folder with the artifacts, if it is not that of all components.
    pub(crate) artifacts: Option<PathBuf>,
    /// Whether a deployment has installed the artifacts.
    pub(crate) is_installed: bool,
    /// The copy that a deployment has made.
    pub(crate) kept: Option<PathBuf>,
}

impl Source {
    pub(crate) fn new(path: PathBuf, runs: bool) -> Self {
        Self { path, runs, artifacts: None, is_installed: false, kept: None }
    }
}

/// A recipe that was read.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    pub(crate) source: Source,
    pub(crate) recipe: Recipe,
}

/// Reads recipes and checks that they fit together.
///
/// `is_other` tells whether a component is known without a recipe. The error has a line for each problem.
pub(crate) fn load(
    sources: &[Source],
    is_other: impl Fn(&str) -> bool,
) -> Result<Vec<Loaded>, String> {
    let (mut loaded, mut diagnostics) = (Vec::new(), Vec::new());
    for source in sources {
        let recipe = read(&source.path, &mut diagnostics);
        loaded.extend(recipe.map(|recipe| Loaded { source: source.clone(), recipe }));
    }
    diagnostics.extend(check(&loaded, is_other));
    report(diagnostics)?;
    Ok(loaded)
}

/// The problems of recipes that one core has.
pub(crate) fn check(loaded: &[Loaded], is_other: impl Fn(&str) -> bool) -> Vec<Diagnostic> {
    let recipes: Vec<_> = loaded.iter().map(|it| &it.recipe).collect();
    let mut diagnostics = conflicts(&recipes);
    let is_known = |name: &str| {
        NUCLEI.contains(&name) || recipes.iter().any(|it| it.component == name) || is_other(name)
    };
    // A component without processes does not wait for its dependencies.
    for it in loaded.iter().filter(|it| it.source.runs) {
        diagnostics.extend(missing(&it.recipe, &recipes, is_known));
    }
    diagnostics.extend(circle(&recipes));
    diagnostics
}

/// Logs what does not prevent a component from being added. The error has a line for each error.
pub(crate) fn report(diagnostics: Vec<Diagnostic>) -> Result<(), String> {
    let (errors, others): (Vec<_>, Vec<_>) =
        diagnostics.into_iter().partition(|it| it.severity == Severity::Error);
    for it in others {
        match it.severity {
            Severity::Warning => tracing::warn!("{it:#}"),
            _ => tracing::error!("{it:#}"),
        }
    }
    if errors.is_empty() {
        return Ok(());
    }
    Err(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

/// Reads a recipe. Returns `None` if the file cannot be read, or is not a recipe.
pub(crate) fn read(path: &Path, diagnostics: &mut Vec<Diagnostic>) -> Option<Recipe> {
    let mut text = String::new();
    // One more than the maximum is an error, and an endless file is not read to its end.
    let read = File::open(path)
        .and_then(|it| it.take(MAX_SIZE as u64 + 1).read_to_string(&mut text).map(drop));
    let (recipe, found) = match read {
        Ok(()) => Recipe::read(path, &text, &Platform::current()),
        Err(error) => {
            let is_encoding = error.kind() == io::ErrorKind::InvalidData;
            let advice = if is_encoding { "; save the file as UTF-8" } else { "" };
            let text = format!("cannot read the recipe: {error}{advice}");
            (None, vec![Diagnostic::error(path, None, text)])
        }
    };
    diagnostics.extend(found);
    recipe
}

/// The problems of recipes that exclude each other: several of one component, and other versions than needed.
pub(crate) fn conflicts(recipes: &[&Recipe]) -> Vec<Diagnostic> {
    let mut by_name: BTreeMap<&str, &Recipe> = BTreeMap::new();
    let mut found = Vec::new();
    for recipe in recipes {
        let name = &recipe.component;
        if name.is_empty() {
            continue;
        }
        if let Some(first) = by_name.get(&**name) {
            let first = first.source.file.display();
            let text = format!("{name} has another recipe, {first}; remove one of them");
            found.push(Diagnostic::error(&recipe.source.file, None, text));
            continue;
        }
        by_name.insert(name, recipe);
    }
    for recipe in recipes {
        for dependency in &recipe.dependencies {
            let Some(other) = by_name.get(&*dependency.component) else { continue };
            if !dependency.accepts(&other.version) {
                let range = dependency.versions.as_deref().unwrap_or_default();
                let Recipe { component, version, .. } = other;
                let text = format!(
                    "{} needs version {range} of {component}, not {version}",
                    recipe.component
                );
                found.push(error(recipe, dependency, text));
            }
        }
    }
    found
}

/// The components that this core stands in for.
pub(crate) const NUCLEI: [&str; 2] = ["aws.greengrass.Nucleus", "aws.greengrass.NucleusLite"];

/// The dependencies of a recipe that are not known.
fn missing(recipe: &Recipe, all: &[&Recipe], is_known: impl Fn(&str) -> bool) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for dependency in recipe.dependencies.iter().filter(|it| !is_known(&it.component)) {
        let (component, name) = (&recipe.component, &dependency.component);
        if name.starts_with("aws.greengrass.") || !dependency.is_hard {
            let text = format!("{component} starts without its dependency {name}");
            let severity = Severity::Warning;
            found.push(Diagnostic { severity, ..error(recipe, dependency, text) });
        } else {
            let remedy = match closest_end(name, '.', all.iter().map(|it| &*it.component)) {
                Some(known) => format!("did you mean {known}?"),
                None => {
                    "give its recipe too, or in its place one with `Manifests: [{}]`".to_owned()
                }
            };
            let text = format!("{component} depends on {name}, which has no recipe here; {remedy}");
            found.push(error(recipe, dependency, text));
        }
    }
    found
}

fn error(recipe: &Recipe, dependency: &Dependency, text: String) -> Diagnostic {
    Diagnostic::error(&recipe.source.file, Some(dependency.position), text)
}

/// The first circle of dependencies.
pub(crate) fn circle(recipes: &[&Recipe]) -> Option<Diagnostic> {
    let mut visited = Vec::new();
    recipes.iter().find_map(|it| circle_from(it, recipes, &mut visited, &mut Vec::new()))
}

/// A circle of dependencies that a component leads to. `path` leads from a dependent to the component.
fn circle_from<'r>(
    recipe: &'r Recipe,
    recipes: &[&'r Recipe],
    visited: &mut Vec<&'r str>,
    path: &mut Vec<&'r str>,
) -> Option<Diagnostic> {
    if visited.contains(&&*recipe.component) {
        return None;
    }
    path.push(&recipe.component);
    for dependency in &recipe.dependencies {
        let name = &*dependency.component;
        if let Some(start) = path.iter().position(|it| *it == name) {
            let circle = path[start..].join(" -> ");
            let text =
                format!("circular dependency: {circle} -> {name}; remove one of the dependencies");
            return Some(error(recipe, dependency, text));
        }
        let next = recipes.iter().find(|it| it.component == name);
        let found = next.and_then(|it| circle_from(it, recipes, visited, path));
        if found.is_some() {
            return found;
        }
    }
    path.pop();
    visited.push(&recipe.component);
    None
}
