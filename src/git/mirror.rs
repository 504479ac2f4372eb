//! Mirrors: bare, shallow clones that are brought up to date incrementally.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use gix::bstr::BStr;
use gix::protocol::handshake::Ref;
use gix::refs::transaction::{PreviousValue, RefEdit};
use gix::remote::{Direction, fetch};

use crate::git::address::Address;
use crate::git::connection::{Access, classify, is_network_failure, no_credentials, open_options};
use crate::git::guard::{self, FolderLock};
use crate::git::local;
use crate::git::remote::{self, NamedBy, commit_of, name_of};
use crate::model::repository::CommitId;
use crate::net::address::AddressError;
use crate::net::cause;
use crate::net::secret::Token;

/// Every fetch adds a pack, and gix does not put packs together: a mirror of more is cloned anew, or it would become slow
/// and in the end too large for good. Git's own limit (`gc.autoPackLimit`) is the same.
const PACK_LIMIT: usize = 50;

/// What to mirror.
pub(crate) struct MirrorRequest<'a> {
    /// `https://…`, `file://…` or a local path.
    pub(crate) url: &'a str,
    /// Sent as the password of `x-access-token`, over TLS only.
    pub(crate) token: Option<&'a Token>,
    /// Branches wanted besides the remote's default branch; those that do not exist are left out of the snapshot. `a/*` wants
    /// every branch below `a/`, a hundred at most.
    pub(crate) branches: &'a [String],
    /// The folder of the bare repository; created on the first run.
    pub(crate) folder: &'a Path,
}

/// The remote as it stood.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    /// The repository that holds the commits: the mirror, or a local repository itself.
    pub(crate) folder: PathBuf,
    /// The branch that the remote's `HEAD` names.
    pub(crate) default_branch: Option<String>,
    /// The default branch and the wanted branches that exist, with their commits.
    pub(crate) heads: BTreeMap<String, CommitId>,
    /// For each wanted branch that cannot be made because git cannot hold both `a` and `a/b`: the first `a/b` that exists.
    pub(crate) below: BTreeSet<String>,
}

/// The first branch, among those that exist, below each of the wanted ones.
pub(super) fn below<'a>(existing: impl Iterator<Item = &'a str>, wanted: &[String]) -> BTreeSet<String> {
    let mut first: BTreeMap<&str, &str> = BTreeMap::new();
    for branch in existing {
        let bars = |wanted: &&String| branch.strip_prefix(wanted.as_str()).is_some_and(|rest| rest.starts_with('/'));
        for name in wanted.iter().filter(bars) {
            first.entry(name).and_modify(|known| *known = branch.min(known)).or_insert(branch);
        }
    }
    first.into_values().map(str::to_owned).collect()
}

