//! The parser of the Smithy JSON AST (Smithy 2.0 specification, section "JSON AST").

mod merge;
mod mixins;
mod parse;
mod traits;
mod upgrade;

use crate::{
    Source,
    diagnostic::{Location, Reporter},
    json::Value,
    model::{Member, Model, Property, Reference, Shape, ShapeKind},
};

/// Reads and merges the sources, applies mixins and `apply` statements, and checks the values of traits.
pub fn parse<'a>(sources: &'a [Source<'a>], reporter: &mut Reporter<'a>) -> Model {
    let mut files = Vec::new();
    let mut are_version_1 = vec![false; sources.len()];
    for (index, source) in sources.iter().enumerate() {
        if let Some(twin) = sources[..index].iter().find(|it| it.json == source.json) {
            let location = Location { source: index, offset: 0 };
            let message = format!("this file is the same as {} and is skipped", twin.path);
            reporter.warning(location, message).hint("name each file once");
            continue;
        }
        match Value::parse(index, source.json) {
            Ok(value) => {
                if let Some(file) = parse::file(&value, reporter) {
                    are_version_1[index] = file.is_version_1;
                    files.push(file);
                }
            }
            Err(error) => {
                let message = format!("invalid JSON: {}", error.message);
                reporter.error(error.at, message).hint(error.hint());
            }
        }
    }
    let (mut model, applies) = merge::merge(files, reporter);
    mixins::flatten(&mut model, applies, reporter);
    upgrade::upgrade(&mut model, &are_version_1, reporter);
    traits::check(&mut model, reporter);
    model
}
