//! The versions of the components of a deployment.

use std::collections::BTreeMap;

use nodejs_semver::{Range, Version};

use super::failure::Failure;
use crate::{
    recipe::{Dependency, Recipe},
    recipes::{self, NUCLEI},
};

/// The requirements of the version of a component: who has them, and the range of versions.
type Requirements<'r> = BTreeMap<&'r str, Vec<(&'r str, &'r str)>>;

/// Chooses a version of each root component and of all that they depend on.
///
/// `roots` are the names and ranges of versions. A version that is `active` stays if it is in all ranges; otherwise the
/// newest is chosen.
pub(super) fn resolve<'r>(
    roots: &'r [(String, String)],
    recipes: &[&'r Recipe],
    active: &BTreeMap<String, String>,
) -> Result<Vec<&'r Recipe>, Failure> {
    for (name, range) in roots {
        if !range.is_empty() && Range::parse(range).is_err() {
            return Err(Failure::version(format!("{range:?} is not a version of {name}")));
        }
    }
    let mut required = Requirements::new();
    loop {
        let (chosen, found) = choose(roots, recipes, active, &required)?;
        if let Some(circle) = recipes::circle(&chosen) {
            return Err(Failure::circle(circle.to_string()));
        }
        // A new requirement may change an earlier choice. There are finitely many, because none is ever removed.
        let count = |it: &Requirements<'_>| it.values().map(Vec::len).sum::<usize>();
        if count(&found) == count(&required) {
            return Ok(chosen);
        }
        required = found;
    }
}

fn choose<'r>(
    roots: &'r [(String, String)],
    recipes: &[&'r Recipe],
    active: &BTreeMap<String, String>,
    required: &Requirements<'r>,
) -> Result<(Vec<&'r Recipe>, Requirements<'r>), Failure> {
    let mut found = required.clone();
    for (name, range) in roots {
        require(&mut found, name, ("the deployment", range));
    }
    let mut remaining: Vec<&str> = roots.iter().map(|it| &*it.0).collect();
    let mut chosen: Vec<&Recipe> = Vec::new();
    while let Some(name) = remaining.pop() {
        if chosen.iter().any(|it| it.component == name) {
            continue;
        }
        let recipe = newest(name, recipes, active.get(name), &found[name])?;
        for Dependency { component, versions, .. } in &recipe.dependencies {
            let is_supplied = component.starts_with("aws.greengrass.")
                && !recipes.iter().any(|it| it.component == *component);
            if is_supplied || NUCLEI.contains(&&**component) {
                continue;
            }
            let range = versions.as_deref().unwrap_or_default();
            require(&mut found, component, (&recipe.component, range));
            remaining.push(component);
        }
        chosen.push(recipe);
    }
    Ok((chosen, found))
}

fn require<'r>(found: &mut Requirements<'r>, name: &'r str, requirement: (&'r str, &'r str)) {
    let requirements = found.entry(name).or_default();
    if !requirements.contains(&requirement) {
        requirements.push(requirement);
    }
}

