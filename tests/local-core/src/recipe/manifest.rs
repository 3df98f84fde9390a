//! Reading of a recipe: its top level, manifests, dependencies and artifacts.

use std::{collections::HashSet, path::Path, sync::LazyLock};

use nodejs_semver::{Range, Version};
use regex::Regex;

use super::{
    Access, Artifact, Defect, Dependency, Diagnostic, Lifecycle, Platform, Position, Recipe,
    Source,
    diagnostic::Report,
    document::{self, Entry, Format, Kind, Node, to_map},
    lifecycle,
    reader::{Members, Text, not, one_of},
};

const RECIPE: [&str; 11] = [
    "RecipeFormatVersion",
    "ComponentName",
    "ComponentVersion",
    "ComponentType",
    "ComponentDescription",
    "ComponentPublisher",
    "ComponentSource",
    "ComponentConfiguration",
    "ComponentDependencies",
    "Manifests",
    "Lifecycle",
];
const MANIFEST: [&str; 5] = ["Name", "Platform", "Lifecycle", "Selections", "Artifacts"];
const ARTIFACT: [&str; 5] = ["Uri", "Unarchive", "Permission", "Digest", "Algorithm"];
const TYPES: [&str; 4] = [GENERIC, "aws.greengrass.plugin", "aws.greengrass.nucleus", LAMBDA];
const GENERIC: &str = "aws.greengrass.generic";
const LAMBDA: &str = "aws.greengrass.lambda";

/// The selection that manifests have by default.
const ALL: &str = "all";

impl Recipe {
    /// Reads a recipe, reduced to what applies on a platform.
    ///
    /// Returns `None` for a text that is not an object in JSON or YAML. A recipe with errors must not be run.
    pub(crate) fn read(
        path: &Path,
        text: &str,
        platform: &Platform,
    ) -> (Option<Self>, Vec<Diagnostic>) {
        let mut report = Report::new(path);
        let format = Format::of(path, text);
        let document = document::parse(format, text, &mut report);
        let recipe = document.and_then(|document| {
            let mut recipe = recipe(&document, path, format, platform, &mut report)?;
            recipe.source.document = Some(document);
            recipe.defects = std::mem::take(&mut report.defects);
            Some(recipe)
        });
        (recipe, report.finish())
    }
}

fn recipe(
    document: &Node,
    file: &Path,
    format: Format,
    platform: &Platform,
    report: &mut Report,
) -> Option<Recipe> {
    if !matches!(document.kind, Kind::Object(_)) {
        let found = not(document);
        report.error(document.position, format!("not a recipe: it must be an object, {found}"));
        return None;
    }
    let members = Members::read(document, "a recipe", &RECIPE, report);
    let start = document.position;
    let example = "RecipeFormatVersion: \"2020-01-25\"";
    let version = members.required("RecipeFormatVersion", example, start, report);
    one_of(version, "RecipeFormatVersion", &["2020-01-25"], report);
    let component = component_name(members, start, report);
    let version = component_version(members, start, report);
    component_type(members, report);
    for name in ["ComponentDescription", "ComponentPublisher", "ComponentSource"] {
        members.text(name, report);
    }
    let configuration = configuration(members, report);
    let dependencies = dependencies(members, report);
    let (lifecycle, artifacts) = manifests(members, start, platform, report);
    Some(Recipe {
        component: component.unwrap_or_default(),
        version: version.unwrap_or_default(),
        configuration: configuration.map_or_else(Default::default, |it| match &it.kind {
            Kind::Object(entries) => to_map(entries),
            _ => Default::default(),
        }),
        dependencies,
        lifecycle,
        artifacts,
        source: Source { file: file.to_owned(), format, document: None },
        defects: Vec::new(),
    })
}

fn component_name(members: Members<'_>, start: Position, report: &mut Report) -> Option<String> {
    let example = "ComponentName: com.example.Hello";
    let Text { text, position } = members.required("ComponentName", example, start, report)?;
    if let Err(error) = crate::builder::check_name(&text) {
        report.error(position, format!("{error}{}", placeholder_advice(&text)));
    }
    Some(text)
}

fn component_version(members: Members<'_>, start: Position, report: &mut Report) -> Option<String> {
    static VERSION: LazyLock<Regex> = LazyLock::new(|| {
        let number = "(?:0|[1-9][0-9]{0,5})";
        let pattern =
            format!(r"^{number}\.{number}\.{number}(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$");
        Regex::new(&pattern).expect("it is valid")
    });
    const MAX_LEN: usize = 64;
    let example = "ComponentVersion: \"1.0.0\"";
    let Text { text, position } = members.required("ComponentVersion", example, start, report)?;
    if text.len() > MAX_LEN || !VERSION.is_match(&text) {
        let advice = placeholder_advice(&text);
        let expected = format!("three numbers up to 999999, and at most {MAX_LEN} characters");
        let message = format!("{text:?} is not a version such as \"1.0.0\": {expected}{advice}");
        report.error(position, message);
    }
    Some(text)
}

