//! Models from files, and generated files to a folder. The only place that touches the file system.
//!
//! A folder of generated sources is changed as a whole or not at all: everything new is written to a
//! temporary folder beside it, then moved into place, and moved back if one of the moves fails.

mod transaction;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs,
    io::{self, Read},
    path::{Component, Path, PathBuf},
};

use crate::{GeneratedFile, HEADER};

pub use transaction::write;

/// A model file that has been read.
#[derive(Debug)]
pub struct ModelFile {
    /// Its path as it was given.
    pub path: PathBuf,
    /// Its text.
    pub json: String,
}

/// What the model is called that is read from standard input.
const STANDARD_INPUT: &str = "standard input";

/// Reads models: a file as it is, of a folder every `*.json` in it, in the order of their names. The path `-`
/// is standard input.
///
/// # Errors
///
/// A path is not there or cannot be read, a folder holds no model, or a file is not UTF-8.
pub fn read_models(paths: &[PathBuf]) -> Result<Vec<ModelFile>, Error> {
    let mut files = Vec::new();
    for path in paths {
        if path == Path::new("-") {
            files.push(path.clone());
            continue;
        }
        let metadata = fs::metadata(path).map_err(Error::io("cannot read the model", path))?;
        if !metadata.is_dir() {
            files.push(path.clone());
            continue;
        }
        let mut found: Vec<PathBuf> = entries(path, "cannot read the model folder")?
            .into_iter()
            .map(|it| it.path())
            .filter(|it| it.extension().is_some_and(|it| it == "json"))
            .collect();
        if found.is_empty() {
            return Err(Error::NoModel(path.clone()));
        }
        found.sort();
        files.append(&mut found);
    }
    files.into_iter().map(read_model).collect()
}

fn read_model(path: PathBuf) -> Result<ModelFile, Error> {
    let mut bytes = Vec::new();
    let (path, read) = match path == Path::new("-") {
        true => (STANDARD_INPUT.into(), io::stdin().read_to_end(&mut bytes)),
        false => {
            let read = fs::File::open(&path).and_then(|mut it| it.read_to_end(&mut bytes));
            (path, read)
        }
    };
    read.map_err(Error::io("cannot read the model", &path))?;
    match String::from_utf8(bytes) {
        Ok(json) => Ok(ModelFile { path, json }),
        Err(error) => {
            let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = valid.iter().filter(|it| **it == b'\n').count() + 1;
            let starts_as_utf16 = matches!(error.as_bytes(), [0xff, 0xfe, ..] | [0xfe, 0xff, ..]);
            Err(Error::NotUtf8 { path, line, starts_as_utf16 })
        }
    }
}

/// The absolute path without links and `..`; the end of it that does not exist has neither.
///
/// # Errors
///
/// The path is empty, or relative while the current folder is gone.
pub fn real(path: &Path) -> io::Result<PathBuf> {
    let absolute = std::path::absolute(path)?;
    let found = absolute.ancestors().find_map(|it| Some((it, it.canonicalize().ok()?)));
    let Some((there, mut real)) = found else { return Ok(absolute) };
    for component in absolute.strip_prefix(there).unwrap_or(Path::new("")).components() {
        match component {
            Component::ParentDir => drop(real.pop()),
            component => real.push(component),
        }
    }
    Ok(real)
}

/// The real path of a folder that files can be written to, now or after it has been created.
fn output_folder(folder: &Path) -> Result<PathBuf, Error> {
    let error = || Error::io("cannot write to the output folder", folder);
    let real = real(folder).map_err(error())?;
    let found = real.ancestors().find_map(|it| Some((it, fs::symlink_metadata(it).ok()?)));
    match found {
        Some((at, it)) if !it.is_dir() => {
            let what = if it.is_symlink() { "a link that leads nowhere" } else { "not a folder" };
            Err(error()(io::Error::other(format!("{} is {what}", at.display()))))
        }
        _ => Ok(real),
    }
}

