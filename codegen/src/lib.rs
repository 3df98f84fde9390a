//! Generates Rust clients and servers for event-stream RPC services.
//!
//! The input is Smithy JSON AST, the output the source files of a crate that depends on `eventstream-rpc`. What is
//! wrong with a model is found by `ast`, `resolve` and `lower`, all of it in one run; emitting cannot fail. Only `files`
//! and `build` read or write files, and [`generate`] is a pure function: the same input gives the same bytes.
//! Each module uses those in the rows above it, and the types of this page.
//!
//! | module | what it does |
//! |---|---|
//! | `text`, `shape_id`, `sides`, `json` | texts, IDs of shapes, parts of a crate, JSON values with their places |
//! | `traits` | values of traits |
//! | `model` | the shapes of a model |
//! | `prelude`, `recursion`, `literal` | the shapes of Smithy; cycles; values as Rust writes them |
//! | `diagnostic` | what is wrong, and where |
//! | `names`, `ir` | names in Rust; a service, with names and types of Rust |
//! | `ast` | JSON to a model: knows Smithy's syntax |
//! | `resolve` | a model to a resolved model: knows how shapes fit together |
//! | `lower` | a resolved model to a service |
//! | `emit` | a service to tokens by file: knows what the code looks like |
//! | `format`, `manifest`, `module`, `files`, `facts` | tokens to text; files; what a model has, in words |
//! | [`generate`], `show`, `diff` | the steps in order; the facts as text; two models compared |
//! | [`build`] | build scripts |

#![allow(unreachable_pub, reason = "the modules are private: `pub` is what others of them may use")]

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

/// What the program of this package needs besides; no part of the library's interface.
#[doc(hidden)]
pub mod program {
    pub use crate::{
        diff::diff,
        files::{Changes, Lock, lock, output_folder, read_models, real, relative, sources},
        names::check_crate,
        show::show,
    };
}

pub use diagnostic::{Color, Diagnostic, Diagnostics, Place, Severity};
pub use manifest::Runtime;
pub use names::Words;
pub use sides::Sides;

use std::collections::BTreeSet;

use diagnostic::Reporter;

/// A model file.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// What diagnostics call it; generated files name the part after the last slash.
    pub path: &'a str,
    /// Its text.
    pub json: &'a str,
}

/// What to generate.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Config {
    /// The service, by its absolute shape ID; needed if the model has several.
    pub service: Option<String>,
    /// The operations that are left out, by their IDs or what follows the `#`, with all that only they need.
    /// A name that no operation has is an error.
    pub skip: Vec<String>,
    /// The name of the crate that the sources are for.
    pub crate_name: String,
    /// The path of the module that the sources become, such as `crate::echo`; `None` for a crate of their
    /// own.
    pub module: Option<String>,
    /// What is generated. What is left out has no feature, and nothing depends on it.
    pub sides: Sides,
    /// How a client finds its server.
    pub connector: Connector,
    /// The words that stay in one piece in names.
    pub words: Words,
    /// Whether the crate's page is its `README.md`, rather than the service's documentation.
    pub readme: bool,
    /// Where the crate finds the runtime, if its `Cargo.toml` is generated as well: the sources are in `src`
    /// then.
    pub runtime: Option<Runtime>,
}

impl Config {
    /// The configuration for a crate of this name.
    pub fn new(crate_name: impl Into<String>) -> Self {
        Self { crate_name: crate_name.into(), ..Self::default() }
    }

    /// The configuration for a module of another crate, such as `crate::echo`, in one file. It has no
    /// features: what [`sides`](Self::sides) name is there, by default the asynchronous client alone.
    pub fn module(path: impl Into<String>) -> Self {
        let path = path.into();
        let sides = Sides::NONE.with_client();
        Self { module: Some(path.clone()), sides, ..Self::new(path) }
    }
}

/// How a client finds its server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Connector {
    /// Whoever makes the client brings a connection.
    #[default]
    None,
    /// As a Greengrass component does: socket and token from the environment.
    Greengrass,
}

/// The sources of a crate.
#[derive(Debug)]
#[non_exhaustive]
pub struct Generated {
    /// The files, by path.
    pub files: Vec<GeneratedFile>,
    /// What is odd about the model; it does not keep anything from being generated.
    pub warnings: Diagnostics,
    /// What was generated, in a few lines of figures.
    pub summary: String,
}

/// A file of the crate, or of its sources if there is no `Cargo.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedFile {
    /// With forward slashes.
    pub path: String,
    /// The text.
    pub contents: String,
}

/// Generates the sources of the crate for one service.
///
/// # Errors
///
/// All that is wrong with the model.
pub fn generate(config: &Config, sources: &[Source<'_>]) -> Result<Generated, Diagnostics> {
    let mut reporter = Reporter::new(sources);
    let model = ast::parse(sources, &mut reporter);
    let service = config.service.as_deref();
    let resolved = resolve::resolve(&model, service, &config.skip, &mut reporter);
    let resolved = resolved.filter(|it| resolve::is_carried(it, &mut reporter));
    let Some(resolved) = resolved else { return Err(reporter.finish()) };
    let service = lower::lower(&resolved, config, &mut reporter);
    if let Some(limit) = service.recursion_limit {
        let message = "types lie so deep in each other that rustc has to be told";
        let hint =
            format!("crates that use them may need #![recursion_limit = \"{limit}\"] as well");
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

/// Reads and checks a model, with any number of services.
///
/// What only matters when a crate is made of it is not looked at: whether event-stream RPC can carry it,
/// and what its shapes are called in Rust.
pub fn check(sources: &[Source<'_>]) -> Diagnostics {
    let mut reporter = Reporter::new(sources);
    let model = ast::parse(sources, &mut reporter);
    resolve::check(&model, &mut reporter);
    reporter.finish()
}

/// The first line of every generated file, without the comment sign. It does not depend on the folder in which
/// the generator runs, on the spelling of a path or on the order in which the files are given.
fn header(sources: &[Source<'_>]) -> String {
    let names = sources.iter().map(|it| it.path.rsplit('/').next().unwrap_or(it.path));
    let names: BTreeSet<_> = names.map(text::visible).collect();
    let names: Vec<_> = names.into_iter().collect();
    format!("{HEADER} from {}. Do not edit.", names.join(", "))
}

/// How the first line of every generated file begins, without the comment sign.
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
