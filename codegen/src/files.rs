//! Reading models and writing generated files. No other module of the library uses the file system.
//!
//! A run that writes locks the folder and replaces each file by a rename, so that no file is ever incomplete. If a run
//! is killed, the next run writes the remaining files.

mod lock;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, ErrorKind, Read},
    path::{Component, Path, PathBuf},
};

use crate::{GeneratedFile, HEADER, Source};
pub use lock::{Lock, lock};

/// The files of a model: the name of each in diagnostics, and its text.
pub type Models = Vec<(String, String)>;

/// Reads the files of a model. Of a folder it reads every `*.json`, sorted by name; the path `-` is standard input.
/// Names of files in `base` are relative to it.
pub fn read_models(paths: &[impl AsRef<Path>], base: &Path) -> io::Result<Models> {
    let mut models = Vec::new();
    for path in paths.iter().map(AsRef::as_ref) {
        if path == Path::new("-") {
            let mut bytes = Vec::new();
            let read = io::stdin().read_to_end(&mut bytes).map(|_| bytes);
            models.push(model("standard input".to_owned(), read)?);
            continue;
        }
        for file in model_files(path)? {
            models.push(model(relative(&file, base), fs::read(&file))?);
        }
    }
    Ok(models)
}

/// The models as an argument of [`generate`](crate::generate).
pub fn sources(models: &Models) -> Vec<Source<'_>> {
    models.iter().map(|(path, json)| Source { path, json }).collect()
}

fn model_files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !fs::metadata(path).map_err(context("cannot read the model", path))?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = entries(path).map_err(context("cannot read the model folder", path))?;
    files.retain(|file| file.extension().is_some_and(|it| it == "json"));
    files.sort();
    if files.is_empty() {
        let folder = path.display();
        return fail(format!("there is no model in {folder}: it has no *.json file"));
    }
    Ok(files)
}

fn model(name: String, read: io::Result<Vec<u8>>) -> io::Result<(String, String)> {
    let bytes = read.map_err(context("cannot read the model", Path::new(&name)))?;
    String::from_utf8(bytes).map(|json| (name.clone(), json)).or_else(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
        let hint = match error.as_bytes() {
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "; it looks like UTF-16: save it as UTF-8",
            _ => "",
        };
        fail(format!("the model {name} is not UTF-8 (line {line}){hint}"))
    })
}

/// A path with forward slashes, relative to `base` if it is inside `base`.
pub fn relative(path: &Path, base: &Path) -> String {
    let inside = path.strip_prefix(base).unwrap_or(path);
    inside.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/")
}

/// The absolute path without links and `..`. Its last components need not exist.
pub fn real(path: &Path) -> io::Result<PathBuf> {
    let absolute = std::path::absolute(path)?;
    let found = absolute.ancestors().find_map(|it| Some((it, it.canonicalize().ok()?)));
    let Some((existing, mut real)) = found else { return Ok(absolute) };
    for component in absolute.strip_prefix(existing).unwrap_or(Path::new("")).components() {
        match component {
            Component::ParentDir => drop(real.pop()),
            component => real.push(component),
        }
    }
    Ok(real)
}

/// The absolute path of a folder in which files can be generated.
pub fn output_folder(path: &Path) -> io::Result<PathBuf> {
    let real = real(path).map_err(context("cannot write to the output folder", path))?;
    let found = real.ancestors().find_map(|it| Some((it, fs::symlink_metadata(it).ok()?)));
    let (at, what) = match &found {
        Some((at, it)) if it.is_symlink() => (at.display(), "a dangling symbolic link"),
        Some((at, it)) if !it.is_dir() => (at.display(), "not a folder"),
        _ => return Ok(real),
    };
    fail(format!("cannot write to the output folder {}: {at} is {what}", path.display()))
}

/// The changes that bring a folder up to date.
#[derive(Debug)]
pub struct Changes {
    folder: PathBuf,
    /// The files to write: why ("missing" or "stale"), the path and the text.
    pub write: Vec<(&'static str, PathBuf, String)>,
    /// The files to delete, because they are no longer generated.
    pub delete: Vec<PathBuf>,
    /// The number of files that are up to date.
    pub unchanged: usize,
}

impl Changes {
    /// Compares a folder with the generated files, whose paths are relative to it. The subfolder `owned` must
    /// contain generated files only. A file that was not generated is an error there, and where one would be written.
    pub fn new(
        folder: PathBuf,
        owned: Option<&str>,
        files: Vec<GeneratedFile>,
    ) -> io::Result<Self> {
        let mut existing = Existing::default();
        if let Some(owned) = owned.map(|it| folder.join(it)).filter(|it| it.exists()) {
            existing.add_all(&owned)?;
        }
        for file in &files {
            if !owned.is_some_and(|it| Path::new(&file.path).starts_with(it)) {
                let path = folder.join(&file.path);
                existing.add(path.with_file_name(UNFINISHED))?;
                existing.add(path)?;
            }
        }
        existing.refuse_foreign(&folder)?;
        let (mut write, mut unchanged) = (Vec::new(), 0);
        for GeneratedFile { path, contents } in files {
            let path = folder.join(path);
            match existing.generated.remove(&path) {
                None => write.push(("missing", path, contents)),
                Some(old) if old == contents.as_bytes() => unchanged += 1,
                Some(_) => write.push(("stale", path, contents)),
            }
        }
        Ok(Self { folder, write, delete: existing.generated.into_keys().collect(), unchanged })
    }

