//! The database.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    os::unix::fs::OpenOptionsExt,
    panic::catch_unwind,
    path::{Path, PathBuf},
};

use redb::{Database, ReadableTable, TableDefinition, TableError};

use super::{Entries, Table, folder};

/// What a commit stores: the new values of entries, or `None` for those that it removes.
pub(super) type Changes = BTreeMap<(Table, String), Option<Vec<u8>>>;

impl Table {
    fn definition(self) -> TableDefinition<'static, &'static str, &'static [u8]> {
        TableDefinition::new(match self {
            Self::Configuration => "configuration",
            Self::Deployments => "deployments",
            Self::Secrets => "secrets",
            Self::Shadows => "shadows",
        })
    }
}

/// A database file, which is opened again after an error.
pub(super) struct Store {
    path: PathBuf,
    database: Option<Database>,
}

impl Store {
    /// Opens the file, or creates it.
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        if !path.try_exists()? {
            create(&path)?;
        }
        let database = Some(open(&path)?);
        Ok(Self { path, database })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The entries of all tables.
    pub(super) fn load(&self) -> io::Result<BTreeMap<Table, Entries>> {
        let Some(database) = &self.database else { return Ok(BTreeMap::new()) };
        let read = || -> Result<_, Fault> {
            let transaction = database.begin_read()?;
            let mut tables = BTreeMap::new();
            for table in Table::ALL {
                let opened = match transaction.open_table(table.definition()) {
                    Err(TableError::TableDoesNotExist(_)) => continue,
                    opened => opened?,
                };
                let mut entries = Entries::new();
                for entry in opened.iter()? {
                    let (key, value) = entry?;
                    entries.push((key.value().to_owned(), value.value().to_vec()));
                }
                tables.insert(table, entries);
            }
            Ok(tables)
        };
        Ok(read()?)
    }

    /// Stores changes, and returns when they are on the disk.
    pub(super) fn save(&mut self, changes: &Changes) -> io::Result<()> {
        let database = match self.database.take() {
            Some(it) => it,
            None => open(&self.path)?,
        };
        save(&database, changes)?;
        self.database = Some(database);
        Ok(())
    }
}

fn save(database: &Database, changes: &Changes) -> Result<(), Fault> {
    // The default durability of a transaction is that of the disk.
    let transaction = database.begin_write()?;
    for table in Table::ALL {
        let mut own = changes.iter().filter(|((it, _), _)| *it == table).peekable();
        if own.peek().is_none() {
            continue;
        }
        let mut opened = transaction.open_table(table.definition())?;
        for ((_, key), value) in own {
            match value {
                Some(value) => _ = opened.insert(key.as_str(), value.as_slice())?,
                None => _ = opened.remove(key.as_str())?,
            }
        }
    }
    Ok(transaction.commit()?)
}

/// Creates an empty database, which has its name when it is complete.
fn create(path: &Path) -> io::Result<()> {
    let new = path.with_extension("new");
    let options = fs::OpenOptions::new()
        .mode(0o600)
        .create(true)
        .truncate(true)
        .read(true)
        .write(true)
        .clone();
    let database = redb::Builder::new()
        // The only format that later versions of the crate read.
        .create_with_file_format_v3(true)
        .create_file(options.open(&new)?);
    drop(database.map_err(Fault::from)?);
    folder::rename(&new, path)
}

fn open(path: &Path) -> io::Result<Database> {
    // The crate asserts what it expects of a file.
    let opened = catch_unwind(|| redb::Builder::new().set_cache_size(CACHE_SIZE).open(path));
    Ok(opened.map_err(|_| damaged())?.map_err(Fault::from)?)
}

/// The maximum size of the cache in bytes. What is read often is in the memory of the areas.
const CACHE_SIZE: usize = 16 << 20;

/// An error of the database, as one of the operating system.
struct Fault(io::Error);

impl<E: Into<redb::Error>> From<E> for Fault {
    fn from(error: E) -> Self {
        Self(match error.into() {
            redb::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => damaged(),
            redb::Error::Io(error) => error,
            redb::Error::Corrupted(_) => damaged(),
            redb::Error::DatabaseAlreadyOpen => {
                io::Error::new(io::ErrorKind::ResourceBusy, "another core has opened its database")
            }
            error => io::Error::other(error),
        })
    }
}

impl From<Fault> for io::Error {
    fn from(fault: Fault) -> Self {
        fault.0
    }
}

fn damaged() -> io::Error {
    let text = "its database is damaged: remove the folder, or choose another one";
    io::Error::new(io::ErrorKind::InvalidData, text)
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("path", &self.path).finish_non_exhaustive()
    }
}
