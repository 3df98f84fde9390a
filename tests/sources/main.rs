//! What the sources of the published crates must be.

mod documentation;
mod layers;
mod public;
mod sockets;
mod traits;
mod words;

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The Rust files below a folder, without those of unit tests.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = files(folder);
    files.retain(|it| it.extension().is_some_and(|it| it == "rs") && !it.ends_with("tests.rs"));
    files
}

/// A file, or all files below a folder without the output of builds.
fn files(path: &Path) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    let entries = fs::read_dir(path).unwrap().map(|it| it.unwrap());
    let entries = entries.filter(|it| !it.file_name().to_string_lossy().starts_with("target"));
    entries.flat_map(|it| files(&it.path())).collect()
}
