//! Project kinds: what a project is to the people who test it.

use std::collections::BTreeSet;
use std::fmt;

/// What a project is to the people who test it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProjectKind {
    /// It runs somewhere and answers people or programs: a shop, an API, a web application.
    Service,
    /// Other projects build on it.
    Library,
    /// People or scripts start it: a tool, an action of a workflow.
    CommandLine,
    /// It is built into pages to read.
    Documentation,
}

impl ProjectKind {
    /// The word used in policies and texts.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Library => "library",
            Self::CommandLine => "command-line",
            Self::Documentation => "documentation",
        }
    }
}

impl fmt::Display for ProjectKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// The kinds of project that something is meant for; empty means every kind, and also changes that are of none.
pub type Kinds = BTreeSet<ProjectKind>;

/// Whether what is meant for `wanted` fits a change of projects of these kinds.
pub fn fits(wanted: &Kinds, kinds: &Kinds) -> bool {
    wanted.is_empty() || !wanted.is_disjoint(kinds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_no_kind_is_meant_for_all() {
        let library = Kinds::from([ProjectKind::Library]);
        let service = Kinds::from([ProjectKind::Service]);
        assert!(fits(&Kinds::new(), &library) && fits(&Kinds::new(), &Kinds::new()));
        assert!(fits(&library, &library) && !fits(&service, &library) && !fits(&service, &Kinds::new()));
    }
}
