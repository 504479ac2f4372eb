//! Working folders: the files as they stand on disk, links never followed.

mod listing;
mod tracked;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use sha2::{Digest as _, Sha256};

use crate::git::connection::open_options;
use crate::git::link;
use crate::model::repository::{CommitId, RepoPath};
use crate::model::tree::{ContentId, EntryKind, FILE_SIZE_LIMIT, ProjectTree, TreeEntry, TreeError};
use crate::model::unread::LeftOut;
use listing::Listing;
use tracked::Tracked;

/// The files below a folder, without `.git`, the folders of installed packages, and caches. What git tracks in these is
/// listed: whoever commits it says that it is no cache.
pub(crate) struct FolderTree {
    root: PathBuf,
    entries: Vec<TreeEntry>,
    refused: Vec<String>,
    left_out: Vec<LeftOut>,
    unreadable_indexes: Vec<String>,
    /// Read when one is asked for: most projects have none.
    submodules: OnceLock<BTreeMap<String, CommitId>>,
}

impl FolderTree {
    /// Lists a folder.
    pub(crate) fn open(folder: &Path) -> Result<Self, std::io::Error> {
        let root = folder.canonicalize()?;
        if !root.is_dir() {
            return Err(std::io::Error::from(std::io::ErrorKind::NotADirectory));
        }
        let Listing { mut entries, mut refused, mut left_out } = listing::list(&root)?;
        left_out.sort_by(|left, right| left.folder.cmp(&right.folder));
        let mut tracked = Tracked::default();
        for left_out in &left_out {
            tracked.look_into(&root, left_out);
        }
        let (tracked, more_refused, unreadable_indexes) = tracked.finish();
        entries.extend(tracked);
        refused.extend(more_refused);
        entries.sort_by(|left, right| left.path.cmp(&right.path));
        refused.sort_unstable();
        Ok(Self { root, entries, refused, left_out, unreadable_indexes, submodules: OnceLock::new() })
    }

    /// Refuses a path of which any folder has become a link since it was listed.
    fn passes_through_link(&self, path: &RepoPath) -> bool {
        let mut place = self.root.clone();
        path.as_str().split('/').any(|component| {
            place.push(component);
            place.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink())
        })
    }

    fn read_file(&self, path: &RepoPath) -> Result<Vec<u8>, TreeError> {
        let unreadable = |source: std::io::Error| TreeError::Unreadable { path: path.clone(), source: source.into() };
        let too_large = |size| TreeError::TooLarge { path: path.clone(), size, limit: FILE_SIZE_LIMIT };
        if self.passes_through_link(path) {
            return Err(TreeError::NotAFile { path: path.clone() });
        }
        let place = self.root.join(path.as_str());
        // Looked at before it is opened as well: opening a pipe would wait for a writer.
        if !place.symlink_metadata().map_err(unreadable)?.is_file() {
            return Err(TreeError::NotAFile { path: path.clone() });
        }
        let file = open_without_following(&place).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(TreeError::NotAFile { path: path.clone() });
        }
        if metadata.len() > FILE_SIZE_LIMIT {
            return Err(too_large(metadata.len()));
        }
        // One byte more than there is, so that nothing has to grow to find the end.
        let mut content = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default() + 1);
        // The file may grow while it is read.
        file.take(FILE_SIZE_LIMIT + 1).read_to_end(&mut content).map_err(unreadable)?;
        match u64::try_from(content.len()) {
            Ok(size) if size <= FILE_SIZE_LIMIT => Ok(content),
            Ok(size) => Err(too_large(size)),
            Err(_) => Err(too_large(u64::MAX)),
        }
    }
}

impl ProjectTree for FolderTree {
    fn entries(&self) -> &[TreeEntry] {
        &self.entries
    }

    fn read(&self, path: &RepoPath) -> Result<Vec<u8>, TreeError> {
        match self.kind(path) {
            None => Err(TreeError::Missing { path: path.clone() }),
            Some(EntryKind::Symlink | EntryKind::Submodule) => Err(TreeError::NotAFile { path: path.clone() }),
            Some(EntryKind::File { .. }) => self.read_file(path),
        }
    }

    fn refused(&self) -> &[String] {
        &self.refused
    }

    fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    fn unreadable_indexes(&self) -> &[String] {
        &self.unreadable_indexes
    }

    fn commit(&self) -> Option<&CommitId> {
        None
    }

    /// The digest of what stands there: the file is read for it.
    fn content_id(&self, path: &RepoPath) -> Option<ContentId> {
        self.read(path).ok().map(|content| ContentId(Sha256::digest(content).to_vec()))
    }

    fn size(&self, path: &RepoPath) -> Option<u64> {
        let metadata = self.root.join(path.as_str()).symlink_metadata().ok()?;
        metadata.is_file().then_some(metadata.len())
    }

    /// As the index of the repository says, which is what the next commit has; `None` where the folder is not the top of a
    /// repository.
    fn submodule_commit(&self, path: &RepoPath) -> Option<CommitId> {
        self.submodules.get_or_init(|| submodules(&self.root).unwrap_or_default()).get(path.as_str()).cloned()
    }
}

/// The commits of all submodules by path, read once: there may be as many as there are files. A folder without history, or
/// one that git cannot read, only costs the commits.
fn submodules(root: &Path) -> Option<BTreeMap<String, CommitId>> {
    let repository = own_repository(root)?;
    let index = repository.index_or_empty().ok()?;
    let submodules = index.entries().iter().filter(|entry| entry.mode.is_submodule());
    let named = submodules.filter_map(|entry| {
        let path = std::str::from_utf8(entry.path(&index)).ok()?;
        Some((path.to_owned(), CommitId::new(&entry.id.to_string()).ok()?))
    });
    Some(named.collect())
}

/// The repository that stands at exactly `root`, if its data are its own.
fn own_repository(root: &Path) -> Option<gix::Repository> {
    link::check(root).ok()?;
    gix::open_opts(root, open_options()).ok()
}

#[cfg(unix)]
fn open_without_following(path: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    File::options().read(true).custom_flags(i32::try_from(flags.bits()).unwrap_or_default()).open(path)
}

