//! Findings about a dependency or about a line of a manifest, filled in as far as the place says.

use crate::model::dependency::{Dependency, Origin, Scope};
use crate::model::dependency_path::DependencyPath;
use crate::model::ecosystem::Ecosystem;
use crate::model::finding::{Detail, Finding, FindingKind};
use crate::model::lockfile::Lockfile;
use crate::model::repository::RepoPath;
use crate::model::severity::Severity;

/// A finding about the dependency at a position of a lockfile, without an advisory or a detail.
pub(in crate::check) fn of_dependency(
    lockfile: &Lockfile,
    position: usize,
    dependency: &Dependency,
    (kind, severity): (FindingKind, Severity),
) -> Finding {
    Finding {
        kind,
        severity,
        ecosystem: dependency.ecosystem,
        package: dependency.name.clone(),
        version: dependency.version.clone(),
        file: lockfile.path.clone(),
        line: dependency.line,
        direct: dependency.direct,
        scope: dependency.scope,
        path: lockfile.shortest_path(position),
        origin: dependency.origin.clone(),
        advisory: None,
        detail: None,
    }
}

/// A finding of low severity about each dependency that `reason` has something to say about.
pub(in crate::check) fn of_each(
    lockfiles: &[Lockfile],
    kind: FindingKind,
    reason: impl Fn(&Dependency) -> Option<String>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for lockfile in lockfiles {
        for (position, dependency) in lockfile.dependencies.iter().enumerate() {
            let Some(reason) = reason(dependency) else { continue };
            let mut finding = of_dependency(lockfile, position, dependency, (kind, Severity::Low));
            finding.detail = Some(Detail::reason(reason));
            findings.push(finding);
        }
    }
    findings
}

/// A place in a manifest.
pub(in crate::check) struct Place<'a> {
    /// The file.
    pub(in crate::check) file: &'a RepoPath,
    /// The line, from 1.
    pub(in crate::check) line: u32,
    /// What the file is about.
    pub(in crate::check) ecosystem: Ecosystem,
}

impl Place<'_> {
    /// A finding about what stands there: `package` at `version`, with the reason.
    pub(in crate::check) fn finding(
        &self,
        (kind, severity): (FindingKind, Severity),
        (package, version): (&str, &str),
        detail: Option<Detail>,
    ) -> Finding {
        Finding {
            kind,
            severity,
            ecosystem: self.ecosystem,
            package: package.to_owned(),
            version: version.to_owned(),
            file: self.file.clone(),
            line: self.line,
            direct: true,
            scope: Scope::Runtime,
            path: DependencyPath::default(),
            origin: Origin::Path,
            advisory: None,
            detail,
        }
    }

    /// What the file is known as: people know a part of a project by its folder; the root has no name of its own.
    pub(in crate::check) fn name(&self) -> &str {
        let folder = self.file.folder().rsplit('/').next().filter(|name| !name.is_empty());
        folder.unwrap_or(self.file.file_name())
    }
}
