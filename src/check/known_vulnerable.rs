//! Known vulnerable: locked versions that an advisory is about, and the releases nearest to locked commits.

mod question;
mod release_tag;

use std::collections::BTreeSet;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use foldhash::{HashMap, HashMapExt as _};
use rayon::prelude::*;

use super::contract::effort::Kept;
use super::contract::finding::of_dependency;
use super::contract::{Check, CheckContext};
use crate::model::advisory::AdvisoryKind;
use crate::model::dependency::{Dependency, GitPin, Origin};
use crate::model::ecosystem::Ecosystem;
use crate::model::finding::{Detail, Finding, FindingKind};
use crate::model::lockfile::{Content, Lockfile};
use crate::model::nearest::Nearest;
use crate::model::severity::Severity;
use question::{Question, about_nearest, about_others, about_tag, about_version};

/// So many dependencies are looked up in a millisecond: dividing fewer among the cores takes longer.
const AT_ONCE: usize = 256;

/// Looks every locked dependency up in the advisories.
///
/// A dependency at a commit is looked up by the release nearest to it as well, where the pipeline found that: the
/// findings say how far behind it is. One at a tag is looked up by the version that the tag names. An entry that can be
/// read in two ways is looked up in both. Where it could not be found and nothing else says the version, that is said by a
/// notice, so that no finding is not taken for no flaw.
pub(super) struct KnownVulnerable;

impl Check for KnownVulnerable {
    fn id(&self) -> &'static str {
        "known-vulnerable"
    }

    fn inspect(&self, context: &CheckContext<'_>) -> Vec<Finding> {
        let effort = context.effort;
        let kept = match Alike::all(context.lockfiles).as_slice() {
            // Waking the other cores takes longer than looking one lockfile up.
            [] => effort.keep(),
            [alike] => look_up_all(context, alike),
            several => several
                .par_iter()
                .fold(|| effort.keep(), |kept, alike| kept.with(look_up_all(context, alike)))
                .reduce(|| effort.keep(), Kept::with),
        };
        effort.finish(kept)
    }
}

/// Lockfiles with the same content: they are looked up once.
struct Alike<'a> {
    first: &'a Lockfile,
    others: Vec<&'a Lockfile>,
}

impl<'a> Alike<'a> {
    fn all(lockfiles: &'a [Lockfile]) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::with_capacity(lockfiles.len());
        let mut places: HashMap<*const Content, usize> = HashMap::new();
        for lockfile in lockfiles {
            match places.entry(Arc::as_ptr(lockfile.content())) {
                Entry::Occupied(place) => all[*place.get()].others.push(lockfile),
                Entry::Vacant(place) => {
                    place.insert(all.len());
                    all.push(Self { first: lockfile, others: Vec::new() });
                }
            }
        }
        all
    }
}

fn look_up_all(context: &CheckContext<'_>, Alike { first, others }: &Alike<'_>) -> Kept {
    let effort = context.effort;
    let look_up_some = |mut kept: Kept, (number, some): (usize, &[Dependency])| {
        if effort.has_time_for(some.len()) {
            for (position, dependency) in (number * AT_ONCE..).zip(some) {
                look_up(context, (first, position, dependency), &mut kept);
            }
        }
        kept
    };
    let mut kept = match first.dependencies.as_slice() {
        few if few.len() <= AT_ONCE => look_up_some(effort.keep(), (0, few)),
        many => many
            .par_chunks(AT_ONCE)
            .enumerate()
            .fold(|| effort.keep(), look_up_some)
            .reduce(|| effort.keep(), Kept::with),
    };
    kept.repeat(others.iter().map(|other| &other.path));
    kept
}

