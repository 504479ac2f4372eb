//! Patches: a change as a unified diff that `git apply` accepts.

use similar::{Algorithm, DiffOp, capture_diff_slices, group_diff_ops};

use crate::model::proposal::FileChange;
use crate::model::text::is_invisible;

/// Unchanged lines around a change, as git shows them.
const CONTEXT: usize = 3;

/// The changes as one patch, in their order. Files that do not change are left out; one that was empty before counts as
/// new.
///
/// Written by hand instead of by `similar`'s formatter, which also ends lines at a lone carriage return: git does not, and
/// would refuse the hunk.
pub(crate) fn unified(files: &[FileChange]) -> Vec<u8> {
    let mut patch = Vec::new();
    for file in files.iter().filter(|file| file.before != file.after) {
        let mode = if file.executable { "100755" } else { "100644" };
        let name = file.path.as_str();
        // Git ends a name that has spaces with a tab, so that it is not taken for a date.
        let tab = if name.contains(' ') { "\t" } else { "" };
        patch.extend_from_slice(format!("diff --git a/{name} b/{name}\n").as_bytes());
        let old = if file.before.is_empty() {
            patch.extend_from_slice(format!("new file mode {mode}\n").as_bytes());
            "/dev/null".to_owned()
        } else {
            format!("a/{name}{tab}")
        };
        let new = format!("b/{name}{tab}");
        patch.extend_from_slice(format!("--- {old}\n+++ {new}\n").as_bytes());
        let (before, after) = (lines(&file.before), lines(&file.after));
        let operations = capture_diff_slices(Algorithm::Myers, &before, &after);
        for group in group_diff_ops(operations, CONTEXT) {
            write_hunk(&mut patch, &group, &before, &after);
        }
    }
    patch
}

/// A file whose patch has characters that no reader sees, or that turn the direction of writing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unseen {
    /// The file.
    pub(crate) path: String,
    /// How many lines of its patch have such characters.
    pub(crate) lines: usize,
    /// The first of these lines, its sign included, with all such characters escaped, up to a length.
    pub(crate) first: String,
}

/// The files whose patch shows something else than it does. The patch itself stays exact, or git would refuse it.
pub(crate) fn unseen(files: &[FileChange]) -> Vec<Unseen> {
    const SHOWN: usize = 200;
    let is_odd = |character: char| is_invisible(character) && character != '\t';
    let of_file = |file: &FileChange| {
        let patch = unified(std::slice::from_ref(file));
        let text = String::from_utf8_lossy(&patch);
        let lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
        let mut odd = lines.filter(|line| line.contains(is_odd));
        let first = odd.next()?;
        let escape = |character: char| {
            if is_odd(character) { character.escape_unicode().to_string() } else { character.to_string() }
        };
        Some(Unseen {
            path: file.path.to_string(),
            first: first.chars().take(SHOWN).map(escape).collect(),
            lines: 1 + odd.count(),
        })
    };
    files.iter().filter(|file| file.before != file.after).filter_map(of_file).collect()
}

/// How many lines a change adds and removes.
pub(crate) fn line_counts(files: &[FileChange]) -> (usize, usize) {
    let (mut added, mut removed) = (0, 0);
    for file in files {
        for operation in capture_diff_slices(Algorithm::Myers, &lines(&file.before), &lines(&file.after)) {
            if !matches!(operation, DiffOp::Equal { .. }) {
                removed += operation.old_range().len();
                added += operation.new_range().len();
            }
        }
    }
    (added, removed)
}

fn lines(content: &[u8]) -> Vec<&[u8]> {
    content.split_inclusive(|&byte| byte == b'\n').collect()
}

fn write_hunk(patch: &mut Vec<u8>, group: &[DiffOp], before: &[&[u8]], after: &[&[u8]]) {
    let (Some(first), Some(last)) = (group.first(), group.last()) else { return };
    let old = range(first.old_range().start, last.old_range().end);
    let new = range(first.new_range().start, last.new_range().end);
    patch.extend_from_slice(format!("@@ -{old} +{new} @@\n").as_bytes());
    for operation in group {
        let (old, new) = (&before[operation.old_range()], &after[operation.new_range()]);
        if matches!(operation, DiffOp::Equal { .. }) {
            write_lines(patch, b' ', old);
        } else {
            write_lines(patch, b'-', old);
            write_lines(patch, b'+', new);
        }
    }
}

