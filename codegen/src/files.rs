//! Models from files, and generated files to a folder: the only module that touches the file system.
//!
//! A run that writes holds a lock on the folder. Each file is replaced by a rename, so that it is whole
//! at any time: what a run that was killed has left undone is what the next one finds out of date.

mod lock;

use std::{
    collections::BTreeMap,
    fmt, fs,
    io::{self, Read},
    path::{Component, Path, PathBuf},
};

use crate::{GeneratedFile, HEADER, Source};
use lock::Lock;

/// The files of a model: the name of each in diagnostics, and its text.
#[derive(Debug)]
pub struct Models(Vec<(String, String)>);

impl Models {
    /// Reads the files of a model: of a folder every `*.json` in it, sorted by name. The path `-` is
    /// standard input. Names are relative to `base`, where the file is inside.
    ///
    /// # Errors
    ///
    /// A path cannot be read, a folder holds no model, or a file is not UTF-8.
    pub fn read(paths: &[PathBuf], base: &Path) -> Result<Self, Error> {
        let mut models = Vec::new();
        for path in paths {
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
        Ok(Self(models))
    }

    /// The model as [`generate`](crate::generate) takes it.
    pub fn sources(&self) -> Vec<Source<'_>> {
        self.0.iter().map(|(path, json)| Source { path, json }).collect()
    }
}

/// The file at a path, or the models in the folder there.
fn model_files(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let metadata = fs::metadata(path).map_err(Error::io("cannot read the model", path))?;
    if !metadata.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = entries(path, "cannot read the model folder")?;
    let paths = entries.into_iter().map(|entry| entry.path());
    let mut files: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|it| it == "json")).collect();
    if files.is_empty() {
        let folder = path.display();
        return Err(Error(format!("there is no model in {folder}: no file is called *.json")));
    }
    files.sort();
    Ok(files)
}

fn model(name: String, read: io::Result<Vec<u8>>) -> Result<(String, String), Error> {
    let bytes = read.map_err(Error::io("cannot read the model", Path::new(&name)))?;
    String::from_utf8(bytes).map(|json| (name.clone(), json)).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
        let hint = match error.as_bytes() {
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "; it looks like UTF-16: save it as UTF-8",
            _ => "",
        };
        Error(format!("the model {name} is not UTF-8 (line {line}){hint}"))
    })
}

/// A path with forward slashes, relative to `base` if it is inside.
pub fn relative(path: &Path, base: &Path) -> String {
    let inside = path.strip_prefix(base).unwrap_or(path);
    inside.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/")
}

/// The absolute path without links and `..`, also if the end of it does not exist.
///
/// # Errors
///
/// The path is empty, or relative while the current folder is gone.
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

/// A folder that holds generated files.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// The folder inside in which every file is generated: the folder itself, if this is empty.
    owned: Option<&'static str>,
    lock: Option<Lock>,
}

impl Folder {
    /// A folder to compare with what is generated. In the folder `owned` in it, every file is generated.
    ///
    /// # Errors
    ///
    /// There is something else at the path.
    pub fn new(path: &Path, owned: Option<&'static str>) -> Result<Self, Error> {
        let error = || Error::io("cannot write to the output folder", path);
        // Links are followed once, here: the lock is on the folder, whatever way leads to it.
        let real = real(path).map_err(error())?;
        let found = real.ancestors().find_map(|it| Some((it, fs::symlink_metadata(it).ok()?)));
        match found {
            Some((at, it)) if !it.is_dir() => {
                let what =
                    if it.is_symlink() { "a link that leads nowhere" } else { "not a folder" };
                Err(error()(io::Error::other(format!("{} is {what}", at.display()))))
            }
            _ => Ok(Self { path: real, owned, lock: None }),
        }
    }

    /// The same folder, to be changed: no other run changes it until this value is dropped.
    ///
    /// # Errors
    ///
    /// Another run is at it.
    pub fn lock(self) -> Result<Self, Error> {
        let lock = lock::acquire(&self.path.join(self.owned.unwrap_or_default()));
        match lock.map_err(Error::io("cannot lock", &self.path))? {
            Some(lock) => Ok(Self { lock: Some(lock), ..self }),
            None => {
                let folder = self.path.display();
                Err(Error(format!("another run is writing to {folder}: wait until it is done")))
            }
        }
    }

    /// Compares the folder with the files that it should hold, whose paths are relative to it.
    ///
    /// # Errors
    ///
    /// The folder cannot be read, or holds a file that is not generated where one should be.
    pub fn compare(self, files: Vec<GeneratedFile>) -> Result<Changes, Error> {
        let mut found = Found::default();
        let is_owned = |path: &str| self.owned.is_some_and(|it| Path::new(path).starts_with(it));
        if let Some(owned) = self.owned {
            found.walk(self.path.join(owned))?;
        }
        for file in files.iter().filter(|file| !is_owned(&file.path)) {
            let path = self.path.join(&file.path);
            found.look_at(path.with_file_name(UNFINISHED))?;
            found.look_at(path)?;
        }
        if !found.foreign.is_empty() {
            return Err(found.refusal(&self.path));
        }
        let mut changes =
            Changes { unchanged: 0, write: Vec::new(), delete: Vec::new(), folder: self };
        for file in files {
            match found.generated.remove(&changes.folder.path.join(&file.path)) {
                Some(old) if old == file.contents.as_bytes() => changes.unchanged += 1,
                old => changes.write.push((file, old.is_some())),
            }
        }
        changes.delete = found.generated.into_keys().collect();
        Ok(changes)
    }
}