    /// Writes and deletes files, for which the folder must be locked. After an error, such as a full disk, the next
    /// run makes the remaining changes.
    pub fn apply(&self) -> io::Result<()> {
        // Files are deleted first: on some systems a new file may have the same name in another case.
        for path in &self.delete {
            fs::remove_file(path).map_err(context("cannot delete", path))?;
            let folders = path.ancestors().skip(1).take_while(|it| *it != self.folder);
            // Removes empty folders; the loop ends at the first that is not empty.
            let _ = folders.map(fs::remove_dir).find(Result::is_err);
        }
        for (_, path, contents) in &self.write {
            let new = path.with_file_name(UNFINISHED);
            fs::create_dir_all(path.parent().unwrap_or(path))
                .and_then(|()| fs::write(&new, contents))
                .and_then(|()| fs::rename(&new, path))
                // The next run deletes the file if this fails.
                .inspect_err(|_| drop(fs::remove_file(&new)))
                .map_err(context("cannot write", path))?;
        }
        Ok(())
    }
}

const UNFINISHED: &str = ".codegen-unfinished";

/// How many files that were not generated are listed. If the folder is the wrong one, there may be many.
const MAX_FOREIGN: usize = 10;

#[derive(Default)]
struct Existing {
    generated: BTreeMap<PathBuf, Vec<u8>>,
    /// The files that were not generated: at most one more than are listed.
    foreign: Vec<PathBuf>,
}

impl Existing {
    fn add_all(&mut self, folder: &Path) -> io::Result<()> {
        for path in entries(folder).map_err(context("cannot read the output folder", folder))? {
            if self.foreign.len() <= MAX_FOREIGN {
                self.add(path)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, path: PathBuf) -> io::Result<()> {
        let text = match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_dir() => return self.add_all(&path),
            Ok(metadata) if metadata.is_file() => read_generated(&path),
            Ok(_) => Ok(None),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => Err(error),
        };
        match text.map_err(context("cannot read", &path))? {
            Some(text) => drop(self.generated.insert(path, text)),
            None => self.foreign.push(path),
        }
        Ok(())
    }

    fn refuse_foreign(&mut self, folder: &Path) -> io::Result<()> {
        if self.foreign.is_empty() {
            return Ok(());
        }
        let more = if self.foreign.len() > MAX_FOREIGN { "  and others\n" } else { "" };
        self.foreign.truncate(MAX_FOREIGN);
        self.foreign.sort();
        let names = self.foreign.iter().map(|path| format!("  {}\n", path.display()));
        fail(format!(
            "{} holds files that were not generated:\n{}{more}nothing was changed: move them elsewhere, or \
             choose another folder",
            folder.display(),
            names.collect::<String>()
        ))
    }
}

/// Reads a file if it was generated, which its first line tells. Other files are never replaced or deleted.
fn read_generated(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut file = File::open(path)?;
    let mut text = Vec::new();
    // Only the first line is read at first, because other files may be large.
    file.by_ref().take(HEADER.len() as u64 + 3).read_to_end(&mut text)?;
    let is_generated = ["// ", "# "].iter().any(|comment| {
        let first_line = format!("{comment}{HEADER}");
        // A run may have been killed before the first line was complete.
        let is_begun = path.ends_with(UNFINISHED) && first_line.as_bytes().starts_with(&text);
        is_begun || text.starts_with(first_line.as_bytes())
    });
    if !is_generated {
        return Ok(None);
    }
    file.read_to_end(&mut text)?;
    Ok(Some(text))
}

fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
}

fn fail<T>(message: String) -> io::Result<T> {
    Err(io::Error::other(message))
}

fn context(action: &str, path: &Path) -> impl FnOnce(io::Error) -> io::Error {
    let what = format!("{action} {}", path.display());
    move |error| io::Error::other(format!("{what}: {error}"))
}
