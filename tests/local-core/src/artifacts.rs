//! The artifacts of components: copies them to where scripts find them, and explains programs that do not run.

mod archive;
mod program;
#[cfg(test)]
mod tests;

use std::{
    fs::{self, File, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use crate::{
    blocking::Cancellation,
    recipe::{Access, Artifact, Diagnostic, Recipe, Severity},
};

pub(crate) use program::{explain, is_on_path};

/// The mode of files that the recipe does not name.
const OTHER_MODE: u32 = 0o644;

/// The folders of the artifacts of a component.
#[derive(Clone, Debug)]
pub(crate) struct Folders {
    /// `{artifacts:path}`.
    pub(crate) artifacts: PathBuf,
    /// `{artifacts:decompressedPath}`.
    pub(crate) decompressed: PathBuf,
}

/// An artifact, and the file that it is copied from.
pub(crate) type Found<'a> = (&'a Artifact, PathBuf);

/// Finds the artifacts of a component in a folder, which has them in `NAME/VERSION` or itself, or beside the recipe.
/// Returns errors and warnings for others.
pub(crate) fn find<'a>(
    recipe: &'a Recipe,
    from: Option<&Path>,
) -> (Vec<Found<'a>>, Vec<Diagnostic>) {
    find_in(recipe, &folders(recipe, from))
}

/// Finds the artifacts of a component in the first folder that has each. Returns errors and warnings for others.
pub(crate) fn find_in<'a>(
    recipe: &'a Recipe,
    folders: &[PathBuf],
) -> (Vec<Found<'a>>, Vec<Diagnostic>) {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for artifact in &recipe.artifacts {
        match find_one(artifact, folders) {
            Ok(file) => found.push((artifact, file)),
            Err((severity, text)) => {
                let (file, position) = (recipe.source.file.clone(), Some(artifact.position));
                missing.push(Diagnostic { file, position, severity, text });
            }
        }
    }
    (found, missing)
}