/// Templates of the Greengrass Development Kit are not recipes yet.
fn placeholder_advice(text: &str) -> &'static str {
    let is_template = ["{COMPONENT_", "COMPONENT_NAME", "COMPONENT_VERSION", "NEXT_PATCH"];
    if is_template.iter().any(|it| text.contains(it)) {
        "; this is a template, so run `gdk component build` and use greengrass-build/recipes"
    } else {
        ""
    }
}

fn component_type(members: Members<'_>, report: &mut Report) {
    let Some(found) = members.text("ComponentType", report) else { return };
    let position = found.position;
    let found = one_of(Some(found), "ComponentType", &TYPES, report);
    if let Some(other) = found.filter(|it| *it != GENERIC) {
        report.error(position, format!("only components of type {GENERIC} run here, not {other}"));
    }
}

fn configuration<'n>(members: Members<'n>, report: &mut Report) -> Option<&'n Node> {
    let entry = members.get("ComponentConfiguration")?;
    let known = ["DefaultConfiguration"];
    let members = Members::read(&entry.value, "ComponentConfiguration", &known, report);
    let default = &members.get("DefaultConfiguration")?.value;
    Members::of(default, "DefaultConfiguration", report);
    Some(default)
}

fn dependencies(members: Members<'_>, report: &mut Report) -> Vec<Dependency> {
    let Some(entry) = members.get("ComponentDependencies") else { return Vec::new() };
    let members = Members::of(&entry.value, "ComponentDependencies", report);
    members.iter().map(|it| dependency(it, report)).collect()
}

fn dependency(entry: &Entry, report: &mut Report) -> Dependency {
    let known = ["VersionRequirement", "DependencyType"];
    let members = Members::read(&entry.value, "a dependency", &known, report);
    let versions = members.text("VersionRequirement", report);
    let versions = versions.and_then(|Text { text, position }| {
        if Range::parse(&text).is_err() {
            let message = format!("{text:?} is not a range of versions, such as \"^1.0.0\"");
            report.error(position, message);
            return None;
        }
        Some(text)
    });
    let kind = members.text("DependencyType", report);
    let kind = one_of(kind, "DependencyType", &["HARD", "SOFT"], report);
    Dependency {
        component: entry.key.clone(),
        versions,
        is_hard: kind != Some("SOFT"),
        position: entry.position,
    }
}

impl Dependency {
    /// Whether a version is in the range.
    pub(crate) fn accepts(&self, version: &str) -> bool {
        let Some(versions) = &self.versions else { return true };
        match (Range::parse(versions), Version::parse(version)) {
            (Ok(range), Ok(version)) => range.satisfies(&version),
            _ => false,
        }
    }
}

/// A manifest in the list.
struct Manifest<'n> {
    position: Position,
    members: Members<'n>,
    selections: Vec<String>,
    lifecycle: Option<&'n Node>,
    artifacts: Vec<Artifact>,
}

/// Reads all manifests, and returns what applies on the platform.
fn manifests(
    members: Members<'_>,
    start: Position,
    platform: &Platform,
    report: &mut Report,
) -> (Lifecycle, Vec<Artifact>) {
    let items = members.list("Manifests", report);
    if items.is_empty() {
        let position = members.get("Manifests").map_or(start, |it| it.value.position);
        let advice = "write a list with a manifest, even if it is only {}";
        let text = format!("Manifests is missing or empty; {advice}");
        report.defect(Defect::NoManifests, position, text);
    }
    let manifests: Vec<_> = items.iter().map(|it| manifest(it, report)).collect();
    let selectors = manifests.iter().flat_map(|it| it.selections.clone());
    let selectors: HashSet<_> = selectors.chain([ALL.to_owned()]).collect();
    let (mut chosen, mut always) = (None, None);
    let mut unfit = Vec::new();
    for manifest in manifests {
        let Manifest { position, members, selections, lifecycle, artifacts } = manifest;
        if let Some(Position { line, .. }) = always {
            let text = format!("this manifest is never used: the one in line {line} fits always");
            report.warning(position, text);
        }
        let own = lifecycle.map(|it| lifecycle::read(it, report));
        let fit = fit(members, platform, report);
        if let Fit::Never(unmet) = fit {
            unfit.push(format!("; that of line {} needs {unmet}", position.line));
            continue;
        }
        if fit == Fit::Always {
            always = always.or(Some(position));
        }
        chosen = chosen.or(Some((own, selections, artifacts)));
    }
    if chosen.is_none() && !items.is_empty() {
        const MAX_LISTED: usize = 4;
        unfit.truncate(MAX_LISTED);
        let position = members.get("Manifests").map(|it| it.position);
        let reasons = unfit.concat();
        let text = format!("no manifest fits this platform, {platform}{reasons}");
        report.defect(Defect::NoManifestFits, position, text);
    }
    let (own, selections, artifacts) = chosen.unwrap_or_default();
    let global = || {
        let global = &members.get("Lifecycle")?.value;
        let selected = lifecycle::selected(global, &selectors, &selections)?;
        Some(lifecycle::read(&selected, report))
    };
    (own.or_else(global).unwrap_or_default(), artifacts)
}

