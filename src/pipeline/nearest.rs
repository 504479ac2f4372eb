//! Nearest: which release a dependency at a commit is, or was built on.
//!
//! A commit, and a branch even more, matches no affected range: every scanner is blind to it. The release that is nearest
//! before it is what advisories can be asked about.

use std::collections::BTreeSet;
use std::sync::Mutex;

use crate::git::history::{NearTag, nearest_tags};
use crate::model::dependency::{Dependency, GitPin, Origin};
use crate::model::ecosystem::Ecosystem;
use crate::model::lockfile::Lockfile;
use crate::model::nearest::Nearest;
use crate::model::report::{Problem, Remark};
use crate::model::repository::CommitId;
use crate::pipeline::resolve::{NO_ADDRESS, NO_ANSWER, Resolver};

/// A repository and the commit of it that is locked.
pub(super) type Place = (String, CommitId);

/// Commits of one project that are looked for; more is no project but an attempt to keep us busy, two connections each.
const COMMIT_LIMIT: usize = 100;

/// How many repositories are asked at a time.
const CONNECTIONS: usize = 8;

/// How many hosts are named where some could not be asked.
const NAMED_HOSTS: usize = 3;

/// What was not learned about a project, in one line for each reason.
#[derive(Debug, Default)]
pub(crate) struct NotLearned {
    /// Which hosts were not asked, or did not answer.
    pub(crate) remark: Option<Remark>,
    /// That there are more hosts than one project may lead us to.
    pub(crate) problem: Option<Problem>,
}

/// Finds the nearest release of every dependency at a commit.
///
/// What cannot be found is noted with its reason, so that nobody takes silence for an answer.
pub(crate) fn find_nearest(resolver: &Resolver, lockfiles: &mut [Lockfile]) -> NotLearned {
    let wanted: BTreeSet<Place> =
        lockfiles.iter().flat_map(|lockfile| &lockfile.dependencies).filter_map(place).collect();
    let hosts = resolver.hosts(lockfiles);
    let within = |place: &&Place| resolver.remote(&place.0).is_none_or(|remote| hosts.permit(&remote));
    let asked: BTreeSet<&Place> = wanted.iter().filter(within).take(COMMIT_LIMIT).collect();
    ask_all(resolver, asked.iter().filter(|place| !is_known(resolver, place)).copied().collect());
    let Ok(known) = resolver.nearest.lock() else { return NotLearned::default() };
    let mut silent = BTreeSet::new();
    let mut unanswered = 0;
    Lockfile::each_content(lockfiles, |content| {
        for (position, dependency) in content.dependencies.iter().enumerate() {
            let Some(place) = place(dependency) else { continue };
            // What another project has asked is not used for one that may not ask: the outcome must not depend on others.
            let nearest = if within(&&place) {
                let beyond =
                    || Nearest::Unknown(format!("the project has more than {COMMIT_LIMIT} dependencies at commits"));
                known.get(&place).filter(|_| asked.contains(&place)).cloned().unwrap_or_else(beyond)
            } else {
                Nearest::Unknown(hosts.too_many())
            };
            // A version that the file tells is asked about all the same.
            let is_silent = matches!(&nearest, Nearest::Unknown(reason) if reason == NO_ANSWER);
            if is_silent && !is_known_by_version(dependency) {
                silent.extend(resolver.remote(&place.0).and_then(|remote| remote.foreign));
                unanswered += 1;
            }
            content.nearest.insert(position, nearest);
        }
    });
    NotLearned { remark: (unanswered > 0).then(|| no_answer(&silent, unanswered)), problem: hosts.problem() }
}

fn ask_all(resolver: &Resolver, places: Vec<&Place>) {
    let queue = Mutex::new(places.into_iter());
    std::thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().ok().and_then(|mut queue| queue.next());
                    let Some(place) = next else { return };
                    let nearest = ask(resolver, &place.0, &place.1);
                    if let Ok(mut known) = resolver.nearest.lock() {
                        known.insert(place.clone(), nearest);
                    }
                }
            });
        }
    });
}

fn no_answer(hosts: &BTreeSet<String>, dependencies: usize) -> Remark {
    let mut names: Vec<&str> = hosts.iter().take(NAMED_HOSTS).map(String::as_str).collect();
    let more = format!("{} more", hosts.len().saturating_sub(NAMED_HOSTS));
    if hosts.len() > NAMED_HOSTS {
        names.push(&more);
    }
    let (are, releases) = at_a_commit(dependencies);
    Remark {
        place: names.join(", "),
        message: format!(
            "{dependencies} {are} not checked against the advisories about {releases}: the host may not be asked, or gives no answer"
        ),
    }
}

