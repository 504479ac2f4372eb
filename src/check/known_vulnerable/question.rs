//! Questions to the advisories: what a dependency is called there, and at which version.

use crate::model::dependency::{Dependency, GitPin, Origin};
use crate::model::doubt::Doubt;
use crate::model::ecosystem::Ecosystem;
use crate::model::nearest::Nearest;

use super::release_tag::version_of_tag;

/// A package as advisories know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question<'a> {
    pub(super) ecosystem: Ecosystem,
    pub(super) package: &'a str,
    pub(super) version: String,
    /// The release of an operating system, which has advisories of its own.
    pub(super) release: Option<&'a str>,
}

/// A number that no release of an action has reached.
const NEWEST: u32 = 999_999;

/// What to ask about the version that the file gives; `None` when it gives none, or the dependency is not what an
/// advisory means by its name.
pub(super) fn about_version(dependency: &Dependency) -> Option<Question<'_>> {
    let question = |package, version: String, release| {
        (!version.is_empty()).then_some(Question { ecosystem: dependency.ecosystem, package, version, release })
    };
    match &dependency.origin {
        // A folder of the project may have any name.
        Origin::Path => None,
        // Advisories of systems are about what a package was built from; its own name counts where that is the same.
        Origin::System { release, source: Some(source) } => {
            question(source.name.as_str(), source.version.clone(), release.as_deref())
        }
        Origin::System { release, source: None } => {
            question(dependency.name.as_str(), dependency.version.clone(), release.as_deref())
        }
        // As cargo-audit: advisories are about crates.io, and a package of another registry or of a repository is another
        // package, whatever it is called.
        Origin::Registry { url: Some(_) } | Origin::Git { .. } | Origin::Archive { .. }
            if dependency.ecosystem == Ecosystem::CratesIo =>
        {
            None
        }
        Origin::Git { pin, .. } if has_no_version(dependency, pin) => None,
        // Everywhere else files name mirrors and proxies of the same packages, and give the version that the package calls
        // itself beside a repository or an archive: `npm audit`, `composer audit`, pip-audit and bundler-audit ask about
        // all of them by name and version.
        Origin::Registry { .. } | Origin::Git { .. } | Origin::Archive { .. } | Origin::Image { .. } => {
            question(dependency.name.as_str(), version_in_use(dependency), None)
        }
    }
}

/// What to ask about the release nearest to a commit, which the repository names as its own: the package, and the
/// repository itself.
pub(super) fn about_nearest<'a>(dependency: &'a Dependency, nearest: &Nearest) -> Vec<Question<'a>> {
    match nearest {
        Nearest::Release { tag, .. } => about_release(dependency, tag),
        Nearest::Unknown(_) => Vec::new(),
    }
}

/// What to ask about a dependency at a tag: the release that the tag names. An action has none but its tags, which are asked
/// about as its versions.
pub(super) fn about_tag(dependency: &Dependency) -> Vec<Question<'_>> {
    match &dependency.origin {
        Origin::Git { pin: GitPin::Tag(tag), .. } if dependency.ecosystem != Ecosystem::GitHubActions => {
            about_release(dependency, tag)
        }
        _ => Vec::new(),
    }
}

/// What to ask about everything else that an entry may stand for, where it contradicts itself.
pub(super) fn about_others(dependency: &Dependency) -> impl Iterator<Item = Question<'_>> {
    dependency.doubts.iter().filter_map(|doubt| match doubt {
        Doubt::Contradiction { other: Some(other), .. } => Some(Question {
            ecosystem: dependency.ecosystem,
            package: other.name.as_str(),
            version: other.version.clone(),
            release: None,
        }),
        Doubt::Contradiction { other: None, .. } | Doubt::Host { .. } | Doubt::NoChecksum => None,
    })
}

/// A tag that a repository has, as a release of the package and of the repository.
fn about_release<'a>(dependency: &'a Dependency, tag: &str) -> Vec<Question<'a>> {
    let Origin::Git { url, .. } = &dependency.origin else { return Vec::new() };
    let version = version_of_tag(tag);
    let question =
        |ecosystem, package, version: &str| Question { ecosystem, package, version: version.to_owned(), release: None };
    let mut questions: Vec<Question<'a>> =
        version.iter().map(|version| question(dependency.ecosystem, dependency.name.as_str(), version)).collect();
    // OSV lists the versions of a repository by their tags, and its ranges order what is in them.
    questions.push(question(Ecosystem::Git, url.as_str(), tag));
    questions.extend(version.iter().map(|version| question(Ecosystem::Git, url.as_str(), version)));
    questions
}

/// Whether the file gives nothing that could be compared: an action, and what is only known as a repository, has a version
/// by its tag or by what is noted beside the commit; digits of a commit could be taken for a version with a huge number.
fn has_no_version(dependency: &Dependency, pin: &GitPin) -> bool {
    let is_repository = matches!(dependency.ecosystem, Ecosystem::GitHubActions | Ecosystem::Git);
    (is_repository && pin.followed_branch().is_some()) || is_commit(&dependency.version)
}

/// The version that runs. A tag such as `v4` or `v4.1` floats over the releases that begin with it and stands at the
/// newest, so that it has the flaws which its line never got a fix for.
fn version_in_use(dependency: &Dependency) -> String {
    let version = dependency.version.as_str();
    let is_movable = dependency.ecosystem == Ecosystem::GitHubActions
        && matches!(&dependency.origin, Origin::Git { pin: GitPin::Tag(_), .. });
    let numbers = version.strip_prefix('v').unwrap_or(version);
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    match numbers.split('.').count() {
        1 if is_movable && is_number(numbers) => format!("{numbers}.{NEWEST}.{NEWEST}"),
        2 if is_movable && numbers.split('.').all(is_number) => format!("{numbers}.{NEWEST}"),
        _ => version.to_owned(),
    }
}

fn is_commit(version: &str) -> bool {
    version.len() >= 40 && version.bytes().all(|byte| byte.is_ascii_hexdigit())
}