fn manifest<'n>(node: &'n Node, report: &mut Report) -> Manifest<'n> {
    let members = Members::read(node, "a manifest", &MANIFEST, report);
    members.text("Name", report);
    let selections = members.list("Selections", report).iter().filter_map(Node::text);
    let selections: Vec<_> = match members.get("Selections") {
        Some(_) => selections.collect(),
        None => vec![ALL.to_owned()],
    };
    let lifecycle = members.get("Lifecycle").map(|it| &it.value);
    let is_empty = |it: &&Node| matches!(&it.kind, Kind::Object(entries) if entries.is_empty());
    let artifacts = members.list("Artifacts", report);
    Manifest {
        position: node.position,
        members,
        selections,
        lifecycle: lifecycle.filter(|it| !is_empty(it)),
        artifacts: artifacts.iter().filter_map(|it| artifact(it, report)).collect(),
    }
}

#[derive(PartialEq, Eq)]
enum Fit {
    /// With the attribute that the platform does not have.
    Never(String),
    Here,
    Always,
}

/// Whether a manifest fits the platform.
fn fit(members: Members<'_>, platform: &Platform, report: &mut Report) -> Fit {
    let Some(entry) = members.get("Platform") else { return Fit::Always };
    let mut fit = Fit::Always;
    for Entry { key, position, value } in Members::of(&entry.value, "Platform", report).iter() {
        let folded = key.to_ascii_lowercase();
        if folded != *key && ["os", "architecture", "architecture.detail"].contains(&&*folded) {
            let text = format!("{key} is an unknown attribute, which never fits; write {folded}");
            report.warning(*position, text);
        }
        let is_met = platform.meets(key, value).unwrap_or_else(|error| {
            report.error(value.position, error);
            false
        });
        if !is_met {
            let needed = value.text().unwrap_or_else(|| value.to_value().to_string());
            return Fit::Never(format!("{key} {needed}"));
        }
        if fit == Fit::Always && value.text().as_deref() != Some("*") {
            fit = Fit::Here;
        }
    }
    fit
}

fn artifact(node: &Node, report: &mut Report) -> Option<Artifact> {
    let members = Members::read(node, "an artifact", &ARTIFACT, report);
    let example = "Uri: s3://BUCKET/FILE";
    let uri = members.required("Uri", example, node.position, report);
    let unarchive = members.text("Unarchive", report);
    let unarchive = one_of(unarchive, "Unarchive", &["NONE", "ZIP"], report);
    let permission = members.get("Permission").map(|it| &it.value);
    let known = ["Read", "Execute"];
    let permission = permission.map(|it| Members::read(it, "Permission", &known, report));
    let mut access = |name, default| {
        let text = permission.and_then(|it| it.text(name, report));
        match one_of(text, name, &["NONE", "OWNER", "ALL"], report) {
            Some("NONE") => Access::None,
            Some("ALL") => Access::All,
            Some(_) => Access::Owner,
            None => default,
        }
    };
    let (read, execute) = (access("Read", Access::Owner), access("Execute", Access::None));
    let Text { text: uri, position } = uri?;
    match check_uri(&uri) {
        Ok(()) => {}
        Err((None, problem)) => report.error(position, problem),
        Err((Some(defect), problem)) => report.defect(defect, position, problem),
    }
    Some(Artifact { uri, is_zip: unarchive == Some("ZIP"), read, execute, position: node.position })
}

fn check_uri(uri: &str) -> Result<(), (Option<Defect>, String)> {
    let Some((scheme, rest)) = uri.split_once(':') else {
        let text = format!("{uri:?} has no scheme; write s3://BUCKET/FILE");
        return Err((Some(Defect::NoScheme), text));
    };
    if !["s3", "greengrass", "docker"].contains(&&*scheme.to_ascii_lowercase()) {
        let text =
            format!("{scheme} is not a scheme of artifacts: these are s3, greengrass, docker");
        return Err((Some(Defect::UnknownScheme), text));
    }
    let is_invalid = |it: char| it.is_whitespace() || it.is_control() || "{}<>\"\\^`|".contains(it);
    match rest.rsplit('/').next() {
        _ if uri.contains(is_invalid) => {
            Err((None, format!("{uri:?} is not a URI: it contains a space, a brace or the like")))
        }
        None | Some("" | "." | "..") => {
            Err((None, format!("{uri:?} does not end with the name of a file")))
        }
        Some(_) => Ok(()),
    }
}