/// Why a repository could not be mirrored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MirrorError {
    /// It has no commits.
    #[error("find a commit in the repository: it is empty")]
    Empty,
    /// It has branches, but the one that `HEAD` names is not among them, and no wanted one exists.
    #[error("find the default branch: the repository's HEAD names a branch that does not exist")]
    NoDefaultBranch,
    /// It does not exist, or the token may not see it.
    #[error("reach the repository: it does not exist, or the token may not read it")]
    NotFound,
    /// The address is not one that is fetched from. The address itself is not repeated: it may hold a secret.
    #[error("use the repository's address: {reason}")]
    Refused {
        /// Why.
        reason: &'static str,
    },
    /// It is named by a repository, and nothing is asked there for a repository's sake.
    #[error("use the repository's address")]
    NotPermitted(#[source] AddressError),
    /// Anything else.
    #[error("fetch the repository")]
    Fetch(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Creates or updates the mirror; moves only what is missing.
///
/// A repository on this machine is read where it is: a copy would need `git upload-pack`, a process that sees our
/// environment.
pub(crate) fn update(request: &MirrorRequest<'_>) -> Result<Snapshot, MirrorError> {
    let address = Address::parse(request.url)?;
    match (&address, Access::new(&address, NamedBy::Operator(request.token))?) {
        (Address::Local(folder), _) => local::snapshot(folder, request.branches),
        (Address::Network { .. }, None) => Err(MirrorError::Refused { reason: "it cannot be connected to" }),
        (Address::Network { .. }, Some(access)) => mirror(&access, request.branches, request.folder),
    }
}

fn packs(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder.join("objects/pack")).into_iter().flatten().flatten();
    entries.filter(|entry| entry.path().extension().is_some_and(|extension| extension == "pack")).count()
}

/// Brings the mirror up to date. One that turns out to be damaged is thrown away and cloned anew, once.
fn mirror(access: &Access<'_>, branches: &[String], folder: &Path) -> Result<Snapshot, MirrorError> {
    let _lock = FolderLock::take(folder).map_err(fetch_error)?;
    let existed = folder.exists();
    if existed
        && packs(folder) <= PACK_LIMIT
        && let Ok(repository) = gix::open_opts(folder, open_options())
    {
        match fetch_and_verify(&repository, access, branches) {
            Err(Failure::Damaged(reason)) => tracing::info!(reason = %reason, "cloning a damaged mirror anew"),
            Err(Failure::Final(error)) => return Err(error),
            Ok(snapshot) => return Ok(snapshot),
        }
    }
    if existed {
        std::fs::remove_dir_all(folder).map_err(fetch_error)?;
    }
    let outcome = create(folder).and_then(|repository| {
        fetch_and_verify(&repository, access, branches).map_err(|failure| match failure {
            Failure::Damaged(error) => MirrorError::Fetch(error),
            Failure::Final(error) => error,
        })
    });
    if outcome.is_err() {
        // A first fetch that failed leaves nothing worth keeping; an error here would hide the one that matters.
        let _ = std::fs::remove_dir_all(folder);
    }
    outcome
}

pub(super) fn create(folder: &Path) -> Result<gix::Repository, MirrorError> {
    std::fs::create_dir_all(folder).map_err(fetch_error)?;
    let repository = gix::ThreadSafeRepository::init_opts(
        folder,
        gix::create::Kind::Bare,
        gix::create::Options::default(),
        open_options(),
    );
    Ok(repository.map_err(fetch_error)?.to_thread_local())
}

/// Why a fetch came to nothing.
enum Failure {
    /// A fresh clone may help.
    Damaged(Box<dyn std::error::Error + Send + Sync>),
    /// Trying again would not change anything.
    Final(MirrorError),
}

impl From<gix::Error> for Failure {
    fn from(error: gix::Error) -> Self {
        if is_network_failure(&error) { Self::Final(classify(error)) } else { Self::Damaged(Box::new(error)) }
    }
}

fn fetch_and_verify(
    repository: &gix::Repository,
    access: &Access<'_>,
    branches: &[String],
) -> Result<Snapshot, Failure> {
    let advertised = remote::list(access, &wanted_names(branches)).map_err(Failure::Final)?;
    let (default_branch, heads) = select(&advertised, branches);
    if heads.is_empty() {
        return Err(Failure::Final(explain_emptiness(access)));
    }
    if !holds(repository, &heads) {
        receive(repository, access, &heads)?;
    }
    point_branches(repository, &heads)?;
    for commit in heads.values() {
        // Opening the tree proves that the commit really arrived and can be decoded.
        repository.find_commit(object_id(commit)?)?.tree()?;
    }
    let names: Vec<String> = advertised.iter().map(|reference| name_of(reference).to_string()).collect();
    let below = below(names.iter().filter_map(|name| name.strip_prefix("refs/heads/")), branches);
    Ok(Snapshot { folder: repository.git_dir().to_owned(), default_branch, heads, below })
}

/// What the server is asked for: `HEAD` and the wanted branches, not the thousands of others that may exist.
fn wanted_names(branches: &[String]) -> Vec<String> {
    let is_valid = |name: &str| gix::validate::reference::name(BStr::new(name)).is_ok();
    let wanted = branches.iter().filter_map(|branch| {
        let name = format!("refs/heads/{branch}");
        match name.strip_suffix("/*") {
            Some(folder) => is_valid(folder).then(|| format!("{name}:{name}")),
            None => is_valid(&name).then_some(name),
        }
    });
    std::iter::once("HEAD".to_owned()).chain(wanted).collect()
}

/// How many branches of one folder are looked at: whoever may push could make any number.
pub(super) const FOLDER_LIMIT: usize = 100;

/// Whether a branch is wanted, by its name or by the folder that it is in.
fn is_wanted(branch: &str, branches: &[String]) -> bool {
    let below = |wanted: &str| wanted.strip_suffix('*').is_some_and(|folder| branch.starts_with(folder));
    branches.iter().any(|wanted| wanted == branch || below(wanted))
}

/// The default branch, and the commits of all branches that are wanted and exist.
fn select(advertised: &[Ref], branches: &[String]) -> (Option<String>, BTreeMap<String, CommitId>) {
    let mut heads = BTreeMap::new();
    let mut below = 0;
    let mut default_branch = None;
    for reference in advertised {
        let Some(commit) = commit_of(reference) else { continue };
        let name = name_of(reference).to_string();
        if let (true, Ref::Symbolic { target, .. }) = (name == "HEAD", reference) {
            if let Some(branch) = target.to_string().strip_prefix("refs/heads/") {
                default_branch = Some(branch.to_owned());
                heads.insert(branch.to_owned(), commit);
            }
        } else if let Some(branch) = name.strip_prefix("refs/heads/")
            && is_wanted(branch, branches)
        {
            let by_name = branches.iter().any(|wanted| wanted == branch);
            below += usize::from(!by_name);
            if !by_name && below > FOLDER_LIMIT {
                continue;
            }
            heads.insert(branch.to_owned(), commit);
        }
    }
    (default_branch, heads)
}

/// Asks once more, for all branches, to tell an empty repository from one whose `HEAD` leads nowhere.
fn explain_emptiness(access: &Access<'_>) -> MirrorError {
    match remote::list(access, &["refs/heads/*:refs/heads/*".to_owned()]) {
        Ok(references) if references.iter().any(|reference| name_of(reference).starts_with(b"refs/heads/")) => {
            MirrorError::NoDefaultBranch
        }
        Ok(_) => MirrorError::Empty,
        Err(error) => error,
    }
}

/// Whether every commit is here already, so that nothing needs to be fetched.
fn holds(repository: &gix::Repository, heads: &BTreeMap<String, CommitId>) -> bool {
    heads.values().all(|commit| object_id(commit).is_ok_and(|id| repository.has_object(id)))
}

/// Fetches the commits at depth 1, with what their trees need.
fn receive(
    repository: &gix::Repository,
    access: &Access<'_>,
    heads: &BTreeMap<String, CommitId>,
) -> Result<(), Failure> {
    let specs: Vec<String> = heads.keys().map(|branch| format!("+refs/heads/{branch}:refs/heads/{branch}")).collect();
    let remote = repository
        .remote_at(access.url.clone())?
        .with_fetch_tags(fetch::Tags::None)
        .with_refspecs(specs.iter().map(String::as_str), Direction::Fetch)?;
    let connection = remote.to_connection_with_transport(access.transport()?).with_credentials(no_credentials);
    let interrupt = std::sync::Arc::new(AtomicBool::new(false));
    let watch = guard::watch(repository.objects.store_ref().path(), &interrupt);
    let received =
        connection.prepare_fetch(gix::progress::Discard, gix::remote::ref_map::Options::default()).and_then(|fetch| {
            // Depth 1 also on later runs: the server then sends the difference of the trees, not the history between.
            let depth = fetch::Shallow::DepthAtRemote(std::num::NonZeroU32::MIN);
            fetch.with_shallow(depth).receive(gix::progress::Discard, &interrupt)
        });
    match (received, watch.finish()) {
        (_, Some(limit)) => Err(Failure::Final(fetch_error(limit))),
        (Err(error), None) => Err(error.into()),
        (Ok(_), None) => Ok(()),
    }
}

/// Makes the mirror's branches exactly `heads`: what was forced is moved, what was deleted is pruned (gix does not).
fn point_branches(repository: &gix::Repository, heads: &BTreeMap<String, CommitId>) -> Result<(), Failure> {
    let mut edits = Vec::new();
    for reference in repository.references()?.local_branches()? {
        let reference = reference.map_err(|error| Failure::Damaged(error.to_string().into()))?;
        let name = reference.name().shorten().to_string();
        if !heads.contains_key(&name) {
            edits.push(RefEdit {
                change: gix::refs::transaction::Change::Delete {
                    expected: PreviousValue::Any,
                    log: gix::refs::transaction::RefLog::AndReference,
                },
                name: reference.name().to_owned(),
                deref: false,
            });
        }
    }
    // Deleted first: `a` may have become `a/b`, which cannot stand beside it.
    repository.edit_references_as(edits, None)?;
    let mut edits = Vec::new();
    for (branch, commit) in heads {
        let name: gix::refs::FullName = format!("refs/heads/{branch}").try_into().map_err(gix::Error::from_error)?;
        edits.push(RefEdit::update(name, object_id(commit)?, PreviousValue::Any, ""));
    }
    repository.edit_references_as(edits, None)?;
    Ok(())
}

fn object_id(commit: &CommitId) -> Result<gix::ObjectId, gix::Error> {
    gix::ObjectId::from_hex(commit.as_str().as_bytes())
}

pub(super) fn fetch_error(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> MirrorError {
    MirrorError::Fetch(cause::plain(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::scratch::Scratch;
    use crate::git::tree::GitTree;
    use crate::model::repository::RepoPath;
    use crate::model::tree::ProjectTree as _;

    /// Mirrors through `git upload-pack`, the way a server does it.
    fn mirror_of(source: &Scratch, branches: &[&str], folder: &Path) -> Result<Snapshot, MirrorError> {
        let branches: Vec<String> = branches.iter().map(|&branch| branch.to_owned()).collect();
        mirror(&Access::through_upload_pack(source.path()), &branches, folder)
    }

    #[test]
    fn a_mirror_is_bare_shallow_and_incremental() {
        let (source, cache) = (Scratch::new(), tempfile::tempdir().expect("a folder"));
        let folder = cache.path().join("mirror.git");
        source.write("Cargo.lock", "one");
        let first = source.commit("first");
        source.write("other.txt", "kept");
        let second = source.commit("second");
        source.git(&["branch", "develop"]);
        source.git(&["branch", "unwanted"]);
        source.git(&["replace", second.as_str(), first.as_str()]);
        let snapshot = mirror_of(&source, &["develop", "absent"], &folder).expect("mirrored");
        assert_eq!(snapshot.default_branch.as_deref(), Some("main"));
        let heads: Vec<_> = snapshot.heads.iter().map(|(name, commit)| (name.as_str(), commit)).collect();
        assert_eq!(heads, [("develop", &second), ("main", &second)]);
        let repository = gix::open_opts(&folder, open_options()).expect("a repository");
        assert!(repository.is_bare() && repository.is_shallow().expect("readable"));
        assert!(!repository.has_object(object_id(&first).expect("an id")), "history is not fetched");
        let names = repository.references().expect("readable");
        let names = names.all().expect("readable").flatten().map(|it| it.name().as_bstr().to_string());
        let other: Vec<String> = names.filter(|name| !name.starts_with("refs/heads/")).collect();
        assert_eq!(other, Vec::<String>::new(), "nothing but branches is fetched, and no `refs/replace/`");

        assert_eq!(packs(&folder), 1);
        mirror_of(&source, &["develop"], &folder).expect("nothing new");
        assert_eq!(packs(&folder), 1, "nothing is fetched when nothing is new");

        source.write("Cargo.lock", "two");
        let third = source.commit("third");
        let snapshot = mirror_of(&source, &["develop"], &folder).expect("updated");
        assert_eq!(snapshot.heads["main"], third);
        let tree = GitTree::open(&snapshot.folder, &third).expect("its tree");
        let lockfile = RepoPath::new("Cargo.lock").expect("plain");
        assert_eq!(tree.read(&lockfile).expect("its content"), b"two");
        let other = RepoPath::new("other.txt").expect("plain");
        assert_eq!(tree.read(&other).expect("from the first fetch"), b"kept");
    }

    #[test]
    fn a_mirror_of_too_many_packs_is_cloned_anew() {
        let (source, cache) = (Scratch::new(), tempfile::tempdir().expect("a folder"));
        let folder = cache.path().join("mirror.git");
        source.write("Cargo.lock", "one");
        source.commit("first");
        mirror_of(&source, &[], &folder).expect("mirrored");
        // As a year of nights leaves them.
        for number in 0..PACK_LIMIT {
            std::fs::write(folder.join(format!("objects/pack/pack-{number:040}.pack")), "old").expect("written");
        }
        assert_eq!(packs(&folder), PACK_LIMIT + 1);
        source.write("Cargo.lock", "two");
        let commit = source.commit("second");
        let snapshot = mirror_of(&source, &[], &folder).expect("cloned anew");
        assert_eq!(packs(&folder), 1);
        GitTree::open(&snapshot.folder, &commit).expect("whole");
    }

    #[test]
    fn forced_branches_move_and_deleted_ones_are_pruned() {
        let (source, cache) = (Scratch::new(), tempfile::tempdir().expect("a folder"));
        let folder = cache.path().join("mirror.git");
        source.write("a", "1");
        source.commit("first");
        source.git(&["branch", "release"]);
        mirror_of(&source, &["release", "release/1"], &folder).expect("mirrored");

        source.git(&["commit", "-q", "--amend", "--allow-empty", "-m", "rewritten"]);
        source.git(&["branch", "-D", "release"]);
        source.git(&["branch", "release/1"]);
        let snapshot = mirror_of(&source, &["release", "release/1"], &folder).expect("updated");
        assert_eq!(snapshot.heads["main"], source.tip("main"));
        assert!(snapshot.heads.contains_key("release/1") && !snapshot.heads.contains_key("release"));
        let repository = gix::open_opts(&folder, open_options()).expect("a repository");
        assert!(repository.try_find_reference("refs/heads/release").expect("readable").is_none());
    }

    #[test]
    fn an_empty_repository_is_told_from_one_without_a_default_branch() {
        let (source, cache) = (Scratch::new(), tempfile::tempdir().expect("a folder"));
        let folder = cache.path().join("mirror.git");
        assert!(matches!(mirror_of(&source, &[], &folder), Err(MirrorError::Empty)));
        assert!(!folder.exists(), "a first fetch that fails leaves nothing");
        source.commit("first");
        source.git(&["branch", "-m", "main", "trunk"]);
        source.git(&["symbolic-ref", "HEAD", "refs/heads/gone"]);
        assert!(matches!(mirror_of(&source, &[], &folder), Err(MirrorError::NoDefaultBranch)));
        let snapshot = mirror_of(&source, &["trunk"], &folder).expect("a wanted branch is enough");
        assert_eq!((snapshot.default_branch, snapshot.heads.len()), (None, 1));
    }

    #[test]
    fn a_damaged_mirror_is_cloned_anew() {
        let (source, cache) = (Scratch::new(), tempfile::tempdir().expect("a folder"));
        let folder = cache.path().join("mirror.git");
        source.write("Cargo.lock", "one");
        let commit = source.commit("first");
        mirror_of(&source, &[], &folder).expect("mirrored");
        for entry in std::fs::read_dir(folder.join("objects/pack")).expect("packs").flatten() {
            std::fs::remove_file(entry.path()).expect("removed");
        }
        let snapshot = mirror_of(&source, &[], &folder).expect("cloned anew");
        GitTree::open(&snapshot.folder, &commit).expect("whole again");

        std::fs::write(folder.join("HEAD"), "nonsense").expect("written");
        let snapshot = mirror_of(&source, &[], &folder).expect("cloned anew");
        GitTree::open(&snapshot.folder, &commit).expect("whole again");
    }

    #[test]
    fn a_repository_of_this_machine_is_read_where_it_is() {
        let source = Scratch::new();
        let url = source.path().to_str().expect("UTF-8").to_owned();
        let folder = Path::new("unused");
        let request = MirrorRequest { url: &url, token: None, branches: &["develop".to_owned()], folder };
        assert!(matches!(update(&request), Err(MirrorError::Empty)));
        source.write("a", "1");
        let commit = source.commit("first");
        source.git(&["tag", "-a", "v1", "-m", "a tag"]);
        let snapshot = update(&request).expect("read");
        assert_eq!(snapshot.heads, BTreeMap::from([("main".to_owned(), commit)]));
        assert_eq!(snapshot.folder, source.path().join(".git"));
        let missing = MirrorRequest { url: "/nowhere/at/all", token: None, branches: &[], folder };
        assert!(matches!(update(&missing), Err(MirrorError::NotFound)));
    }
}
