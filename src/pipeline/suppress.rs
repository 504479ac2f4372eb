//! Suppress: findings, ignores and what a project excludes → the findings that stand, those that are left alone, and what
//! to say about the ignores.

use jiff::civil::Date;

use crate::config::policy::{Author, Ignore, OwnExclusions};
use crate::model::finding::{Detail, Finding, FindingKind};
use crate::model::report::{Ignored, ProjectReport, Remark};
use crate::model::severity::Severity;

/// Takes out of a project's findings what is ignored today, and what stands in a path that its own file excludes.
///
/// Only the organisation's policy can take out what is critical, an attack, or exploited: a project's own ignore of it is a
/// remark, and in a path that the project excludes it stands and is marked.
pub(crate) fn suppress(report: &mut ProjectReport, ignores: &[Ignore], own: &OwnExclusions, today: Date) {
    let concerned: Vec<&Ignore> = ignores.iter().filter(|ignore| is_about(ignore, &report.name)).collect();
    let mut standing = Vec::with_capacity(report.findings.len());
    for mut finding in std::mem::take(&mut report.findings) {
        let mut current = concerned.iter().filter(|ignore| ignore.expires >= today && matches(ignore, &finding));
        let allowed = |ignore: &&&Ignore| !finding.is_the_organisations() || ignore.author == Author::Organisation;
        if let Some(ignore) = current.clone().find(allowed) {
            report.ignored.push(Ignored {
                finding,
                reason: ignore.reason.clone(),
                expires: Some(ignore.expires),
                place: ignore.place.clone(),
            });
            continue;
        }
        report.remarks.extend(current.next().map(|ignore| refused(ignore, &finding)));
        match own.place_of(finding.file.as_str()) {
            Some(place) if !finding.is_the_organisations() => report.ignored.push(Ignored {
                finding,
                reason: "it is in a path that the project excludes".to_owned(),
                expires: None,
                place: place.to_owned(),
            }),
            excluded => {
                if excluded.is_some() {
                    finding.detail = Some(Detail::Excluded(finding.detail.take().map(Box::new)));
                }
                standing.push(finding);
            }
        }
    }
    report.findings = standing;
    report.remarks.sort();
    report.remarks.dedup();
}

/// What to say about the ignores of `author`: those that have expired, and those that nothing of the `reports` needs.
///
/// The reports are those of one project for its own file, and of the whole run for the organisation's policy. What was not
/// read, or not asked for, may be what an ignore is about: then nothing is called unused.
pub(crate) fn remarks<'a>(
    ignores: &[Ignore],
    author: Author,
    reports: &(impl Iterator<Item = &'a ProjectReport> + Clone),
    today: Date,
) -> Vec<Remark> {
    let is_judged = reports.clone().all(|report| report.problems.is_empty() && report.skipped.is_none());
    let mut remarks = Vec::new();
    for ignore in ignores.iter().filter(|ignore| ignore.author == author) {
        let uses = |report: &ProjectReport| {
            let of_this = |place: &str| place == ignore.place;
            report.ignored.iter().any(|ignored| of_this(&ignored.place))
                || report.remarks.iter().any(|remark| of_this(&remark.place))
        };
        let message = if ignore.expires < today {
            format!("the ignore of {} expired on {}: remove it, or decide anew", subject(ignore), ignore.expires)
        } else if is_judged
            && !reports.clone().any(uses)
            && reports.clone().any(|report| is_about(ignore, &report.name))
        {
            format!("the ignore of {} matches nothing: remove it", subject(ignore))
        } else {
            continue;
        };
        remarks.push(Remark { place: ignore.place.clone(), message });
    }
    remarks.sort();
    remarks
}

fn is_about(ignore: &Ignore, project: &str) -> bool {
    ignore.project.as_ref().is_none_or(|pattern| pattern.is_match(project))
}

fn matches(ignore: &Ignore, finding: &Finding) -> bool {
    let is_named = match (&ignore.advisory, &finding.advisory) {
        (Some(id), Some(flaw)) => flaw.is_called(id),
        (None, None) => true,
        // Who ignores a package's followed branch has not decided about its next vulnerability.
        (Some(_), None) | (None, Some(_)) => false,
    };
    let package = finding.ecosystem.normalise(&finding.package);
    is_named
        && ignore
            .package
            .as_ref()
            .is_none_or(|pattern| pattern.is_match(&finding.package) || pattern.is_match(&*package))
        && ignore.path.as_ref().is_none_or(|pattern| pattern.is_match(finding.file.as_str()))
}