/// Copies the artifacts of a component and unpacks them.
///
/// Copies all files of `NAME/VERSION`, whether or not the recipe names them, as a local deployment does. Existing files
/// are replaced, also while they are in use.
pub(crate) fn install(
    recipe: &Recipe,
    found: &[Found<'_>],
    from: Option<&Path>,
    to: &Folders,
    cancellation: &Cancellation,
) -> Result<(), Diagnostic> {
    let own = from.map(|it| it.join(&recipe.component).join(&recipe.version));
    let prepared = fs::create_dir_all(&to.artifacts).map_err(|error| at(&to.artifacts, &error));
    let prepared = prepared.and_then(|()| match &own {
        Some(own) if own.is_dir() => {
            check_apart(own, &to.artifacts)?;
            copy_folder(own, &to.artifacts, cancellation)
        }
        _ => Ok(()),
    });
    prepared.map_err(|text| {
        let text = format!("cannot copy the artifacts of {}: {text}", recipe.component);
        Diagnostic::error(&recipe.source.file, None, text)
    })?;
    for (artifact, file) in found {
        install_one(artifact, file, to, cancellation).map_err(|text| {
            Diagnostic::error(&recipe.source.file, Some(artifact.position), text)
        })?;
    }
    Ok(())
}

/// The files that are or may become artifacts of a component, or its recipe.
#[cfg(feature = "cli")]
pub(crate) fn files(recipe: &Recipe, from: Option<&Path>) -> Vec<PathBuf> {
    let mut files = vec![recipe.source.file.clone()];
    let folders = folders(recipe, from);
    for artifact in &recipe.artifacts {
        files.extend(folders.iter().map(|it| it.join(name_of(&artifact.uri))));
    }
    // The folder of the component comes first, if there is any.
    let mut remaining: Vec<_> = from.map(|_| folders[0].clone()).into_iter().collect();
    while let Some(path) = remaining.pop() {
        let is_folder = path.symlink_metadata().is_ok_and(|it| it.is_dir());
        let entries = is_folder.then(|| fs::read_dir(&path).ok()).flatten();
        remaining.extend(entries.into_iter().flatten().flatten().map(|it| it.path()));
        files.push(path);
    }
    files
}

/// The folders in which artifacts are looked for, in order.
fn folders(recipe: &Recipe, from: Option<&Path>) -> Vec<PathBuf> {
    let own = from.map(|it| it.join(&recipe.component).join(&recipe.version));
    let file = &recipe.source.file;
    let beside =
        file.parent().map(|it| if it.as_os_str().is_empty() { Path::new(".") } else { it });
    own.into_iter().chain(from.into_iter().chain(beside).map(Path::to_owned)).collect()
}

/// Finds an artifact in the first folder that has it.
fn find_one(artifact: &Artifact, folders: &[PathBuf]) -> Result<PathBuf, (Severity, String)> {
    let uri = &artifact.uri;
    let name = name_of(uri);
    let files = || folders.iter().map(|it| it.join(name));
    if let Some(file) = files().find(|it| it.is_file()) {
        return Ok(file);
    }
    if uri.get(..7).is_some_and(|it| it.eq_ignore_ascii_case("docker:")) {
        let text = format!("{uri} is not pulled: pull it before the script uses it");
        return Err((Severity::Warning, text));
    }
    let text = files().find(|it| it.exists()).map_or_else(
        || missing(name, uri, folders),
        |other| {
            let kind = if other.is_dir() { "a folder" } else { "not a file" };
            format!("the artifact {name} ({uri}) must be a file, but {} is {kind}", other.display())
        },
    );
    Err((Severity::Error, text))
}

fn install_one(
    artifact: &Artifact,
    from: &Path,
    to: &Folders,
    cancellation: &Cancellation,
) -> Result<(), String> {
    let name = name_of(&artifact.uri);
    let mode = mode(artifact);
    let target = to.artifacts.join(name);
    copy(from, &target, mode, cancellation)?;
    if artifact.is_zip {
        let stem = Path::new(name).file_stem().unwrap_or_default();
        let folder = to.decompressed.join(stem);
        archive::unpack(&target, &folder, mode, archive::LIMITS, cancellation)
            .map_err(|it| format!("cannot unpack {}: {it}", from.display()))?;
    }
    Ok(())
}

/// Checks that a copy of a folder does not contain itself.
fn check_apart(own: &Path, to: &Path) -> Result<(), String> {
    let canonical = |it| fs::canonicalize(it).map_err(|error| at(it, &error));
    if canonical(to)?.starts_with(canonical(own)?) {
        let own = own.display();
        return Err(format!("{own} contains the root folder: give another one with `--root DIR`"));
    }
    Ok(())
}

/// The name of an artifact's file.
fn name_of(uri: &str) -> &str {
    let path = uri.split_once(':').map_or(uri, |it| it.1);
    path.rsplit('/').next().unwrap_or(path)
}

fn missing(name: &str, uri: &str, folders: &[PathBuf]) -> String {
    // The last folder is that of the recipe.
    let given = folders.split_last().map(|it| it.1).unwrap_or_default();
    let given: Vec<_> = given.iter().map(|it| format!(", into {}", it.display())).collect();
    let given = given.concat();
    format!(
        "the artifact {name} ({uri}) is missing: put it beside the recipe{given}, or give its folder with `--artifacts DIR`"
    )
}

/// The mode of an artifact's files. This user always reads them.
fn mode(artifact: &Artifact) -> u32 {
    let read = match artifact.read {
        Access::None => 0o400,
        Access::Owner => 0o440,
        Access::All => 0o444,
    };
    let execute = match artifact.execute {
        Access::None => 0,
        Access::Owner => 0o110,
        Access::All => 0o111,
    };
    read | execute
}

/// Copies the files of a folder and of its sub-folders.
fn copy_folder(from: &Path, to: &Path, cancellation: &Cancellation) -> Result<(), String> {
    fs::create_dir_all(to).map_err(|error| at(to, &error))?;
    let entries: io::Result<Vec<_>> = fs::read_dir(from).and_then(Iterator::collect);
    for entry in entries.map_err(|error| at(from, &error))? {
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().map_err(|error| at(&path, &error))?;
        if kind.is_dir() {
            copy_folder(&path, &target, cancellation)?;
        } else if path.is_file() {
            copy(&path, &target, OTHER_MODE, cancellation)?;
        } else {
            // A link to a folder could lead back here.
            tracing::warn!("{} is not a file or folder and is not copied", path.display());
        }
    }
    Ok(())
}

/// Copies a file in one step, so that no program sees a part of it.
fn copy(from: &Path, to: &Path, mode: u32, cancellation: &Cancellation) -> Result<(), String> {
    let folder = to.parent().unwrap_or(to);
    let mut source = File::open(from).map_err(|error| at(from, &error))?;
    let copied = NamedTempFile::new_in(folder).and_then(|mut copy| {
        cancellation.copy(&mut source, copy.as_file_mut())?;
        copy.as_file().set_permissions(Permissions::from_mode(mode))?;
        copy.persist(to).map_err(|it| it.error)
    });
    let failed = |error| format!("cannot copy {} to {}", from.display(), at(to, &error));
    copied.map(drop).map_err(failed)
}

/// An error with its path, and a remedy if there is a common one.
fn at(path: &Path, error: &io::Error) -> String {
    let remedy = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            ": remove files, or give a folder on another disk with `--root DIR`"
        }
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
            ": change its permissions, or give another folder"
        }
        _ => "",
    };
    format!("{}: {error}{remedy}", path.display())
}
