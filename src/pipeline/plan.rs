//! Plan: severity decides the route of every finding that a change of files can remedy.

use std::collections::BTreeSet;

use sha2::Digest as _;

use crate::config::policy::Policy;
use crate::model::dependency::Scope;
use crate::model::ecosystem::Ecosystem;
use crate::model::finding::{Finding, FindingKind};
use crate::model::proposal::Route;
use crate::model::repository::RepoPath;
use crate::model::severity::Severity;

/// What a base branch stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BaseRole {
    /// Production and development are one branch.
    Only,
    /// What production runs.
    Production,
    /// Where the code line starts.
    Development,
}

impl BaseRole {
    /// The routes that start from such a base.
    pub(crate) const fn routes(self) -> &'static [Route] {
        match self {
            Self::Only => &[Route::Emergency, Route::Routine],
            Self::Production => &[Route::Emergency],
            Self::Development => &[Route::Routine],
        }
    }

    /// Whether a proposal on `route` from this base is to remedy the finding.
    ///
    /// A critical flaw on a separate development branch travels with the routine work there: it is what keeps the next
    /// release from undoing the emergency fix.
    pub(crate) fn takes(self, route: Route, finding: &Finding, policy: &Policy) -> bool {
        let critical_flaw = is_flaw(finding) && finding.severity == Severity::Critical && !is_relaxed(finding, policy);
        let fixable = is_flaw(finding) || finding.kind == FindingKind::BranchTracking;
        match (self, route) {
            (Self::Only | Self::Production, Route::Emergency) => critical_flaw,
            (Self::Only, Route::Routine) => fixable && !critical_flaw,
            (Self::Development, Route::Routine) => fixable,
            (Self::Production, Route::Routine) | (Self::Development, Route::Emergency) => false,
        }
    }
}

/// Whether a critical flaw is no emergency by the policy: it is in what is needed for development only. An attack is one
/// there, too: it runs where developers work.
pub(crate) fn is_relaxed(finding: &Finding, policy: &Policy) -> bool {
    finding.scope == Scope::Development
        && finding.kind == FindingKind::Vulnerability
        && policy.routes.development == Route::Routine
}

/// Whether it is a flaw of a package that another version may not have.
pub(crate) fn is_flaw(finding: &Finding) -> bool {
    matches!(finding.kind, FindingKind::Vulnerability | FindingKind::Malicious)
}

/// What the branches of all proposals begin with. The second is used where a branch of people's bars the first: git cannot
/// hold both `a` and `a/b`.
const NAMESPACES: [&str; 2] = ["patchparty", "patchparty-bot"];

/// The branch of the proposals of a route, in a repository that has these branches.
///
/// One that exists is kept, the first of both; else it is in the first namespace that no branch bars.
pub(crate) fn proposal_branch(existing: &BTreeSet<String>, route: Route, base: &str) -> String {
    first_of(existing, &NAMESPACES.map(|namespace| branch_in(namespace, route, base)))
}

/// The branch of the raise of one requirement, chosen as that of a route is. Its name has no version, so that a newer
/// release updates the same pull request; `of` is the ecosystem, the lockfile and the package.
pub(crate) fn raise_branch(existing: &BTreeSet<String>, base: &str, of: (Ecosystem, &RepoPath, &str)) -> String {
    let (ecosystem, file, package) = of;
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
    let name: String = package.chars().map(|it| if plain(it) { it } else { '-' }).take(40).collect();
    let digest = short_digest(&format!("{ecosystem:?}\n{file}\n{package}"));
    let name = format!("{}-{}-{digest}", ecosystem.purl_type(), name.trim_matches('-'));
    first_of(existing, &NAMESPACES.map(|namespace| format!("{}{name}", raises_in(namespace, base))))
}

/// The branches of raises into a base, among those of a repository.
pub(crate) fn raises_into<'a>(existing: &'a BTreeSet<String>, base: &str) -> impl Iterator<Item = &'a String> {
    let folders = NAMESPACES.map(|namespace| raises_in(namespace, base));
    existing.iter().filter(move |branch| folders.iter().any(|folder| branch.starts_with(folder)))
}

