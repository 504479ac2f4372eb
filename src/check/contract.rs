//! What a check is, and how files are read by several of them.

pub(super) mod effort;
pub(super) mod finding;
pub(super) mod image;
pub(super) mod manifest;
#[cfg(test)]
pub(super) mod testing;

use jiff::civil::Date;

use crate::advisory::AdvisoryDatabase;
use crate::model::finding::Finding;
use crate::model::lockfile::Lockfile;
use crate::model::tree::ProjectTree;
use effort::Effort;

/// What a check may look at.
pub(crate) struct CheckContext<'a> {
    /// The project's files.
    pub(crate) tree: &'a dyn ProjectTree,
    /// The lockfiles that were read.
    pub(crate) lockfiles: &'a [Lockfile],
    /// What is known.
    pub(crate) advisories: &'a AdvisoryDatabase,
    /// The day of this run, by which a runtime's end is judged.
    pub(crate) today: Date,
    /// How much is looked for and kept.
    pub(crate) effort: &'a Effort,
}

/// One question asked of every project. Pure.
pub(crate) trait Check: Sync {
    /// Its name in reports, in kebab-case.
    fn id(&self) -> &'static str;

    /// Its findings, in any order.
    fn inspect(&self, context: &CheckContext<'_>) -> Vec<Finding>;
}
