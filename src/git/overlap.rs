//! Overlap: whether git can merge two changes of the same file without asking anyone.

use similar::{Algorithm, DiffOp, capture_diff_slices};

/// Whether two changes of one content touch lines that lie apart, so that a merge takes both. Git needs one line between
/// that neither changes. What both change in the same way is no conflict, but is not apart either.
pub(crate) fn apart(base: &[u8], one: &[u8], other: &[u8]) -> bool {
    let (one, other) = (changed(base, one), changed(base, other));
    one.iter().all(|(start, end)| other.iter().all(|(from, to)| end < from || to < start))
}

/// The ranges of lines of `before` that are replaced, each with the end after it.
fn changed(before: &[u8], after: &[u8]) -> Vec<(usize, usize)> {
    let lines = |content: &[u8]| content.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>();
    let operations = capture_diff_slices(Algorithm::Myers, &lines(before), &lines(after));
    let changed = operations.into_iter().filter(|operation| !matches!(operation, DiffOp::Equal { .. }));
    changed.map(|operation| (operation.old_range().start, operation.old_range().end)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::scratch::Scratch;

    const BASE: &str = "a\nb\nc\nd\ne\nf\n";

    /// What git itself says.
    fn merges(base: &str, one: &str, other: &str) -> bool {
        let scratch = Scratch::new();
        for (name, content) in [("base", base), ("one", one), ("other", other)] {
            std::fs::write(scratch.path().join(name), content).unwrap();
        }
        let status = std::process::Command::new("git")
            .args(["merge-file", "-q", "-p", "one", "base", "other"])
            .current_dir(scratch.path())
            .output()
            .unwrap()
            .status;
        status.success()
    }

    #[test]
    fn what_lies_apart_is_what_git_merges() {
        for (one, other, expected) in [
            ("A\nb\nc\nd\ne\nf\n", "a\nb\nC\nd\ne\nf\n", true),
            ("A\nb\nc\nd\ne\nf\n", "a\nB\nc\nd\ne\nf\n", false),
            ("a\nb\nc\nx\nd\ne\nf\n", "a\nb\nc\nd\nE\nf\n", true),
            ("a\nb\nd\ne\nf\n", "a\nb\nX\nd\ne\nf\n", false),
            (BASE, "A\nb\nc\nd\ne\nf\n", true),
        ] {
            assert_eq!(apart(BASE.as_bytes(), one.as_bytes(), other.as_bytes()), expected, "{one} {other}");
            assert!(!expected || merges(BASE, one, other), "git refuses {one} {other}");
        }
        let same = "A\nb\nc\nd\ne\nf\n";
        assert!(!apart(BASE.as_bytes(), same.as_bytes(), same.as_bytes()), "the same change twice is not apart");
    }
}
