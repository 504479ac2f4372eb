//! Skeletons: scratch folders that hold only the files a package manager may see.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use url::Url;

use crate::model::repository::RepoPath;

/// At most so many files: gitoxide's workspace, the largest of the corpus, needs about 250.
const FILE_LIMIT: usize = 4_000;
/// At most so many bytes in all, both in and out: four times the largest single file that is read.
const SIZE_LIMIT: u64 = 128 * 1024 * 1024;

/// Stands for every address that git is not to use: nobody has this name (RFC 6761), and the proxy lets nobody ask for it.
pub(super) const REFUSED_HOST: &str = "refused.invalid";

/// Beginnings of addresses that git is not to use: files of this machine, and what does not come over TLS.
const REFUSED_ADDRESSES: [&str; 8] = ["file:", "/", ".", "~", "git:", "git@", "ssh:", "http:"];

/// Why a skeleton could not be built or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SkeletonError {
    /// Too many files or bytes.
    #[error("lay out the project: it has {files} files with {bytes} bytes, more than a package manager is given")]
    TooLarge {
        /// How many files.
        files: usize,
        /// How many bytes.
        bytes: u64,
    },
    /// The tool left something else than a regular file, for example a symbolic link.
    #[error("read `{path}` back: it is not a regular file of reasonable size")]
    NotAFile {
        /// The path.
        path: RepoPath,
    },
    /// The scratch folder cannot be used.
    #[error("use the scratch folder")]
    Io(#[from] io::Error),
}

/// A scratch folder with the project's files, an empty folder and a home; gone when dropped.
pub(crate) struct Skeleton {
    // Held so that the folder lives as long as the skeleton.
    _scratch: TempDir,
    place: Place,
}

/// The folders of a skeleton.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The project's root, with the files that were named.
    pub(crate) project: PathBuf,
    /// An empty folder: tools that look for configuration from their working folder upwards find none.
    pub(crate) empty: PathBuf,
    /// `HOME` and all that belongs there.
    pub(crate) home: PathBuf,
    /// Package caches that the bot owns and shares between runs.
    pub(crate) cache: PathBuf,
}

impl Skeleton {
    /// Writes the files as regular files into a new scratch folder below `scratch`.
    pub(crate) fn new(
        scratch: &Path,
        cache: &Path,
        files: &BTreeMap<RepoPath, Vec<u8>>,
    ) -> Result<Self, SkeletonError> {
        let bytes = files.values().map(|content| content.len() as u64).sum();
        if files.len() > FILE_LIMIT || bytes > SIZE_LIMIT {
            return Err(SkeletonError::TooLarge { files: files.len(), bytes });
        }
        fs::create_dir_all(scratch)?;
        let folder = tempfile::Builder::new().prefix("skeleton-").tempdir_in(scratch)?;
        let root = folder.path().canonicalize()?;
        let place = Place {
            project: root.join("project"),
            empty: root.join("empty"),
            home: root.join("home"),
            cache: cache.to_path_buf(),
        };
        for folder in [&place.project, &place.empty, &place.home, &place.cache] {
            fs::create_dir_all(folder)?;
        }
        fs::write(place.home.join(".gitconfig"), git_configuration(&place.cache))?;
        let skeleton = Self { _scratch: folder, place };
        for (path, content) in files {
            skeleton.write(path, content)?;
        }
        Ok(skeleton)
    }

