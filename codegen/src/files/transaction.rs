//! Several folders changed together, or none of them.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{Error, Plan};

/// Carries out all plans. If something fails, every folder is as it was before.
///
/// # Errors
///
/// A file cannot be written or moved, for example because the disk is full.
pub fn write(plans: &[Plan]) -> Result<(), Error> {
    let plans: Vec<_> = plans.iter().filter(|it| !it.is_up_to_date()).collect();
    let mut stages = Vec::new();
    for plan in &plans {
        // Nothing that exists is touched while anything is still to be written.
        stages.push(Stage::prepare(plan)?);
    }
    let mut moves = Moves::default();
    for (plan, stage) in plans.iter().zip(&stages) {
        if let Err(error) = stage.commit(plan, &mut moves) {
            moves.undo();
            return Err(error);
        }
    }
    for plan in plans {
        remove_empty_folders(plan);
    }
    Ok(())
}

/// New files that wait in a folder. Dropping it removes it.
struct Stage {
    folder: PathBuf,
    /// The folders around it that were made for it, the innermost first.
    parents: Vec<PathBuf>,
    /// Where each file waits, and where it belongs.
    files: Vec<(PathBuf, PathBuf)>,
}

impl Stage {
    fn prepare(plan: &Plan) -> Result<Self, Error> {
        let folder = plan.stage.clone();
        // One is left over where an earlier run was killed; mostly there is none.
        let _ = fs::remove_dir_all(&folder);
        let parents = folder.ancestors().skip(1).take_while(|it| !it.exists());
        let parents = parents.map(Path::to_owned).collect();
        let mut stage = Self { folder, parents, files: Vec::new() };
        // It is the folder that people know, not the one where files wait.
        fs::create_dir_all(&stage.folder)
            .map_err(Error::io("cannot write to the output folder", &plan.folder))?;
        for (path, contents) in plan.stale.iter().chain(&plan.missing) {
            let waiting = stage.folder.join(format!("new-{}", stage.files.len()));
            let place = plan.folder.join(path);
            fs::write(&waiting, contents).map_err(Error::io("cannot write", &place))?;
            stage.files.push((waiting, place));
        }
        Ok(stage)
    }

    fn commit(&self, plan: &Plan, moves: &mut Moves) -> Result<(), Error> {
        let old = plan.left_over.iter().chain(plan.stale.keys());
        for (index, path) in old.enumerate() {
            let aside = self.folder.join(format!("old-{index}"));
            let place = plan.folder.join(path);
            moves.rename(&place, &aside).map_err(Error::io("cannot replace", &place))?;
        }
        for (waiting, place) in &self.files {
            moves.create_folder(place.parent().unwrap_or(place))?;
            moves.rename(waiting, place).map_err(Error::io("cannot write", place))?;
        }
        Ok(())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next run.
        let _ = fs::remove_dir_all(&self.folder);
        // It fails, as it should, where something else is in it by now.
        self.parents.iter().all(|it| fs::remove_dir(it).is_ok());
    }
}

/// What has been done so far.
#[derive(Default)]
struct Moves(Vec<Move>);

enum Move {
    Renamed { from: PathBuf, to: PathBuf },
    Created(PathBuf),
}

impl Moves {
    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)?;
        self.0.push(Move::Renamed { from: from.to_owned(), to: to.to_owned() });
        Ok(())
    }

    fn create_folder(&mut self, folder: &Path) -> Result<(), Error> {
        let missing: Vec<_> = folder.ancestors().take_while(|it| !it.is_dir()).collect();
        for folder in missing.into_iter().rev() {
            fs::create_dir(folder).map_err(Error::io("cannot create", folder))?;
            self.0.push(Move::Created(folder.to_owned()));
        }
        Ok(())
    }

    fn undo(self) {
        for it in self.0.into_iter().rev() {
            // There is nothing better to do where even this fails.
            let _ = match it {
                Move::Renamed { from, to } => fs::rename(to, from),
                Move::Created(folder) => fs::remove_dir(folder),
            };
        }
    }
}

/// Removes folders that held nothing but files that are gone now.
fn remove_empty_folders(plan: &Plan) {
    for path in &plan.left_over {
        for folder in path.ancestors().skip(1).take_while(|it| !it.as_os_str().is_empty()) {
            // It fails, as it should, where the folder holds something.
            if fs::remove_dir(plan.folder.join(folder)).is_err() {
                break;
            }
        }
    }
}
