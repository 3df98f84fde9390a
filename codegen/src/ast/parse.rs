//! One file of JSON to shapes whose traits are still as they are written.

mod parts;
mod shapes;

use super::{Model, Reference, Shape, merge, typed};
use crate::{
    Source,
    diagnostic::{Location, Reporter},
    json::Value,
    shape_id::ShapeId,
    traits::RawTrait,
};

/// Reads and merges all sources; what is wrong goes to the reporter.
pub fn parse<'a>(sources: &'a [Source<'a>], reporter: &mut Reporter<'a>) -> Model {
    let mut files = Vec::new();
    for (index, source) in sources.iter().enumerate() {
        if let Some(twin) = sources[..index].iter().find(|it| it.json == source.json) {
            let location = Location { source: index, offset: 0 };
            let message = format!("this file is the same as {} and is skipped", twin.path);
            reporter.warning(location, message).hint("name each file once");
            continue;
        }
        match Value::parse(source.json) {
            Ok(value) => files.extend(file(index, &value, reporter)),
            Err(error) => {
                let location = Location { source: index, offset: error.offset };
                reporter
                    .error(location, format!("this is not JSON: {}", error.message))
                    .hint(error.hint());
            }
        }
    }
    let shapes = merge::merge(files, reporter);
    typed::read(shapes, reporter)
}

/// What one file says.
#[derive(Debug)]
pub(super) struct File<'a> {
    pub(super) shapes: Vec<RawShape<'a>>,
    pub(super) applies: Vec<Apply<'a>>,
    pub(super) metadata: Vec<(String, Value<'a>, Location)>,
}

/// A shape as it is written.
#[derive(Debug)]
pub(super) struct RawShape<'a> {
    pub(super) shape: Shape<Vec<RawTrait<'a>>>,
    pub(super) mixins: Vec<Reference>,
    pub(super) version: Version,
    /// Whether a part of it could not be read, which has been reported.
    pub(super) is_broken: bool,
}

/// Traits that are given to a shape from elsewhere.
#[derive(Debug)]
pub(super) struct Apply<'a> {
    pub(super) shape: ShapeId,
    pub(super) member: Option<String>,
    pub(super) traits: Vec<RawTrait<'a>>,
    pub(super) location: Location,
}

/// The version of Smithy by whose rules a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V1,
    V2,
}

/// Reads one file, if it is a model.
fn file<'a>(source: usize, value: &Value<'a>, reporter: &mut Reporter<'_>) -> Option<File<'a>> {
    let at = |offset| Location { source, offset };
    if value.as_object().is_none() {
        let message = format!("not a Smithy model: expected an object, found {}", value.describe());
        reporter
            .error(at(value.offset), message)
            .hint("a model is {\"smithy\": \"2.0\", \"shapes\": {…}}");
        return None;
    }
    let version = match value.get("smithy").map(|it| &it.value) {
        None => {
            reporter
                .error(
                    at(value.offset),
                    "not a Smithy model: the top-level key \"smithy\" is missing",
                )
                .hint("add \"smithy\": \"2.0\"");
            return None;
        }
        Some(version) => match version.as_str() {
            Some("1" | "1.0") => Version::V1,
            Some("2" | "2.0") => Version::V2,
            found => {
                let message = match found {
                    Some(text) => format!("unsupported version {text:?}"),
                    None => format!("expected a string, found {}", version.describe()),
                };
                reporter
                    .error(at(version.offset), message)
                    .hint("versions 1, 1.0, 2 and 2.0 are supported: write \"2.0\"");
                return None;
            }
        },
    };
    let mut parser = Parser { reporter, source, version, is_broken: false };
    parser.duplicates(value);
    parser.keys(value, &["smithy", "metadata", "shapes"]);
    let mut file = File { shapes: Vec::new(), applies: Vec::new(), metadata: Vec::new() };
    for entry in parser.optional_object(value, "metadata") {
        let location = at(entry.value.offset);
        file.metadata.push((entry.key.to_string(), entry.value.clone(), location));
    }
    for entry in parser.optional_object(value, "shapes") {
        parser.shape(entry, &mut file);
    }
    Some(file)
}

/// Reads the shapes of one file.
struct Parser<'p, 'a> {
    reporter: &'p mut Reporter<'a>,
    source: usize,
    version: Version,
    /// Whether a part of the current shape could not be read.
    is_broken: bool,
}
