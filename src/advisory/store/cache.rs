//! The cache: what was fetched, switched from old to new in one step.

use std::io::Write;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use crate::model::repository::CommitId;

/// The place of one source in the cache.
pub(super) struct Slot {
    folder: PathBuf,
    key: String,
}

/// What the slot holds. It names the content, so that writing it is the step from old to new.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    /// When the content was last fetched or found unchanged.
    pub(super) fetched_at: Timestamp,
    /// What it is.
    pub(super) content: Content,
}

/// What was fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Content {
    /// A commit of the mirror.
    Commit(CommitId),
    /// A file, named for its bytes, with what a conditional request needs.
    File {
        /// Its SHA-256 in hexadecimal digits.
        digest: String,
        /// Its name at the address, which tells the format.
        name: String,
        /// The server's `ETag`.
        etag: Option<String>,
        /// The server's `Last-Modified`.
        last_modified: Option<String>,
    },
}

impl Slot {
    /// The slot of a location. Its name is a digest, so that no text of the location is a path.
    pub(super) fn new(cache: &Path, location: &str) -> Self {
        let digest = format!("{:x}", Sha256::digest(location.as_bytes()));
        Self { folder: cache.join("advisories"), key: digest[..32].to_owned() }
    }

    /// The folder that it is in.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the slot holds; `None` when it is empty or damaged, which a fetch repairs.
    pub(super) fn stamp(&self) -> Option<Stamp> {
        serde_json::from_slice(&std::fs::read(self.path("stamp.json")).ok()?).ok()
    }

    /// Writes the stamp, whole or not at all.
    pub(super) fn put_stamp(&self, stamp: &Stamp) -> std::io::Result<()> {
        let mut file = self.scratch()?;
        file.write_all(&serde_json::to_vec(stamp)?)?;
        file.persist(self.path("stamp.json"))?;
        Ok(())
    }

    /// A file beside the content that vanishes unless it is kept.
    pub(super) fn scratch(&self) -> std::io::Result<NamedTempFile> {
        std::fs::create_dir_all(&self.folder)?;
        NamedTempFile::new_in(&self.folder)
    }

    /// The path of a file with this digest, whether or not it exists. Only hexadecimal digits are a digest.
    pub(super) fn file(&self, digest: &str) -> Option<PathBuf> {
        let is_digest = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_digest.then(|| self.path(&format!("{}.data", &digest[..32])))
    }

    /// The folder of the mirror.
    pub(super) fn mirror(&self) -> PathBuf {
        self.path("git")
    }

    fn path(&self, ending: &str) -> PathBuf {
        self.folder.join(format!("{}.{ending}", self.key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_survives_and_a_damaged_one_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let slot = Slot::new(folder.path(), "https://example.org/../../all.zip");
        assert_eq!(slot.stamp(), None);
        let stamp = Stamp {
            fetched_at: "2026-11-21T03:00:00Z".parse().unwrap(),
            content: Content::File {
                digest: "a".repeat(64),
                name: "all.zip".to_owned(),
                etag: Some("\"x\"".to_owned()),
                last_modified: None,
            },
        };
        slot.put_stamp(&stamp).unwrap();
        assert_eq!(slot.stamp(), Some(stamp));
        std::fs::write(slot.path("stamp.json"), b"{\"fetched_at\":").unwrap();
        assert_eq!(slot.stamp(), None);
        assert!(slot.path("stamp.json").starts_with(folder.path().join("advisories")));
    }

    #[test]
    fn a_digest_is_never_a_path_elsewhere() {
        let slot = Slot::new(Path::new("cache"), "x");
        assert!(slot.file(&"../".repeat(21)).is_none());
        assert!(slot.file("").is_none());
        assert!(slot.file(&"0f".repeat(32)).is_some());
    }
}
