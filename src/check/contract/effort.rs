//! How much is looked for and kept of one project: the most urgent findings, and no more than were asked for.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::model::finding::Finding;
use crate::model::repository::RepoPath;
use crate::model::severity::Severity;

/// What the checks of one project may take, and what they had to leave out.
pub(crate) struct Effort {
    /// How many findings are kept.
    findings: usize,
    /// When no dependency is looked up any more.
    deadline: Instant,
    not_looked_up: AtomicUsize,
    left_out: Mutex<LeftOut>,
}

/// What was found and is not kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct LeftOut {
    /// How many findings.
    pub(crate) count: usize,
    /// The highest severity of them; warnings have none.
    pub(crate) worst: Option<Severity>,
}

impl Effort {
    /// Keeps so many findings, and looks dependencies up until the deadline.
    pub(crate) fn new(findings: usize, deadline: Instant) -> Self {
        Self { findings, deadline, not_looked_up: AtomicUsize::new(0), left_out: Mutex::default() }
    }

    /// Whether there is time to look some dependencies up; they are counted where there is none.
    pub(in crate::check) fn has_time_for(&self, dependencies: usize) -> bool {
        let in_time = Instant::now() <= self.deadline;
        if !in_time {
            self.not_looked_up.fetch_add(dependencies, Ordering::Relaxed);
        }
        in_time
    }

    /// How many dependencies were not looked up.
    pub(crate) fn not_looked_up(&self) -> usize {
        self.not_looked_up.load(Ordering::Relaxed)
    }

    /// A place for findings.
    pub(crate) fn keep(&self) -> Kept {
        Kept { findings: Vec::new(), limit: self.findings, left_out: LeftOut::default() }
    }

    /// The findings of a place; what it left out is noted.
    pub(crate) fn finish(&self, mut kept: Kept) -> Vec<Finding> {
        kept.cut();
        self.left_out.lock().unwrap_or_else(PoisonError::into_inner).add(kept.left_out);
        kept.findings
    }

    /// What was left out in all places.
    pub(crate) fn left_out(&self) -> LeftOut {
        *self.left_out.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LeftOut {
    fn add(&mut self, other: Self) {
        self.count += other.count;
        self.worst = self.worst.max(other.worst);
    }
}

/// For tests: no limits.
#[cfg(test)]
impl Default for Effort {
    fn default() -> Self {
        Self::new(usize::MAX / 4, Instant::now() + std::time::Duration::from_hours(1))
    }
}

/// The most urgent of many findings, in the order in which they came.
pub(crate) struct Kept {
    findings: Vec<Finding>,
    limit: usize,
    left_out: LeftOut,
}

impl Kept {
    /// Adds some.
    pub(crate) fn add(&mut self, findings: impl IntoIterator<Item = Finding>) {
        for finding in findings {
            self.findings.push(finding);
            // Twice as many, so that each is looked at a few times at most.
            if self.findings.len() >= self.limit.saturating_mul(2) {
                self.cut();
            }
        }
    }

    /// Says the same of other files with the same content.
    pub(in crate::check) fn repeat<'a>(&mut self, files: impl Iterator<Item = &'a RepoPath>) {
        // What was left out of the first file is left out of all.
        let (of_first, left_out) = (self.findings.clone(), self.left_out);
        for file in files {
            self.left_out.add(left_out);
            self.add(of_first.iter().map(|finding| Finding { file: file.clone(), ..finding.clone() }));
        }
    }

    /// What two places have together.
    pub(crate) fn with(mut self, other: Self) -> Self {
        self.left_out.add(other.left_out);
        self.findings.extend(other.findings);
        if self.findings.len() >= self.limit.saturating_mul(2) {
            self.cut();
        }
        self
    }

    fn cut(&mut self) {
        if self.findings.len() <= self.limit {
            return;
        }
        self.findings.sort_by(Finding::keep_order);
        let rest = self.findings.split_off(self.limit);
        let worst = rest.iter().filter(|finding| !finding.kind.is_warning()).map(|finding| finding.severity).max();
        self.left_out.add(LeftOut { count: rest.len(), worst });
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Place;
    use super::*;
    use crate::model::ecosystem::Ecosystem;
    use crate::model::finding::FindingKind;

    fn finding(severity: Severity, file: &str) -> Finding {
        let file = RepoPath::new(file).unwrap();
        let place = Place { file: &file, line: 1, ecosystem: Ecosystem::Npm };
        place.finding((FindingKind::Vulnerability, severity), ("a", "1"), None)
    }

    #[test]
    fn decoys_push_out_neither_what_is_worse_nor_what_stands_at_the_root() {
        let effort = Effort::new(3, Instant::now());
        let mut kept = effort.keep();
        kept.add((0..50).map(|number| finding(Severity::High, &format!("a/b/{number}/package-lock.json"))));
        kept.add([
            finding(Severity::High, "package-lock.json"),
            finding(Severity::Critical, "z/y/x/package-lock.json"),
        ]);
        kept.add((0..50).map(|number| finding(Severity::Low, &format!("{number}.lock"))));
        let kept = kept.with(effort.keep());
        let files: Vec<String> = effort.finish(kept).iter().map(|it| it.file.to_string()).collect();
        assert_eq!(files, ["z/y/x/package-lock.json", "package-lock.json", "a/b/0/package-lock.json"]);
        assert_eq!(effort.left_out(), LeftOut { count: 99, worst: Some(Severity::High) });
    }

    #[test]
    fn what_there_is_no_time_for_is_counted() {
        let past = Instant::now().checked_sub(std::time::Duration::from_secs(1)).expect("the machine runs longer");
        let effort = Effort::new(3, past);
        assert!(!effort.has_time_for(256) && !effort.has_time_for(3));
        assert_eq!(effort.not_looked_up(), 259);
        assert!(Effort::default().has_time_for(1));
    }
}
