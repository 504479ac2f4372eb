//! Resolve: which commit a followed branch stands at, where the file itself does not lock one.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Mutex;

use crate::git::mirror::{self, MirrorError, MirrorRequest};
use crate::git::remote;
use crate::model::dependency::{Dependency, Origin};
use crate::model::lockfile::Lockfile;
use crate::model::nearest::Nearest;
use crate::model::repository::{CommitId, RepoSlug};
use crate::net::secret::Token;

/// The host that action references name without saying so.
const ACTIONS_HOST: &str = "https://github.com/";

/// A repository and the branch that is followed; `None` for the default branch.
type Place = (String, Option<String>);

/// References of one project that are asked for; more than so many followed branches are no mistake but an attempt to
/// keep us busy, one connection each.
const REFERENCE_LIMIT: usize = 100;

/// Asks remotes for commits, each (repository, reference) once per run.
pub(crate) struct Resolver {
    /// The server that action references live on, with a trailing slash.
    server: String,
    /// Sent to that server only.
    token: Option<Token>,
    known: Mutex<HashMap<Place, Option<CommitId>>>,
    /// The nearest releases that were found, by repository and commit.
    pub(super) nearest: Mutex<HashMap<(String, CommitId), Nearest>>,
}

impl Resolver {
    /// A resolver that finds actions on `server` (an address or a folder) and identifies itself there with `token`.
    pub(crate) fn new(server: &str, token: Option<Token>) -> Self {
        Self {
            server: format!("{}/", server.trim_end_matches('/')),
            token,
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

    /// Where a repository is asked, with the token that may go there; `None` for what has no address on a network, and for
    /// names that are none.
    pub(super) fn remote(&self, url: &str) -> Option<(String, Option<&Token>)> {
        let Some(action) = url.strip_prefix(ACTIONS_HOST) else {
            return url.starts_with("https://").then(|| (url.to_owned(), None));
        };
        let slug: RepoSlug = action.trim_end_matches('/').trim_end_matches(".git").parse().ok()?;
        self.server.contains("://").then(|| (format!("{}{slug}", self.server), self.token.as_ref()))
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
            return remote::resolve(url, self.token.as_ref(), branch);
        }
        // The server is a folder of this machine (the demo): its repositories are read where they are.
        let branches: Vec<String> = branch.map(str::to_owned).into_iter().collect();
        let folder = Path::new(url);
        let snapshot = mirror::update(&MirrorRequest { url, token: None, branches: &branches, folder })?;
        let name = branch.or(snapshot.default_branch.as_deref());
        Ok(name.and_then(|name| snapshot.heads.get(name).cloned()))
    }
}
