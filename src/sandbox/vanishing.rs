//! Vanishing: files and folders that are nobody's when the process ends, also when a signal ends it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// What is still there.
static LIVE: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// A file or folder that is removed when a signal ends the process. Whoever made it removes it in all other cases.
#[derive(Debug)]
pub(crate) struct Vanishing(PathBuf);

impl Vanishing {
    /// Holds for as long as what it gives lives.
    #[must_use]
    pub(crate) fn new(path: &Path) -> Self {
        LIVE.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned());
        Self(path.to_owned())
    }
}

impl Drop for Vanishing {
    fn drop(&mut self) {
        LIVE.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
    }
}

/// Removes what is still there and ends the process.
pub(crate) fn end(code: u8) -> ! {
    // Held until the end, so that nothing else is made meanwhile.
    let live = LIVE.lock().unwrap_or_else(PoisonError::into_inner);
    for path in live.iter() {
        // What cannot be removed is swept by the next run, as after a kill.
        let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    }
    std::process::exit(code.into())
}