/// What has to be done so that a folder holds the generated files, and nothing else.
#[derive(Debug)]
pub struct Plan {
    folder: PathBuf,
    /// Where new files wait: on the same device, so that a move is a rename.
    stage: PathBuf,
    /// Files that are there with another text, by path inside the folder.
    stale: BTreeMap<PathBuf, String>,
    /// Files that are not there.
    missing: BTreeMap<PathBuf, String>,
    /// Files that were generated once and are not any more.
    left_over: BTreeSet<PathBuf>,
    unchanged: usize,
}

impl Plan {
    /// Compares a folder with what it should hold. Nothing is changed.
    ///
    /// # Errors
    ///
    /// The folder cannot be read, or holds something that was not generated.
    pub fn new(folder: &Path, files: &[GeneratedFile]) -> Result<Self, Error> {
        // A folder that is a link is changed where it is, or moving files into place would cross devices.
        let folder = output_folder(folder)?;
        let mut found = Found::default();
        if folder.exists() {
            found.walk(&folder)?;
        }
        if !found.foreign.is_empty() {
            return Err(Error::Foreign { folder, files: found.foreign, more: found.has_more });
        }
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        // `.src.codegen` beside `src`.
        let stage = folder.with_file_name(format!(".{name}.codegen"));
        let mut plan = Self::empty(folder, stage);
        for file in files {
            let path = PathBuf::from(&file.path);
            match found.generated.remove(&plan.folder.join(&path)) {
                None => drop(plan.missing.insert(path, file.contents.clone())),
                Some(old) if old == file.contents.as_bytes() => plan.unchanged += 1,
                Some(_) => drop(plan.stale.insert(path, file.contents.clone())),
            }
        }
        let inside = |it: PathBuf| it.strip_prefix(&plan.folder).map(Path::to_owned);
        plan.left_over = found.generated.into_keys().filter_map(|it| inside(it).ok()).collect();
        Ok(plan)
    }

    /// Compares one file with what it should be, whatever else its folder holds. Nothing is changed.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or was not generated.
    pub fn of_file(folder: &Path, file: &GeneratedFile) -> Result<Self, Error> {
        let folder = output_folder(folder)?;
        let stage = folder.join(format!(".{}.codegen", file.path.replace('/', "-")));
        let mut plan = Self::empty(folder, stage);
        let (path, place) = (PathBuf::from(&file.path), plan.folder.join(&file.path));
        match fs::symlink_metadata(&place) {
            Ok(it) if it.is_file() => {
                let old = fs::read(&place).map_err(Error::io("cannot read", &place))?;
                if !is_generated(&old) {
                    return Err(Error::foreign(plan.folder, place));
                }
                match old == file.contents.as_bytes() {
                    true => plan.unchanged += 1,
                    false => drop(plan.stale.insert(path, file.contents.clone())),
                }
            }
            Ok(_) => return Err(Error::foreign(plan.folder, place)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                plan.missing.insert(path, file.contents.clone());
            }
            Err(error) => return Err(Error::io("cannot read", &place)(error)),
        }
        Ok(plan)
    }

    fn empty(folder: PathBuf, stage: PathBuf) -> Self {
        let (stale, missing, left_over) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        Self { folder, stage, stale, missing, left_over, unchanged: 0 }
    }

    /// Whether there is nothing to do.
    pub fn is_up_to_date(&self) -> bool {
        self.stale.is_empty() && self.missing.is_empty() && self.left_over.is_empty()
    }

    /// Each file that is not as it should be, with one word that says why.
    pub fn differences(&self) -> Vec<(&'static str, PathBuf)> {
        let all = |word, files: Vec<&PathBuf>| {
            files.into_iter().map(move |it| (word, self.folder.join(it))).collect::<Vec<_>>()
        };
        let mut differences = all("stale", self.stale.keys().collect());
        differences.extend(all("missing", self.missing.keys().collect()));
        differences.extend(all("left over", self.left_over.iter().collect()));
        differences
    }

    /// How many files are or have been written.
    pub fn written(&self) -> usize {
        self.stale.len() + self.missing.len()
    }

    /// How many files are as they should be and stay untouched, their time of change too.
    pub fn unchanged(&self) -> usize {
        self.unchanged
    }

