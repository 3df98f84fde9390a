//! The state that outlives a core: tables in the database of a folder, or nothing.
//!
//! The areas of the service keep their state in memory and read it from here only when the core starts. What they
//! store is opaque here.

mod database;
mod folder;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    io, iter,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError, mpsc},
    thread::{self, JoinHandle},
};

use greengrass_core_ipc::types::error::ServiceError;
use tokio::sync::oneshot;
use tracing::dispatcher;

use self::{database::Store, folder::Folder};
use crate::service::failed;

/// A table of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Table {
    /// The configurations of components.
    Configuration,
    /// The deployments and what they have changed.
    Deployments,
    /// The versions of secrets.
    Secrets,
    /// The shadows of things.
    Shadows,
}

impl Table {
    const ALL: [Self; 4] = [Self::Configuration, Self::Deployments, Self::Secrets, Self::Shadows];
}

/// The change of an entry.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) table: Table,
    pub(crate) key: String,
    /// `None` removes the entry.
    pub(crate) value: Option<Vec<u8>>,
}

/// The entries of a table in the order of their keys.
pub(crate) type Entries = Vec<(String, Vec<u8>)>;

/// The maximum number of commits that are written together.
const MAX_GROUP: usize = 1000;

/// The state that outlives the core, if it has a folder for it.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// What the database had when it was opened.
    loaded: Mutex<BTreeMap<Table, Entries>>,
    writer: Mutex<Writer>,
}

/// The thread that writes.
#[derive(Debug, Default)]
enum Writer {
    /// The state is not kept.
    #[default]
    None,
    Running {
        commits: mpsc::Sender<Commit>,
        thread: JoinHandle<()>,
    },
    Closed,
}

/// Changes that are stored together, and who waits for them.
#[derive(Debug)]
struct Commit {
    changes: Vec<Change>,
    done: oneshot::Sender<Result<(), ServiceError>>,
}

impl State {
    /// Opens the state in a folder, which is created if it does not exist.
    ///
    /// # Errors
    ///
    /// `ResourceBusy` if another core uses the folder, `Unsupported` if a newer version has written it, `InvalidData` if
    /// the database is damaged, or another error of the operating system. The text contains the path.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let text = |it| format!("cannot use {} as the state folder: {it}", path.display());
        let explained = |it: io::Error| io::Error::new(it.kind(), text(it));
        let folder = Folder::open(path).map_err(explained)?;
        let store = Store::open(folder.database()).map_err(explained)?;
        let loaded = store.load().map_err(explained)?;
        let (commits, received) = mpsc::channel();
        // The log may be that of this thread only.
        let log = dispatcher::get_default(Clone::clone);
        let work = move || {
            dispatcher::with_default(&log, || write(store, received));
            drop(folder);
        };
        let thread = thread::Builder::new().name("state".to_owned()).spawn(work)?;
        let writer = Mutex::new(Writer::Running { commits, thread });
        Ok(Self { loaded: Mutex::new(loaded), writer })
    }

    /// Takes what the database had in a table when it was opened.
    pub(crate) fn load(&self, table: Table) -> Entries {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.remove(&table).unwrap_or_default()
    }

    /// Whether the core has a folder for its state.
    pub(crate) fn is_kept(&self) -> bool {
        !matches!(*self.writer(), Writer::None)
    }

    /// Stores changes together. They are queued before the function returns, so the caller can hold the lock under which
    /// it makes them; it awaits the result without the lock. Later commits are stored together with these or after them.
    ///
    /// Changes that fail are stored with the next commit, because they stay in memory.
    ///
    /// # Errors
    ///
    /// If the changes are not on the disk. The reason is in the log.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future revokes nothing.
    pub(crate) fn commit(
        &self,
        changes: Vec<Change>,
    ) -> impl Future<Output = Result<(), ServiceError>> + Send + use<> {
        let queued = match &*self.writer() {
            Writer::Running { commits, .. } if !changes.is_empty() => {
                let (done, is_done) = oneshot::channel();
                // An error means that the thread has panicked, and drops the sender of the result.
                let _ = commits.send(Commit { changes, done });
                Ok(Some(is_done))
            }
            Writer::Closed => Err(failed("the core has stopped")),
            Writer::None | Writer::Running { .. } => Ok(None),
        };
        async {
            match queued? {
                Some(is_done) => is_done.await.unwrap_or_else(|_| Err(unsaved())),
                None => Ok(()),
            }
        }
    }

    /// Writes what is queued and closes the database. Later commits fail.
    pub(crate) fn close(&self) {
        let mut writer = self.writer();
        if let Writer::Running { commits, thread } = std::mem::take(&mut *writer) {
            *writer = Writer::Closed;
            drop(commits);
            // An error means that the thread has panicked, which was reported then.
            let _ = thread.join();
        }
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.close();
    }
}

/// Stores all commits; those that wait at the same time together.
fn write(mut store: Store, commits: mpsc::Receiver<Commit>) {
    let mut unsaved_changes = BTreeMap::new();
    let mut is_failing = false;
    while let Ok(first) = commits.recv() {
        let mut waiting = Vec::new();
        for commit in iter::once(first).chain(commits.try_iter().take(MAX_GROUP)) {
            let changes = commit.changes.into_iter();
            unsaved_changes.extend(changes.map(|it| ((it.table, it.key), it.value)));
            waiting.push(commit.done);
        }
        let result = store.save(&unsaved_changes);
        match &result {
            Ok(()) if is_failing => tracing::warn!("the state is saved again"),
            Err(error) if !is_failing => {
                tracing::error!("cannot save the state in {}: {error}", store.path().display());
            }
            Ok(()) | Err(_) => {}
        }
        is_failing = result.is_err();
        if !is_failing {
            unsaved_changes.clear();
        }
        for done in waiting {
            // An error means that the caller does not wait.
            let _ = done.send(if is_failing { Err(unsaved()) } else { Ok(()) });
        }
    }
}

fn unsaved() -> ServiceError {
    failed("the core cannot save its state; its log has the reason")
}