/// The recipe of a component with the active or else the newest version that meets the requirements.
fn newest<'r>(
    name: &str,
    recipes: &[&'r Recipe],
    active: Option<&String>,
    requirements: &[(&str, &str)],
) -> Result<&'r Recipe, Failure> {
    let fits = |version: &Version| {
        let ranges = requirements.iter().map(|it| it.1).filter(|it| !it.is_empty());
        ranges.map(Range::parse).all(|it| it.is_ok_and(|it| it.satisfies(version)))
    };
    let versions = recipes.iter().filter(|it| it.component == name);
    let versions = versions.filter_map(|it| Some((Version::parse(&it.version).ok()?, *it)));
    let mut versions: Vec<_> = versions.collect();
    versions.sort_by(|a, b| a.0.cmp(&b.0));
    let mut fitting = versions.iter().filter(|it| fits(&it.0));
    let kept = fitting.clone().find(|it| Some(&it.1.version) == active);
    let best = kept.or_else(|| fitting.next_back());
    best.map(|it| it.1).ok_or_else(|| {
        let needs = requirements.iter().map(|(who, range)| match *range {
            "" => format!("any version for {who}"),
            range => format!("{range} for {who}"),
        });
        let needs = needs.collect::<Vec<_>>().join(", ");
        let found: Vec<_> = versions.iter().map(|it| &*it.1.version).collect();
        let found = match &*found.join(", ") {
            "" => String::new(),
            found => format!("; the versions here are {found}"),
        };
        Failure::unavailable(format!(
            "there is no recipe of {name} here that meets: {needs}{found}"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::Position;

    fn recipe(name: &str, version: &str, dependencies: &[(&str, &str)]) -> Recipe {
        let dependencies = dependencies.iter().map(|(component, range)| Dependency {
            component: component.to_string(),
            versions: Some(range.to_string()),
            is_hard: true,
            position: Position { line: 1, column: 1 },
        });
        Recipe {
            component: name.to_owned(),
            version: version.to_owned(),
            dependencies: dependencies.collect(),
            ..Recipe::default()
        }
    }

    /// Checks the versions of the components, or the start of the codes of the failure.
    #[track_caller]
    fn check(recipes: &[Recipe], active: &[(&str, &str)], roots: &[(&str, &str)], expected: &str) {
        let text = |(name, it): &(&str, &str)| (name.to_string(), it.to_string());
        let roots: Vec<_> = roots.iter().map(text).collect();
        let recipes: Vec<_> = recipes.iter().collect();
        let found = match resolve(&roots, &recipes, &active.iter().map(text).collect()) {
            Ok(mut chosen) => {
                chosen.sort_by_key(|it| &it.component);
                let texts = chosen.iter().map(|it| format!("{} {}", it.component, it.version));
                texts.collect::<Vec<_>>().join(", ")
            }
            Err(failure) => failure.to_string(),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn versions_meet_all_requirements() {
        let recipes = [
            recipe("X", "1.0.0", &[("B", "1.0.0")]),
            recipe("X", "1.2.0", &[("B", ">=1.0.0")]),
            recipe("X", "2.0.0", &[]),
            recipe("Y", "1.0.0", &[("B", "^1.0.0"), ("aws.greengrass.Nucleus", "^2.0.0")]),
            recipe("B", "1.0.0", &[]),
            recipe("B", "1.5.0", &[]),
            recipe("B", "2.0.0", &[]),
            recipe("C", "1.0.0", &[("D", "")]),
            recipe("D", "1.0.0", &[("C", "")]),
        ];
        check(&recipes, &[], &[("X", "^1.0.0")], "B 2.0.0, X 1.2.0");
        check(&recipes, &[("X", "1.2.0"), ("B", "1.0.0")], &[("X", ">=1.0.0")], "B 1.0.0, X 1.2.0");
        check(&recipes, &[], &[("X", "")], "X 2.0.0");
        check(&recipes, &[], &[("X", "^1.0.0"), ("Y", "")], "B 1.5.0, X 1.2.0, Y 1.0.0");
        check(&recipes, &[], &[("X", "1.0.0"), ("Y", "1.0.0")], "B 1.0.0, X 1.0.0, Y 1.0.0");
        let conflict = "there is no recipe of B here that meets: 2.0.0 for the deployment, 1.0.0 for X; \
                        the versions here are 1.0.0, 1.5.0, 2.0.0";
        check(&recipes, &[], &[("X", "1.0.0"), ("B", "2.0.0")], conflict);
        let unknown = "there is no recipe of Z here that meets: any version for the deployment";
        check(&recipes, &[], &[("Z", "")], unknown);
        check(&recipes, &[], &[("X", "abc")], r#""abc" is not a version of X"#);
        let circle = "error: circular dependency: C -> D -> C; remove one of the dependencies";
        check(&recipes, &[], &[("C", "")], &format!(":1:1: {circle}"));
    }
}
