//! The generator as a library for build scripts.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use crate::{
    Config, Diagnostic,
    files::{self, Changes},
    generate,
};

/// Generates the bindings of a service as a module of the crate whose build script calls this function.
///
/// `models` are files in Smithy JSON AST or folders of them, relative to the folder of the package; together they
/// form one model. The module is written to a file in `OUT_DIR` if it changed, and the path is returned. Cargo runs
/// the build script again when a model changes, and shows warnings about the model.
///
/// In `Cargo.toml`, with a feature of `eventstream-rpc` for each of the [sides](crate::Sides):
///
/// ```toml
/// [dependencies]
/// eventstream-rpc = { version = "0.1", features = ["tokio", "server"] }
/// serde = { version = "1", features = ["derive"] }
///
/// [build-dependencies]
/// codegen = { path = "…/codegen" }
/// ```
///
/// In `build.rs`; the default is to generate only the asynchronous client:
///
/// ```no_run
/// use codegen::{Config, Sides, build};
///
/// fn main() -> Result<(), build::Error> {
///     let mut config = Config::module("crate::echo");
///     config.sides = Sides::NONE.with_client().with_server();
///     build::module(&config, &["model"])?;
///     Ok(())
/// }
/// ```
///
/// In `src/lib.rs`, which then contains a module `echo` with `echo::Client`:
///
/// ```ignore
/// include!(concat!(env!("OUT_DIR"), "/echo.rs"));
/// ```
///
/// The file is named after the module: `crate::ipc::echo` is in `/ipc/echo.rs`, which the module `ipc` includes.
/// It compiles in edition 2018 and later, and Clippy's lints are disabled in it.
///
/// Cargo does not optimize build scripts. `opt-level = 1` in `[profile.dev.build-override]` of the workspace makes
/// the generator three times as fast, but it takes longer to compile.
///
/// # Errors
///
/// Fails if the model cannot be read or has errors, if the file cannot be written, if `config` does not come from
/// [`Config::module`] or its path is invalid, or if `OUT_DIR` is not set.
pub fn module(config: &Config, models: &[impl AsRef<Path>]) -> Result<PathBuf, Error> {
    for model in models {
        println!("cargo::rerun-if-changed={}", model.as_ref().display());
    }
    let Some(path) = &config.module else {
        return fail("the configuration is for a crate; build scripts use Config::module");
    };
    if !crate::module::is_path(path) {
        return fail(format!("{path:?} is not the path of a module, such as crate::echo"));
    }
    let Some(out) = std::env::var_os("OUT_DIR").map(PathBuf::from) else {
        return fail("OUT_DIR is not set: this function is for build scripts");
    };
    let _lock = files::lock(&out)?;
    let models = files::read_models(models, Path::new(""))?;
    let generated = generate(config, &files::sources(&models))
        .or_else(|errors| fail(format!("the model has errors\n\n{errors}")))?;
    for warning in generated.warnings.iter() {
        println!("cargo::warning={}", one_line(warning));
    }
    let path = out.join(&generated.files[0].path);
    Changes::new(out, None, generated.files)?.apply()?;
    Ok(path)
}

fn fail<T>(message: impl Into<String>) -> Result<T, Error> {
    Err(Error(message.into()))
}

fn one_line(warning: &Diagnostic) -> String {
    let position = warning.position.as_ref();
    let position = position.map(|it| format!("{}:{}:{}: ", it.path, it.line, it.column));
    let shape = warning.shape.as_ref().map(|it| format!("{it}: "));
    let parts = [position.as_deref(), shape.as_deref(), Some(&*warning.message)];
    let line: String = parts.into_iter().flatten().collect();
    line.replace(char::is_control, " ")
}

/// The error of [`module`].
pub struct Error(String);

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// Cargo shows this text when `main` returns an error.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}
