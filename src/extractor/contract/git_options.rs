//! What a dependency from git follows, where a format tells branch, tag and reference apart.

use crate::model::dependency::GitPin;
use crate::model::ecosystem::Ecosystem;
use crate::version;

/// The shortest commit that git shows.
const SHORT_COMMIT: usize = 7;

/// The pin of a branch, a tag, or a reference that may be a commit, a tag or a branch: its form tells which.
pub(in crate::extractor) fn followed(branch: Option<&str>, tag: Option<&str>, reference: Option<&str>) -> GitPin {
    if let Some(branch) = branch {
        return GitPin::Branch(branch.to_owned());
    }
    if let Some(tag) = tag {
        return GitPin::Tag(tag.to_owned());
    }
    match reference {
        None | Some("" | "HEAD") => GitPin::DefaultBranch,
        Some(reference) if is_commit(reference) => GitPin::Commit,
        Some(tag) if version::parse(Ecosystem::GitHubActions, tag).is_ok() => GitPin::Tag(tag.to_owned()),
        Some(branch) => GitPin::Branch(branch.to_owned()),
    }
}

/// A commit, or the beginning of one.
fn is_commit(reference: &str) -> bool {
    reference.len() >= SHORT_COMMIT && reference.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_judged_by_its_form() {
        let branch = |name: &str| GitPin::Branch(name.to_owned());
        let tag = |name: &str| GitPin::Tag(name.to_owned());
        for (options, expected) in [
            ((Some("main"), None, Some("0123456")), branch("main")),
            ((None, Some("stable"), None), tag("stable")),
            ((None, None, Some("v1.2")), tag("v1.2")),
            ((None, None, Some("0123456")), GitPin::Commit),
            ((None, None, Some("develop")), branch("develop")),
            ((None, None, Some("HEAD")), GitPin::DefaultBranch),
            ((None, None, None), GitPin::DefaultBranch),
        ] {
            assert_eq!(followed(options.0, options.1, options.2), expected, "{options:?}");
        }
    }
}