#[cfg(not(unix))]
fn open_without_following(path: &Path) -> std::io::Result<File> {
    File::open(path)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn path(text: &str) -> RepoPath {
        RepoPath::new(text).expect("a safe path")
    }

    fn write(root: &Path, name: &str, content: &str) {
        let file = root.join(name);
        std::fs::create_dir_all(file.parent().expect("it has one")).expect("folders");
        std::fs::write(file, content).expect("written");
    }

    const CACHE: &str = "Signature: 8a477f597d28d172789f06886806bc55\n";
    const AUTOLOADER: &str =
        "<?php\nrequire_once __DIR__ . '/composer/autoload_real.php';\nreturn ComposerAutoloaderInit1::getLoader();\n";

    #[test]
    fn installed_packages_and_build_output_are_left_out_and_named() {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in [
            ("Cargo.lock", ""),
            ("app/package-lock.json", "mine"),
            ("app/node_modules/.package-lock.json", "{}"),
            ("app/node_modules/x/package-lock.json", ""),
            ("php/vendor/autoload.php", AUTOLOADER),
            ("php/vendor/composer/installed.json", "{}"),
            ("php/vendor/x/composer.lock", ""),
            ("go/vendor/Cargo.lock", ""),
            ("target/CACHEDIR.TAG", CACHE),
            ("target/package/x/Cargo.lock", ""),
            (".venv/pyvenv.cfg", "home = /usr/bin\n"),
            (".venv/lib/requirements.txt", ""),
            ("src/target/Cargo.lock", ""),
            (".git/config", ""),
            ("module/.git", ""),
            ("bad\\name/Cargo.lock", ""),
        ] {
            write(folder.path(), name, text);
        }
        let tree = FolderTree::open(folder.path()).expect("listed");
        let names: Vec<&str> = tree.entries().iter().map(|entry| entry.path.as_str()).collect();
        assert_eq!(names, ["Cargo.lock", "app/package-lock.json", "go/vendor/Cargo.lock", "src/target/Cargo.lock"]);
        assert_eq!(tree.refused(), ["bad\\name/Cargo.lock"]);
        let left_out: Vec<&str> = tree.left_out().iter().map(|it| it.folder.as_str()).collect();
        assert_eq!(left_out, [".venv/", "app/node_modules/", "php/vendor/", "target/"]);
        assert_eq!(tree.read(&path("app/package-lock.json")).expect("read"), b"mine");
        assert!(matches!(tree.read(&path("nothing")), Err(TreeError::Missing { .. })));
    }

    #[test]
    fn a_marker_without_its_content_hides_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let lockfiles =
            ["a/Cargo.lock", "b/vendor/x/composer.lock", "c/node_modules/x/yarn.lock", "d/poetry.lock", "e/Cargo.lock"];
        for name in lockfiles {
            write(folder.path(), name, "");
        }
        for (name, text) in [
            ("CACHEDIR.TAG", CACHE),
            ("a/CACHEDIR.TAG", "Signature: of our own\n"),
            ("b/vendor/autoload.php", ""),
            ("d/pyvenv.cfg", ""),
        ] {
            write(folder.path(), name, text);
        }
        symlink(folder.path().join("CACHEDIR.TAG"), folder.path().join("e/CACHEDIR.TAG")).expect("a link");
        let tree = FolderTree::open(folder.path()).expect("listed");
        assert_eq!(tree.left_out(), []);
        for name in lockfiles {
            assert!(tree.kind(&path(name)).is_some(), "{name}");
        }
    }

    #[test]
    fn what_git_tracks_is_listed_whatever_marks_its_folder() {
        let source = crate::git::scratch::Scratch::new();
        source.write("build/CACHEDIR.TAG", CACHE);
        source.write("build/app/Cargo.lock", "");
        source.write("node_modules/.package-lock.json", "{}");
        source.write("node_modules/app/package-lock.json", "");
        source.commit("all of it");
        source.write("build/new/Cargo.lock", "");
        let tree = FolderTree::open(source.path()).expect("listed");
        for name in ["build/app/Cargo.lock", "node_modules/app/package-lock.json"] {
            assert!(matches!(tree.kind(&path(name)), Some(EntryKind::File { .. })), "{name}");
        }
        assert_eq!(tree.kind(&path("build/new/Cargo.lock")), None);
        assert_eq!(tree.left_out().len(), 2);
    }

    #[test]
    fn a_repository_above_the_folder_or_below_it_says_what_it_tracks() {
        let outside = tempfile::tempdir().expect("a folder");
        let source = crate::git::scratch::Scratch::new();
        source.write("backend/app/CACHEDIR.TAG", CACHE);
        source.write("backend/app/Cargo.lock", "");
        source.commit("all of it");
        source.write("backend/app/new/Cargo.lock", "");
        // No repository, which git passes over as well.
        std::fs::create_dir(source.path().join("backend/.git")).expect("a folder");
        let inside = outside.path().join("inside");
        source.git(&["clone", "-q", ".", inside.to_str().expect("text")]);
        for (folder, wanted) in [
            (source.path().join("backend"), "app/Cargo.lock"),
            (inside.join("backend"), "app/Cargo.lock"),
            (outside.path().to_owned(), "inside/backend/app/Cargo.lock"),
        ] {
            let tree = FolderTree::open(&folder).expect("listed");
            let names = tree.entries().iter().map(|entry| entry.path.as_str());
            let names: Vec<&str> = names.filter(|name| name.ends_with("Cargo.lock")).collect();
            assert_eq!(names, [wanted], "{}", folder.display());
            assert_eq!((tree.left_out().len(), tree.unreadable_indexes()), (1, [].as_slice()));
        }
    }

    #[test]
    fn an_index_that_cannot_be_read_is_named_where_something_was_left_out() {
        let source = crate::git::scratch::Scratch::new();
        source.write("backend/app/CACHEDIR.TAG", CACHE);
        source.write("backend/app/Cargo.lock", "");
        source.write("other/Cargo.lock", "");
        source.commit("all of it");
        let index = source.path().join(".git/index");
        let whole = std::fs::read(&index).expect("readable");
        let told = |folder: &str| {
            let tree = FolderTree::open(&source.path().join(folder)).expect("listed");
            assert!(tree.entries().len() < 2, "{folder}");
            tree.unreadable_indexes().to_vec()
        };
        let half = whole.get(..whole.len() / 2).expect("half of it").to_vec();
        for junk in [b"junk".to_vec(), Vec::new(), half] {
            std::fs::write(&index, junk).expect("written");
            assert_eq!(told("."), [".git/index"]);
            assert_eq!(told("backend"), ["../.git/index"]);
            assert_eq!(told("other"), Vec::<String>::new(), "nothing depends on it");
        }
        std::fs::remove_file(&index).expect("removed");
        assert_eq!(told("backend"), ["../.git/index"]);
        std::fs::create_dir(&index).expect("a folder");
        assert_eq!(told("backend"), ["../.git/index"]);
        // What leads to a repository that does not point back.
        std::fs::rename(source.path().join(".git"), source.path().join("elsewhere")).expect("renamed");
        write(source.path(), "backend/.git", "gitdir: ../elsewhere\n");
        assert_eq!(told("backend"), [".git/index"]);
    }

    #[test]
    fn what_is_nested_too_deep_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), &format!("{}Cargo.lock", "d/".repeat(255)), "");
        write(folder.path(), &format!("{}Cargo.lock", "e/".repeat(256)), "");
        let tree = FolderTree::open(folder.path()).expect("listed");
        assert_eq!(tree.entries().len(), 1);
        assert_eq!(tree.refused(), [format!("{}e/", "e/".repeat(255))]);
    }

    #[test]
    fn the_index_tells_the_commit_of_a_submodule() {
        let source = crate::git::scratch::Scratch::new();
        source.write("Cargo.lock", "");
        let inner = source.commit("inner").to_string();
        source.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{inner},library")]);
        let tree = FolderTree::open(source.path()).expect("listed");
        assert_eq!(tree.submodule_commit(&path("library")).map(|it| it.to_string()), Some(inner));
        assert_eq!(tree.submodule_commit(&path("Cargo.lock")), None);
        let plain = tempfile::tempdir().expect("a folder");
        assert_eq!(FolderTree::open(plain.path()).expect("listed").submodule_commit(&path("library")), None);
    }

    #[test]
    fn links_are_listed_and_never_followed() {
        let (folder, outside) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        write(outside.path(), "Cargo.lock", "secret");
        write(folder.path(), "app/Cargo.lock", "mine");
        write(folder.path(), "late", "mine");
        symlink(outside.path().join("Cargo.lock"), folder.path().join("Cargo.lock")).expect("a link");
        symlink(outside.path(), folder.path().join("linked")).expect("a link");
        symlink("/nowhere", folder.path().join("dangling")).expect("a link");
        let tree = FolderTree::open(folder.path()).expect("listed");
        for name in ["Cargo.lock", "linked", "dangling"] {
            assert_eq!(tree.kind(&path(name)), Some(EntryKind::Symlink), "{name}");
            assert!(matches!(tree.read(&path(name)), Err(TreeError::NotAFile { .. })), "{name}");
        }
        assert_eq!(tree.kind(&path("linked/Cargo.lock")), None);

        // A folder or file that becomes a link after it was listed.
        std::fs::remove_dir_all(folder.path().join("app")).expect("removed");
        symlink(outside.path(), folder.path().join("app")).expect("a link");
        assert!(matches!(tree.read(&path("app/Cargo.lock")), Err(TreeError::NotAFile { .. })));
        std::fs::remove_file(folder.path().join("late")).expect("removed");
        symlink(outside.path().join("Cargo.lock"), folder.path().join("late")).expect("a link");
        assert!(matches!(tree.read(&path("late")), Err(TreeError::NotAFile { .. })));
        assert!(open_without_following(&folder.path().join("late")).is_err(), "the system refuses as well");
    }

    #[test]
    fn a_large_file_is_refused_by_its_size() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = File::create(folder.path().join("composer.lock")).expect("created");
        file.set_len(FILE_SIZE_LIMIT + 1).expect("sparse");
        let tree = FolderTree::open(folder.path()).expect("listed");
        assert!(matches!(tree.read(&path("composer.lock")), Err(TreeError::TooLarge { .. })));
        assert!(FolderTree::open(&folder.path().join("composer.lock")).is_err(), "a file is no folder");
    }
}
