//! Trees: the files of a commit, read as blobs.

use std::collections::HashMap;
use std::path::Path;

use gix::objs::tree::EntryKind as GitKind;

use crate::git::connection::open_options;
use crate::model::repository::{CommitId, RepoPath};
use crate::model::tree::{ContentId, EntryKind, FILE_SIZE_LIMIT, ProjectTree, TreeEntry, TreeError};

/// A tree may have this many entries, folders included. The Linux kernel has 95,000; a "git bomb" of ten folders that each
/// name ten others ten levels deep has ten billion.
const ENTRY_LIMIT: usize = 2_000_000;

/// All paths together may have this many bytes: a bomb of sixteen objects with long names fills memory before it has two
/// million entries. The paths of the Linux kernel have 4 MB.
const PATHS_SIZE_LIMIT: usize = 128 * 1024 * 1024;

/// One and the same folder may stand in so many places: a bomb repeats a few objects, and is told long before it has filled
/// memory. Honest repositories repeat folders of fixtures and templates some hundred times.
const REPEAT_LIMIT: usize = 20_000;

/// The files of one commit in a bare repository.
pub(crate) struct GitTree {
    commit: CommitId,
    entries: Vec<TreeEntry>,
    /// The object of each entry, at the same position.
    objects: Vec<gix::ObjectId>,
    refused: Vec<String>,
    repository: gix::ThreadSafeRepository,
}

/// A tree that is larger than anything real.
#[derive(Debug, thiserror::Error)]
#[error(
    "the tree has more than {ENTRY_LIMIT} entries, paths of more than {} MiB, or one folder at more than {REPEAT_LIMIT} places",
    PATHS_SIZE_LIMIT >> 20
)]
struct TooLarge;

impl GitTree {
    /// Opens the tree of a commit. Paths that are not safe (see [`RepoPath`]), or that stand for several objects, are left
    /// out of the entries and named apart.
    pub(crate) fn open(repository: &Path, commit: &CommitId) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let shared = gix::open_opts(repository, open_options())?.into_sync();
        let repository = shared.to_thread_local();
        let id = gix::ObjectId::from_hex(commit.as_str().as_bytes())?;
        let root = repository.find_commit(id)?.tree_id()?.detach();
        let mut listing = Listing::default();
        listing.walk(&repository, root)?;
        let (entries, objects, refused) = listing.finish();
        Ok(Self { commit: commit.clone(), entries, objects, refused, repository: shared })
    }

    fn read_blob(&self, path: &RepoPath, id: gix::ObjectId) -> Result<Vec<u8>, TreeError> {
        let unreadable = |source: gix::Error| TreeError::Unreadable { path: path.clone(), source: source.into() };
        let repository = self.repository.to_thread_local();
        // The header tells the size without decoding the object.
        let size = repository.find_header(id).map_err(unreadable)?.size();
        if size > FILE_SIZE_LIMIT {
            return Err(TreeError::TooLarge { path: path.clone(), size, limit: FILE_SIZE_LIMIT });
        }
        Ok(repository.find_blob(id).map_err(unreadable)?.take_data())
    }
}

impl ProjectTree for GitTree {
    fn entries(&self) -> &[TreeEntry] {
        &self.entries
    }

    fn read(&self, path: &RepoPath) -> Result<Vec<u8>, TreeError> {
        let missing = || TreeError::Missing { path: path.clone() };
        let position = self.entries.binary_search_by(|entry| entry.path.cmp(path)).map_err(|_| missing())?;
        match (&self.entries[position].kind, self.objects.get(position)) {
            (EntryKind::File { .. }, Some(id)) => self.read_blob(path, *id),
            (EntryKind::Symlink | EntryKind::Submodule, Some(_)) => Err(TreeError::NotAFile { path: path.clone() }),
            (_, None) => Err(missing()),
        }
    }

    fn refused(&self) -> &[String] {
        &self.refused
    }

    fn commit(&self) -> Option<&CommitId> {
        Some(&self.commit)
    }

    /// The object's own name.
    fn content_id(&self, path: &RepoPath) -> Option<ContentId> {
        let position = self.entries.binary_search_by(|entry| entry.path.cmp(path)).ok()?;
        match (&self.entries.get(position)?.kind, self.objects.get(position)) {
            (EntryKind::File { .. }, Some(id)) => Some(ContentId(id.as_bytes().to_vec())),
            (EntryKind::File { .. } | EntryKind::Symlink | EntryKind::Submodule, _) => None,
        }
    }