/// What to say of a project whose dependencies at commits were not looked for: one line, because the reason is the same for
/// all of them and none of theirs. `None` where there are none.
pub(crate) fn not_looked_for(lockfiles: &[Lockfile]) -> Option<Remark> {
    let is_open = |dependency: &&Dependency| place(dependency).is_some() && !is_known_by_version(dependency);
    let at_commit = |lockfile: &Lockfile| lockfile.dependencies.iter().filter(is_open).count();
    let files: Vec<(&Lockfile, usize)> =
        lockfiles.iter().map(|lockfile| (lockfile, at_commit(lockfile))).filter(|(_, number)| *number > 0).collect();
    let number: usize = files.iter().map(|(_, number)| number).sum();
    let (first, _) = files.first()?;
    let place = match files.len() {
        1 => first.path.to_string(),
        more => format!("{} and {} more", first.path, more - 1),
    };
    let (are, releases) = at_a_commit(number);
    let message = format!(
        "{number} {are} not checked against the advisories about {releases}: this run does not use the network"
    );
    Some(Remark { place, message })
}

fn at_a_commit(number: usize) -> (&'static str, &'static str) {
    if number == 1 {
        ("dependency at a commit is", "the release nearest to it")
    } else {
        ("dependencies at commits are", "the releases nearest to them")
    }
}

fn is_known(resolver: &Resolver, place: &Place) -> bool {
    resolver.nearest.lock().is_ok_and(|known| known.contains_key(place))
}

/// The repository and the commit of a dependency that stands at one. What a lockfile says beside the commit, its tag or the
/// version that the package calls itself there, does not make it that release; only the comment beside the commit of an
/// action, which people compare, is believed.
pub(super) fn place(dependency: &Dependency) -> Option<Place> {
    let Origin::Git { url, pin, commit: Some(commit) } = &dependency.origin else { return None };
    let is_told = dependency.ecosystem == Ecosystem::GitHubActions
        && match pin {
            GitPin::Tag(_) => true,
            GitPin::Commit => is_version(&dependency.version) && !commit.as_str().starts_with(&dependency.version),
            GitPin::Branch(_) | GitPin::DefaultBranch => false,
        };
    (!is_told).then(|| (url.trim_start_matches("git+").to_owned(), commit.clone()))
}

/// Whether advisories can be asked about a dependency without its nearest release: by the version that its tag names, or by
/// the one beside its commit (of a crate that is not from crates.io, advisories know nothing).
fn is_known_by_version(dependency: &Dependency) -> bool {
    let Origin::Git { pin, commit: Some(commit), .. } = &dependency.origin else { return true };
    match pin {
        GitPin::Tag(tag) => is_version(tag),
        GitPin::Commit => {
            dependency.ecosystem != Ecosystem::CratesIo
                && is_version(&dependency.version)
                && !commit.as_str().starts_with(&dependency.version)
        }
        GitPin::Branch(_) | GitPin::DefaultBranch => false,
    }
}

fn ask(resolver: &Resolver, url: &str, commit: &CommitId) -> Nearest {
    let Some(remote) = resolver.remote(url) else {
        return Nearest::Unknown(NO_ADDRESS.to_owned());
    };
    match nearest_tags(&remote.address, remote.named_by, commit, is_version) {
        Ok(tags) => match most_exact(tags) {
            Some(tag) => Nearest::Release { tag: tag.name, commits_after: tag.distance },
            None => Nearest::Unknown("no release is among the commits before it".to_owned()),
        },
        Err(error) => Nearest::Unknown(remote.silence(&error)),
    }
}

/// Whether a tag, or a version, names a release: `v1.2.3`, `1.2`, `release-2024.1`, `tool/v3`.
fn is_version(name: &str) -> bool {
    let last = name.rsplit(['/', '@']).next().unwrap_or(name);
    let digits = last.trim_start_matches(|character: char| !character.is_ascii_digit());
    // A word such as `python3` or a commit's digits is no release.
    let prefix = &last[..last.len() - digits.len()];
    let is_number = digits
        .split(['.', '-', '_', '+'])
        .next()
        .is_some_and(|first| !first.is_empty() && first.len() <= 8 && first.bytes().all(|byte| byte.is_ascii_digit()));
    is_number && (prefix.is_empty() || prefix == "v" || prefix == "V" || prefix.ends_with(['-', '_', '.', 'v', 'r']))
}