fn first_of(existing: &BTreeSet<String>, names: &[String; 2]) -> String {
    let stands = names.iter().find(|name| existing.contains(*name));
    let free = || names.iter().find(|name| barred_by(existing, name).is_none());
    stands.or_else(free).unwrap_or(&names[0]).clone()
}

/// The branch beside which git cannot hold this one, where there is one.
pub(crate) fn barred_by<'a>(existing: &'a BTreeSet<String>, branch: &str) -> Option<&'a str> {
    let mut parents = branch.match_indices('/').map(|(end, _)| &branch[..end]);
    let child = || {
        let prefix = format!("{branch}/");
        existing.range(prefix.clone()..).next().filter(|next| next.starts_with(&prefix))
    };
    parents.find_map(|parent| existing.get(parent)).or_else(child).map(String::as_str)
}

/// Every branch that decides on where the proposals of these bases are; `/*` at the end means all below.
pub(crate) fn branches_to_look_at(bases: &[String]) -> Vec<String> {
    let mut branches = Vec::new();
    for namespace in NAMESPACES {
        branches.push(namespace.to_owned());
        branches.push(format!("{namespace}/{RAISES}"));
        for base in bases {
            let folder = raises_in(namespace, base);
            branches.push(folder.trim_end_matches('/').to_owned());
            branches.push(format!("{folder}*"));
        }
        for &route in BaseRole::Only.routes() {
            branches.push(format!("{namespace}/{route}"));
            branches.extend(bases.iter().map(|base| branch_in(namespace, route, base)));
        }
    }
    branches
}

/// The folder of the branches of raises.
const RAISES: &str = "breaking";

/// Where the raises into a base are, with `/` at its end.
fn raises_in(namespace: &str, base: &str) -> String {
    format!("{namespace}/{RAISES}/{}/", slug(base))
}

/// Without versions, so that a newer fix updates the same pull request.
///
/// The base is slugged because git cannot hold both `a` and `a/b` as branches.
fn branch_in(namespace: &str, route: Route, base: &str) -> String {
    format!("{namespace}/{route}/{}", slug(base))
}

fn slug(base: &str) -> String {
    let slug: String = base
        .chars()
        .map(|character| if character.is_ascii_alphanumeric() || "-_.".contains(character) { character } else { '-' })
        .collect();
    let slug = slug.trim_matches(['.', '-']).replace("..", "-");
    // Two bases may share a slug (`a/b` and `a-b`); a base that had to be changed carries a digest of its real name.
    let suffix = if slug == base { String::new() } else { format!("-{}", short_digest(base)) };
    format!("{slug}{suffix}")
}