    fn submodule_commit(&self, path: &RepoPath) -> Option<CommitId> {
        let position = self.entries.binary_search_by(|entry| entry.path.cmp(path)).ok()?;
        self.entries.get(position).filter(|entry| entry.kind == EntryKind::Submodule)?;
        CommitId::new(&self.objects.get(position)?.to_string()).ok()
    }
}

/// What a walk has seen.
#[derive(Default)]
struct Listing {
    found: Vec<(TreeEntry, gix::ObjectId)>,
    seen: usize,
    /// The bytes of all paths so far.
    paths_size: usize,
    refused: Vec<String>,
}

impl Listing {
    /// Lists a tree with a stack of our own: the depth of a hostile tree must not become the depth of our calls.
    fn walk(
        &mut self,
        repository: &gix::Repository,
        root: gix::ObjectId,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let mut folders = vec![(String::new(), root)];
        let mut visits: HashMap<gix::ObjectId, usize> = HashMap::new();
        while let Some((prefix, id)) = folders.pop() {
            let visit = visits.entry(id).or_default();
            *visit += 1;
            if *visit > REPEAT_LIMIT {
                return Err(Box::new(TooLarge));
            }
            let tree = repository.find_tree(id)?;
            for entry in tree.iter() {
                let entry = entry?;
                self.seen += 1;
                self.paths_size += prefix.len() + entry.filename().len();
                if self.seen > ENTRY_LIMIT || self.paths_size > PATHS_SIZE_LIMIT {
                    return Err(Box::new(TooLarge));
                }
                // A name with a slash would smuggle a path past the check of its components.
                let name = std::str::from_utf8(entry.filename()).ok().filter(|name| !name.contains('/'));
                let path = name.and_then(|name| RepoPath::new(&format!("{prefix}{name}")).ok());
                let Some(path) = path else {
                    let folder = if entry.kind() == GitKind::Tree { "/" } else { "" };
                    self.refused.push(format!("{prefix}{}{folder}", String::from_utf8_lossy(entry.filename())));
                    continue;
                };
                let kind = match entry.kind() {
                    GitKind::Tree => {
                        folders.push((format!("{path}/"), entry.object_id()));
                        continue;
                    }
                    GitKind::Blob => EntryKind::File { executable: false },
                    GitKind::BlobExecutable => EntryKind::File { executable: true },
                    GitKind::Link => EntryKind::Symlink,
                    GitKind::Commit => EntryKind::Submodule,
                };
                self.found.push((TreeEntry { path, kind }, entry.object_id()));
            }
        }
        Ok(())
    }

