//! The local log of what tools say: for whoever runs patchparty, and for nobody else. Tools repeat what files hold, so that
//! none of it is published; here it lies beside the cache.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use crate::model::text::is_invisible;

/// What is kept of one run of a tool; the end of long messages says what happened.
const ENTRY_LIMIT: usize = 64 * 1024;
/// How long the log gets before it is put aside as `tools.log.old`, in place of the one before.
const FILE_LIMIT: u64 = 16 * 1024 * 1024;

/// A file that grows by what tools say when they fail.
#[derive(Debug)]
pub(crate) struct ToolLog {
    path: PathBuf,
    entries: AtomicUsize,
    writing: Mutex<()>,
}

impl ToolLog {
    /// The log beside a cache folder: `tools.log`.
    pub(crate) fn beside(cache: &Path) -> Self {
        Self { path: cache.with_file_name("tools.log"), entries: AtomicUsize::new(0), writing: Mutex::default() }
    }

    /// Adds what a tool said about a subject: a project and its lockfile. Nothing depends on the log: when it cannot be
    /// written, only that is noted.
    pub(crate) fn note(&self, subject: &str, title: &str, text: &str) {
        // A poisoned lock guards no data.
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        match self.write(&format!("{subject}: {title}"), text) {
            Ok(()) => _ = self.entries.fetch_add(1, Ordering::Relaxed),
            Err(error) => {
                tracing::debug!(path = %self.path.display(), %error, "the log of the tools cannot be written");
            }
        }
    }

    /// Where the log lies, when this process has written to it.
    pub(crate) fn written(&self) -> Option<&Path> {
        (self.entries.load(Ordering::Relaxed) > 0).then_some(&*self.path)
    }

    fn write(&self, title: &str, text: &str) -> io::Result<()> {
        if fs::symlink_metadata(&self.path).is_ok_and(|metadata| metadata.len() > FILE_LIMIT) {
            fs::rename(&self.path, self.path.with_extension("log.old"))?;
        }
        let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path)?;
        file.write_all(entry(title, text).as_bytes())
    }
}

/// One entry: no line begins with what a terminal or a workflow would take for a command, and nothing is invisible.
fn entry(title: &str, text: &str) -> String {
    let mut start = text.len().saturating_sub(ENTRY_LIMIT);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    // People look for one night and one project among many; whole seconds are enough.
    let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default();
    let mut written = format!("== {now} {} (process {})\n", plain(title), std::process::id());
    for line in text[start..].lines().filter(|line| !line.trim().is_empty()) {
        written.push_str(" | ");
        written.push_str(&plain(line));
        written.push('\n');
    }
    written
}

/// The text with everything invisible as an escape.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        if is_invisible(character) {
            plain.extend(character.escape_default());
        } else {
            plain.push(character);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_the_log_acts() {
        let folder = tempfile::tempdir().unwrap();
        let log = ToolLog::beside(&folder.path().join("tools"));
        log.note("acme/shop, Cargo.lock", "cargo update", "one\n::error::forged\n\u{1b}[2J\u{202e}two\r::x\n\n");
        log.note("acme\n::error::x", "npm", &"é".repeat(ENTRY_LIMIT));
        let text = fs::read_to_string(folder.path().join("tools.log")).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let [heading, second] =
            [lines[0], lines[4]].map(|line| line.strip_prefix("== ").unwrap().split_once(' ').unwrap());
        assert!(heading.0.ends_with('Z') && heading.0.len() == "2026-01-01T00:00:00Z".len(), "{text}");
        assert!(heading.1.starts_with("acme/shop, Cargo.lock: cargo update (process "), "{text}");
        assert_eq!(lines[1..4], [" | one", " | ::error::forged", " | \\u{1b}[2J\\u{202e}two\\r::x"]);
        assert!(second.1.starts_with("acme\\n::error::x: npm (process "));
        assert!(lines[5].len() <= ENTRY_LIMIT + 3, "{}", lines[5].len());
        assert!(!text.lines().any(|line| line.starts_with("::")));
    }
}
