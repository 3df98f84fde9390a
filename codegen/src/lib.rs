//! A generator of Rust clients and servers for event-stream RPC services, from Smithy JSON AST.
//!
//! [`generate`] runs five stages. Each takes the result of the one before and returns a new value:
//!
//! `ast` (JSON to `model::Model`) → `resolve` (references, `Resolved`) → `lower` (Rust names and types, `ir::Service`)
//! → `emit` (tokens) → `format` (text).
//!
//! A module may use those in the rows above its own, and the types of this page; a test checks this.
//!
//! | module | content |
//! |---|---|
//! | `text`, `shape_id`, `sides`, `json` | text utilities, shape IDs, client and server sides, JSON with locations |
//! | `traits` | traits and their values |
//! | `model` | shapes, members and references |
//! | `prelude`, `recursion`, `literal` | Smithy's own shapes, cycles between shapes, default values as Rust source |
//! | `diagnostic` | errors and warnings with their position |
//! | `names`, `ir` | conversion of names, the intermediate representation |
//! | `ast` | parser: merges files, applies mixins, checks traits |
//! | `resolve` | checks references, defaults and examples, collects the shapes of a service |
//! | `lower` | chooses names, types, checks, documentation and examples |
//! | `emit` | one emitter per kind of file or shape |
//! | `format`, `manifest`, `module`, `files`, `facts` | text, `Cargo.toml`, one nested module, file system, facts |
//! | [`generate`], `show`, `diff` | the stages in order, facts as text, facts of two models compared |
//! | [`build`] | build scripts |
//!
//! # Invariants
//!
//! - Generation is pure: equal input gives equal bytes, and only `files` uses the file system.
//! - Errors come from `ast` and `resolve`, as many as possible in one run. `lower` only warns, and emission cannot
//!   fail: an emitter that needs a `Result` or a map lacks a field in `ir`.
//! - `lower` chooses each Rust name once and stores it beside the name on the wire. A collision is resolved the same way
//!   in every run, with a warning.
//! - Output has the order of the model, or of shape IDs. No iteration over a `HashMap` reaches it.
//!
//! # Where to begin
//!
//! The files to change for three usual tasks, in order. Paths are relative to `src`, those of tests to the package.
//!
//! - A documentation-only trait, such as `unstable`: `ast/traits.rs` (`RULES`: which shapes may have it, and its value),
//!   `lower/docs.rs` (`notes`), `facts.rs` (`add_traits`, so that `diff` reports it), `tests/golden/documentation`.
//! - A trait that changes types, such as `sparse`: `ast/traits.rs` (`RULES`), `ir/value.rs` or `ir.rs` (the result for
//!   emitters), `lower/shapes.rs`, `lower/checks.rs` and `lower/example.rs`, `emit/rust_type.rs`, `facts.rs`, `show.rs`
//!   (`LINES`), `diff/rules.rs`, a folder in `tests/golden`, `tests/behaviour`, `tests/diff/cases.json`.
//! - An attribute of operations, such as `ERROR_EVENTS`: a constant with a default in `operation.rs` of the runtime,
//!   `ast/traits.rs` if it is a trait, `resolve.rs` (`Operation::of`) if it refers to shapes, `ir.rs` (`Operation`),
//!   `lower.rs` (`Lowering::operation`), `emit/operation.rs` (`marker`), `facts.rs` (`Reader::operation`),
//!   `tests/golden/streaming`.
//!
//! `UPDATE_GOLDEN=1` rewrites the expected files of tests, and `cargo run -p codegen` the generated crates.

#![allow(unreachable_pub, reason = "the modules are private: `pub` means public to other modules")]

mod ast;
pub mod build;
mod diagnostic;
mod diff;
mod emit;
mod facts;
mod files;
mod format;
mod ir;
mod json;
mod literal;
mod lower;
mod manifest;
mod model;
mod module;
mod names;
mod prelude;
mod recursion;
mod resolve;
mod shape_id;
mod show;
mod sides;
mod text;
mod traits;

/// Functions for the program of this package; not part of the public interface.
#[doc(hidden)]
pub mod program {
    pub use crate::{
        diff::diff,
        files::{Changes, Lock, lock, output_folder, read_models, real, relative, sources},
        names::{check_crate, check_module},
        show::show,
    };
}

pub use diagnostic::{Color, Diagnostic, Diagnostics, Position, Severity};
pub use manifest::Runtime;
pub use names::Words;
pub use sides::Sides;

use std::collections::BTreeSet;

use diagnostic::Reporter;

/// A model file.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The path in diagnostics. Generated files mention the part after the last slash.
    pub path: &'a str,
    /// The text of the file.
    pub json: &'a str,
}

/// The options of [`generate`].
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Config {
    /// The absolute shape ID of the service; required if the model has several.
    pub service: Option<String>,
    /// The operations to leave out, with all shapes that only they use: shape IDs or the parts after the `#`. Unknown
    /// operations are an error.
    pub skip: Vec<String>,
    /// The name of the crate.
    pub crate_name: String,
    /// The path of the module, such as `crate::echo`, if the sources become a module of another crate.
    pub module: Option<String>,
    /// The sides to generate: clients and server.
    pub sides: Sides,
    /// How a client finds its server.
    pub connector: Connector,
    /// The words that are not split in names.
    pub words: Words,
    /// Handwritten modules of the crate, as paths relative to its sources, such as `../helpers/config.rs`. The name of a
    /// file is that of the module.
    pub modules: Vec<String>,
    /// Whether the documentation of the crate is its `README.md` instead of that of the service.
    pub readme: bool,
    /// The runtime that the generated `Cargo.toml` depends on. `None` generates no `Cargo.toml`, and puts the sources
    /// at the root instead of into `src`.
    pub runtime: Option<Runtime>,
}

