//! The `Cargo.toml` of a crate of its own.

use crate::{Config, GeneratedFile};

/// Where a crate finds the runtime, `eventstream-rpc`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Runtime {
    /// In a registry, by a version requirement.
    Version(String),
    /// In a folder, absolute or relative to the crate's.
    Folder(String),
}

/// The version of the runtime that generated code is written for.
const RUNTIME_VERSION: &str = "0.1.0";

/// A feature for each side, and as dependencies serde and the runtime, of which the features `needed` are
/// enabled in any case.
pub(crate) fn manifest(
    config: &Config,
    runtime: &Runtime,
    needed: &[&str],
    service: &str,
    header: &str,
) -> GeneratedFile {
    let mut features = String::new();
    for (index, (feature, about)) in config.sides.features().enumerate() {
        if index == 0 {
            features.push_str(&format!("\n[features]\ndefault = [{feature:?}]\n"));
        }
        features.push_str(&format!("# {about}\n{feature} = [\"eventstream-rpc/{feature}\"]\n"));
    }
    let place = match runtime {
        Runtime::Version(version) => format!("version = {version:?}"),
        Runtime::Folder(folder) => format!("path = {folder:?}, version = {RUNTIME_VERSION:?}"),
    };
    let (name, rust) = (&config.crate_name, env!("CARGO_PKG_RUST_VERSION"));
    let needed = if needed.is_empty() { String::new() } else { format!(", features = {needed:?}") };
    let contents = format!(
        "\
# {header}

[package]
name = {name:?}
version = \"0.1.0\"
description = \"Generated from the model of {service}\"
edition = \"2024\"
rust-version = {rust:?}
{features}
[dependencies]
eventstream-rpc = {{ {place}, default-features = false{needed} }}
serde = {{ version = \"1\", features = [\"derive\"] }}
"
    );
    GeneratedFile { path: "Cargo.toml".to_owned(), contents }
}

/// Generated code is formatted already, and not by rustfmt.
pub(crate) fn rustfmt_toml(header: &str) -> GeneratedFile {
    let contents = format!("# {header}\n\ndisable_all_formatting = true\n");
    GeneratedFile { path: "rustfmt.toml".to_owned(), contents }
}
