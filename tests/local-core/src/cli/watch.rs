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

/// What tells versions of a component's files apart: inode, length and time of the last change.
type Snapshot = BTreeMap<PathBuf, (u64, u64, Option<SystemTime>)>;

/// Reloads each component whose recipe or artifacts change.
pub(super) async fn reload_changed(core: &LocalCore) -> Infallible {
    let mut applied: BTreeMap<_, _> = core.files().map(with_snapshot).collect();
    let mut last = applied.clone();
    loop {
        tokio::time::sleep(INTERVAL).await;
        let found: BTreeMap<_, _> = core.files().map(with_snapshot).collect();
        let is_new = |it: &(&String, &Snapshot)| applied.get(it.0) != Some(it.1);
        // A file that is being written changes again.
        let is_complete = |it: &(&String, &Snapshot)| last.get(it.0) == Some(it.1);
        let changed: Vec<_> = found.iter().filter(is_new).filter(is_complete).collect();
        for (component, _) in changed {
            if let Err(error) = core.reload(component).await {
                tracing::error!("{error}\n{component} continues without the change");
            }
            // The recipe may name other artifacts now.
            let files = core.files().find(|it| it.0 == *component);
            applied.extend(files.map(with_snapshot));
        }
        last = found;
    }
}

fn with_snapshot((component, files): (String, Vec<PathBuf>)) -> (String, Snapshot) {
    let found = files.into_iter().filter_map(|it| {
        let metadata = fs::metadata(&it).ok().filter(fs::Metadata::is_file)?;
        Some((it, (metadata.ino(), metadata.len(), metadata.modified().ok())))
    });
    (component, found.collect())
}