impl Config {
    /// The configuration for a crate of this name.
    pub fn new(crate_name: impl Into<String>) -> Self {
        Self { crate_name: crate_name.into(), ..Self::default() }
    }

    /// The configuration for a module of another crate, such as `crate::echo`, in one file. The
    /// [`sides`](Self::sides) are not behind features; the default is the asynchronous client.
    pub fn module(path: impl Into<String>) -> Self {
        let path = path.into();
        let sides = Sides::NONE.with_client();
        Self { module: Some(path.clone()), sides, ..Self::new(path) }
    }
}

/// How a client finds its server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Connector {
    /// The caller opens the connection.
    #[default]
    None,
    /// Like a Greengrass component: socket and token come from the environment.
    Greengrass,
}

/// The sources of a crate.
#[derive(Debug)]
#[non_exhaustive]
pub struct Generated {
    /// The files, by path.
    pub files: Vec<GeneratedFile>,
    /// Warnings about the model.
    pub warnings: Diagnostics,
    /// A summary of a few lines.
    pub summary: String,
}

/// A file of the crate, or of its sources if there is no `Cargo.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedFile {
    /// The path, with forward slashes.
    pub path: String,
    /// The text of the file.
    pub contents: String,
}

/// Generates the sources of the crate for one service.
///
/// # Errors
///
/// Returns all errors and warnings if the model has errors.
pub fn generate(config: &Config, sources: &[Source<'_>]) -> Result<Generated, Diagnostics> {
    let mut reporter = Reporter::new(sources);
    let model = ast::parse(sources, &mut reporter);
    let service = config.service.as_deref();
    let resolved = resolve::resolve(&model, service, &config.skip, &mut reporter);
    let resolved = resolved.filter(|it| resolve::is_supported(it, &mut reporter));
    let Some(resolved) = resolved else { return Err(reporter.finish()) };
    let service = lower::lower(&resolved, config, &mut reporter);
    if let Some(limit) = service.recursion_limit {
        let message = "types are nested too deeply for rustc's default recursion limit";
        let hint = format!("crates that use them may also need #![recursion_limit = \"{limit}\"]");
        reporter.warning(resolved.service.location, message).hint(hint);
    }
    let header = header(sources);
    let first_line = format!("// {header}\n\n");
    let needed: &[_] =
        if service.members().any(ir::Member::checks_pattern) { &["pattern"] } else { &[] };
    let line = if service.is_module { "" } else { &first_line };
    let mut files = Vec::new();
    emit::emit(&service, |file| files.push(format::format(file, line)));
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let files = match &config.module {
        None => {
            files.push(manifest::rustfmt_toml(&header));
            if let Some(runtime) = &config.runtime {
                files.iter_mut().for_each(|file| file.path.insert_str(0, "src/"));
                files.push(manifest::manifest(config, runtime, needed, &service.id, &header));
            }
            files
        }
        Some(path) => {
            let features = config.sides.features().map(|it| it.0).chain(needed.iter().copied());
            vec![module::nest(&files, path, &features.collect::<Vec<_>>(), first_line)]
        }
    };
    Ok(Generated { files, warnings: reporter.finish(), summary: summary(&service) })
}

/// Checks a model with any number of services.
///
/// It does not check what matters only for generation: whether event-stream RPC supports the operations, and whether
/// names collide in Rust.
pub fn check(sources: &[Source<'_>]) -> Diagnostics {
    let mut reporter = Reporter::new(sources);
    let model = ast::parse(sources, &mut reporter);
    resolve::check(&model, &mut reporter);
    reporter.finish()
}

/// The first line of every generated file, without the comment sign. It depends only on the names of the model files.
fn header(sources: &[Source<'_>]) -> String {
    let names = sources.iter().map(|it| it.path.rsplit('/').next().unwrap_or(it.path));
    let names: BTreeSet<_> = names.map(text::visible).collect();
    let names: Vec<_> = names.into_iter().collect();
    format!("{HEADER} from {}. Do not edit.", names.join(", "))
}

/// The start of the first line of every generated file.
const HEADER: &str = "Generated by `cargo run -p codegen`";

fn summary(service: &ir::Service) -> String {
    let mut kinds = [(0, "unary"), (0, "subscriptions"), (0, "with events from the client")];
    for operation in &service.operations {
        kinds[match operation.events {
            ir::Events::None => 0,
            ir::Events::Stream { request: None, .. } => 1,
            ir::Events::Stream { request: Some(_), .. } => 2,
        }]
        .0 += 1;
    }
    let kinds = kinds.iter().filter(|(count, _)| *count > 0);
    let kinds: Vec<_> = kinds.map(|(count, kind)| format!("{count} {kind}")).collect();
    format!(
        "  service     {}\n  operations  {}: {}\n  shapes      {}\n",
        service.id,
        service.operations.len(),
        kinds.join(", "),
        service.shapes.len()
    )
}
