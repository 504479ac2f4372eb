//! A report for the tests of all reporters: one project with everything, one broken, one left alone, one clean.

use std::sync::Arc;

use crate::model::advisory::AdvisoryId;
use crate::model::coverage::{Coverage, Knowledge};
use crate::model::dependency::{Dependency, GitPin, Origin, PackageVersion, Scope};
use crate::model::dependency_path::DependencyPath;
use crate::model::ecosystem::Ecosystem;
use crate::model::finding::{AdvisoryRecord, Finding, FindingKind, KnownFlaw};
use crate::model::lockfile::Lockfile;
use crate::model::proposal::Route;
use crate::model::remedy::{BlockCause, Blocked, BlockingParent, Bump, Step};
use crate::model::report::{
    Ignored, Problem, ProjectReport, ProposalAction, ProposalReport, Remark, Report, SourceStatus,
};
use crate::model::repository::{CommitId, RepoPath};
use crate::model::severity::{Cvss, Severity};
use crate::model::unread::{Installer, Unread, UnreadReason};

fn path(text: &str) -> RepoPath {
    RepoPath::new(text).expect("a plain path")
}

fn id(text: &str) -> AdvisoryId {
    AdvisoryId::new(text).expect("an id")
}

fn step(name: &str, version: &str) -> PackageVersion {
    PackageVersion { name: name.to_owned(), version: version.to_owned() }
}

