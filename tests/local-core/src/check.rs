//! The command `check`: a report on recipes, and the decision on a call.

#[cfg(test)]
mod tests;

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use serde_json::Value;

use crate::{
    configuration::{ACCESS_CONTROL, Configuration, is_access_control},
    operations::{
        self, CANCEL_LOCAL_DEPLOYMENT, Resource, STREAM_MANAGER, VALIDATE_AUTHORIZATION_TOKEN,
    },
    policy::{self, Decision, Fault, Request, Rules, Sources},
    recipe::{ComponentVariables, Diagnostic, Place, Recipe, Severity, Variables, closest_end},
    recipes,
};

/// The result of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Checked {
    /// The report, or the decision with its reason.
    pub(crate) text: String,
    /// 0: no errors, or the call is allowed. 1: errors, or it is denied. 2: a recipe cannot be read.
    pub(crate) status: u8,
}

/// Checks recipes. With an operation and a resource, decides whether the component of the first recipe may make the
/// call.
pub(crate) fn check(paths: &[PathBuf], call: Option<(&str, &str)>) -> Checked {
    let mut diagnostics = Vec::new();
    let mut recipes = Vec::new();
    for path in paths {
        recipes.extend(recipes::read(path, &mut diagnostics));
    }
    if recipes.len() < paths.len() {
        return Checked { text: report(diagnostics), status: 2 };
    }
    for recipe in &recipes {
        diagnostics.extend(unresolved(recipe, &recipes));
    }
    let all: Vec<_> = recipes.iter().collect();
    diagnostics.extend(recipes::conflicts(&all));
    diagnostics.extend(recipes::circle(&all));
    let rules = rules(&recipes);
    if let (Some((operation, resource)), Some(recipe)) = (call, recipes.first()) {
        diagnostics.retain(|it| it.severity == Severity::Error);
        if !diagnostics.is_empty() {
            return denied(&format!("a recipe is not valid\n{}", report(diagnostics)));
        }
        return decide(&rules, &recipe.component, operation, resource);
    }
    diagnostics.extend(faults(&rules, &recipes));
    diagnostics.extend(duplicate_ids(&rules));
    let has_errors = diagnostics.iter().any(|it| it.severity != Severity::Warning);
    Checked { text: report(diagnostics), status: u8::from(has_errors) }
}

/// Formats diagnostics in the order of files and lines, and counts them.
fn report(mut diagnostics: Vec<Diagnostic>) -> String {
    diagnostics.sort_by(|a, b| (&a.file, a.position).cmp(&(&b.file, b.position)));
    let mut text: String = diagnostics.iter().map(|it| format!("{it}\n")).collect();
    let counts = [(false, "error"), (true, "warning")];
    let counts = counts.map(|(is_warning, word)| {
        let is_counted = |it: &&Diagnostic| (it.severity == Severity::Warning) == is_warning;
        let count = diagnostics.iter().filter(is_counted).count();
        format!("{count} {word}{}", if count == 1 { "" } else { "s" })
    });
    text += &counts.join(", ");
    text + "\n"
}

/// The variables in lifecycles that have no value.
fn unresolved(recipe: &Recipe, recipes: &[Recipe]) -> Vec<Diagnostic> {
    let of = |it: &Recipe| ComponentVariables {
        configuration: it.configuration.clone(),
        ..ComponentVariables::default()
    };
    let direct = |it: &&Recipe| recipe.dependencies.iter().any(|d| d.component == it.component);
    let dependencies = recipes.iter().filter(direct);
    let dependencies = dependencies.map(|it| (it.component.clone(), of(it))).collect();
    let variables = Variables { own: of(recipe), dependencies, ..Variables::default() };
    recipe.resolve_lifecycle(&variables).1
}

/// The policies of all recipes, as a core loads them.
fn rules(recipes: &[Recipe]) -> Rules {
    let sources = recipes.iter().map(|it| (it.component.clone(), Arc::new(it.source.clone())));
    let sources: Sources = sources.collect();
    let values: Vec<_> = recipes.iter().filter_map(|it| Some((it, access_control(it)?))).collect();
    let values = values.iter().map(|(it, value)| (&*it.component, value));
    Rules::load(values, &sources, &Rules::default())
}

fn access_control(recipe: &Recipe) -> Option<Value> {
    let configuration = Configuration::new(recipe.configuration.clone(), 1);
    configuration.value(&[ACCESS_CONTROL.to_owned()])
}