fn look_up(
    context: &CheckContext<'_>,
    (lockfile, position, dependency): (&Lockfile, usize, &Dependency),
    kept: &mut Kept,
) {
    let nearest = lockfile.nearest.get(&position);
    let mut known = BTreeSet::new();
    // What the release nearest to a commit has says more than what the package calls itself there.
    let by_release = nearest.map(|nearest| about_nearest(dependency, nearest)).unwrap_or_default();
    let by_version = about_version(dependency).filter(|_| !is_of_another_registry(lockfile, dependency));
    let by_tag = about_tag(dependency);
    let is_answered = !by_release.is_empty() || !by_tag.is_empty() || by_version.is_some();
    let by_release = by_release.into_iter().map(|question| (question, nearest, false));
    let by_itself = by_tag.into_iter().chain(by_version).map(|question| (question, None, false));
    let by_other = about_others(dependency).map(|question| (question, None, true));
    for (question, nearest, is_other) in by_release.chain(by_itself).chain(by_other) {
        let Question { ecosystem, package, version, .. } = &question;
        for flaw in context.advisories.affecting_in(*ecosystem, question.release, package, version) {
            if !known.insert((flaw.kind, flaw.flaw.id.clone())) {
                continue;
            }
            let elsewhere = elsewhere(dependency);
            let graded = match (flaw.kind, &elsewhere) {
                // An attack is what somebody has put into the public registry, not what has its name elsewhere.
                (AdvisoryKind::Malicious, Some(_)) => (FindingKind::Notice, Severity::Low),
                _ => (kind(flaw.kind), flaw.severity),
            };
            let mut finding = of_dependency(lockfile, position, dependency, graded);
            finding.advisory = Some(flaw.flaw);
            finding.detail = match (flaw.kind, elsewhere) {
                (AdvisoryKind::Malicious, Some(place)) => Some(Detail::reason(format!(
                    "the attack is a package of the public registry, this one comes from {place}"
                ))),
                (_, Some(place)) if matches!(dependency.origin, Origin::Registry { .. }) => {
                    Some(Detail::reason(format!("matched by its name, it comes from {place}")))
                }
                _ => nearest.cloned().map(Detail::Nearest),
            };
            if is_other {
                let entry = std::mem::replace(&mut finding.package, (*package).to_owned());
                let written = std::mem::replace(&mut finding.version, version.clone());
                finding.detail = Some(Detail::reason(format!("in the entry of {entry} {written}")));
            }
            kept.add([finding]);
        }
    }
    if let Some(unknown @ Nearest::Unknown(_)) = nearest
        && !is_answered
        && matches!(dependency.origin, Origin::Git { pin: GitPin::Commit | GitPin::Tag(_), .. })
    {
        // What follows a branch has a finding that says it.
        let mut finding = of_dependency(lockfile, position, dependency, (FindingKind::Notice, Severity::Low));
        finding.detail = Some(Detail::Nearest(unknown.clone()));
        kept.add([finding]);
    }
}

/// Whether a bill of materials says that a package is one of another registry: a purl names the registry only where it is not
/// the public one (<https://github.com/package-url/purl-spec/blob/main/docs/known-qualifiers.md>), while lockfiles name
/// mirrors and proxies of it as well.
fn is_of_another_registry(lockfile: &Lockfile, dependency: &Dependency) -> bool {
    matches!(lockfile.extractor, "cyclonedx" | "spdx") && matches!(dependency.origin, Origin::Registry { url: Some(_) })
}

/// Where a dependency comes from that is not from its ecosystem's public registry, for people; an archive that is kept in the
/// repository is one of its releases. Systems and actions have no registry.
fn elsewhere(dependency: &Dependency) -> Option<String> {
    let of_address = |address: &str| {
        let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        host.rsplit('@').next().unwrap_or_default().to_owned()
    };
    match &dependency.origin {
        _ if dependency.ecosystem == Ecosystem::GitHubActions => None,
        Origin::Git { url, .. } | Origin::Registry { url: Some(url) } => Some(of_address(url)),
        Origin::Archive { url } if url.contains("://") => Some(of_address(url)),
        Origin::Registry { url: None }
        | Origin::Archive { .. }
        | Origin::Path
        | Origin::Image { .. }
        | Origin::System { .. } => None,
    }
}

