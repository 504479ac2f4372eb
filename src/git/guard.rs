//! Guards of a mirror: one writer at a time, and an end to fetches that take too long or grow too large.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::net::limits::PACK;

/// How often both are looked at.
const WATCH_INTERVAL: Duration = Duration::from_millis(250);

/// How long another run may hold the mirror.
const LOCK_TIME_LIMIT: Duration = Duration::from_mins(2);

/// Why a fetch was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Limit {
    /// It took too long.
    #[error("the fetch took longer than {} s", PACK.total.as_secs())]
    Time,
    /// It became too large.
    #[error("the repository has more than {} GiB", PACK.bytes >> 30)]
    Size,
    /// Another run works on the same mirror.
    #[error("another run has been using the mirror for {} s", LOCK_TIME_LIMIT.as_secs())]
    Busy,
}

/// A watch that can be called off.
pub(super) struct Watch {
    stop: Sender<()>,
    thread: JoinHandle<Option<Limit>>,
}

impl Watch {
    /// Ends the watch; says which limit was passed.
    pub(super) fn finish(self) -> Option<Limit> {
        drop(self.stop);
        // A watch that panicked has stopped nothing.
        self.thread.join().unwrap_or(None)
    }
}

/// Sets `interrupt` when a fetch into `objects` passes a limit.
pub(super) fn watch(objects: &Path, interrupt: &Arc<AtomicBool>) -> Watch {
    let (stop, stopped) = channel();
    let (packs, interrupt) = (objects.join("pack"), Arc::clone(interrupt));
    let thread = std::thread::spawn(move || {
        let start = Instant::now();
        while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(WATCH_INTERVAL) {
            let limit = if start.elapsed() > PACK.total {
                Limit::Time
            } else if size_of_files(&packs) > PACK.bytes {
                Limit::Size
            } else {
                continue;
            };
            interrupt.store(true, Ordering::Relaxed);
            return Some(limit);
        }
        None
    });
    Watch { stop, thread }
}

fn size_of_files(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries.flatten().filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).sum()
}

/// A lock on a mirror's folder, given back when dropped (and by the system when the process ends).
pub(super) struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Waits for other runs that use the same folder, within limits.
    pub(super) fn take(folder: &Path) -> Result<Self, std::io::Error> {
        let mut path = folder.as_os_str().to_owned();
        path.push(".lock");
        let path = PathBuf::from(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        let file = File::options().create(true).truncate(false).write(true).open(path)?;
        let start = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::Error(error)) => return Err(error),
                Err(TryLockError::WouldBlock) if start.elapsed() > LOCK_TIME_LIMIT => {
                    return Err(std::io::Error::new(std::io::ErrorKind::WouldBlock, Limit::Busy));
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(WATCH_INTERVAL),
            }
        }
    }
}