fn refused(ignore: &Ignore, finding: &Finding) -> Remark {
    let name = finding.advisory.as_ref().map_or_else(|| finding.package.clone(), |flaw| flaw.id.to_string());
    let what = match finding.kind {
        FindingKind::Malicious => "an attack",
        _ if finding.severity == Severity::Critical => "critical",
        _ => "exploited",
    };
    let message = format!("{name} is {what}: only the organisation's policy can ignore it");
    Remark { place: ignore.place.clone(), message }
}

/// What an ignore is about, in the words of its file.
fn subject(ignore: &Ignore) -> String {
    let pattern = |matcher: &Option<globset::GlobMatcher>| matcher.as_ref().map(|it| it.glob().glob().to_owned());
    let advisory = ignore.advisory.as_ref().map(ToString::to_string);
    let parts = [advisory, pattern(&ignore.package), pattern(&ignore.path), pattern(&ignore.project)];
    parts.into_iter().flatten().map(|part| format!("`{part}`")).collect::<Vec<_>>().join(" in ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use crate::model::advisory::AdvisoryId;
    use crate::model::dependency::{Origin, Scope};
    use crate::model::ecosystem::Ecosystem;
    use crate::model::finding::{FindingKind, KnownFlaw};
    use crate::model::repository::RepoPath;

    const TODAY: Date = jiff::civil::date(2026, 11, 21);

    fn finding(advisory: Option<(&str, &str)>, severity: Severity, file: &str) -> Finding {
        let id = |text: &str| AdvisoryId::new(text).expect("an identifier");
        Finding {
            kind: if advisory.is_some() { FindingKind::Vulnerability } else { FindingKind::BranchTracking },
            severity,
            ecosystem: Ecosystem::PyPi,
            package: "Flask_Login".to_owned(),
            version: "1.0".to_owned(),
            file: RepoPath::new(file).expect("a plain path"),
            line: 1,
            direct: true,
            scope: Scope::Runtime,
            path: crate::model::dependency_path::DependencyPath::default(),
            origin: Origin::Registry { url: None },
            advisory: advisory.map(|(name, alias)| {
                std::sync::Arc::new(KnownFlaw {
                    id: id(name),
                    aliases: vec![id(alias)],
                    records: Vec::new(),
                    summary: String::new(),
                    details: String::new(),
                    references: Vec::new(),
                    cvss: None,
                    exploited: false,
                    likelihood: None,
                    fixed: None,
                })
            }),
            detail: None,
        }
    }

    /// What is ignored and what is said, for findings under a policy and a project's own file.
    fn judge(policy: &str, own: &str, findings: &[Finding]) -> (usize, Vec<String>) {
        let policy = config::parse("patchparty.toml", policy).expect("a policy");
        let policy = config::narrow(&policy, "own.toml", own).expect("a project's file");
        let mut report = ProjectReport { findings: findings.to_vec(), ..ProjectReport::named("acme/shop") };
        suppress(&mut report, &policy.ignores, &policy.own_exclusions, TODAY);
        assert_eq!(report.ignored.len() + report.findings.len(), findings.len(), "a finding was lost");
        let mut said = report.remarks.clone();
        for author in [Author::Organisation, Author::Project] {
            said.extend(remarks(&policy.ignores, author, &[&report].into_iter(), TODAY));
        }
        (report.ignored.len(), said.into_iter().map(|remark| format!("{}: {}", remark.place, remark.message)).collect())
    }

    fn ignore(what: &str) -> String {
        format!("[[ignore]]\n{what}\nreason = \"Not reachable.\"\nexpires = \"2026-12-31\"\n")
    }

    #[test]
    fn any_name_of_a_flaw_ignores_it() {
        let flaw = finding(Some(("CVE-1", "GHSA-1")), Severity::High, "a/uv.lock");
        for what in [
            "advisory = \"GHSA-1\"",
            "advisory = \"CVE-1\"\npackage = \"flask-*\"",
            "advisory = \"CVE-1\"\npath = \"a/**\"\nproject = \"ACME/*\"",
        ] {
            assert_eq!(judge(&ignore(what), "", std::slice::from_ref(&flaw)), (1, Vec::new()), "{what}");
        }
        for what in [
            "advisory = \"CVE-2\"",
            "advisory = \"CVE-1\"\npackage = \"django\"",
            "advisory = \"CVE-1\"\npath = \"b/**\"",
            "advisory = \"CVE-1\"\nproject = \"acme/other\"",
            "package = \"*\"",
        ] {
            let (ignored, said) = judge(&ignore(what), "", std::slice::from_ref(&flaw));
            assert_eq!(ignored, 0, "{what}");
            // The other project may still need it: this run has not looked.
            let is_about_it = !what.contains("acme/other");
            assert_eq!(said.iter().any(|text| text.contains("matches nothing: remove it")), is_about_it, "{said:?}");
        }
    }

    #[test]
    fn an_ignore_ends() {
        let flaw = finding(Some(("CVE-1", "GHSA-1")), Severity::High, "uv.lock");
        let until = |day: &str| ignore("advisory = \"CVE-1\"").replace("2026-12-31", day);
        assert_eq!(judge(&until("2026-11-21"), "", std::slice::from_ref(&flaw)).0, 1);
        let (ignored, said) = judge(&until("2026-11-20"), "", std::slice::from_ref(&flaw));
        assert_eq!(ignored, 0);
        assert_eq!(said, ["patchparty.toml:3: the ignore of `CVE-1` expired on 2026-11-20: remove it, or decide anew"]);
    }

    #[test]
    fn a_project_cannot_ignore_what_is_critical() {
        let flaw = finding(Some(("CVE-1", "GHSA-1")), Severity::Critical, "uv.lock");
        let what = ignore("advisory = \"CVE-1\"");
        assert_eq!(judge(&what, "", std::slice::from_ref(&flaw)), (1, Vec::new()));
        let (ignored, said) = judge("", &what, std::slice::from_ref(&flaw));
        assert_eq!(ignored, 0);
        assert_eq!(said, ["own.toml:3: CVE-1 is critical: only the organisation's policy can ignore it"]);
    }

    #[test]
    fn a_project_cannot_ignore_an_attack_nor_what_is_exploited() {
        let what = ignore("advisory = \"CVE-1\"");
        let mut attack = finding(Some(("CVE-1", "GHSA-1")), Severity::Unknown, "uv.lock");
        attack.kind = FindingKind::Malicious;
        let mut exploited = finding(Some(("CVE-1", "GHSA-1")), Severity::High, "uv.lock");
        exploited.advisory.iter_mut().for_each(|flaw| std::sync::Arc::make_mut(flaw).exploited = true);
        for (flaw, word) in [(attack, "an attack"), (exploited, "exploited")] {
            let (ignored, said) = judge("", &what, std::slice::from_ref(&flaw));
            assert_eq!(ignored, 0);
            assert_eq!(said, [format!("own.toml:3: CVE-1 is {word}: only the organisation's policy can ignore it")]);
            assert_eq!(judge(&what, "", &[flaw]), (1, Vec::new()));
        }
    }

    #[test]
    fn in_a_path_that_the_project_excludes_only_what_is_critical_stands() {
        let own = "[audit]\nexclude = [\"a/**\"]\n";
        let policy = config::parse("patchparty.toml", "").expect("a policy");
        let policy = config::narrow(&policy, "own.toml", own).expect("a project's file");
        let high = finding(Some(("CVE-1", "GHSA-1")), Severity::High, "a/uv.lock");
        let outside = finding(Some(("CVE-1", "GHSA-1")), Severity::High, "b/uv.lock");
        let mut critical = finding(Some(("CVE-2", "GHSA-2")), Severity::Critical, "a/uv.lock");
        critical.detail = Some(Detail::Reason("why".to_owned()));
        let findings = vec![critical, high, outside];
        let mut report = ProjectReport { findings, ..ProjectReport::named("acme/shop") };
        suppress(&mut report, &policy.ignores, &policy.own_exclusions, TODAY);
        let standing: Vec<_> = report.findings.iter().map(|it| it.detail.as_ref().map(ToString::to_string)).collect();
        assert_eq!(standing, [Some("why, in a path that the project excludes".to_owned()), None]);
        let [left_alone] = report.ignored.as_slice() else { panic!("{:?}", report.ignored) };
        assert_eq!((left_alone.place.as_str(), left_alone.expires), ("own.toml:2", None));
    }

    #[test]
    fn what_comes_from_no_advisory_is_ignored_by_package_or_path() {
        let loose = finding(None, Severity::Medium, "uv.lock");
        assert_eq!(judge("", &ignore("package = \"flask-login\""), std::slice::from_ref(&loose)), (1, Vec::new()));
        assert_eq!(judge("", &ignore("advisory = \"CVE-1\""), &[loose]).0, 0);
    }
}
