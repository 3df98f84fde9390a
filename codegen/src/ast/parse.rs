//! One file of JSON to shapes whose traits are still as they are written.

mod parts;
mod shapes;

use super::raw::{File, Version};
use crate::{
    diagnostic::{Location, Reporter},
    json::Value,
};

/// Reads one file, if it is a model.
pub(super) fn file<'a>(
    source: usize,
    value: &Value<'a>,
    reporter: &mut Reporter<'_>,
) -> Option<File<'a>> {
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
            Some("2" | "2.0" | "2.1") => Version::V2,
            found => {
                let message = match found {
                    Some(text) => format!("unsupported version {text:?}"),
                    None => format!("expected a string, found {}", version.describe()),
                };
                reporter
                    .error(at(version.offset), message)
                    .hint("versions 1, 1.0, 2, 2.0 and 2.1 are supported: write \"2.0\"");
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