/// Among several tags at one commit, `v1.2.3` says more than `v1`.
fn most_exact(tags: Vec<NearTag>) -> Option<NearTag> {
    let numbers =
        |name: &str| name.split(|character: char| !character.is_ascii_digit()).filter(|part| !part.is_empty()).count();
    tags.into_iter().max_by(|left, right| {
        (numbers(&left.name), left.name.len(), &left.name).cmp(&(numbers(&right.name), right.name.len(), &right.name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::policy::Policy;

    #[test]
    fn tags_that_name_releases_are_told_from_others() {
        for release in ["v1.2.3", "1.2", "v1", "release-2024.1", "tool/v3", "pkg@1.2.3", "1.0.0-rc.1", "curl-7_88_1"] {
            assert!(is_version(release), "{release}");
        }
        for other in ["latest", "python3", "nightly", "", "0123456789abcdef", "main", "v"] {
            assert!(!is_version(other), "{other}");
        }
    }

    #[test]
    fn the_most_exact_tag_of_a_commit_is_its_release() {
        let tag = |name: &str| NearTag { name: name.to_owned(), distance: 0 };
        assert_eq!(most_exact(vec![tag("v4"), tag("v4.2.1"), tag("v4.2")]), Some(tag("v4.2.1")));
        assert_eq!(most_exact(Vec::new()), None);
    }

    #[test]
    fn every_commit_is_asked_for_but_those_of_actions_with_a_version_beside_them() {
        let commit = CommitId::new(&"a".repeat(40)).expect("a commit");
        let of = |version: &str, pin: GitPin| {
            let url = "https://git.example/x".to_owned();
            let origin = Origin::Git { url, pin, commit: Some(commit.clone()) };
            place(&Dependency { origin, ..Dependency::new(Ecosystem::GitHubActions, "x", version, 1) }).is_some()
        };
        assert!(of(commit.as_str(), GitPin::Commit));
        assert!(of("main", GitPin::Branch("main".to_owned())));
        assert!(of("1.0.0", GitPin::DefaultBranch), "a branch is not what its manifest says");
        assert!(!of("v4.1.1", GitPin::Commit), "noted beside the commit");
        assert!(!of("v4", GitPin::Tag("v4".to_owned())));
        let git =
            |pin: GitPin| Origin::Git { url: "https://git.example/x".to_owned(), pin, commit: Some(commit.clone()) };
        for pin in [GitPin::Commit, GitPin::Tag("v1.0.0".to_owned()), GitPin::Tag("nightly".to_owned())] {
            let known = matches!(&pin, GitPin::Tag(tag) if tag == "v1.0.0");
            let crated = Dependency { origin: git(pin), ..Dependency::new(Ecosystem::CratesIo, "x", "1.0.0", 1) };
            assert!(place(&crated).is_some(), "{:?}", crated.origin);
            assert_eq!(is_known_by_version(&crated), known, "{:?}", crated.origin);
        }
        let npm = Dependency { origin: git(GitPin::Commit), ..Dependency::new(Ecosystem::Npm, "x", "1.0.0", 1) };
        assert!(place(&npm).is_some() && is_known_by_version(&npm));
    }

    #[test]
    fn what_nobody_looks_for_is_one_remark() {
        let commit = CommitId::new(&"a".repeat(40)).expect("a commit");
        let at = |version: &str| {
            let url = "https://git.example/x".to_owned();
            let origin = Origin::Git { url, pin: GitPin::Commit, commit: Some(commit.clone()) };
            Dependency { origin, ..Dependency::new(Ecosystem::GitHubActions, "x", version, 1) }
        };
        let path = |name: &str| crate::model::repository::RepoPath::new(name).expect("a plain path");
        let file = |name: &str, versions: &[&str]| {
            Lockfile::new(path(name), "workflow", versions.iter().map(|version| at(version)).collect())
        };
        let unknown = commit.as_str();
        assert_eq!(not_looked_for(&[file("a.yml", &["v4.1.1"]), file("b.yml", &[])]), None);
        let one = not_looked_for(&[file("a.yml", &["v4.1.1"]), file("b.yml", &[unknown])]).expect("a remark");
        assert_eq!(one.place, "b.yml");
        assert!(one.message.starts_with("1 dependency at a commit is not checked against"), "{}", one.message);
        let more = not_looked_for(&[file("a.yml", &[unknown, unknown]), file("b.yml", &[unknown])]).expect("a remark");
        assert_eq!(more.place, "a.yml and 1 more");
        assert!(more.message.starts_with("3 dependencies at commits are not checked"), "{}", more.message);
    }

    #[test]
    fn what_cannot_be_asked_says_so() {
        let resolver = Resolver::new("https://forge.example", None, &Policy::default().network);
        let commit = CommitId::new(&"a".repeat(40)).expect("a commit");
        let origin =
            Origin::Git { url: "ssh://git@git.example/x".to_owned(), pin: GitPin::DefaultBranch, commit: Some(commit) };
        let dependency = Dependency { origin, ..Dependency::new(Ecosystem::CratesIo, "x", "1.0.0", 1) };
        let path = crate::model::repository::RepoPath::new("Cargo.lock").expect("a plain path");
        let mut lockfiles = [Lockfile::new(path, "cargo-lock", vec![dependency])];
        find_nearest(&resolver, &mut lockfiles);
        let said = lockfiles[0].nearest[&0].to_string();
        assert_eq!(said, "could not be checked: only repositories with an https address are asked");
    }
}