/// What has to be done so that a folder holds the generated files, and no others.
#[derive(Debug)]
pub struct Changes {
    folder: Folder,
    /// The files to write, each with whether there is an older one.
    write: Vec<(GeneratedFile, bool)>,
    /// The files that are not generated any more.
    delete: Vec<PathBuf>,
    unchanged: usize,
}

impl Changes {
    /// Each file that is not as it should be, with a word that says why.
    pub fn differences(&self) -> impl Iterator<Item = (&'static str, PathBuf)> {
        let files_of = |is_there: bool, word: &'static str| {
            let files = self.write.iter().filter(move |file| file.1 == is_there);
            files.map(move |(file, _)| (word, self.folder.path.join(&file.path)))
        };
        let left_over = self.delete.iter().map(|path| ("left over", path.clone()));
        files_of(true, "stale").chain(files_of(false, "missing")).chain(left_over)
    }

    /// How many files are written, stay untouched and are deleted.
    pub fn counts(&self) -> [usize; 3] {
        [self.write.len(), self.unchanged, self.delete.len()]
    }

    /// Writes what differs and deletes what is left over, for which the folder has to be locked.
    ///
    /// # Errors
    ///
    /// A file cannot be written or deleted, for example because the disk is full. The next run finds what
    /// is left to do.
    pub fn apply(&self) -> Result<(), Error> {
        assert!(self.folder.lock.is_some(), "a folder is locked before it is changed");
        // Before new files are written: on some systems one of them may have the same name in another case.
        for path in &self.delete {
            fs::remove_file(path).map_err(Error::io("cannot delete", path))?;
            let folders = path.ancestors().skip(1).take_while(|it| *it != self.folder.path);
            // Fails where a folder is not empty, which ends the loop.
            let _ = folders.map(fs::remove_dir).find(Result::is_err);
        }
        for (file, _) in &self.write {
            let path = self.folder.path.join(&file.path);
            let new = path.with_file_name(UNFINISHED);
            let written = fs::create_dir_all(path.parent().unwrap_or(&path))
                .and_then(|()| fs::write(&new, &file.contents))
                .and_then(|()| fs::rename(&new, &path));
            if let Err(error) = written {
                // What cannot be deleted now is left over for the next run.
                let _ = fs::remove_file(&new);
                return Err(Error::io("cannot write", &path)(error));
            }
        }
        Ok(())
    }
}

/// What a file is called while it is written.
const UNFINISHED: &str = ".codegen-unfinished";

/// How many files that are not generated are named: the folder may be a wrong one, with many files.
const MAX_FOREIGN: usize = 10;

/// The files of a folder.
#[derive(Default)]
struct Found {
    /// Generated files, with their text.
    generated: BTreeMap<PathBuf, Vec<u8>>,
    /// All others, up to one more than are named.
    foreign: Vec<PathBuf>,
}

impl Found {
    fn walk(&mut self, folder: PathBuf) -> Result<(), Error> {
        let mut pending = if folder.exists() { vec![folder] } else { Vec::new() };
        while let Some(folder) = pending.pop() {
            for entry in entries(&folder, "cannot read the output folder")? {
                let path = entry.path();
                match entry.file_type().map_err(Error::io("cannot read", &path))? {
                    kind if kind.is_dir() => pending.push(path),
                    kind => self.add(path, kind)?,
                }
                if self.foreign.len() > MAX_FOREIGN {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn look_at(&mut self, path: PathBuf) -> Result<(), Error> {
        match fs::symlink_metadata(&path) {
            Ok(metadata) => self.add(path, metadata.file_type()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(Error::io("cannot read", &path)(error)),
        }
    }

    fn add(&mut self, path: PathBuf, kind: fs::FileType) -> Result<(), Error> {
        let generated = match kind.is_file() {
            true => read_generated(&path).map_err(Error::io("cannot read", &path))?,
            false => None,
        };
        match generated {
            Some(text) => drop(self.generated.insert(path, text)),
            None => self.foreign.push(path),
        }
        Ok(())
    }

    fn refusal(mut self, folder: &Path) -> Error {
        let has_more = self.foreign.len() > MAX_FOREIGN;
        self.foreign.truncate(MAX_FOREIGN);
        self.foreign.sort();
        let files = self.foreign.iter().map(|path| format!("  {}\n", path.display()));
        let (files, more) =
            (files.collect::<String>(), if has_more { "  and others\n" } else { "" });
        Error(format!(
            "{} holds files that were not generated:\n{files}{more}\
             nothing was changed: move them elsewhere, or choose another folder",
            folder.display()
        ))
    }
}

/// Reads a file if it is generated, which its first line says: no other file is ever replaced or deleted.
fn read_generated(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut file = fs::File::open(path)?;
    let mut text = Vec::new();
    // A file of another kind may be large.
    file.by_ref().take(HEADER.len() as u64 + 3).read_to_end(&mut text)?;
    // A run may be killed before it has written the first line.
    let is_unfinished = path.ends_with(UNFINISHED);
    let is_generated = ["// ", "# "].iter().any(|comment| {
        let first_line = format!("{comment}{HEADER}");
        text.starts_with(first_line.as_bytes())
            || is_unfinished && first_line.as_bytes().starts_with(&text)
    });
    file.read_to_end(&mut text)?;
    Ok(is_generated.then_some(text))
}

fn entries(folder: &Path, action: &str) -> Result<Vec<fs::DirEntry>, Error> {
    let entries = fs::read_dir(folder).map_err(Error::io(action, folder))?;
    entries.collect::<Result<_, _>>().map_err(Error::io(action, folder))
}

/// Why models could not be read, or generated files not be written.
#[derive(Debug)]
pub struct Error(String);

impl Error {
    fn io(action: &str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let what = format!("{action} {}", path.display());
        move |error| Self(format!("{what}: {error}"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}