fn kind(kind: AdvisoryKind) -> FindingKind {
    match kind {
        AdvisoryKind::Vulnerability => FindingKind::Vulnerability,
        AdvisoryKind::Malicious => FindingKind::Malicious,
        AdvisoryKind::Unmaintained => FindingKind::Unmaintained,
        AdvisoryKind::Unsound => FindingKind::Unsound,
        AdvisoryKind::Notice => FindingKind::Notice,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advisory::AdvisoryDatabase;
    use crate::git::folder::FolderTree;
    use crate::model::advisory::{Advisory, AdvisoryId, Affected, AffectedRange, RangeEvent};
    use crate::model::dependency::{PackageVersion, Scope};
    use crate::model::doubt::Doubt;
    use crate::model::repository::{CommitId, RepoPath};

    fn database(ecosystem: Ecosystem, package: &str) -> AdvisoryDatabase {
        fixed_in(ecosystem, package, "2.0.0")
    }

    fn fixed_in(ecosystem: Ecosystem, package: &str, version: &str) -> AdvisoryDatabase {
        let events = vec![RangeEvent::Introduced("0".to_owned()), RangeEvent::Fixed(version.to_owned())];
        AdvisoryDatabase::new(vec![Advisory {
            id: AdvisoryId::new("GHSA-1").unwrap(),
            aliases: vec![AdvisoryId::new("CVE-1").unwrap()],
            source: "osv".to_owned(),
            kind: AdvisoryKind::Vulnerability,
            summary: "bad".to_owned(),
            details: String::new(),
            references: Vec::new(),
            cvss: None,
            severity: Severity::High,
            withdrawn: false,
            affected: vec![Affected {
                ecosystem,
                release: None,
                package: package.to_owned(),
                ranges: vec![AffectedRange { events }],
                versions: Vec::new(),
            }],
        }])
    }

    fn dependency(ecosystem: Ecosystem, name: &str, version: &str, origin: Origin) -> Dependency {
        Dependency {
            ecosystem,
            name: name.to_owned(),
            version: version.to_owned(),
            origin,
            scope: Scope::Runtime,
            direct: true,
            parents: Vec::new(),
            requirements: Vec::new(),
            line: 7,
            abandoned: None,
            doubts: Vec::new(),
        }
    }

    fn inspect(database: &AdvisoryDatabase, dependencies: Vec<Dependency>) -> Vec<Finding> {
        let folder = tempfile::tempdir().unwrap();
        let tree = FolderTree::open(folder.path()).unwrap();
        let lockfiles = [Lockfile::new(RepoPath::new("a/x.lock").unwrap(), "test", dependencies)];
        KnownVulnerable.inspect(&CheckContext {
            tree: &tree,
            lockfiles: &lockfiles,
            advisories: database,
            today: jiff::civil::date(2026, 11, 21),
            effort: &crate::check::contract::effort::Effort::default(),
        })
    }

    #[test]
    fn an_attack_in_the_public_registry_is_none_elsewhere() {
        for ecosystem in [Ecosystem::Npm, Ecosystem::PyPi, Ecosystem::RubyGems] {
            let events = vec![RangeEvent::Introduced("0".to_owned())];
            let database = AdvisoryDatabase::new(vec![Advisory {
                id: AdvisoryId::new("MAL-2026-1").unwrap(),
                aliases: Vec::new(),
                source: "osv".to_owned(),
                kind: AdvisoryKind::Malicious,
                summary: "an attack".to_owned(),
                details: String::new(),
                references: Vec::new(),
                cvss: None,
                severity: Severity::Critical,
                withdrawn: false,
                affected: vec![Affected {
                    ecosystem,
                    release: None,
                    package: "bad".to_owned(),
                    ranges: vec![AffectedRange { events }],
                    versions: Vec::new(),
                }],
            }]);
            let of = |origin| inspect(&database, vec![dependency(ecosystem, "bad", "1.0.0", origin)]);
            let kinds = |origin| of(origin).iter().map(|finding| finding.kind).collect::<Vec<_>>();
            let archive = |url: &str| Origin::Archive { url: url.to_owned() };
            assert_eq!(kinds(registry(None)), [FindingKind::Malicious], "{ecosystem}");
            assert_eq!(kinds(archive("vendor/bad-1.0.0.tgz")), [FindingKind::Malicious], "kept in the repository");
            for origin in [
                git(GitPin::Commit),
                git(GitPin::Tag("v1.0.0".to_owned())),
                archive("https://files.example/bad-1.0.0.tgz"),
                registry(Some("https://user:secret@registry.example/simple")),
            ] {
                assert_eq!(kinds(origin.clone()), [FindingKind::Notice], "{ecosystem} {origin:?}");
                let told = of(origin).remove(0).detail.map(|detail| detail.to_string()).unwrap_or_default();
                assert!(told.contains("comes from") && !told.contains("secret"), "{told}");
            }
            assert_eq!(kinds(Origin::Path), []);
        }
    }

    fn git(pin: GitPin) -> Origin {
        let commit = CommitId::new(&"a".repeat(40)).unwrap();
        Origin::Git { url: "https://example.org/x".to_owned(), pin, commit: Some(commit) }
    }

    fn registry(url: Option<&str>) -> Origin {
        Origin::Registry { url: url.map(str::to_owned) }
    }

    #[test]
    fn a_finding_says_what_where_and_through_whom() {
        let database = database(Ecosystem::CratesIo, "bad");
        let mut transitive = dependency(Ecosystem::CratesIo, "bad", "1.0.0", registry(None));
        transitive.direct = false;
        transitive.parents = vec![0];
        let findings =
            inspect(&database, vec![dependency(Ecosystem::CratesIo, "top", "3.0.0", registry(None)), transitive]);
        let [finding] = findings.as_slice() else { panic!("one finding, not {findings:?}") };
        assert_eq!((finding.kind, finding.severity), (FindingKind::Vulnerability, Severity::High));
        assert_eq!((finding.file.as_str(), finding.line, finding.direct), ("a/x.lock", 7, false));
        let path: Vec<_> =
            finding.path.told().steps.iter().map(|step| PackageVersion::from(*step).to_string()).collect();
        assert_eq!(path, ["top@3.0.0", "bad@1.0.0"]);
        let flaw = finding.advisory.as_ref().expect("it comes from an advisory");
        assert_eq!((flaw.id.as_str(), flaw.fixed.as_deref()), ("CVE-1", Some("2.0.0")));
    }

    #[test]
    fn crates_from_elsewhere_are_other_packages() {
        let database = database(Ecosystem::CratesIo, "bad");
        let of = |origin| inspect(&database, vec![dependency(Ecosystem::CratesIo, "bad", "1.0.0", origin)]).len();
        assert_eq!(of(registry(None)), 1);
        assert_eq!(of(registry(Some("https://registry.example"))), 0);
        assert_eq!(of(git(GitPin::Commit)), 0);
        assert_eq!(of(Origin::Path), 0);
    }

    #[test]
    fn npm_and_composer_packages_are_known_by_name_wherever_they_come_from() {
        for ecosystem in [Ecosystem::Npm, Ecosystem::Packagist] {
            let database = database(ecosystem, "acme/bad");
            let of = |origin| inspect(&database, vec![dependency(ecosystem, "acme/bad", "1.0.0", origin)]).len();
            assert_eq!(of(registry(Some("https://registry.example"))), 1);
            assert_eq!(of(git(GitPin::Commit)), 1);
            assert_eq!(of(Origin::Path), 0);
        }
    }

    #[test]
    fn actions_are_known_by_their_version() {
        let database = database(Ecosystem::GitHubActions, "acme/bad");
        let of = |name: &str, version: &str, pin| {
            inspect(&database, vec![dependency(Ecosystem::GitHubActions, name, version, git(pin))]).len()
        };
        assert_eq!(of("acme/bad", "1.2.3", GitPin::Tag("v1.2.3".to_owned())), 1);
        assert_eq!(of("Acme/Bad/sub/path", "1.2.3", GitPin::Tag("v1.2.3".to_owned())), 1);
        assert_eq!(of("acme/bad", "1.2.3", GitPin::Commit), 1, "the version that the file notes beside the commit");
        assert_eq!(of("acme/bad", "2.0.0", GitPin::Commit), 0);
        assert_eq!(of("acme/bad", &"1".repeat(40), GitPin::Commit), 0);
        assert_eq!(of("acme/bad", "1.2.3", GitPin::Branch("1.2.3".to_owned())), 0);
        assert_eq!(of("acme/other", "1.2.3", GitPin::Commit), 0);
    }

    #[test]
    fn a_movable_tag_stands_at_its_newest_release() {
        let database = database(Ecosystem::GitHubActions, "acme/bad");
        let of = |version: &str, pin: GitPin| {
            inspect(&database, vec![dependency(Ecosystem::GitHubActions, "acme/bad", version, git(pin))])
        };
        let tag = |version: &str| of(version, GitPin::Tag(version.to_owned()));
        assert_eq!(tag("v2").len(), 0);
        assert_eq!(tag("v1.0").len(), 1);
        let found = tag("v1");
        assert_eq!((found.len(), found[0].version.as_str()), (1, "v1"), "version 1 never got the fix");
        assert_eq!(tag("v2.0.0-beta").len(), 1);
        let patched = fixed_in(Ecosystem::GitHubActions, "acme/bad", "1.3.0");
        let movable = dependency(Ecosystem::GitHubActions, "acme/bad", "v1", git(GitPin::Tag("v1".to_owned())));
        assert_eq!(inspect(&patched, vec![movable]).len(), 0, "the tag has moved on to the fix");
        // The fix is in 2.0.0: a commit that was once `v2` has it. Had it come in 2.1.0, nobody could tell.
        assert_eq!(of("v2", GitPin::Commit).len(), 0);
    }

    fn nearest(database: &AdvisoryDatabase, dependency: Dependency, nearest: Nearest) -> Vec<(FindingKind, String)> {
        let folder = tempfile::tempdir().unwrap();
        let mut lockfile = Lockfile::new(RepoPath::new("a/x.lock").unwrap(), "test", vec![dependency]);
        lockfile.content_mut().nearest.insert(0, nearest);
        let findings = KnownVulnerable.inspect(&CheckContext {
            tree: &FolderTree::open(folder.path()).unwrap(),
            lockfiles: &[lockfile],
            advisories: database,
            today: jiff::civil::date(2026, 11, 21),
            effort: &crate::check::contract::effort::Effort::default(),
        });
        findings
            .into_iter()
            .map(|finding| (finding.kind, finding.detail.map(|detail| detail.to_string()).unwrap_or_default()))
            .collect()
    }

    #[test]
    fn a_commit_has_the_flaws_of_the_release_nearest_to_it() {
        let at = |tag: &str| Nearest::Release { tag: tag.to_owned(), commits_after: 3 };
        let commit = "b".repeat(40);
        for (database, ecosystem) in [
            (database(Ecosystem::CratesIo, "bad"), Ecosystem::CratesIo),
            (database(Ecosystem::Git, "https://example.org/x"), Ecosystem::Git),
            (database(Ecosystem::Git, "example.org/x"), Ecosystem::GitHubActions),
        ] {
            let bad = || dependency(ecosystem, "bad", &commit, git(GitPin::Commit));
            let expected = (FindingKind::Vulnerability, "at 3 commits after v1.2.0".to_owned());
            assert_eq!(nearest(&database, bad(), at("v1.2.0")), [expected], "{ecosystem}");
            assert_eq!(nearest(&database, bad(), at("bad-1.2.0")).len(), 1, "{ecosystem}");
            assert!(nearest(&database, bad(), at("v2.0.0")).is_empty(), "{ecosystem}");
        }
    }

    #[test]
    fn one_flaw_is_said_once_with_the_release() {
        let database = database(Ecosystem::Npm, "bad");
        let release = Nearest::Release { tag: "v1.0.0".to_owned(), commits_after: 0 };
        let bad = dependency(Ecosystem::Npm, "bad", "1.0.0", git(GitPin::Commit));
        assert_eq!(nearest(&database, bad, release), [(FindingKind::Vulnerability, "at v1.0.0".to_owned())]);
    }

    #[test]
    fn what_could_not_be_checked_is_said_once() {
        let nothing = AdvisoryDatabase::default();
        let unknown = || Nearest::Unknown("no route".to_owned());
        let at = |version: &str, pin| dependency(Ecosystem::GitHubActions, "acme/bad", version, git(pin));
        let commit = "b".repeat(40);
        let said = nearest(&nothing, at(&commit, GitPin::Commit), unknown());
        assert_eq!(said, [(FindingKind::Notice, "could not be checked: no route".to_owned())]);
        assert!(nearest(&nothing, at("1.2.3", GitPin::Commit), unknown()).is_empty(), "the version is noted beside it");
        let branch = at("main", GitPin::Branch("main".to_owned()));
        assert!(nearest(&nothing, branch, unknown()).is_empty(), "its own finding says it");
    }

    #[test]
    fn a_tag_is_the_release_that_it_names() {
        for (database, ecosystem) in [
            (database(Ecosystem::CratesIo, "bad"), Ecosystem::CratesIo),
            (database(Ecosystem::Git, "https://example.org/x"), Ecosystem::Pub),
        ] {
            let of = |tag: &str| {
                let pinned = dependency(ecosystem, "bad", "9.9.9", git(GitPin::Tag(tag.to_owned())));
                inspect(&database, vec![pinned]).len()
            };
            assert_eq!((of("v1.2.0"), of("bad-1.2.0"), of("v2.0.0"), of("nightly")), (1, 1, 0, 0), "{ecosystem}");
        }
    }

    #[test]
    fn an_entry_that_can_be_read_in_two_ways_is_looked_up_in_both() {
        let database = database(Ecosystem::Npm, "bad");
        let mut odd = dependency(Ecosystem::Npm, "good", "3.0.0", registry(None));
        odd.doubts = vec![Doubt::contradiction("its archive is another", Some(("bad", "1.0.0")))];
        let findings = inspect(&database, vec![odd]);
        let [finding] = findings.as_slice() else { panic!("one finding, not {findings:?}") };
        assert_eq!((finding.package.as_str(), finding.version.as_str()), ("bad", "1.0.0"));
        assert_eq!(finding.detail, Some(Detail::Reason("in the entry of good 3.0.0".to_owned())));
    }

    #[test]
    fn packages_of_systems_are_known_by_their_source() {
        let database = database(Ecosystem::Debian, "openssl");
        let of = |name: &str, source: Option<(&str, &str)>| {
            let source = source.map(|(name, version)| PackageVersion { name: name.into(), version: version.into() });
            let origin = Origin::System { release: Some("12".to_owned()), source };
            inspect(&database, vec![dependency(Ecosystem::Debian, name, "9.0.0", origin)]).len()
        };
        assert_eq!(of("libssl3", Some(("openssl", "1.0.0"))), 1);
        assert_eq!(of("libssl3", Some(("openssl", "2.0.0"))), 0);
        assert_eq!(of("openssl", None), 0, "9.0.0 is fixed");
        assert_eq!(of("libssl3", None), 0);
    }

    #[test]
    fn other_packages_are_known_by_the_version_that_the_file_gives() {
        for ecosystem in [Ecosystem::PyPi, Ecosystem::RubyGems, Ecosystem::Go, Ecosystem::Hex, Ecosystem::Pub] {
            let database = database(ecosystem, "bad");
            let of =
                |version: &str, origin| inspect(&database, vec![dependency(ecosystem, "bad", version, origin)]).len();
            assert_eq!(of("1.0.0", registry(Some("https://registry.example"))), 1, "{ecosystem}");
            assert_eq!(of("1.0.0", git(GitPin::DefaultBranch)), 1, "{ecosystem}");
            assert_eq!(of(&"1".repeat(40), git(GitPin::Commit)), 0, "{ecosystem}: digits of a commit are no version");
            assert_eq!(of("1.0.0", Origin::Path), 0, "{ecosystem}");
        }
    }
}
