//! Descendants: kills everything that a package manager has started, also what it has cut loose.
//!
//! A process whose parent ends becomes a child of the nearest subreaper, whatever session it is in. So whoever is one and
//! kills its children until none are left has killed them all.

use std::collections::BTreeMap;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper, wait};

use super::raw;

/// How long it is tried. A killed process is gone at once unless the kernel itself is stuck in it.
const LIMIT: Duration = Duration::from_secs(10);

/// Makes this process inherit whatever its descendants cut loose.
pub(super) fn adopt() -> rustix::io::Result<()> {
    set_child_subreaper(Some(getpid()))
}

/// Kills every descendant and waits until none is left; whether that came about.
pub(super) fn end_all() -> bool {
    let deadline = Instant::now() + LIMIT;
    loop {
        if getpid().as_raw_nonzero().get() == 1 {
            // The first process of a namespace sees all others by their numbers there, but `/proc` has those of outside.
            raw::kill_namespace();
        } else {
            for process in descendants() {
                // Whoever is gone already is no error.
                let _ = kill_process(process, Signal::KILL);
            }
        }
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some(_)) | Err(Errno::INTR) => {}
                Ok(None) => break,
                Err(_) => return true,
            }
        }
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// All processes below this one, by the parents that `/proc` names.
fn descendants() -> Vec<Pid> {
    let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(number) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // Whoever has ended meanwhile has no file any more.
        let Ok(status) = fs::read_to_string(entry.path().join("stat")) else { continue };
        // `number (name) state parent …`: the name may hold anything, and the last parenthesis ends it.
        let parent = status.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse().ok());
        children.entry(parent.unwrap_or_default()).or_default().push(number);
    }
    let mut found = Vec::new();
    let mut open = vec![getpid().as_raw_nonzero().get()];
    while let Some(parent) = open.pop() {
        let below = children.remove(&parent).unwrap_or_default();
        found.extend(below.iter().filter_map(|number| Pid::from_raw(*number)));
        open.extend(below);
    }
    found
}
