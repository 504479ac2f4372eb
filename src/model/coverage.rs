//! Coverage: which ecosystems a project has, and whether the advisories in use know them.

use super::ecosystem::Ecosystem;
use super::text::count;

/// What the advisories in use know about one ecosystem of a project.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Coverage {
    /// The ecosystem.
    pub ecosystem: Ecosystem,
    /// How many packages the project's files pin, each name and version once.
    pub packages: usize,
    /// How many files pin them.
    pub files: usize,
    /// Whether anything could be found.
    pub knowledge: Knowledge,
}

/// Whether the advisories in use know an ecosystem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Knowledge {
    /// They have advisories about it.
    Covered,
    /// They have none, and others publish some: nothing about its packages can be called clean.
    NoSource,
    /// They have none, and the policy accepts that by the ecosystem's name.
    Accepted,
    /// They have none, because nobody publishes any.
    NonePublished,
}

impl Knowledge {
    /// What is known of an ecosystem.
    pub fn of(ecosystem: Ecosystem, is_covered: bool, is_accepted: bool) -> Self {
        match () {
            () if is_covered => Self::Covered,
            () if !ecosystem.has_public_advisories() => Self::NonePublished,
            () if is_accepted => Self::Accepted,
            () => Self::NoSource,
        }
    }

    /// The word in reports for machines.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Covered => "covered",
            Self::NoSource => "no-source",
            Self::Accepted => "accepted",
            Self::NonePublished => "none-published",
        }
    }
}

impl Coverage {
    /// Whether a report on the project is incomplete because of it.
    pub fn is_gap(&self) -> bool {
        self.knowledge == Knowledge::NoSource
    }

    /// What to do about a gap.
    pub fn hint(&self) -> Option<String> {
        self.is_gap().then(|| {
            format!(
                "name a source for it under [[advisories.source]], or accept that with `accept-uncovered = [\"{}\"]` \
                 under [advisories]",
                self.ecosystem
            )
        })
    }

    /// What is missing, in one sentence; `None` where nothing is.
    pub fn told(&self) -> Option<String> {
        let ecosystem = self.ecosystem;
        let packages = count(self.packages, &format!("{ecosystem} package"), &format!("{ecosystem} packages"));
        let files = count(self.files, "file", "files");
        let reason = match self.knowledge {
            Knowledge::Covered => return None,
            Knowledge::NoSource => format!("no source in use has {ecosystem} advisories"),
            Knowledge::Accepted => {
                format!("no source in use has {ecosystem} advisories, which the policy accepts")
            }
            Knowledge::NonePublished => format!("no public database has advisories about {ecosystem}"),
        };
        Some(format!("{packages} in {files}: {reason}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_names_the_ecosystem_and_what_to_do() {
        let of = |ecosystem, is_covered, is_accepted| Coverage {
            ecosystem,
            packages: 412,
            files: 3,
            knowledge: Knowledge::of(ecosystem, is_covered, is_accepted),
        };
        let gap = of(Ecosystem::Npm, false, false);
        assert!(gap.is_gap());
        assert_eq!(gap.told().as_deref(), Some("412 npm packages in 3 files: no source in use has npm advisories"));
        assert!(gap.hint().is_some_and(|hint| hint.contains("accept-uncovered = [\"npm\"]")));
        assert_eq!(of(Ecosystem::Npm, true, false).told(), None);
        for (ecosystem, is_accepted) in [(Ecosystem::Npm, true), (Ecosystem::Helm, false), (Ecosystem::Git, false)] {
            let accepted = of(ecosystem, false, is_accepted);
            assert!(!accepted.is_gap() && accepted.told().is_some() && accepted.hint().is_none(), "{ecosystem}");
        }
    }
}