    /// Its folders.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// Writes one file, replacing what stands there.
    pub(crate) fn write(&self, path: &RepoPath, content: &[u8]) -> Result<(), SkeletonError> {
        self.refuse_links(path)?;
        let target = self.place.project.join(path.as_str());
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder)?;
        }
        Ok(fs::write(target, content)?)
    }

    /// Reads one file back; `None` when it is gone.
    pub(crate) fn read(&self, path: &RepoPath) -> Result<Option<Vec<u8>>, SkeletonError> {
        if !self.refuse_links(path)? {
            return Ok(None);
        }
        let file = fs::File::open(self.place.project.join(path.as_str()))?;
        let mut content = Vec::new();
        file.take(SIZE_LIMIT + 1).read_to_end(&mut content)?;
        if content.len() as u64 > SIZE_LIMIT {
            return Err(SkeletonError::NotAFile { path: path.clone() });
        }
        Ok(Some(content))
    }

    /// Refuses a path with a symbolic link in it or something else than a file at its end; whether the file exists.
    fn refuse_links(&self, path: &RepoPath) -> Result<bool, SkeletonError> {
        let mut current = self.place.project.clone();
        let mut components = path.as_str().split('/').peekable();
        while let Some(component) = components.next() {
            current.push(component);
            let kind = match fs::symlink_metadata(&current) {
                Ok(metadata) => metadata.file_type(),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
                Err(error) => return Err(error.into()),
            };
            let expected = if components.peek().is_some() { kind.is_dir() } else { kind.is_file() };
            if !expected {
                return Err(SkeletonError::NotAFile { path: path.clone() });
            }
        }
        Ok(true)
    }
}

/// What git is told by the skeleton's home. Cargo's own git (libgit2) reads it although it takes no notice of git's variables:
/// what a repository makes it fetch besides comes over TLS only, not from this machine, and links are checked out as
/// text. <https://git-scm.com/docs/git-config>, `url.<base>.insteadOf` and `core.symlinks`.
///
/// Cargo itself clones from the databases in its cache: the longest beginning wins, so that these stay what they are.
fn git_configuration(cache: &Path) -> String {
    let refused = REFUSED_ADDRESSES.map(|beginning| format!("\tinsteadOf = {beginning}\n")).concat();
    let databases = Url::from_directory_path(cache.join("cargo/git/db"));
    // Only a relative path has no address, and tools are given absolute ones.
    let databases = databases.map(|own| format!("[url \"{own}\"]\n\tinsteadOf = \"{own}\"\n")).unwrap_or_default();
    format!("[core]\n\tsymlinks = false\n[url \"https://{REFUSED_HOST}/\"]\n{refused}{databases}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RepoPath {
        RepoPath::new(text).unwrap()
    }

    #[test]
    fn only_the_named_files_are_there_and_links_are_refused_on_the_way_back() {
        let scratch = tempfile::tempdir().unwrap();
        let files = BTreeMap::from([(path("app/Cargo.toml"), b"[package]".to_vec())]);
        let skeleton = Skeleton::new(scratch.path(), &scratch.path().join("cache"), &files).unwrap();
        assert_eq!(skeleton.read(&path("app/Cargo.toml")).unwrap().unwrap(), b"[package]");
        assert_eq!(skeleton.read(&path("app/Cargo.lock")).unwrap(), None);
        std::os::unix::fs::symlink("/etc/hostname", skeleton.place().project.join("app/Cargo.lock")).unwrap();
        assert!(matches!(skeleton.read(&path("app/Cargo.lock")), Err(SkeletonError::NotAFile { .. })));
        assert!(skeleton.write(&path("app/Cargo.lock"), b"x").is_err(), "a write must not follow a link");
        std::os::unix::fs::symlink("/etc", skeleton.place().project.join("etc")).unwrap();
        assert!(skeleton.read(&path("etc/hostname")).is_err());
        let folder = skeleton.place().project.clone();
        drop(skeleton);
        assert!(!folder.exists());
    }

    #[test]
    fn a_project_with_too_many_files_is_refused() {
        let scratch = tempfile::tempdir().unwrap();
        let files = (0..=FILE_LIMIT).map(|number| (path(&format!("{number}/Cargo.toml")), Vec::new())).collect();
        let refused = Skeleton::new(scratch.path(), &scratch.path().join("cache"), &files);
        assert!(matches!(refused, Err(SkeletonError::TooLarge { .. })));
    }
}