/// The faults of policies and what is suspicious about them.
fn faults(rules: &Rules, recipes: &[Recipe]) -> Vec<Diagnostic> {
    let mut found: Vec<_> = rules.faults().to_vec();
    found.extend(rules.suspicious());
    for recipe in recipes {
        let written = recipe.configuration.iter().filter(|(key, _)| is_access_control(key));
        for (_, value) in written {
            found.extend(policy::unseen_keys(&recipe.component, value));
        }
        let own = found.iter_mut().filter(|it| it.component == recipe.component);
        own.for_each(|it| it.place = recipe.source.position(&it.path));
    }
    found.iter().map(|it| diagnostic(it, recipes)).collect()
}

fn diagnostic(fault: &Fault, recipes: &[Recipe]) -> Diagnostic {
    let (file, position) = match &fault.place {
        Some(place) => (Some(&place.file), Some(place.position)),
        None => {
            let recipe = recipes.iter().find(|it| it.component == fault.component);
            (recipe.map(|it| &it.source.file), None)
        }
    };
    Diagnostic {
        position,
        file: file.cloned().unwrap_or_default(),
        severity: if fault.is_error() { Severity::Error } else { Severity::Warning },
        text: fault.description(),
    }
}

/// Policy ids that occur twice. On a device, ids are unique among all components.
fn duplicate_ids(rules: &Rules) -> Vec<Diagnostic> {
    let mut policies: Vec<_> =
        rules.all().filter_map(|(_, it)| Some((it.place.as_ref()?, it))).collect();
    policies.sort_by_key(|(place, _)| *place);
    let mut first: HashMap<&str, &Place> = HashMap::new();
    let mut found = Vec::new();
    for (place, policy) in policies {
        let former = first.insert(&policy.id, place);
        found.extend(former.map(|former| Diagnostic {
            file: place.file.clone(),
            position: Some(place.position),
            severity: Severity::Warning,
            text: format!(
                "the policy id {:?} is also in {former}; ids must be unique among all components",
                policy.id
            ),
        }));
    }
    found
}

/// Decides on a call.
fn decide(rules: &Rules, component: &str, operation: &str, resource: &str) -> Checked {
    let id = match operation.contains('#') {
        true => operation.to_owned(),
        false => format!("aws.greengrass#{operation}"),
    };
    let Some(protected) = operations::protected(&id) else {
        return unprotected(component, &id);
    };
    // The resource of some operations does not depend on the request.
    let resource = if protected.resource == Resource::Star { "*" } else { resource };
    if let Err(problem) = protected.check_argument(Some(resource)) {
        return denied(&format!("the call fails with an InvalidArgumentsError: {problem}"));
    }
    let request = Request { component, operation: protected, resource: Some(resource) };
    match rules.decide(request) {
        Decision::Allowed(policy) => allowed(rules, request, policy),
        Decision::Denied(denial) => denied(&denial.to_string()),
    }
}

fn allowed(rules: &Rules, request: Request<'_>, policy: Option<&str>) -> Checked {
    let Request { component, operation, resource } = request;
    let find = |id: &&str| {
        let mut own = rules.all().filter(|(name, _)| *name == component).map(|(_, it)| it);
        own.find(|it| it.id == **id && it.service == operation.service)
    };
    let Some(policy) = policy.as_ref().and_then(find) else {
        return allow(&format!("{component} needs no policy for {}", operation.id));
    };
    let pattern = policy.resources.iter().find(|it| resource.is_none_or(|text| it.matches(text)));
    let pattern = pattern.map(|it| format!(" with the resource {:?}", it.text()));
    let mut text = format!("policy {:?}{}", policy.id, pattern.unwrap_or_default());
    if let Some(place) = &policy.place {
        text += &format!(" ({place})");
    }
    text += &format!(" allows {component} to call {}", operation.id);
    if operation.id == CANCEL_LOCAL_DEPLOYMENT {
        text += "; a device denies this call to all components";
    }
    allow(&text)
}

/// The decision on an operation that is not in policies.
fn unprotected(component: &str, id: &str) -> Checked {
    if id == VALIDATE_AUTHORIZATION_TOKEN && component != STREAM_MANAGER {
        return denied(&format!("only {STREAM_MANAGER} may call {id}"));
    }
    let names = operations::OPERATIONS.iter().map(|it| it.id);
    match closest_end(id, '#', names.chain(operations::UNPROTECTED)) {
        Some(known) if known == id => allow(&format!("{id} requires no permission")),
        Some(known) => denied(&format!("there is no operation {id}; did you mean {known}?")),
        None => denied(&format!("there is no operation {id}")),
    }
}

fn allow(reason: &str) -> Checked {
    Checked { text: format!("allow\n{reason}\n"), status: 0 }
}

fn denied(reason: &str) -> Checked {
    Checked { text: format!("deny\n{reason}\n"), status: 1 }
}