fn flaw(name: &str, score: Option<f64>, summary: &str, fixed: Option<&str>) -> Arc<KnownFlaw> {
    Arc::new(KnownFlaw {
        id: id(name),
        aliases: vec![id("GHSA-aaaa-bbbb-cccc")],
        records: vec![AdvisoryRecord { source: "osv".to_owned(), id: id("GHSA-aaaa-bbbb-cccc") }],
        summary: summary.to_owned(),
        details: "Long text.".to_owned(),
        references: vec!["https://advisories.example/1".to_owned()],
        cvss: score.map(|score| Cvss { vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H".to_owned(), score }),
        exploited: false,
        likelihood: None,
        fixed: fixed.map(str::to_owned),
    })
}

fn finding(kind: FindingKind, severity: Severity, package: &str, version: &str) -> Finding {
    Finding {
        kind,
        severity,
        ecosystem: Ecosystem::Npm,
        package: package.to_owned(),
        version: version.to_owned(),
        file: path("package-lock.json"),
        line: 12,
        direct: true,
        scope: Scope::Runtime,
        path: vec![step(package, version)].into(),
        origin: Origin::Registry { url: None },
        advisory: None,
        detail: None,
    }
}

fn findings() -> Vec<Finding> {
    let mut deep = finding(FindingKind::Vulnerability, Severity::Critical, "minimist", "1.2.5");
    deep.advisory = Some(flaw("CVE-2021-44906", Some(9.8), "Prototype pollution in minimist", Some("1.2.6")));
    deep.advisory.iter_mut().for_each(|flaw| Arc::make_mut(flaw).exploited = true);
    (deep.direct, deep.path) =
        (false, vec![step("tool", "2.0.0"), step("mkdirp", "0.5.5"), step("minimist", "1.2.5")].into());
    let mut unrated =
        finding(FindingKind::Vulnerability, Severity::Unknown, "@acme/very-long-package-name", "10.20.30-beta.1");
    unrated.advisory = Some(flaw("GHSA-aaaa-bbbb-cccc", None, "Not rated by anyone", None));
    unrated.advisory.iter_mut().for_each(|flaw| Arc::make_mut(flaw).likelihood = Some(0.914));
    unrated.file = path("services/payment/package-lock.json");
    let mut loose = finding(FindingKind::BranchTracking, Severity::Medium, "acme/action", "main");
    (loose.ecosystem, loose.scope, loose.file) =
        (Ecosystem::GitHubActions, Scope::Ci, path(".github/workflows/ci.yml"));
    loose.origin = Origin::Git {
        url: "https://git.example/acme/action".to_owned(),
        pin: GitPin::Branch("main".to_owned()),
        commit: Some(CommitId::new(&"c".repeat(40)).expect("40 digits")),
    };
    let mut unlocked = finding(FindingKind::Unlocked, Severity::Medium, "tools", "");
    (unlocked.file, unlocked.line, unlocked.path) = (path("tools/package.json"), 1, DependencyPath::default());
    let mut old = finding(FindingKind::Unmaintained, Severity::Low, "left-pad", "1.0.0");
    old.advisory = Some(flaw("RUSTSEC-2024-0001", None, "Nobody maintains left-pad", None));
    vec![deep, unrated, loose, unlocked, old]
}

fn project(name: &str) -> ProjectReport {
    ProjectReport {
        name: name.to_owned(),
        branch: Some("main".to_owned()),
        commit: Some(CommitId::new(&"a".repeat(40)).expect("40 digits")),
        lockfiles: Vec::new(),
        findings: Vec::new(),
        ignored: Vec::new(),
        coverage: Vec::new(),
        unread: Vec::new(),
        remarks: Vec::new(),
        problems: Vec::new(),
        proposals: Vec::new(),
        blocked: Vec::new(),
        skipped: None,
    }
}

fn lockfile() -> Lockfile {
    let dependency = |name: &str, version: &str, direct: bool, parents: &[usize]| Dependency {
        ecosystem: Ecosystem::Npm,
        name: name.to_owned(),
        version: version.to_owned(),
        origin: Origin::Registry { url: None },
        scope: Scope::Runtime,
        direct,
        parents: parents.to_vec(),
        requirements: Vec::new(),
        line: 12,
        abandoned: None,
        doubts: Vec::new(),
    };
    let dependencies = vec![dependency("mkdirp", "0.5.5", true, &[]), dependency("minimist", "1.2.5", false, &[0])];
    Lockfile::new(path("package-lock.json"), "package-lock", dependencies)
}

fn blocked() -> Blocked {
    Blocked {
        ecosystem: Ecosystem::Npm,
        package: "@acme/very-long-package-name".to_owned(),
        from: "10.20.30-beta.1".to_owned(),
        target: None,
        file: path("services/payment/package-lock.json"),
        advisories: vec![id("GHSA-aaaa-bbbb-cccc")],
        cause: BlockCause::ParentRequirement,
        chain: vec![BlockingParent { parent: step("old-client", "1.0.0"), requirement: "10.20.30-beta.1".to_owned() }],
        chain_left_out: 0,
        explanation: "old-client asks for exactly this version".to_owned(),
        next_step: "ask old-client for a release with a wider requirement".to_owned(),
    }
}

fn proposal() -> ProposalReport {
    ProposalReport {
        route: Route::Emergency,
        severity: Some(Severity::Critical),
        base: "main".to_owned(),
        branch: "patchparty/emergency/main".to_owned(),
        breaking: false,
        title: "fix(deps): bump minimist from 1.2.5 to 1.2.6 [SECURITY]".to_owned(),
        bumps: vec![Bump {
            ecosystem: Ecosystem::Npm,
            package: "minimist".to_owned(),
            file: path("package-lock.json"),
            from: "1.2.5".to_owned(),
            to: Some("1.2.6".to_owned()),
            step: Step::Patch,
            direct: false,
            path: vec![step("mkdirp", "0.5.5"), step("minimist", "1.2.5")].into(),
            fixes: vec![id("CVE-2021-44906")],
            reason: "1.2.6 is the lowest release that no known advisory affects.".to_owned(),
        }],
        action: ProposalAction::Opened,
        url: Some("https://forge.example/acme/shop/pull/7".to_owned()),
    }
}

/// The report.
pub(crate) fn report() -> Report {
    let mut shop = project("acme/shop");
    (shop.findings, shop.lockfiles) = (findings(), vec![lockfile()]);
    (shop.blocked, shop.proposals) = (vec![blocked()], vec![proposal()]);
    let mut left_alone = finding(FindingKind::Vulnerability, Severity::High, "tar", "6.1.0");
    left_alone.advisory = Some(flaw("CVE-2024-28863", None, "Extraction runs out of memory", None));
    shop.ignored = vec![Ignored {
        finding: left_alone,
        reason: "Only our own archives are extracted.".to_owned(),
        expires: Some(jiff::civil::date(2026, 12, 31)),
        place: ".github/patchparty.toml:7".to_owned(),
    }];
    shop.ignored.push(Ignored {
        finding: finding(FindingKind::Unlocked, Severity::Medium, "old", ""),
        reason: "it is in a path that the project excludes".to_owned(),
        expires: None,
        place: ".github/patchparty.toml:3".to_owned(),
    });
    let submodules = (1..=5).map(|number| (UnreadReason::Submodule, format!("lib/{number}")));
    let installed = (UnreadReason::Installed(Installer::Npm), "web/node_modules/".to_owned());
    shop.unread = Unread::collect(submodules.chain([installed]));
    shop.coverage = [
        (Ecosystem::Npm, 2, 1, Knowledge::Covered),
        (Ecosystem::Debian, 412, 3, Knowledge::NoSource),
        (Ecosystem::Alpine, 7, 1, Knowledge::Accepted),
        (Ecosystem::Helm, 1, 1, Knowledge::NonePublished),
    ]
    .map(|(ecosystem, packages, files, knowledge)| Coverage { ecosystem, packages, files, knowledge })
    .to_vec();
    shop.remarks = vec![Remark {
        place: ".github/patchparty.toml:12".to_owned(),
        message: "the ignore of `CVE-2020-1` expired on 2026-01-31: remove it, or decide anew".to_owned(),
    }];
    let mut broken = project("acme/broken");
    broken.problems = vec![Problem {
        file: Some(path("Cargo.lock")),
        line: Some(3),
        message: "parse `Cargo.lock`: expected a version".to_owned(),
        hint: Some("run `cargo generate-lockfile`".to_owned()),
    }];
    let mut archived = project("acme/archived");
    (archived.branch, archived.commit, archived.skipped) = (None, None, Some("archived".to_owned()));
    let mut clean = project("acme/clean");
    (clean.branch, clean.lockfiles) = (None, vec![lockfile()]);
    Report {
        sources: vec![SourceStatus {
            id: "osv".to_owned(),
            location: "advisories".to_owned(),
            advisories: 3,
            skipped: 1,
            age_seconds: Some(864_000),
            digest: Some("d".repeat(64)),
            warning: Some("10 days old; the policy warns from 7 days".to_owned()),
        }],
        remarks: vec![Remark {
            place: "patchparty.toml:30".to_owned(),
            message: "the ignore of `CVE-2021-1` matches nothing: remove it".to_owned(),
        }],
        projects: vec![shop, broken, archived, clean],
    }
}
