//! What a written git reference is, judged by its form.

use crate::model::dependency::GitPin;
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::CommitId;
use crate::version;

/// The pin that a reference stands for, and the commit where it is one: 40 or 64 hexadecimal digits are a commit, what
/// looks like a version is a tag, `refs/…` says it itself, anything else is a branch.
pub(in crate::extractor) fn judge(reference: &str) -> (GitPin, Option<CommitId>) {
    if let Ok(commit) = CommitId::new(reference) {
        return (GitPin::Commit, Some(commit));
    }
    if let Some(branch) = reference.strip_prefix("refs/heads/") {
        return (GitPin::Branch(branch.to_owned()), None);
    }
    if let Some(tag) = reference.strip_prefix("refs/tags/") {
        return (GitPin::Tag(tag.to_owned()), None);
    }
    let is_tag = version::parse(Ecosystem::GitHubActions, reference).is_ok();
    let pin = if is_tag { GitPin::Tag } else { GitPin::Branch };
    (pin(reference.to_owned()), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_told_apart_by_their_form() {
        for (reference, pin) in [
            ("b4ffde65f46336ab88eb53be808477a3936bae11", GitPin::Commit),
            ("v1.2.3", GitPin::Tag("v1.2.3".to_owned())),
            ("v4", GitPin::Tag("v4".to_owned())),
            ("2.0.1", GitPin::Tag("2.0.1".to_owned())),
            ("refs/tags/stable", GitPin::Tag("stable".to_owned())),
            ("refs/heads/v1", GitPin::Branch("v1".to_owned())),
            ("main", GitPin::Branch("main".to_owned())),
            ("b4ffde6", GitPin::Branch("b4ffde6".to_owned())),
        ] {
            let (found, commit) = judge(reference);
            assert_eq!((commit.is_some(), &found), (pin == GitPin::Commit, &pin), "{reference}");
        }
    }
}
