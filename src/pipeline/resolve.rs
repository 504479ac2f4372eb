//! Resolve: which commit a followed branch stands at, where the file itself does not lock one.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use url::Url;

use crate::config::policy::NetworkPolicy;
use crate::git::mirror::{self, MirrorError, MirrorRequest};
use crate::git::remote::{self, NamedBy};
use crate::model::dependency::{Dependency, Origin};
use crate::model::lockfile::Lockfile;
use crate::model::nearest::Nearest;
use crate::model::report::Problem;
use crate::model::repository::{CommitId, RepoSlug};
use crate::net::address::{AddressRule, Authority};
use crate::net::secret::Token;
use crate::pipeline::nearest;

/// The host that action references name without saying so.
const ACTIONS_HOST: &str = "https://github.com/";

/// A repository and the branch that is followed; `None` for the default branch.
type Place = (String, Option<String>);

/// References of one project that are asked for; more than so many followed branches are no mistake but an attempt to
/// keep us busy, one connection each.
const REFERENCE_LIMIT: usize = 100;

/// What is said of a repository that cannot be asked at all.
pub(super) const NO_ADDRESS: &str = "only repositories with an https address are asked";

/// What is said of a foreign host that is not asked, or gives no answer, whatever the reason. The author of an address must
/// not learn from us which machines of our network answer, and how.
pub(super) const NO_ANSWER: &str = "its host may not be asked, or gives no answer";

/// Where a repository is asked.
pub(super) struct Remote<'a> {
    pub(super) address: String,
    pub(super) named_by: NamedBy<'a>,
    /// The host with its port, unless it is the operator's own server.
    pub(super) foreign: Option<String>,
}

impl Remote<'_> {
    /// Why nothing is known, for reports.
    pub(super) fn silence(&self, error: &MirrorError) -> String {
        tracing::debug!(
            address = self.address,
            error = error as &dyn std::error::Error,
            "a repository gives no answer"
        );
        if self.foreign.is_some() { NO_ANSWER.to_owned() } else { format!("failed to {error}") }
    }
}

/// The hosts that one project may lead us to: the first ones by name, so that it does not matter which of them answer.
#[derive(Debug, Default)]
pub(crate) struct Hosts {
    permitted: BTreeSet<String>,
    /// How many the project names.
    pub(super) total: usize,
    limit: usize,
    /// How many branches were asked for.
    asked: AtomicUsize,
}

impl Hosts {
    /// Whether a repository may be asked.
    pub(super) fn permit(&self, remote: &Remote<'_>) -> bool {
        remote.foreign.as_ref().is_none_or(|host| self.permitted.contains(host))
    }

    /// Why one may not.
    pub(super) fn too_many(&self) -> String {
        format!("the project names more than {} hosts", self.limit)
    }

    /// The complaint about a project that names too many.
    pub(super) fn problem(&self) -> Option<Problem> {
        let message = || {
            let (total, limit) = (self.total, self.limit);
            format!("ask {total} hosts about dependencies that come from git: a project may name {limit}")
        };
        let hint = "raise `hosts-per-project` under [network] in patchparty.toml if they are all meant";
        (self.total > self.limit).then(|| Problem::new(message(), Some(hint)))
    }
}

/// The repository that is asked about a dependency: for the commit of its branch, or for the release nearest to its commit.
fn asked_repository(dependency: &Dependency) -> Option<&str> {
    let Origin::Git { url, pin, commit } = &dependency.origin else { return None };
    let is_asked = match commit {
        None => pin.followed_branch().is_some(),
        Some(_) => nearest::place(dependency).is_some(),
    };
    is_asked.then(|| url.trim_start_matches("git+"))
}

/// Asks remotes for commits, each (repository, reference) once per run.
pub(crate) struct Resolver {
    /// The server that action references live on, with a trailing slash.
    server: String,
    /// Sent to that server only.
    token: Option<Token>,
    /// Where repositories may lead us besides that server.
    addresses: AddressRule,
    /// How many hosts one project may lead us to.
    host_limit: usize,
    known: Mutex<HashMap<Place, Option<CommitId>>>,
    /// The nearest releases that were found, by repository and commit.
    pub(super) nearest: Mutex<HashMap<(String, CommitId), Nearest>>,
}

impl Resolver {
    /// A resolver that finds actions on `server` (an address or a folder) and identifies itself there with `token`.
    pub(crate) fn new(server: &str, token: Option<Token>, network: &NetworkPolicy) -> Self {
        // The server is the operator's word, wherever it is; so it may be asked for what repositories name there, too.
        let own = Url::parse(server).ok().and_then(|server| Authority::of(&server));
        Self {
            server: format!("{}/", server.trim_end_matches('/')),
            token,
            addresses: AddressRule::new(network.allow_hosts.iter().cloned().chain(own)),
            host_limit: network.hosts_per_project,
            known: Mutex::default(),
            nearest: Mutex::default(),
        }
    }

