//! The `Cargo.toml` of a generated crate.

use crate::{Config, GeneratedFile};

/// The source of the runtime, `eventstream-rpc`, for Cargo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Runtime {
    /// A version requirement for a registry.
    Version(String),
    /// A folder, absolute or relative to that of the crate.
    Folder(String),
}

/// The version of the runtime that generated code requires.
const RUNTIME_VERSION: &str = "0.1.0";

/// The manifest, with a feature for each side. `needed` are features of the runtime that are always enabled.
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
    let runtime_source = match runtime {
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
eventstream-rpc = {{ {runtime_source}, default-features = false{needed} }}
serde = {{ version = \"1\", features = [\"derive\"] }}
"
    );
    GeneratedFile { path: "Cargo.toml".to_owned(), contents }
}

/// Disables rustfmt, which would format generated code differently.
pub(crate) fn rustfmt_toml(header: &str) -> GeneratedFile {
    let contents = format!("# {header}\n\ndisable_all_formatting = true\n");
    GeneratedFile { path: "rustfmt.toml".to_owned(), contents }
}