    /// How many files are or have been deleted.
    pub fn deleted(&self) -> usize {
        self.left_over.len()
    }
}

/// What a folder of generated sources holds.
#[derive(Default)]
struct Found {
    /// Files that carry our first line, with their text.
    generated: BTreeMap<PathBuf, Vec<u8>>,
    /// Everything else; the first of it, if there is much.
    foreign: Vec<PathBuf>,
    /// Whether there is more of it.
    has_more: bool,
}

/// How many files are named that were not generated. Whoever names a wrong folder need not wait until all
/// of it has been looked at.
const MAX_FOREIGN: usize = 10;

impl Found {
    fn walk(&mut self, folder: &Path) -> Result<(), Error> {
        let mut pending = vec![folder.to_owned()];
        'all: while let Some(folder) = pending.pop() {
            for entry in entries(&folder, "cannot read the output folder")? {
                let path = entry.path();
                let kind = entry.file_type().map_err(Error::io("cannot read", &path))?;
                if kind.is_dir() {
                    pending.push(path);
                    continue;
                }
                let text = match kind.is_file() {
                    true => read_generated(&path).map_err(Error::io("cannot read", &path))?,
                    false => None,
                };
                match text {
                    Some(text) => drop(self.generated.insert(path, text)),
                    None if self.foreign.len() == MAX_FOREIGN => {
                        self.has_more = true;
                        break 'all;
                    }
                    None => self.foreign.push(path),
                }
            }
        }
        self.foreign.sort();
        Ok(())
    }
}

/// Reads a file, unless it was not generated: then it may be large, and is of no interest.
fn read_generated(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut file = fs::File::open(path)?;
    let mut text = Vec::new();
    file.by_ref().take(HEADER.len() as u64 + 3).read_to_end(&mut text)?;
    if !is_generated(&text) {
        return Ok(None);
    }
    file.read_to_end(&mut text)?;
    Ok(Some(text))
}

/// Whether a file carries our first line: only such a file is ever replaced or deleted.
fn is_generated(text: &[u8]) -> bool {
    let comment = text.strip_prefix(b"// ").or_else(|| text.strip_prefix(b"# "));
    comment.is_some_and(|it| it.starts_with(HEADER.as_bytes()))
}

fn entries(folder: &Path, action: &'static str) -> Result<Vec<fs::DirEntry>, Error> {
    let entries = fs::read_dir(folder).map_err(Error::io(action, folder))?;
    entries.collect::<Result<_, _>>().map_err(Error::io(action, folder))
}

/// Why models could not be read, or generated files not be written.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The file system refused.
    Io {
        /// What was being done.
        action: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// A model folder without a model.
    NoModel(PathBuf),
    /// A model that is not UTF-8.
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// The first line, from 1, that is something else.
        line: usize,
        /// Whether the file begins like one in UTF-16.
        starts_as_utf16: bool,
    },
    /// An output folder with files that were not generated.
    Foreign {
        /// The folder.
        folder: PathBuf,
        /// The files.
        files: Vec<PathBuf>,
        /// Whether there are others.
        more: bool,
    },
}

impl Error {
    fn foreign(folder: PathBuf, file: PathBuf) -> Self {
        Self::Foreign { folder, files: vec![file], more: false }
    }

    fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { action, path, .. } => write!(f, "{action} {}", path.display()),
            Self::NoModel(folder) => {
                write!(f, "there is no model in {}: no file is called *.json", folder.display())
            }
            Self::NotUtf8 { path, line, starts_as_utf16 } => {
                write!(f, "the model {} is not UTF-8 (line {line})", path.display())?;
                match starts_as_utf16 {
                    true => f.write_str("; it looks like UTF-16: save it as UTF-8"),
                    false => Ok(()),
                }
            }
            Self::Foreign { folder, files, more } => {
                writeln!(f, "{} holds files that were not generated:", folder.display())?;
                for file in files {
                    writeln!(f, "  {}", file.display())?;
                }
                if *more {
                    writeln!(f, "  and others")?;
                }
                f.write_str("nothing was changed: move them elsewhere, or choose another folder")
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