    /// Sorts, and leaves out paths that stand for several objects: git and a file system would disagree about them.
    fn finish(mut self) -> (Vec<TreeEntry>, Vec<gix::ObjectId>, Vec<String>) {
        self.found.sort_by(|left, right| left.0.path.cmp(&right.0.path));
        let mut unique: Vec<(TreeEntry, gix::ObjectId)> = Vec::with_capacity(self.found.len());
        for group in self.found.chunk_by(|left, right| left.0.path == right.0.path) {
            match group {
                [only] => unique.push(only.clone()),
                several => self.refused.extend(several.iter().map(|(entry, _)| entry.path.to_string())),
            }
        }
        let (entries, objects) = unique.into_iter().unzip();
        self.refused.sort_unstable();
        (entries, objects, self.refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::scratch::Scratch;

    fn path(text: &str) -> RepoPath {
        RepoPath::new(text).expect("a safe path")
    }

    #[test]
    fn files_links_and_submodules_are_told_apart() {
        let source = Scratch::new();
        source.write("apps/web/package-lock.json", "{}");
        source.write("apps.txt", "sorts between `apps-x` and `apps/`");
        let script = source.write("bin/run", "#!/bin/sh");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(script, std::fs::Permissions::from_mode(0o755)).expect("executable");
            std::os::unix::fs::symlink("/etc/passwd", source.path().join("Cargo.lock")).expect("a link");
        }
        let inner = source.commit("first");
        source.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{inner},library")]);
        source.git(&["commit", "-q", "-m", "submodule"]);
        let tree = GitTree::open(source.path(), &source.tip("HEAD")).expect("its tree");
        let names: Vec<&str> = tree.entries().iter().map(|entry| entry.path.as_str()).collect();
        assert_eq!(names, ["Cargo.lock", "apps.txt", "apps/web/package-lock.json", "bin/run", "library"]);
        assert_eq!(tree.kind(&path("bin/run")), Some(EntryKind::File { executable: true }));
        assert_eq!(tree.submodule_commit(&path("library")).map(|it| it.to_string()), Some(inner.to_string()));
        assert_eq!(tree.submodule_commit(&path("apps.txt")), None);
        assert_eq!(tree.read(&path("apps/web/package-lock.json")).expect("read"), b"{}");
        for special in ["Cargo.lock", "library"] {
            assert!(matches!(tree.read(&path(special)), Err(TreeError::NotAFile { .. })), "{special}");
        }
        assert!(matches!(tree.read(&path("apps")), Err(TreeError::Missing { .. })));
        assert!(tree.refused().is_empty());
    }

    #[test]
    fn unsafe_paths_are_left_out_and_named() {
        let source = Scratch::new();
        let blob = source.git_with_input(&["hash-object", "-w", "--stdin"], b"evil");
        let subtree = source.git_with_input(&["mktree"], format!("100644 blob {blob}\tCargo.lock\n").as_bytes());
        let listing = format!("100644 blob {blob}\tok\x00040000 tree {subtree}\t..\x00100644 blob {blob}\t.GIT\0");
        let root = source.git_with_input(&["mktree", "-z"], listing.as_bytes());
        let commit = source.git(&["commit-tree", &root, "-m", "hostile"]);
        let tree = GitTree::open(source.path(), &CommitId::new(&commit).expect("an id")).expect("its tree");
        assert_eq!(tree.entries().len(), 1);
        assert_eq!(tree.refused(), ["../", ".GIT"]);
    }

    #[test]
    fn a_name_with_a_slash_and_a_name_given_twice_are_refused() {
        let source = Scratch::new();
        let blob = source.git_with_input(&["hash-object", "-w", "--stdin"], b"evil");
        let raw: Vec<u8> =
            (0..blob.len()).step_by(2).map(|at| u8::from_str_radix(&blob[at..at + 2], 16).expect("hex")).collect();
        let mut content = Vec::new();
        for name in ["../x", "a", "a", "good"] {
            content.extend_from_slice(format!("100644 {name}\0").as_bytes());
            content.extend_from_slice(&raw);
        }
        let root = source.git_with_input(&["hash-object", "-w", "-t", "tree", "--literally", "--stdin"], &content);
        let commit = source.git(&["commit-tree", &root, "-m", "hostile"]);
        let tree = GitTree::open(source.path(), &CommitId::new(&commit).expect("an id")).expect("its tree");
        let names: Vec<&str> = tree.entries().iter().map(|entry| entry.path.as_str()).collect();
        assert_eq!(names, ["good"]);
        assert_eq!(tree.refused(), ["../x", "a", "a"]);
    }

    #[test]
    fn a_large_file_is_refused_by_its_header() {
        let source = Scratch::new();
        let length = usize::try_from(FILE_SIZE_LIMIT).expect("fits") + 1;
        source.write("package-lock.json", vec![b' '; length]);
        let commit = source.commit("large");
        let tree = GitTree::open(source.path(), &commit).expect("its tree");
        let error = tree.read(&path("package-lock.json")).expect_err("too large");
        assert!(matches!(error, TreeError::TooLarge { size, .. } if size == FILE_SIZE_LIMIT + 1));
    }

    #[test]
    fn a_git_bomb_ends_with_an_error() {
        let source = Scratch::new();
        let mut id = source.git_with_input(&["hash-object", "-w", "--stdin"], b"boom");
        let mut kind = "100644 blob";
        for _ in 0..10 {
            use std::fmt::Write as _;
            let mut listing = String::new();
            for number in 0..10 {
                writeln!(listing, "{kind} {id}\td{number}").expect("a string");
            }
            id = source.git_with_input(&["mktree"], listing.as_bytes());
            kind = "040000 tree";
        }
        let commit = source.git(&["commit-tree", &id, "-m", "bomb"]);
        let outcome = GitTree::open(source.path(), &CommitId::new(&commit).expect("an id"));
        assert!(outcome.is_err_and(|error| error.to_string().contains("more than")));
    }
}