fn short_digest(text: &str) -> String {
    let digest = format!("{:x}", sha2::Sha256::digest(text.as_bytes()));
    digest[..8].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(kind: FindingKind, severity: Severity) -> Finding {
        Finding::sample((kind, severity), (Ecosystem::Npm, "lodash"), "package-lock.json")
    }

    fn routes(role: BaseRole, finding: &Finding) -> Vec<Route> {
        let policy = Policy::default();
        role.routes().iter().copied().filter(|route| role.takes(*route, finding, &policy)).collect()
    }

    #[test]
    fn severity_decides_the_route() {
        let critical = finding(FindingKind::Vulnerability, Severity::Critical);
        let high = finding(FindingKind::Vulnerability, Severity::High);
        let loose = finding(FindingKind::BranchTracking, Severity::Medium);
        assert_eq!(routes(BaseRole::Only, &critical), [Route::Emergency]);
        assert_eq!(routes(BaseRole::Only, &high), [Route::Routine]);
        assert_eq!(routes(BaseRole::Only, &loose), [Route::Routine]);
        assert_eq!(routes(BaseRole::Production, &critical), [Route::Emergency]);
        assert_eq!(routes(BaseRole::Production, &high), []);
        assert_eq!(routes(BaseRole::Development, &critical), [Route::Routine]);
    }

    #[test]
    fn what_only_development_needs_is_no_emergency_unless_the_policy_says_so() {
        let mut critical = finding(FindingKind::Vulnerability, Severity::Critical);
        critical.scope = Scope::Development;
        assert_eq!(routes(BaseRole::Only, &critical), [Route::Routine]);
        let mut strict = Policy::default();
        strict.routes.development = Route::Emergency;
        assert!(BaseRole::Only.takes(Route::Emergency, &critical, &strict));
        assert!(!BaseRole::Only.takes(Route::Routine, &critical, &strict));
        critical.kind = FindingKind::Malicious;
        assert_eq!(routes(BaseRole::Only, &critical), [Route::Emergency], "an attack is one there, too");
    }

    #[test]
    fn warnings_never_become_a_pull_request() {
        for kind in [FindingKind::Unmaintained, FindingKind::Unsound, FindingKind::Notice, FindingKind::Unlocked] {
            for role in [BaseRole::Only, BaseRole::Production, BaseRole::Development] {
                assert_eq!(routes(role, &finding(kind, Severity::Critical)), []);
            }
        }
    }

    #[test]
    fn a_branch_that_bars_ours_is_passed_by() {
        let branch = |existing: &[&str]| {
            let existing: BTreeSet<String> = existing.iter().map(|&name| name.to_owned()).collect();
            let branch = super::proposal_branch(&existing, Route::Routine, "main");
            (barred_by(&existing, &branch).map(str::to_owned), branch)
        };
        let free = |name: &str| (None, name.to_owned());
        assert_eq!(branch(&["patchparty/emergency", "patchparty/routine/other"]), free("patchparty/routine/main"));
        for bar in ["patchparty", "patchparty/routine", "patchparty/routine/main/x"] {
            assert_eq!(branch(&[bar]), free("patchparty-bot/routine/main"), "{bar}");
        }
        assert_eq!(branch(&["patchparty-bot/routine/main"]), free("patchparty-bot/routine/main"), "it stays there");
        let both = ["patchparty-bot/routine/main", "patchparty/routine/main"];
        assert_eq!(branch(&both), free("patchparty/routine/main"), "nobody can lure the bot away");
        let barred = (Some("patchparty".to_owned()), "patchparty/routine/main".to_owned());
        assert_eq!(branch(&["patchparty", "patchparty-bot"]), barred);
        let barred = (Some("patchparty/routine/main/x".to_owned()), "patchparty/routine/main".to_owned());
        assert_eq!(branch(&["patchparty/routine/main/x", "patchparty/routine/mainline", "patchparty-bot"]), barred);
    }

    fn proposal_branch(route: Route, base: &str) -> String {
        super::proposal_branch(&BTreeSet::new(), route, base)
    }

    #[test]
    fn the_branch_of_a_raise_has_no_version_and_is_one_per_requirement() {
        let lock = RepoPath::new("web/package-lock.json").unwrap();
        let none = BTreeSet::new();
        let branch = |package: &str, base: &str| raise_branch(&none, base, (Ecosystem::Npm, &lock, package));
        let (scoped, plain) = (branch("@acme/x", "main"), branch("acme-x", "main"));
        assert!(scoped.starts_with("patchparty/breaking/main/npm-acme-x-"), "{scoped}");
        assert_ne!(scoped, plain, "packages that look alike have branches of their own");
        assert!(branch("..lock", "a/b").starts_with("patchparty/breaking/a-b-"));
        let existing = BTreeSet::from([scoped.clone(), "patchparty/routine/main".to_owned()]);
        assert_eq!(raises_into(&existing, "main").collect::<Vec<_>>(), [&scoped]);
        let bar = BTreeSet::from(["patchparty/breaking".to_owned()]);
        assert!(raise_branch(&bar, "main", (Ecosystem::Npm, &lock, "x")).starts_with("patchparty-bot/breaking/main/"));
        assert!(branches_to_look_at(&["main".to_owned()]).contains(&"patchparty/breaking/main/*".to_owned()));
    }

    #[test]
    fn branches_of_different_bases_differ() {
        assert_eq!(proposal_branch(Route::Routine, "main"), "patchparty/routine/main");
        assert_eq!(proposal_branch(Route::Emergency, "release-1.x"), "patchparty/emergency/release-1.x");
        let slashed = proposal_branch(Route::Routine, "release/1.x");
        assert!(slashed.starts_with("patchparty/routine/release-1.x-"), "{slashed}");
        assert_ne!(slashed, proposal_branch(Route::Routine, "release-1.x"));
        assert!(!proposal_branch(Route::Routine, "a..b").contains(".."));
    }
}
