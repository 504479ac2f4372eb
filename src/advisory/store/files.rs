//! Files: the records of a source one by one, whatever holds them: a folder, a file, a zip or a commit.

use std::fs::File;
use std::io::{BufReader, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use walkdir::WalkDir;
use zip::ZipArchive;

use crate::advisory::contract::RecordFile;
use crate::model::tree::{EntryKind, ProjectTree};

/// Bounds of what is read: several times what OSV publishes for all ecosystems together. A single file may hold a whole
/// database.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Files in a folder or a zip.
    pub(super) files: usize,
    /// Bytes of one record.
    pub(super) record: u64,
    /// Bytes of a source that is one file.
    pub(super) single: u64,
    /// Bytes of all records.
    pub(super) total: u64,
    /// How long reading and understanding them may take.
    pub(super) time: Duration,
}

const LIMITS: Limits =
    Limits { files: 2_000_000, record: 8 << 20, single: 512 << 20, total: 8 << 30, time: Duration::from_mins(15) };

/// A zip unpacks to at most so many times its own bytes; what is below [`SMALL`] may. Records are compressed one by one, which
/// makes them three to eight times smaller (OSV's archives); deflate itself goes to 1,032 times.
const RATIO: u64 = 32;

/// What any zip may unpack to, and the records of any source may weigh.
const SMALL: u64 = 256 << 20;

/// What the records of any source may weigh in memory at most: the largest source in public, GitHub's database with all
/// that it has not reviewed, is a quarter of this.
const HEAVIEST: u64 = 4 << 30;

/// What records that are not compressed weigh in memory for each of their bytes, at most: lists of short versions take five.
const WEIGHT_OF_A_BYTE: u64 = 8;

