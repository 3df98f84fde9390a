//! Unpacks ZIP archives.

use std::{
    fs::{self, File, Permissions},
    io::{self, Read},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use zip::{ZipArchive, read::ZipFile};

use crate::blocking::Cancellation;

/// How much an archive can contain.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) entries: usize,
    /// Of all files together, in bytes.
    pub(super) size: u64,
}

/// No component for a small device has more.
pub(super) const LIMITS: Limits = Limits { entries: 100_000, size: 4 << 30 };

/// Replaces a folder with the content of an archive. The files get this mode.
///
/// Symbolic links become files with their targets as text, so that no path leads out of the folder. The folder is
/// unchanged if this fails.
pub(super) fn unpack(
    archive: &Path,
    to: &Path,
    mode: u32,
    limits: Limits,
    cancellation: &Cancellation,
) -> io::Result<()> {
    let mut archive = ZipArchive::new(File::open(archive)?)?;
    if archive.len() > limits.entries {
        return Err(invalid(format!("it has more than {} entries", limits.entries)));
    }
    let too_large = || invalid(format!("its files have more than {} bytes", limits.size));
    // The files may have more bytes than the archive says.
    if archive.decompressed_size().is_some_and(|it| it > limits.size.into()) {
        return Err(too_large());
    }
    let parent = to.parent().unwrap_or(to);
    fs::create_dir_all(parent)?;
    let folder = tempfile::tempdir_in(parent)?;
    let mut remaining = limits.size;
    for index in 0..archive.len() {
        let name = archive.name_for_index(index).unwrap_or_default().to_owned();
        let entry = archive.by_index(index).map_err(io::Error::from);
        let written = entry
            .and_then(|it| unpack_entry(it, folder.path(), mode, remaining, cancellation))
            .map_err(|error| io::Error::new(error.kind(), format!("{name:?}: {error}")))?;
        remaining = remaining.checked_sub(written).ok_or_else(too_large)?;
    }
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755))?;
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    fs::rename(folder.path(), to)
}

/// Unpacks an entry. Returns the number of written bytes, which is at most one more than the maximum.
fn unpack_entry(
    mut entry: ZipFile<'_, File>,
    folder: &Path,
    mode: u32,
    max_size: u64,
    cancellation: &Cancellation,
) -> io::Result<u64> {
    let Some(path) = entry.enclosed_name() else {
        return Err(invalid("it leads out of the folder".to_owned()));
    };
    let path = folder.join(path);
    if entry.is_dir() {
        fs::create_dir_all(path)?;
        return Ok(0);
    }
    fs::create_dir_all(path.parent().unwrap_or(folder))?;
    let mut file = File::create_new(&path)?;
    let mut content = entry.by_ref().take(max_size.saturating_add(1));
    let written = cancellation.copy(&mut content, &mut file)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    Ok(written)
}

fn invalid(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}
