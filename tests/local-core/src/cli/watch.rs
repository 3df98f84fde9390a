//! `run --watch`: reloads components when their files change.

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    convert::Infallible,
    fs,
    os::unix::fs::MetadataExt,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use crate::LocalCore;

/// The time between two looks at the files. File systems of containers and networks do not notify of changes.
const INTERVAL: Duration = Duration::from_millis(200);

/// The files of a component at a time.
#[derive(Clone, Debug, PartialEq)]
struct Snapshot {
    recipe: Option<PathBuf>,
    /// The versions of those that exist, and those that may come to exist.
    files: BTreeMap<PathBuf, Option<Version>>,
}

/// What tells versions of a file apart: inode, length and time of the last change.
type Version = (u64, u64, Option<SystemTime>);

/// Reloads each component whose recipe or artifacts change.
pub(super) async fn reload_changed(core: &LocalCore) -> Infallible {
    let mut applied: BTreeMap<_, _> = core.files().map(with_snapshot).collect();
    let mut last = applied.clone();
    loop {
        tokio::time::sleep(INTERVAL).await;
        let found: BTreeMap<_, _> = core.files().map(with_snapshot).collect();
        // What a deployment has brought is applied.
        applied.retain(|it, applied| found.get(it).is_some_and(|it| it.recipe == applied.recipe));
        for (component, snapshot) in &found {
            let applied = applied.entry(component.clone()).or_insert_with(|| snapshot.clone());
            // A file that is being written changes again.
            if applied == snapshot || last.get(component) != Some(snapshot) {
                continue;
            }
            if let Err(error) = core.reload(component).await {
                tracing::error!("{error}\n{component} continues without the change");
            }
            // The recipe may name other artifacts now.
            if let Some(files) = core.files().find(|it| it.0 == *component) {
                *applied = with_snapshot(files).1.with(snapshot);
            }
        }
        last = found;
    }
}

impl Snapshot {
    /// This snapshot with the versions of an earlier one, as far as that has the files.
    fn with(mut self, earlier: &Self) -> Self {
        for (path, version) in &mut self.files {
            *version = earlier.files.get(path).map_or(*version, |it| *it);
        }
        self
    }
}

fn with_snapshot((component, files): (String, Vec<PathBuf>)) -> (String, Snapshot) {
    let recipe = files.first().cloned();
    let version = |path: &PathBuf| {
        let metadata = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
        Some((metadata.ino(), metadata.len(), metadata.modified().ok()))
    };
    let with_version = |it: PathBuf| {
        let version = version(&it);
        (it, version)
    };
    let files = files.into_iter().map(with_version).collect();
    (component, Snapshot { recipe, files })
}
