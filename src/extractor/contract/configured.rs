//! Lockfiles that a project's configuration names: the tool reads that one, whatever stands under the usual name.

use super::SourceFile;
use crate::model::repository::RepoPath;

/// What a configuration says about the lockfile of a format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configured {
    /// The line that says it, from 1.
    pub line: u32,
    /// Where the lockfile stands as long as nothing is said; `None` where that cannot be told.
    pub usual: Option<RepoPath>,
    /// What is said.
    pub choice: LockfileChoice,
}

/// The lockfile that the tool goes by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockfileChoice {
    /// This one.
    File(RepoPath),
    /// A path that leads out of the project, as it is written. Untrusted.
    Outside(String),
    /// None: the tool locks nothing.
    Off,
    /// One whose name is computed, as it is written. Untrusted.
    Computed(String),
}

impl LockfileChoice {
    /// A path as seen from the folder of a configuration, or from `folder`.
    pub(in crate::extractor) fn below(folder: &str, written: &str) -> Self {
        resolve(folder, written).map_or_else(|| Self::Outside(written.to_owned()), Self::File)
    }
}

impl Configured {
    /// What the configuration `file` says on a line, about a lockfile that is otherwise called `usual` and stands beside it.
    pub(in crate::extractor) fn beside(file: &SourceFile<'_>, line: u32, usual: &str, choice: LockfileChoice) -> Self {
        Self { line, usual: file.path.sibling(usual).ok(), choice }
    }
}

/// A relative path with `.` and `..` in it, seen from a folder (empty: the root); `None` when it leaves the project.
pub(in crate::extractor) fn resolve(folder: &str, relative: &str) -> Option<RepoPath> {
    let relative = relative.trim().replace('\\', "/");
    if relative.is_empty() || relative.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    RepoPath::new(&parts.join("/")).ok()
}

/// The first text in quotes that a line of code has at the start of `rest`, and what follows it; `None` where something else
/// stands there, or where the quotes hold code (`#{…}`, `$…`).
pub(in crate::extractor) fn literal(rest: &str) -> Option<(&str, &str)> {
    let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let (text, behind) = rest.get(1..)?.split_once(quote)?;
    let is_plain = !text.contains(['\\', '$']) && !text.contains("#{");
    is_plain.then_some((text, behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_resolved_inside_of_the_project() {
        let at = |folder: &str, written: &str| resolve(folder, written).map(|path| path.to_string());
        assert_eq!(at("apps/web", "../../mix.lock").as_deref(), Some("mix.lock"));
        assert_eq!(at("", "./gradle\\own.lockfile").as_deref(), Some("gradle/own.lockfile"));
        for outside in ["../x", "/etc/x", "", "a/../../x"] {
            assert_eq!(at("", outside), None, "{outside}");
        }
        assert_eq!(LockfileChoice::below("", "../x"), LockfileChoice::Outside("../x".to_owned()));
    }

    #[test]
    fn only_plain_text_is_a_literal() {
        assert_eq!(literal("\"a.lock\", x"), Some(("a.lock", ", x")));
        assert_eq!(literal("'a.lock'"), Some(("a.lock", "")));
        for code in ["name", "\"#{x}\"", "\"$x\"", "\"a", ""] {
            assert_eq!(literal(code), None, "{code}");
        }
    }
}