/// Why the files of a source cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FilesError {
    /// There is nothing, or it may not be read.
    #[error("open it")]
    Unreadable(#[source] std::io::Error),
    /// The archive is damaged.
    #[error("open it as a zip archive")]
    NotAnArchive(#[source] zip::result::ZipError),
    /// It is more than any advisory source has.
    #[error("read it: it has more than {0}")]
    TooLarge(String),
    /// It takes longer than any advisory source does.
    #[error("read it: it takes longer than {} s", .0.as_secs())]
    TooSlow(Duration),
}

/// The files of a source.
pub(super) struct RecordFiles {
    holder: Holder,
    limits: Limits,
}

enum Holder {
    /// Paths from the root with the files themselves, sorted.
    Folder(Vec<(String, PathBuf)>),
    Single(String, PathBuf),
    Zip(PathBuf),
    Tree(Box<dyn ProjectTree>),
}

/// What is called for each file: its path, and the file unless it is too large or cannot be read.
type Visitor<'a> = &'a mut dyn FnMut(&str, Option<RecordFile<'_>>) -> ControlFlow<()>;

impl RecordFiles {
    /// Opens a folder (all the way down, links not followed), a zip (told by its first bytes), or a single file.
    pub(super) fn open(path: &Path) -> Result<Self, FilesError> {
        Self::open_within(path, LIMITS)
    }

    fn open_within(path: &Path, limits: Limits) -> Result<Self, FilesError> {
        let holder = if std::fs::metadata(path).map_err(FilesError::Unreadable)?.is_dir() {
            Holder::Folder(list(path, &limits)?)
        } else if is_archive(path)? {
            Holder::Zip(path.to_owned())
        } else {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            Holder::Single(name.unwrap_or_default(), path.to_owned())
        };
        Ok(Self { holder, limits })
    }

    /// Opens a zip or a single file that goes by another name than its own.
    pub(super) fn open_file(path: &Path, name: &str) -> Result<Self, FilesError> {
        let is_zip = is_archive(path)?;
        let holder =
            if is_zip { Holder::Zip(path.to_owned()) } else { Holder::Single(name.to_owned(), path.to_owned()) };
        Ok(Self { holder, limits: LIMITS })
    }

    /// The files of a commit.
    pub(super) fn of_tree(tree: Box<dyn ProjectTree>) -> Self {
        Self { holder: Holder::Tree(tree), limits: LIMITS }
    }

    /// Visits the files whose path is wanted, in the order of their paths, until the visitor has seen enough.
    pub(super) fn visit(&self, wanted: &dyn Fn(&str) -> bool, visitor: Visitor<'_>) -> Result<(), FilesError> {
        let total = self.total();
        let mut budget = Budget { left: total, limit: total, time: self.limits.time, start: Instant::now() };
        match &self.holder {
            Holder::Folder(files) => {
                for (path, file) in files.iter().filter(|(path, _)| wanted(path)) {
                    let content = budget.read(|| File::open(file), self.limits.record)?;
                    if present(path, content.as_deref(), visitor).is_break() {
                        break;
                    }
                }
            }
            Holder::Single(name, file) => {
                if wanted(name) {
                    let content = budget.read(|| File::open(file), self.limits.single)?;
                    let _ = present(name, content.as_deref(), visitor);
                }
            }
            Holder::Zip(file) => self.visit_zip(file, wanted, visitor, &mut budget)?,
            Holder::Tree(tree) => {
                let files = tree.entries().iter().filter(|entry| matches!(entry.kind, EntryKind::File { .. }));
                for entry in files.filter(|entry| wanted(entry.path.as_str())) {
                    // A blob that cannot be read is counted by the visitor, as one that is too large.
                    let content = tree.read(&entry.path).ok();
                    budget.spend(content.as_ref().map_or(0, |content| content.len() as u64))?;
                    if present(entry.path.as_str(), content.as_deref(), visitor).is_break() {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// How many bytes may come out.
    fn total(&self) -> u64 {
        match &self.holder {
            Holder::Zip(file) => self.limits.total.min(SMALL.max(size(file).saturating_mul(RATIO))),
            Holder::Folder(_) | Holder::Single(..) | Holder::Tree(_) => self.limits.total,
        }
    }

    /// What the records may weigh in memory once they are understood, after so many bytes of them.
    pub(super) fn heaviest(&self, bytes: u64) -> u64 {
        let weight = match &self.holder {
            // A zip's bytes are made of nothing: what counts is its own size.
            Holder::Zip(file) => size(file).saturating_mul(RATIO),
            Holder::Folder(_) | Holder::Single(..) | Holder::Tree(_) => bytes.saturating_mul(WEIGHT_OF_A_BYTE),
        };
        weight.clamp(SMALL, HEAVIEST)
    }

    fn visit_zip(
        &self,
        file: &Path,
        wanted: &dyn Fn(&str) -> bool,
        visitor: Visitor<'_>,
        budget: &mut Budget,
    ) -> Result<(), FilesError> {
        let reader = BufReader::new(File::open(file).map_err(FilesError::Unreadable)?);
        let mut archive = ZipArchive::new(reader).map_err(FilesError::NotAnArchive)?;
        if archive.len() > self.limits.files {
            return Err(FilesError::TooLarge(format!("{} files", self.limits.files)));
        }
        let mut names: Vec<(String, usize)> = (0..archive.len())
            .filter_map(|index| Some((archive.name_for_index(index)?.ok()?.into_owned(), index)))
            .filter(|(name, _)| !name.ends_with('/') && wanted(name))
            .collect();
        names.sort();
        for (name, index) in names {
            // The sizes in an archive are claims: what counts is how many bytes come out.
            let content = match archive.by_index(index) {
                Ok(entry) if !entry.is_symlink() => budget.read(|| Ok(entry), self.limits.record)?,
                Ok(_) | Err(_) => None,
            };
            if present(&name, content.as_deref(), visitor).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// What tells these files from others, and how many bytes they have: of a commit its name, of files their paths,
    /// sizes and times. Nothing of them is read.
    pub(super) fn identity(&self, wanted: &dyn Fn(&str) -> bool) -> (String, u64) {
        let mut digest = Sha256::new();
        let mut total = 0_u64;
        let mut add = |name: &str, file: &Path| {
            let metadata = std::fs::metadata(file).ok();
            let size = metadata.as_ref().map_or(0, std::fs::Metadata::len);
            let modified = metadata.and_then(|metadata| metadata.modified().ok());
            let modified = modified.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
            total = total.saturating_add(size);
            digest.update((name.len() as u64).to_le_bytes());
            digest.update(name);
            digest.update(size.to_le_bytes());
            digest.update(modified.map_or(0, |time| time.as_nanos()).to_le_bytes());
        };
        match &self.holder {
            Holder::Folder(files) => {
                files.iter().filter(|(name, _)| wanted(name)).for_each(|(name, file)| add(name, file));
            }
            Holder::Single(name, file) => add(name, file),
            Holder::Zip(file) => add("", file),
            Holder::Tree(tree) => {
                if let Some(commit) = tree.commit() {
                    return (format!("commit {commit}"), u64::MAX);
                }
                // A tree without a commit is none of ours; what it has tells it apart as well.
                for entry in tree.entries().iter().filter(|entry| wanted(entry.path.as_str())) {
                    digest.update(format!("{entry:?}"));
                }
                total = u64::MAX;
            }
        }
        (format!("files {:x}", digest.finalize()), total)
    }

    /// When the youngest file was written; `None` for a commit.
    pub(super) fn written_at(&self) -> Option<Timestamp> {
        let written = |path: &Path| Timestamp::try_from(std::fs::metadata(path).ok()?.modified().ok()?).ok();
        match &self.holder {
            Holder::Folder(files) => files.iter().filter_map(|(_, file)| written(file)).max(),
            Holder::Single(_, file) | Holder::Zip(file) => written(file),
            Holder::Tree(_) => None,
        }
    }
}

fn present(path: &str, content: Option<&[u8]>, visitor: Visitor<'_>) -> ControlFlow<()> {
    visitor(path, content.map(|content| RecordFile { path, content }))
}

fn size(file: &Path) -> u64 {
    std::fs::metadata(file).map_or(0, |metadata| metadata.len())
}

/// How many bytes may still be read, and until when.
struct Budget {
    left: u64,
    limit: u64,
    time: Duration,
    start: Instant,
}

impl Budget {
    /// The content, or `None` when it is larger than `limit` or cannot be read.
    fn read<R: Read>(
        &mut self,
        open: impl FnOnce() -> std::io::Result<R>,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, FilesError> {
        let mut content = Vec::new();
        let outcome = open().and_then(|reader| reader.take(limit.saturating_add(1)).read_to_end(&mut content));
        self.spend(content.len() as u64)?;
        Ok((outcome.is_ok() && content.len() as u64 <= limit).then_some(content))
    }

    fn spend(&mut self, bytes: u64) -> Result<(), FilesError> {
        if self.start.elapsed() > self.time {
            return Err(FilesError::TooSlow(self.time));
        }
        self.left = self
            .left
            .checked_sub(bytes)
            .ok_or_else(|| FilesError::TooLarge(format!("{} MiB of records", self.limit >> 20)))?;
        Ok(())
    }
}

/// The first bytes of a zip, and those of an empty one.
fn is_archive(path: &Path) -> Result<bool, FilesError> {
    let mut magic = Vec::new();
    let file = File::open(path).map_err(FilesError::Unreadable)?;
    file.take(4).read_to_end(&mut magic).map_err(FilesError::Unreadable)?;
    Ok(matches!(magic.as_slice(), b"PK\x03\x04" | b"PK\x05\x06"))
}

fn list(root: &Path, limits: &Limits) -> Result<Vec<(String, PathBuf)>, FilesError> {
    let mut files = Vec::new();
    let is_visible =
        |entry: &walkdir::DirEntry| entry.depth() == 0 || !entry.file_name().as_encoded_bytes().starts_with(b".");
    for entry in WalkDir::new(root).follow_links(false).into_iter().filter_entry(is_visible) {
        let entry = entry.map_err(|error| FilesError::Unreadable(error.into()))?;
        if !entry.file_type().is_file() {
            continue;
        }
        if files.len() >= limits.files {
            return Err(FilesError::TooLarge(format!("{} files", limits.files)));
        }
        let Ok(path) = entry.path().strip_prefix(root) else { continue };
        // A name that is not UTF-8 is no record's name.
        let components: Option<Vec<_>> = path.iter().map(|component| component.to_str()).collect();
        if let Some(components) = components {
            files.push((components.join("/"), entry.into_path()));
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::write::SimpleFileOptions;

    use super::*;
    use crate::advisory::contract::has_extension;

    fn small() -> Limits {
        Limits { files: 5, record: 100, single: 1_000, total: 400, time: Duration::from_mins(1) }
    }

    fn names_and_sizes(files: &RecordFiles) -> Result<Vec<(String, Option<usize>)>, FilesError> {
        let mut seen = Vec::new();
        files.visit(&|path| has_extension(path, "json"), &mut |path, file| {
            seen.push((path.to_owned(), file.map(|file| file.content.len())));
            ControlFlow::Continue(())
        })?;
        Ok(seen)
    }

    fn archive(path: &Path, entries: &[(&str, &[u8])]) {
        let mut archive = zip::ZipWriter::new(File::create(path).unwrap());
        for (name, content) in entries {
            archive.start_file(*name, SimpleFileOptions::default()).unwrap();
            archive.write_all(content).unwrap();
        }
        archive.finish().unwrap();
    }

    #[test]
    fn a_folder_is_read_in_order_without_links_and_hidden_folders() {
        let folder = tempfile::tempdir().unwrap();
        for (name, size) in [("b.json", 3), ("a/z.json", 2), (".git/x.json", 1), ("large.json", 101), ("x.txt", 1)] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, vec![b' '; size]).unwrap();
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link.json")).unwrap();
        let files = RecordFiles::open_within(folder.path(), small()).unwrap();
        let expected = [("a/z.json", Some(2)), ("b.json", Some(3)), ("large.json", None)];
        assert_eq!(names_and_sizes(&files).unwrap(), expected.map(|(name, size)| (name.to_owned(), size)));
        assert!(files.written_at().is_some());
    }

    #[test]
    fn a_zip_is_read_in_order_and_never_written_anywhere() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("all.zip");
        archive(&path, &[("z.json", b"{}"), ("../../escape.json", b"{}"), ("a.json", b"{}"), ("note.txt", b"x")]);
        let files = RecordFiles::open_within(&path, small()).unwrap();
        let names: Vec<_> = names_and_sizes(&files).unwrap().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["../../escape.json", "a.json", "z.json"]);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn bombs_are_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bomb.zip");
        let zeros = vec![0_u8; 10_000_000];
        archive(&path, &[("a.json", &zeros), ("b.json", b"{}")]);
        let files = RecordFiles::open_within(&path, small()).unwrap();
        let expected = [("a.json".to_owned(), None), ("b.json".to_owned(), Some(2))];
        assert_eq!(names_and_sizes(&files).unwrap(), expected);

        archive(&path, &[("a.json", &zeros), ("b.json", &zeros), ("c.json", &zeros), ("d.json", &zeros)]);
        let files = RecordFiles::open_within(&path, small()).unwrap();
        assert!(matches!(names_and_sizes(&files), Err(FilesError::TooLarge(_))));

        archive(&path, &["1", "2", "3", "4", "5", "6"].map(|name| (name, b"{}".as_slice())));
        let files = RecordFiles::open_within(&path, small()).unwrap();
        assert!(matches!(names_and_sizes(&files), Err(FilesError::TooLarge(_))));
    }

    #[test]
    fn a_zip_may_unpack_to_so_many_times_its_size_and_no_source_takes_forever() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bomb.zip");
        archive(&path, &[("a.json", b"{}")]);
        let files = RecordFiles::open(&path).unwrap();
        assert_eq!((files.total(), files.heaviest(u64::MAX)), (SMALL, SMALL));
        let sparse = File::options().append(true).open(&path).unwrap();
        sparse.set_len(100 << 20).unwrap();
        assert_eq!((files.total(), files.heaviest(0)), (3_200 << 20, 3_200 << 20));
        sparse.set_len(1 << 30).unwrap();
        assert_eq!((files.total(), files.heaviest(0)), (LIMITS.total, HEAVIEST));
        archive(&path, &[("a.json", b"{}")]);
        let files = RecordFiles::open_within(&path, Limits { time: Duration::ZERO, ..small() }).unwrap();
        assert!(matches!(names_and_sizes(&files), Err(FilesError::TooSlow(_))));
    }

    #[test]
    fn damaged_archives_and_absent_files_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("all.zip");
        archive(&path, &[("a.json", b"{}")]);
        let whole = std::fs::read(&path).unwrap();
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            // Whatever is left of the archive, it is an error or a file that cannot be read.
            if let Ok(files) = RecordFiles::open_within(&path, small()) {
                let _ = names_and_sizes(&files);
            }
        }
        for position in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[position] ^= 0xff;
            std::fs::write(&path, damaged).unwrap();
            if let Ok(files) = RecordFiles::open_within(&path, small()) {
                let _ = names_and_sizes(&files);
            }
        }
        assert!(RecordFiles::open(&folder.path().join("absent")).is_err());
    }
}