/// `start,length`, from line 1; an empty range names the line before it.
fn range(start: usize, end: usize) -> String {
    match end - start {
        0 => format!("{start},0"),
        1 => format!("{}", start + 1),
        length => format!("{},{length}", start + 1),
    }
}

fn write_lines(patch: &mut Vec<u8>, sign: u8, lines: &[&[u8]]) {
    for line in lines {
        patch.push(sign);
        patch.extend_from_slice(line);
        if !line.ends_with(b"\n") {
            patch.extend_from_slice(b"\n\\ No newline at end of file\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::scratch::Scratch;
    use crate::model::repository::RepoPath;

    fn file(path: &str, before: &str, after: &str) -> FileChange {
        FileChange {
            path: RepoPath::new(path).expect("a safe path"),
            before: before.as_bytes().to_vec(),
            after: after.as_bytes().to_vec(),
            executable: false,
        }
    }

    #[test]
    fn git_applies_the_patch_and_gets_exactly_the_change() {
        let many: String = (0..200).map(|line| format!("line {line}\n")).collect();
        let changes = [
            file("Cargo.lock", &many, &many.replace("line 3\n", "three\n").replace("line 190\n", "")),
            file("new/package-lock.json", "", "{\n}\n"),
            file("no newline", "a\nb", "a\nc"),
            file("gains newline", "a", "a\n"),
            file("carriage\u{a0}returns", "a\rb\r\nc\r\n", "a\rb\r\nd\r\n"),
            file("emptied", "a\n", ""),
            file("ünïcode \"quoted\".lock", "x\n", "y\n"),
            file("grows", "a\n", "0\na\n1\n2\n"),
            file("same", "a\n", "a\n"),
        ];
        let source = Scratch::new();
        for change in changes.iter().filter(|change| !change.before.is_empty()) {
            source.write(change.path.as_str(), &change.before);
        }
        source.git(&["config", "core.autocrlf", "false"]);
        source.commit("before");
        let patch = unified(&changes);
        source.git_with_input(&["apply", "--index", "--whitespace=nowarn", "-"], &patch);
        for change in &changes {
            let content = std::fs::read(source.path().join(change.path.as_str())).expect("it stands there");
            assert_eq!(content, change.after, "{}", change.path);
        }
        assert!(!String::from_utf8_lossy(&patch).contains("same"));
        assert_eq!(line_counts(&changes[..1]), (1, 2));
    }

    #[test]
    fn what_no_reader_sees_is_told_and_stays_in_the_patch() {
        let odd = "\u{202e}gpj\ttab\r\nb\u{200b}\n";
        let changes = [file("odd.lock", "a\n", odd), file("plain.lock", "a\tb\r\n", "ü\r\n")];
        let told = unseen(&changes);
        let first = "+\\u{202e}gpj\ttab".to_owned();
        assert_eq!(told, [Unseen { path: "odd.lock".to_owned(), lines: 2, first }]);
        assert!(String::from_utf8(unified(&changes)).expect("UTF-8").contains(odd.lines().next().expect("a line")));
        let twin = file("odd.lock", odd, odd);
        assert!(unseen(&[twin]).is_empty(), "what does not change is no part of the patch");
    }

    #[test]
    fn the_patch_reads_as_git_would_write_it() {
        let patch = unified(&[file("a.lock", "1\n2\n3\n4\n5\n6\n7\n", "1\n2\n3\n4\n5\nsix\n7\n")]);
        let expected =
            "diff --git a/a.lock b/a.lock\n--- a/a.lock\n+++ b/a.lock\n@@ -3,5 +3,5 @@\n 3\n 4\n 5\n-6\n+six\n 7\n";
        assert_eq!(String::from_utf8(patch).expect("UTF-8"), expected);
    }
}
