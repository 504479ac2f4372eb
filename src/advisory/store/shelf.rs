//! The shelf: compiled indexes in the cache, each for one list of sources, replaced in one step.

use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use crate::advisory::database::AdvisoryDatabase;
use crate::advisory::index::{Compiled, FORMAT_VERSION};
use crate::config::policy::SourceConfig;
use crate::sandbox::vanishing::Vanishing;

/// An index that was not written for so long belongs to sources that nobody asks for any more, or is quickly compiled
/// anew.
const FORGOTTEN: Duration = Duration::from_hours(24 * 30);

/// The indexes of one list of sources.
pub(super) struct Shelf {
    folder: PathBuf,
    prefix: String,
}

impl Shelf {
    /// Those of a list. Names are digests, so that no text of a location is a path.
    pub(super) fn new(cache: &Path, sources: &[SourceConfig]) -> Self {
        let mut digest = Sha256::new();
        for source in sources {
            add(&mut digest, &format!("{:?}", source.kind));
            add(&mut digest, &source.location);
        }
        let digest = format!("{:x}", digest.finalize());
        Self { folder: cache.join("advisories"), prefix: format!("index-{}-", digest.get(..16).unwrap_or(&digest)) }
    }

    #[cfg(test)]
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Where an import is kept.
    pub(super) fn import(cache: &Path) -> PathBuf {
        cache.join("advisories").join("imported.ppdb")
    }

    /// The key of a content: of the sources' identities, and of everything in this program that decides how they are
    /// compiled.
    pub(super) fn key(identities: &[String]) -> String {
        let mut digest = Sha256::new();
        add(&mut digest, env!("CARGO_PKG_VERSION"));
        add(&mut digest, &FORMAT_VERSION.to_string());
        for identity in identities {
            add(&mut digest, identity);
        }
        format!("{:x}", digest.finalize())
    }

    /// The index of a content; `None` when there is none, or one that is damaged, which compiling anew repairs.
    pub(super) fn find(&self, key: &str) -> Option<(PathBuf, AdvisoryDatabase)> {
        let path = self.path(key);
        let database = AdvisoryDatabase::open_kept(&path).ok().filter(|database| database.metadata().key == key)?;
        Some((path, database))
    }

    /// The index that was written last, whatever its content.
    pub(super) fn latest(&self) -> Option<(PathBuf, AdvisoryDatabase)> {
        let mut found: Vec<(SystemTime, PathBuf)> = self.indexes(&self.prefix).collect();
        found.sort();
        found.into_iter().rev().find_map(|(_, path)| Some((path.clone(), AdvisoryDatabase::open_kept(&path).ok()?)))
    }

    /// Puts an index on the shelf and removes what it replaces.
    pub(super) fn put(&self, key: &str, compiled: &Compiled) -> std::io::Result<PathBuf> {
        let path = self.path(key);
        write(&path, compiled)?;
        let is_old = |time: &SystemTime| time.elapsed().is_ok_and(|age| age > FORGOTTEN);
        let replaced = self.indexes(&self.prefix).filter(|(_, other)| *other != path);
        let forgotten = self.indexes("index-").filter(|(time, other)| is_old(time) && *other != path);
        for (_, path) in replaced.chain(forgotten) {
            // Whoever has it open goes on reading it. One that stays only takes room.
            let _ = std::fs::remove_file(path);
        }
        Ok(path)
    }

    fn indexes(&self, prefix: &str) -> impl Iterator<Item = (SystemTime, PathBuf)> {
        let entries = std::fs::read_dir(&self.folder).ok().into_iter().flatten().filter_map(Result::ok);
        entries.filter_map(move |entry| {
            let name = entry.file_name();
            let name = name.to_str()?;
            let is_index =
                name.starts_with(prefix) && entry.path().extension().is_some_and(|extension| extension == "ppdb");
            is_index.then(|| Some((entry.metadata().ok()?.modified().ok()?, entry.path()))).flatten()
        })
    }

    fn path(&self, key: &str) -> PathBuf {
        self.folder.join(format!("{}{}.ppdb", self.prefix, key.get(..32).unwrap_or(key)))
    }
}

fn add(digest: &mut Sha256, text: &str) {
    digest.update((text.len() as u64).to_le_bytes());
    digest.update(text);
}

/// Writes an index, whole or not at all: a file of the same folder that only its owner may read takes the place of what
/// was there once all of it is on the disk.
pub(super) fn write(path: &Path, compiled: &Compiled) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    // Such a file has mode 0600 from its beginning, and is removed when something fails.
    let mut file = NamedTempFile::new_in(folder)?;
    let _vanishing = Vanishing::new(file.path());
    let mut sink = BufWriter::with_capacity(1 << 20, &mut file);
    compiled.write(&mut sink)?;
    std::io::Write::flush(&mut sink)?;
    drop(sink);
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}
