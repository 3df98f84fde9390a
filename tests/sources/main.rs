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

/// The files of a folder, without those of tests.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    let of_entry = |path: PathBuf| match path {
        path if path.is_dir() => sources(&path),
        path if path.ends_with("tests.rs") => Vec::new(),
        path => vec![path],
    };
    entries.flat_map(of_entry).collect()
}
