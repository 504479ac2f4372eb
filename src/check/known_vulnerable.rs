//! Known vulnerable: locked versions that an advisory is about.

use std::borrow::Cow;

use super::contract::{Check, CheckContext};
use crate::advisory::FlawMatch;
use crate::model::advisory::AdvisoryKind;
use crate::model::dependency::{Dependency, GitPin, Origin};
use crate::model::ecosystem::Ecosystem;
use crate::model::finding::{Finding, FindingKind};
use crate::model::lockfile::Lockfile;

/// Looks every locked dependency up in the advisories.
pub(super) struct KnownVulnerable;

/// A number that no release of an action has reached.
const NEWEST: u32 = 999_999;

impl Check for KnownVulnerable {
    fn id(&self) -> &'static str {
        "known-vulnerable"
    }

    fn inspect(&self, context: &CheckContext<'_>) -> Vec<Finding> {
        let mut findings = Vec::new();
        for lockfile in context.lockfiles {
            for (position, dependency) in lockfile.dependencies.iter().enumerate() {
                if !is_the_package_of_advisories(dependency) {
                    continue;
                }
                let version = version_in_use(dependency);
                let flaws = context.advisories.affecting(dependency.ecosystem, &dependency.name, &version);
                findings.extend(flaws.into_iter().map(|flaw| finding(lockfile, position, dependency, flaw)));
            }
        }
        findings
    }
}

/// Whether the dependency is what an advisory means by its name and version.
fn is_the_package_of_advisories(dependency: &Dependency) -> bool {
    if dependency.origin == Origin::Path {
        // A folder of the project may have any name.
        return false;
    }
    match dependency.ecosystem {
        // As cargo-audit: advisories are about crates.io, and a package of another registry or of a repository is
        // another package, whatever it is called.
        Ecosystem::CratesIo => dependency.origin == Origin::Registry { url: None },
        // npm and Composer name mirrors and proxies of the same packages in their locks, and write the version that the
        // package gives itself beside a repository or an archive: `npm audit` and `composer audit` ask about all of them.
        Ecosystem::Npm | Ecosystem::Packagist => true,
        // An action is its repository. Only a version says which flaws it has: a branch does not, a commit only with
        // the version that the file notes beside it.
        Ecosystem::GitHubActions => match &dependency.origin {
            Origin::Git { pin: GitPin::Branch(_) | GitPin::DefaultBranch, .. } => false,
            Origin::Git { pin: GitPin::Commit, .. } => !is_commit(&dependency.version),
            Origin::Git { pin: GitPin::Tag(_), .. }
            | Origin::Registry { .. }
            | Origin::Archive { .. }
            | Origin::Image { .. }
            | Origin::System { .. }
            | Origin::Path => true,
        },
        _ => true,
    }
}

/// The version that runs. A tag such as `v4` or `v4.1` floats over the releases that begin with it and stands at the
/// newest, so that it has the flaws which its line never got a fix for.
fn version_in_use(dependency: &Dependency) -> Cow<'_, str> {
    let version = dependency.version.as_str();
    let is_floating = dependency.ecosystem == Ecosystem::GitHubActions
        && matches!(&dependency.origin, Origin::Git { pin: GitPin::Tag(_), .. });
    let numbers = version.strip_prefix('v').unwrap_or(version);
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    match numbers.split('.').count() {
        1 if is_floating && is_number(numbers) => Cow::Owned(format!("{numbers}.{NEWEST}.{NEWEST}")),
        2 if is_floating && numbers.split('.').all(is_number) => Cow::Owned(format!("{numbers}.{NEWEST}")),
        _ => Cow::Borrowed(version),
    }
}

/// Digits of a commit could be taken for a version with a huge number.
fn is_commit(version: &str) -> bool {
    version.len() >= 40 && version.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn finding(lockfile: &Lockfile, position: usize, dependency: &Dependency, flaw: FlawMatch) -> Finding {
    Finding {
        kind: kind(flaw.kind),
        severity: flaw.severity,
        ecosystem: dependency.ecosystem,
        package: dependency.name.clone(),
        version: dependency.version.clone(),
        file: lockfile.path.clone(),
        line: dependency.line,
        direct: dependency.direct,
        scope: dependency.scope,
        path: lockfile.shortest_path(position),
        origin: dependency.origin.clone(),
        advisory: Some(flaw.flaw),
        detail: None,
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
    use crate::model::dependency::Scope;
    use crate::model::repository::{CommitId, RepoPath};
    use crate::model::severity::Severity;

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
        })
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
        let path: Vec<_> = finding.path.iter().map(ToString::to_string).collect();
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
        assert_eq!(of(git(GitPin::Tag("v1".to_owned()))), 0);
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
    fn a_floating_tag_stands_at_its_newest_release() {
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
        let floating = dependency(Ecosystem::GitHubActions, "acme/bad", "v1", git(GitPin::Tag("v1".to_owned())));
        assert_eq!(inspect(&patched, vec![floating]).len(), 0, "the tag has moved on to the fix");
        // The fix is in 2.0.0: a commit that was once `v2` has it. Had it come in 2.1.0, nobody could tell.
        assert_eq!(of("v2", GitPin::Commit).len(), 0);
    }
}
