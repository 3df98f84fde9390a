//! The `Cargo.toml` of a crate of its own.

use std::{fmt::Write, path::Path};

use crate::{Config, Generated, GeneratedFile, header};

/// Where a crate finds the runtime, `eventstream-rpc`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Runtime {
    /// In a registry, by a version requirement.
    Version(String),
    /// In a folder, absolute or relative to the crate's.
    Folder(String),
}

/// The version of the runtime that generated code is written for.
pub const RUNTIME_VERSION: &str = "0.1.0";

/// The `Cargo.toml` for generated sources, which are in `src` beside it: a feature for each side, and the
/// runtime and serde as dependencies.
pub fn manifest(config: &Config, generated: &Generated, runtime: &Runtime) -> GeneratedFile {
    let features: Vec<_> = config.sides.features().collect();
    let default: Vec<_> = features.iter().take(1).map(|it| it.0).collect();
    let mut text = format!("# {}\n\n[package]\n", header(&generated.origin));
    let mut line = |it: std::fmt::Arguments<'_>| {
        text.write_fmt(it).expect("a string takes all");
        text.push('\n');
    };
    line(format_args!("name = {:?}", config.crate_name));
    line(format_args!("version = \"0.1.0\""));
    line(format_args!(
        "description = \"Generated from the model of {}\"",
        generated.summary.service
    ));
    line(format_args!("edition = \"2024\""));
    line(format_args!("rust-version = {:?}", env!("CARGO_PKG_RUST_VERSION")));
    if !features.is_empty() {
        line(format_args!("\n[features]\ndefault = {default:?}"));
    }
    for (feature, about) in features {
        line(format_args!("# {about}\n{feature} = [\"eventstream-rpc/{feature}\"]"));
    }
    line(format_args!("\n[dependencies]"));
    let place = match runtime {
        Runtime::Version(version) => format!("version = {version:?}"),
        Runtime::Folder(folder) => format!("path = {folder:?}, version = {RUNTIME_VERSION:?}"),
    };
    let needed = match generated.runtime_features.is_empty() {
        true => String::new(),
        false => format!(", features = {:?}", generated.runtime_features),
    };
    line(format_args!("eventstream-rpc = {{ {place}, default-features = false{needed} }}"));
    line(format_args!("serde = {{ version = \"1\", features = [\"derive\"] }}"));
    GeneratedFile { path: "Cargo.toml".to_owned(), contents: text }
}

/// The way from a folder to another, with forward slashes; both are absolute. None if there is none, as
/// between two drives.
pub fn way(from: &Path, to: &Path) -> Option<String> {
    let (mut from, mut to) = (from.components().peekable(), to.components().peekable());
    if from.peek() != to.peek() {
        return None;
    }
    while from.peek().is_some() && from.peek() == to.peek() {
        from.next();
        to.next();
    }
    let up = from.map(|_| "..".to_owned());
    let down = to.map(|it| it.as_os_str().to_string_lossy().into_owned());
    Some(up.chain(down).collect::<Vec<_>>().join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_way() {
        for (from, to, expected) in
            [("/a/b/c", "/a/d", "../../d"), ("/a", "/a/b/c", "b/c"), ("/a/b", "/a", "..")]
        {
            assert_eq!(way(Path::new(from), Path::new(to)).as_deref(), Some(expected));
        }
    }

    #[test]
    fn the_version_is_the_runtimes() {
        let manifest = include_str!("../../runtime/Cargo.toml");
        assert!(manifest.contains(&format!("\nversion = {RUNTIME_VERSION:?}\n")));
    }
}