    /// Fills in the commit of every dependency that follows a branch and is not locked to one.
    ///
    /// A repository that cannot be reached leaves the commit unknown: the finding stands all the same, and the remedy
    /// says why it cannot pin. So does one beyond the first [`REFERENCE_LIMIT`] of a project.
    pub(crate) fn resolve(&self, lockfiles: &mut [Lockfile]) {
        let mut asked = HashSet::new();
        Lockfile::each_content(lockfiles, |content| {
            content.dependencies.iter_mut().for_each(|dependency| self.resolve_one(dependency, &mut asked));
        });
    }

    fn resolve_one(&self, dependency: &mut Dependency, asked: &mut HashSet<Place>) {
        let Origin::Git { url, pin, commit } = &mut dependency.origin else { return };
        if commit.is_none()
            && let Some(branch) = pin.followed_branch()
            && let Some(action) = url.strip_prefix(ACTIONS_HOST)
            // The name comes from a workflow: only what GitHub allows may become a part of an address.
            && let Ok(action) = action.parse::<RepoSlug>()
        {
            let place = (format!("{}{action}", self.server), branch.map(str::to_owned));
            // Counted whether or not another project has asked before: the outcome must not depend on the others.
            if asked.contains(&place) || asked.len() < REFERENCE_LIMIT {
                *commit = self.commit(&place);
                asked.insert(place);
            }
        }
    }

    /// Where a repository is asked, and on whose word; `None` for what has no address on a network, and for names that are
    /// none.
    pub(super) fn remote(&self, url: &str) -> Option<Remote<'_>> {
        let Some(action) = url.strip_prefix(ACTIONS_HOST) else {
            let parsed = Url::parse(url).ok().filter(|parsed| matches!(parsed.scheme(), "https" | "http"))?;
            let host = parsed.host_str()?;
            let foreign = parsed.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
            let named_by = NamedBy::Repository(&self.addresses);
            return Some(Remote { address: url.to_owned(), named_by, foreign: Some(foreign) });
        };
        let slug: RepoSlug = action.trim_end_matches('/').trim_end_matches(".git").parse().ok()?;
        let address = format!("{}{slug}", self.server);
        let named_by = NamedBy::Operator(self.token.as_ref());
        self.server.contains("://").then_some(Remote { address, named_by, foreign: None })
    }

    /// The hosts that the files of one project lead us to.
    pub(crate) fn hosts(&self, lockfiles: &[Lockfile]) -> Hosts {
        let asked = lockfiles.iter().flat_map(|lockfile| &lockfile.dependencies).filter_map(asked_repository);
        let mut hosts: BTreeSet<String> = asked.filter_map(|url| self.remote(url)?.foreign).collect();
        let total = hosts.len();
        if let Some(beyond) = hosts.iter().nth(self.host_limit).cloned() {
            hosts.split_off(&beyond);
        }
        Hosts { permitted: hosts, total, limit: self.host_limit, asked: AtomicUsize::new(0) }
    }

    /// The commit at which a branch stands (the default branch for `None`), asked now, for a lockfile that does not lock
    /// one. `Ok(None)` when there is no such branch. The error says why nothing is known.
    pub(crate) fn branch(&self, url: &str, branch: Option<&str>, hosts: &Hosts) -> Result<Option<CommitId>, String> {
        let Some(remote) = self.remote(url) else { return Err(NO_ADDRESS.to_owned()) };
        if !hosts.permit(&remote) {
            return Err(hosts.too_many());
        }
        // What is on the forge was asked for when the files were read.
        if remote.foreign.is_none() || hosts.asked.fetch_add(1, Ordering::Relaxed) >= REFERENCE_LIMIT {
            return Err(format!("there was no answer, or the project follows more than {REFERENCE_LIMIT} branches"));
        }
        remote::resolve(&remote.address, remote.named_by, branch).map_err(|error| remote.silence(&error))
    }

    fn commit(&self, place: &Place) -> Option<CommitId> {
        if let Some(known) = self.known.lock().ok()?.get(place) {
            return known.clone();
        }
        // Unreachable and absent are the same here: no commit is known. The next run asks again.
        let (url, branch) = place;
        let commit = self.ask(url, branch.as_deref()).ok().flatten();
        self.known.lock().ok()?.insert(place.clone(), commit.clone());
        commit
    }

    fn ask(&self, url: &str, branch: Option<&str>) -> Result<Option<CommitId>, MirrorError> {
        if self.server.contains("://") {
            return remote::resolve(url, NamedBy::Operator(self.token.as_ref()), branch);
        }
        // The server is a folder of this machine (the demo): its repositories are read where they are.
        let branches: Vec<String> = branch.map(str::to_owned).into_iter().collect();
        let folder = Path::new(url);
        let snapshot = mirror::update(&MirrorRequest { url, token: None, branches: &branches, folder })?;
        let name = branch.or(snapshot.default_branch.as_deref());
        Ok(name.and_then(|name| snapshot.heads.get(name).cloned()))
    }
}
