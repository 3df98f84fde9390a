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

pub(crate) use program::explain;

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

/// Copies the artifacts of a component and unpacks them. They are in a folder, which has them in `NAME/VERSION` or
/// itself, or beside the recipe.
///
/// Copies all files of `NAME/VERSION`, whether or not the recipe names them, as a local deployment does. Existing files
/// are replaced, also while they are in use. Returns the errors and warnings.
pub(crate) fn install(
    recipe: &Recipe,
    from: Option<&Path>,
    to: &Folders,
    cancellation: &Cancellation,
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let own = from.map(|it| it.join(&recipe.component).join(&recipe.version));
    let prepared = fs::create_dir_all(&to.artifacts).map_err(|error| at(&to.artifacts, &error));
    let prepared = prepared.and_then(|()| match &own {
        Some(own) if own.is_dir() => copy_folder(own, &to.artifacts, cancellation),
        _ => Ok(()),
    });
    if let Err(text) = prepared {
        let file = recipe.source.file.clone();
        let text = format!("cannot copy the artifacts of {}: {text}", recipe.component);
        found.push(Diagnostic { file, position: None, severity: Severity::Error, text });
        return found;
    }
    let folders = folders(recipe, from);
    for artifact in &recipe.artifacts {
        if let Err((severity, text)) = install_one(artifact, &folders, to, cancellation) {
            let (file, position) = (recipe.source.file.clone(), Some(artifact.position));
            found.push(Diagnostic { file, position, severity, text });
        }
    }
    found
}

/// The files that are or may become artifacts of a component, or its recipe.
#[cfg(feature = "cli")]
pub(crate) fn files(recipe: &Recipe, from: Option<&Path>) -> Vec<PathBuf> {
    let mut files = vec![recipe.source.file.clone()];
    let folders = folders(recipe, from);
    for (_, name) in recipe.artifacts.iter().filter_map(|it| name_of(&it.uri).ok()) {
        files.extend(folders.iter().map(|it| it.join(name)));
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

/// Installs an artifact from the first folder that has it.
fn install_one(
    artifact: &Artifact,
    folders: &[PathBuf],
    to: &Folders,
    cancellation: &Cancellation,
) -> Result<(), (Severity, String)> {
    let error = |text| (Severity::Error, text);
    let (scheme, name) = name_of(&artifact.uri).map_err(error)?;
    let Some(from) = folders.iter().map(|it| it.join(name)).find(|it| it.is_file()) else {
        return Err(match scheme {
            Scheme::File => error(missing(name, &artifact.uri, folders)),
            Scheme::Docker => {
                let text =
                    format!("{} is not pulled: pull it before the script uses it", artifact.uri);
                (Severity::Warning, text)
            }
        });
    };
    let mode = mode(artifact);
    let target = to.artifacts.join(name);
    copy(&from, &target, mode, cancellation).map_err(error)?;
    if artifact.is_zip {
        let stem = Path::new(name).file_stem().unwrap_or_default();
        archive::unpack(&target, &to.decompressed.join(stem), mode, archive::LIMITS, cancellation)
            .map_err(|it| error(format!("cannot unpack {}: {it}", from.display())))?;
    }
    Ok(())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    File,
    Docker,
}

/// The scheme of an artifact's URI, and the name of its file.
fn name_of(uri: &str) -> Result<(Scheme, &str), String> {
    let (scheme, rest) = uri.split_once(':').unwrap_or(("", uri));
    let scheme = match &*scheme.to_ascii_lowercase() {
        "s3" | "greengrass" => Scheme::File,
        "docker" => Scheme::Docker,
        _ => {
            let valid = "s3://BUCKET/FILE, greengrass:FILE or docker:IMAGE";
            return Err(format!("{uri:?} is not the URI of an artifact: write {valid}"));
        }
    };
    match rest.rsplit('/').next() {
        Some(name) if !matches!(name, "" | "." | "..") && !name.contains('\0') => {
            Ok((scheme, name))
        }
        _ => Err(format!("{uri:?} names no file: write the name after the last slash")),
    }
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
