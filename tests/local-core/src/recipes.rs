//! The recipes of a core: reads the files and orders the components by dependency.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
};

use crate::recipe::{Dependency, Platform, Recipe, Severity};

/// A recipe that the builder was given.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    /// Whether the core starts the processes of the component.
    pub(crate) runs: bool,
}

/// A recipe that was read.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) source: Source,
    pub(crate) recipe: Recipe,
}

/// Reads recipes and checks that they fit together. Returns them in an order with dependencies first.
///
/// `is_other` tells whether a component is known without a recipe. The error has a line for each problem.
pub(crate) fn load(
    sources: &[Source],
    is_other: impl Fn(&str) -> bool,
) -> Result<Vec<Loaded>, String> {
    let mut problems = Vec::new();
    let mut loaded: Vec<Loaded> = Vec::new();
    for source in sources {
        match read(&source.path) {
            Ok(recipe) => match loaded.iter().find(|it| it.recipe.component == recipe.component) {
                Some(first) => problems.push(format!(
                    "{}: error: {} has another recipe, {}; remove one of them",
                    source.path.display(),
                    recipe.component,
                    first.source.path.display()
                )),
                None => loaded.push(Loaded { source: source.clone(), recipe }),
            },
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        problems.extend(check_dependencies(&loaded, is_other));
    }
    if problems.is_empty() {
        return sorted(loaded);
    }
    Err(problems.join("\n"))
}

fn read(path: &Path) -> Result<Recipe, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("{}: error: cannot read the recipe: {error}", path.display()))?;
    let (recipe, diagnostics) = Recipe::read(path, &text, &Platform::current());
    let (errors, warnings): (Vec<_>, Vec<_>) =
        diagnostics.into_iter().partition(|it| it.severity == Severity::Error);
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    match recipe {
        Some(recipe) if errors.is_empty() => Ok(recipe),
        _ => Err(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
    }
}

/// The problems of dependencies that the core does not have.
fn check_dependencies(loaded: &[Loaded], is_other: impl Fn(&str) -> bool) -> Vec<String> {
    let mut problems = Vec::new();
    for Loaded { source, recipe } in loaded {
        for dependency in &recipe.dependencies {
            let name = &dependency.component;
            let place = place(source, dependency);
            let found = loaded.iter().find(|it| it.recipe.component == *name);
            if let Some(Loaded { recipe: Recipe { version, .. }, .. }) = found {
                if !dependency.accepts(version) {
                    let versions = dependency.versions.as_deref().unwrap_or_default();
                    problems.push(format!(
                        "{place}: error: {} needs version {versions} of {name}, not {version}",
                        recipe.component
                    ));
                }
            }
            if found.is_some() || is_other(name) {
                continue;
            }
            if name.starts_with("aws.greengrass.") || !dependency.is_hard {
                tracing::warn!(
                    "{place}: warning: {} starts without its dependency {name}",
                    recipe.component
                );
            } else {
                problems.push(format!(
                    "{place}: error: {} depends on {name}, which has no recipe here; give its recipe too",
                    recipe.component
                ));
            }
        }
    }
    problems
}

fn place(source: &Source, dependency: &Dependency) -> String {
    let at = dependency.position;
    format!("{}:{}:{}", source.path.display(), at.line, at.column)
}

/// Sorts components so that each comes after its dependencies, and keeps the order otherwise.
fn sorted(loaded: Vec<Loaded>) -> Result<Vec<Loaded>, String> {
    let mut remaining: Vec<_> = loaded.into_iter().map(Some).collect();
    let index: BTreeMap<String, usize> = remaining
        .iter()
        .enumerate()
        .filter_map(|(at, it)| Some((it.as_ref()?.recipe.component.clone(), at)))
        .collect();
    let mut order = Vec::new();
    for at in 0..remaining.len() {
        visit(&remaining, &index, at, &mut order, &mut Vec::new())?;
    }
    Ok(order.into_iter().filter_map(|at| remaining[at].take()).collect())
}

/// Adds a component to the order, after its dependencies. `path` leads from a dependent to the component.
fn visit(
    loaded: &[Option<Loaded>],
    index: &BTreeMap<String, usize>,
    at: usize,
    order: &mut Vec<usize>,
    path: &mut Vec<usize>,
) -> Result<(), String> {
    let Some(Loaded { source, recipe }) = &loaded[at] else { return Ok(()) };
    if order.contains(&at) {
        return Ok(());
    }
    path.push(at);
    for dependency in &recipe.dependencies {
        let Some(&next) = index.get(&dependency.component) else { continue };
        if let Some(start) = path.iter().position(|it| *it == next) {
            let mut circle = String::new();
            for it in path[start..].iter().filter_map(|it| loaded[*it].as_ref()) {
                let _ = write!(circle, "{} -> ", it.recipe.component);
            }
            let place = place(source, dependency);
            return Err(format!(
                "{place}: error: circular dependency: {circle}{}; remove one of the dependencies",
                dependency.component
            ));
        }
        visit(loaded, index, next, order, path)?;
    }
    path.pop();
    order.push(at);
    Ok(())
}
