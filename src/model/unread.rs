//! What is not read on purpose: every report counts and names it, so that nothing is passed over in silence.

use std::collections::BTreeMap;

/// So many paths are named for each reason; all are counted.
const NAMED: usize = 1_000;

/// Why something is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnreadReason {
    /// The organisation's policy excludes it. What a project's own file excludes is read all the same.
    ExcludedByPolicy,
    /// It belongs to a package that a tool has installed into the project, or is the tool's own record of them.
    Installed(Installer),
    /// It is a folder that says of itself that it is a cache (<https://bford.info/cachedir/>), and git tracks nothing of it.
    Cache,
    /// It is another repository.
    Submodule,
    /// Links are never followed.
    Link,
    /// Its tool reads another file in its place: npm goes by npm-shrinkwrap.json where there is one.
    NotInUse,
    /// Its name is that of a lockfile but for the case of letters, or for characters that some file systems drop.
    AlmostLockfile,
}

/// What installs packages into a project's folders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Installer {
    /// npm, and what else fills `node_modules`.
    Npm,
    /// Composer.
    Composer,
    /// `cargo vendor`.
    Cargo,
    /// `go mod vendor`.
    Go,
    /// Bundler.
    Bundler,
    /// pip, and what else fills `site-packages` and virtual environments.
    Pip,
    /// `CocoaPods`.
    CocoaPods,
    /// Mix.
    Mix,
}

/// All that is not read for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// The reason.
    pub reason: UnreadReason,
    /// How many paths there are.
    pub count: usize,
    /// The first of them, sorted; folders end with `/`. Untrusted.
    pub paths: Vec<String>,
}

/// A folder of which nothing is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Its path from the root, with `/` at the end. Untrusted.
    pub folder: String,
    /// Why.
    pub reason: UnreadReason,
}

impl UnreadReason {
    /// So many of it, for people: `3 submodules`.
    pub fn counted(self, count: usize) -> String {
        let (one, many) = match self {
            Self::ExcludedByPolicy => ("file excluded by the policy", "files excluded by the policy"),
            Self::Installed(installer) => {
                let of = format!("of packages installed by {}", installer.as_str());
                return format!("{count} {} {of}", if count == 1 { "path" } else { "paths" });
            }
            Self::Cache => ("folder marked as a cache", "folders marked as caches"),
            Self::Submodule => ("submodule", "submodules"),
            Self::Link => ("symbolic link", "symbolic links"),
            Self::NotInUse => ("lockfile that its tool passes over", "lockfiles that their tools pass over"),
            Self::AlmostLockfile => ("file named almost like a lockfile", "files named almost like lockfiles"),
        };
        format!("{count} {}", if count == 1 { one } else { many })
    }
}

impl Installer {
    /// The tool's name for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Npm => "npm",
            Self::Composer => "Composer",
            Self::Cargo => "Cargo",
            Self::Go => "Go",
            Self::Bundler => "Bundler",
            Self::Pip => "pip",
            Self::CocoaPods => "CocoaPods",
            Self::Mix => "Mix",
        }
    }
}

impl Unread {
    /// The first few paths, as many as fit on a line, and how many more there are.
    pub fn examples(&self) -> (&[String], usize) {
        /// More are in the JSON report.
        const EXAMPLES: usize = 3;
        let shown = &self.paths[..self.paths.len().min(EXAMPLES)];
        (shown, self.count - shown.len())
    }

    /// By reason, each path once.
    pub fn collect(found: impl IntoIterator<Item = (UnreadReason, String)>) -> Vec<Self> {
        let mut paths: BTreeMap<UnreadReason, Vec<String>> = BTreeMap::new();
        for (reason, path) in found {
            paths.entry(reason).or_default().push(path);
        }
        let unread = |(reason, mut paths): (UnreadReason, Vec<String>)| {
            paths.sort_unstable();
            paths.dedup();
            let count = paths.len();
            paths.truncate(NAMED);
            Self { reason, count, paths }
        };
        paths.into_iter().map(unread).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_is_counted_once_and_a_thousand_are_named() {
        let submodules = (0..1_500).chain(0..10).map(|number| (UnreadReason::Submodule, format!("{number:04}")));
        let other = (UnreadReason::ExcludedByPolicy, "a/Cargo.lock".to_owned());
        let unread = Unread::collect(submodules.chain([other]));
        let told: Vec<_> = unread.iter().map(|it| (it.reason, it.count, it.paths.len())).collect();
        assert_eq!(told, [(UnreadReason::ExcludedByPolicy, 1, 1), (UnreadReason::Submodule, 1_500, 1_000)]);
        assert_eq!(unread[1].paths.last().map(String::as_str), Some("0999"));
        assert_eq!(unread[0].reason.counted(1), "1 file excluded by the policy");
        assert_eq!(UnreadReason::Installed(Installer::Npm).counted(2), "2 paths of packages installed by npm");
    }
}
