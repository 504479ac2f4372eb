//! Scratch: the folder for what only one run needs, which is gone after it, and after the next one at the latest.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::vanishing::Vanishing;

/// What the folders of runs are called, with their locks beside them.
const PREFIX: &str = "run-";
const LOCK: &str = ".lock";

/// A folder of one run.
#[derive(Debug)]
pub(crate) struct Scratch {
    folder: PathBuf,
    lock: PathBuf,
    _vanishing: [Vanishing; 2],
    // Held until the end of the run: the system gives it back however that comes.
    _held: File,
}

impl Scratch {
    /// Makes a folder below `root`, and removes those of runs that were killed.
    pub(crate) fn new(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        let root = root.canonicalize()?;
        sweep(&root)?;
        // The lock is there, and held, before the folder is: a folder without a held lock is nobody's.
        loop {
            let file = tempfile::Builder::new().prefix(PREFIX).suffix(LOCK).tempfile_in(&root)?;
            let (held, lock) = file.keep().map_err(|error| error.error)?;
            held.lock()?;
            // Another run may have swept the lock away before it was held.
            if !lock.exists() {
                continue;
            }
            let folder = lock.with_extension("");
            fs::create_dir(&folder)?;
            let vanishing = [Vanishing::new(&folder), Vanishing::new(&lock)];
            return Ok(Self { folder, lock, _vanishing: vanishing, _held: held });
        }
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed now, because a killed tool is still dying, is swept by the next run.
        if fs::remove_dir_all(&self.folder).is_ok() {
            let _ = fs::remove_file(&self.lock);
        }
    }
}

/// Removes the folders whose runs have ended.
fn sweep(root: &Path) -> io::Result<()> {
    for entry in fs::read_dir(root)? {
        let lock = entry?.path();
        let name = lock.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if !(name.starts_with(PREFIX) && name.ends_with(LOCK)) {
            continue;
        }
        // Another run may be sweeping, too.
        let Ok(file) = File::options().write(true).open(&lock) else { continue };
        if file.try_lock().is_err() {
            continue;
        }
        tracing::debug!(folder = name, "removing what a killed run has left");
        match fs::remove_dir_all(lock.with_extension("")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {}
            Ok(()) | Err(_) => drop(fs::remove_file(&lock)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(root: &Path) -> Vec<String> {
        let entries = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = entries.collect();
        names.sort();
        names
    }

    #[test]
    fn a_folder_is_gone_with_its_run() {
        let root = tempfile::tempdir().unwrap();
        let scratch = Scratch::new(root.path()).unwrap();
        fs::write(scratch.path().join("file"), "x").unwrap();
        drop(scratch);
        assert_eq!(names(root.path()), Vec::<String>::new());
    }

    #[test]
    fn what_killed_runs_left_is_removed_and_what_others_use_is_not() {
        let root = tempfile::tempdir().unwrap();
        for left in ["run-killed", "other"] {
            fs::create_dir_all(root.path().join(left).join("skeleton")).unwrap();
        }
        fs::write(root.path().join("run-killed.lock"), "").unwrap();
        fs::write(root.path().join("run-early.lock"), "").unwrap();
        let running = Scratch::new(root.path()).unwrap();
        let second = Scratch::new(root.path()).unwrap();
        assert!(running.path().is_dir() && second.path().is_dir());
        drop(second);
        let running_name = running.path().file_name().unwrap().to_str().unwrap().to_owned();
        assert_eq!(names(root.path()), ["other".to_owned(), running_name.clone(), format!("{running_name}.lock")]);
    }
}
