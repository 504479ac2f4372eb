//! Tests of the words of a proposal, read as a reviewer reads them.

mod projects;
mod rollback;

use std::sync::Arc;

use super::*;
use crate::config::policy::{FunctionalArea, PlanCheck, TestPlan};
use crate::model::dependency::{GitPin, Origin, PackageVersion, Scope};
use crate::model::ecosystem::Ecosystem;
use crate::model::finding::KnownFlaw;
use crate::model::project_kind::ProjectKind;
use crate::model::proposal::FileChange;
use crate::model::remedy::{BlockCause, BlockingParent, Evidence};
use crate::model::repository::RepoPath;
use crate::model::severity::Cvss;
use crate::net::seal::SealKeys;
use crate::template::{state, ticks};

/// The value that only the change of these tests has.
const CHANGE: &str = "7f3c9a21d0b4";

fn path(text: &str) -> RepoPath {
    RepoPath::new(text).expect("a plain path")
}

fn id(text: &str) -> AdvisoryId {
    AdvisoryId::new(text).expect("an id")
}

fn commit(digit: &str) -> CommitId {
    CommitId::new(&digit.repeat(40)).expect("40 digits")
}

fn step(name: &str, version: &str) -> PackageVersion {
    PackageVersion { name: name.to_owned(), version: version.to_owned() }
}

fn flaw(name: &str, score: Option<f64>, summary: &str, details: &str) -> KnownFlaw {
    KnownFlaw {
        id: id(name),
        aliases: vec![id("GHSA-35jh-r3h4-6jhm")],
        records: Vec::new(),
        summary: summary.to_owned(),
        details: details.to_owned(),
        references: vec![
            "https://github.com/lodash/lodash/issues/1".to_owned(),
            format!("https://nvd.nist.gov/vuln/detail/{name}"),
        ],
        cvss: score.map(|score| Cvss { vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H".to_owned(), score }),
        exploited: false,
        likelihood: None,
        fixed: Some("4.17.21".to_owned()),
    }
}

fn finding(package: &str, version: &str, severity: Severity, advisory: Option<KnownFlaw>) -> Finding {
    Finding {
        kind: if advisory.is_some() { FindingKind::Vulnerability } else { FindingKind::BranchTracking },
        severity,
        ecosystem: Ecosystem::Npm,
        package: package.to_owned(),
        version: version.to_owned(),
        file: path("apps/shop/package-lock.json"),
        line: 12,
        direct: true,
        scope: Scope::Runtime,
        path: vec![step(package, version)].into(),
        origin: Origin::Registry { url: None },
        advisory: advisory.map(Arc::new),
        detail: None,
    }
}

fn bump(package: &str, from: &str, to: &str, fixes: &[&str]) -> Bump {
    Bump {
        ecosystem: Ecosystem::Npm,
        package: package.to_owned(),
        file: path("apps/shop/package-lock.json"),
        from: from.to_owned(),
        to: Some(to.to_owned()),
        step: Step::Patch,
        direct: true,
        path: vec![step(package, from)].into(),
        fixes: fixes.iter().map(|name| id(name)).collect(),
        reason: format!("{to} is the lowest release above {from} that no known advisory affects."),
    }
}

fn remedy(bumps: Vec<Bump>) -> Remedy {
    Remedy {
        bumps,
        changes: vec![FileChange {
            path: path("apps/shop/package-lock.json"),
            before: Vec::new(),
            after: Vec::new(),
            executable: false,
        }],
        evidence: vec![
            Evidence {
                check: "Read the lockfile again".to_owned(),
                result: "only the packages above moved".to_owned(),
            },
            Evidence {
                check: "Audited the result".to_owned(),
                result: "none of the advisories above matches".to_owned(),
            },
        ],
    }
}

fn policy() -> Policy {
    let check = |id: &str, text: &str, owner: &str| PlanCheck {
        id: id.to_owned(),
        text: text.to_owned(),
        owner: owner.to_owned(),
        kinds: Kinds::new(),
    };
    let mut policy = Policy {
        test_plan: TestPlan {
            always: vec![check("start-page", "The start page answers without errors in the log", "tester")],
            areas: vec![FunctionalArea {
                name: "Sign-in and sessions".to_owned(),
                packages: vec!["passport*".to_owned(), "@acme/*".to_owned()],
                paths: vec!["apps/shop/**".to_owned()],
                checks: vec![check("sign-in", "Sign in, sign out, reset a password", "tester")],
                kinds: Kinds::new(),
            }],
            emergency: vec![check("watch-logs", "Watch errors and sign-ins for an hour", "coordinator")],
            major: vec![check("changelog", "Read what the major step breaks", "risk assessor")],
        },
        deploy: vec![
            check("backup", "Take a backup, and know how to restore it", "operator"),
            check("evaluate", "Evaluate production after the deploy", "tester"),
        ],
        ..Policy::default()
    };
    policy.wording.sign_off = Some("Patchparty <bot@acme.example>".to_owned());
    policy
}

/// Everything a request borrows.
struct Sample {
    project: Project,
    base_commit: CommitId,
    remedies: Vec<Remedy>,
    findings: Vec<Finding>,
    blocked: Vec<Blocked>,
    policy: Policy,
    kinds: Kinds,
    raise: Option<Raised<'static>>,
    pages: Vec<Page>,
    templates: Templates,
}

impl Sample {
    fn new(bumps: Vec<Bump>, findings: Vec<Finding>) -> Self {
        Self {
            project: Project {
                slug: "acme/shop".parse().expect("a slug"),
                id: None,
                clone_url: String::new(),
                default_branch: None,
                archived: false,
                private: false,
            },
            base_commit: commit("a"),
            remedies: vec![remedy(bumps)],
            findings,
            blocked: Vec::new(),
            policy: policy(),
            kinds: Kinds::from([ProjectKind::Service]),
            raise: None,
            pages: Vec::new(),
            templates: Templates::built_in().expect("valid"),
        }
    }

    fn request(&self, route: Route) -> WriteRequest<'_> {
        WriteRequest {
            project: &self.project,
            route,
            base_branch: "main",
            base_commit: &self.base_commit,
            remedies: &self.remedies,
            findings: &self.findings,
            blocked: &self.blocked,
            policy: &self.policy,
            kinds: &self.kinds,
            change: CHANGE,
            raise: self.raise,
            ahead: None,
            pages: &self.pages,
            first_seen: "2026-11-21T02:00:00Z".parse().expect("a time"),
            templates: &self.templates,
        }
    }

    fn write(&self, route: Route) -> Written {
        write(&self.request(route)).expect("words")
    }
}

fn emergency() -> Sample {
    let summary = "Command injection through template";
    let details = "### Impact\n`_.template` runs code from its *options*.\n\nReported by @octocat, fixes #1.";
    let mut via = bump("minimist", "1.2.5", "1.2.6", &["CVE-2021-44906"]);
    (via.direct, via.path) = (false, vec![step("mkdirp", "0.5.5"), step("minimist", "1.2.5")].into());
    via.step = Step::Major;
    let along = bump("mkdirp", "0.5.5", "0.5.6", &[]);
    let mut lodash = flaw("CVE-2021-23337", Some(7.2), summary, details);
    lodash.likelihood = Some(0.914);
    let mut minimist = flaw("CVE-2021-44906", Some(9.8), "Prototype pollution", "");
    minimist.exploited = true;
    let mut sample = Sample::new(
        vec![along, bump("lodash", "4.17.20", "4.17.21", &["CVE-2021-23337"]), via],
        vec![
            finding("lodash", "4.17.20", Severity::High, Some(lodash)),
            finding("minimist", "1.2.5", Severity::Critical, Some(minimist)),
            finding("left-pad", "1.0.0", Severity::Low, Some(flaw("GHSA-0000-0000-0000", None, "Slow", ""))),
            finding("request", "2.88.2", Severity::Medium, Some(flaw("CVE-2023-28155", Some(6.1), "SSRF", ""))),
        ],
    );
    sample.blocked = vec![Blocked {
        ecosystem: Ecosystem::Npm,
        package: "request".to_owned(),
        from: "2.88.2".to_owned(),
        target: None,
        file: path("apps/shop/package-lock.json"),
        advisories: vec![id("CVE-2023-28155")],
        cause: BlockCause::NoFixedVersion,
        chain: vec![BlockingParent { parent: step("old-client", "1.0.0"), requirement: "^2.88.0".to_owned() }],
        chain_left_out: 0,
        explanation: "no release of request is free of known flaws.".to_owned(),
        next_step: "replace request, or ask old-client to do so.".to_owned(),
    }];
    sample
}

fn pin() -> Sample {
    let mut pin = bump("acme/action", "main", &"0123456789".repeat(4), &[]);
    (pin.ecosystem, pin.step, pin.file) = (Ecosystem::GitHubActions, Step::Pin, path(".github/workflows/ci.yml"));
    "It is the commit at which `main` stands today.".clone_into(&mut pin.reason);
    let mut found = finding("acme/action", "main", Severity::Medium, None);
    (found.ecosystem, found.file) = (pin.ecosystem, pin.file.clone());
    found.origin = Origin::Git {
        url: "https://git.example/acme/action".to_owned(),
        pin: GitPin::Branch("main".to_owned()),
        commit: None,
    };
    Sample::new(vec![pin], vec![found])
}

fn names(labels: &[Label]) -> Vec<&str> {
    labels.iter().map(|label| label.name.as_str()).collect()
}

#[test]
fn an_emergency_reads_well() {
    let written = emergency().write(Route::Emergency);
    insta::assert_snapshot!("emergency_body", written.body);
    insta::assert_snapshot!("emergency_commit", written.commit_message);
    assert_eq!(written.title, "fix(deps): bump minimist and lodash [SECURITY]");
    assert_eq!((written.severity, written.score), (Some(Severity::Critical), Some(9.8)));
    assert_eq!(written.deadline.to_string(), "2026-11-22T02:00:00Z");
    assert_eq!(names(&written.labels), ["dependencies", "patchparty: emergency", "security", "severity: critical"]);
}

#[test]
fn a_pin_reads_well() {
    let written = pin().write(Route::Routine);
    insta::assert_snapshot!("pin_body", written.body);
    insta::assert_snapshot!("pin_commit", written.commit_message);
    assert_eq!(written.title, "chore(deps): pin acme/action to 012345678901");
    assert_eq!((written.severity, written.score), (None, None));
    assert_eq!(written.deadline.to_string(), "2026-12-21T02:00:00Z");
    assert_eq!(names(&written.labels), ["dependencies", "loose-dependency"]);
}

#[test]
fn titles_name_what_fits() {
    let title = |bumps: Vec<Bump>| {
        let found = |bump: &Bump| {
            let name = bump.fixes.first().map_or("CVE-0000-0", AdvisoryId::as_str);
            finding(&bump.package, &bump.from, Severity::High, Some(flaw(name, None, "", "")))
        };
        let findings = bumps.iter().map(found).collect();
        Sample::new(bumps, findings).write(Route::Routine).title
    };
    let fix = |name: &str| bump(name, "1.0.0", "1.0.1", &["CVE-2024-1"]);
    assert_eq!(title(vec![fix("a")]), "fix(deps): bump a from 1.0.0 to 1.0.1 [SECURITY]");
    assert_eq!(title(vec![fix("a"), fix("b")]), "fix(deps): bump a and b [SECURITY]");
    assert_eq!(title(vec![fix("a"), fix("b"), fix("c")]), "fix(deps): bump a, b and c [SECURITY]");
    assert_eq!(
        title(vec![fix("a"), fix("b"), fix("c"), fix("d"), fix("e")]),
        "fix(deps): bump a, b and 3 more [SECURITY]"
    );
    assert_eq!(title(vec![fix("a"), bump("a", "2.0.0", "2.0.1", &["CVE-2024-1"])]), "fix(deps): bump a [SECURITY]");
    let mut gone = fix("a");
    gone.to = None;
    assert_eq!(title(vec![gone]), "fix(deps): remove a [SECURITY]");
    let mut loose = bump("c", "main", &"0".repeat(40), &[]);
    loose.step = Step::Pin;
    assert_eq!(title(vec![fix("a"), loose]), "fix(deps): bump a from 1.0.0 to 1.0.1, pin 1 more [SECURITY]");
    assert_eq!(title(vec![fix("@acme/x")]), "fix(deps): bump acme/x from 1.0.0 to 1.0.1 [SECURITY]");
}

#[test]
fn hostile_text_stays_inert() {
    let evil = "@octocat fixes #1\n<!-- patchparty:check backup --> </details> `| [x](http://evil.example) $(id)\n- [x] <!-- patchparty:check backup -->\n<!-- patchparty:state v1 e30= -->";
    let mut hostile = bump("@octocat/fixes#1", "1.0.0 fixes #2", "2.0.0\n- [x] x", &["CVE-2024-1"]);
    evil.clone_into(&mut hostile.reason);
    hostile.path = vec![step(evil, evil), step("b", "1")].into();
    hostile.direct = false;
    let mut found =
        finding("@octocat/fixes#1", "1.0.0 fixes #2", Severity::High, Some(flaw("CVE-2024-1", None, evil, evil)));
    Arc::make_mut(found.advisory.as_mut().expect("set")).references =
        vec![evil.to_owned(), "javascript:alert(1)".to_owned()];
    let written = Sample::new(vec![hostile], vec![found]).write(Route::Routine);
    assert_eq!(written.title, "fix(deps): bump a package to another version [SECURITY]");
    let expected = "fix(deps): bump a package to another version [SECURITY]\n\n- a package: another version -> another version (apps/shop/package-lock.json)\n\nPatchparty-Advisory: CVE-2024-1\nPatchparty-Change: 7f3c9a21d0b4\nPatchparty-Route: routine\nSigned-off-by: Patchparty <bot@acme.example>\n";
    assert_eq!(written.commit_message, expected);
    // Nothing in the body passes for a marker of ours.
    assert_eq!(state::count(&written.body), 0, "{}", written.body);
    assert_eq!(ticks::carry_ticks(&written.body, &written.body), written.body);
    assert!(!written.body.lines().any(|line| line.trim_start().starts_with("- [x] <!--")), "{}", written.body);
    let mut options = comrak::Options::default();
    options.extension.table = true;
    options.extension.autolink = true;
    options.extension.tasklist = true;
    options.render.r#unsafe = true;
    let html = comrak::markdown_to_html(&written.body, &options);
    assert_eq!(html.matches("<details>").count(), html.matches("</details>").count());
    assert_eq!(html.matches("<td>").count(), 7, "one row of seven cells");
    for address in html.split("href=\"").skip(1) {
        assert!(address.starts_with("https://nvd.nist.gov/vuln/detail/CVE-2024-1\""), "{address}");
    }
    assert_eq!(html.matches("type=\"checkbox\"").count(), 4);
}

#[test]
fn a_huge_body_is_cut_but_never_its_plan() {
    let number = 900;
    let name = |index: usize| format!("CVE-2024-{index}");
    let bumps = (0..number).map(|index| bump(&format!("package-{index}"), "1.0.0", "1.0.1", &[&name(index)])).collect();
    let details = "long ".repeat(5_000);
    let found = |index: usize| {
        let flaw = flaw(&name(index), None, "Summary", &details);
        finding(&format!("package-{index}"), "1.0.0", Severity::High, Some(flaw))
    };
    let sample = Sample::new(bumps, (0..number).map(found).collect());
    let body = sample.write(Route::Emergency).body;
    let memory = state::Memory {
        fingerprint: "f".repeat(64),
        content: "c".repeat(64),
        complete: true,
        base_commit: commit("a"),
        first_seen: Timestamp::MAX,
        words: "d".repeat(64),
        advisories: (0..number).map(|index| id(&name(index))).collect(),
        loose: Vec::new(),
    };
    let state = state::PullRequestState { number: Some(u64::MAX), head: commit("b"), memory };
    let [host, repository, branch, base] =
        ["git.example", "#7", "patchparty/emergency/main", "main"].map(str::to_owned);
    let place = state::Place { host, repository, branch, base };
    let keys = SealKeys::new(&"k".repeat(32)).expect("strong");
    let whole = state::append(&body, &state, &keys, &place);
    assert!(whole.chars().count() <= BODY_LIMIT, "{} characters", whole.chars().count());
    assert_eq!(state::parse(&whole, &keys, &place), Some(state));
    assert!(body.contains("more packages move") && body.contains("more vulnerabilities are"), "{body}");
    for check in ["start-page", "sign-in", "watch-logs", "backup", "evaluate"] {
        assert_eq!(body.matches(&format!("- [ ] <!-- patchparty:check {check} -->")).count(), 1, "{check}");
    }
    let small = emergency().write(Route::Emergency).body;
    assert!(small.contains("runs code from its"), "a small body keeps the details");
}

#[test]
fn a_plan_that_is_too_long_is_named() {
    let mut sample = pin();
    let text = "x".repeat(500);
    sample.policy.test_plan.always = (0..200)
        .map(|index| PlanCheck {
            id: format!("c{index}"),
            text: text.clone(),
            owner: String::new(),
            kinds: Kinds::new(),
        })
        .collect();
    let error = write(&sample.request(Route::Routine)).expect_err("too long");
    assert!(matches!(error, WriteError::TooLong { .. }), "{error}");
}

#[test]
fn deadlines_follow_route_and_severity() {
    let due = |route, severity| {
        let found = finding("a", "1", severity, Some(flaw("CVE-2024-1", None, "", "")));
        Sample::new(vec![bump("a", "1", "2", &["CVE-2024-1"])], vec![found]).write(route).body
    };
    for (route, severity, expected) in [
        (Route::Emergency, Severity::Low, "due 2026-11-22 02:00 UTC (Sunday)**, 24 hours after"),
        (Route::Routine, Severity::Critical, "due 2026-11-22 02:00 UTC (Sunday)**, 24 hours after"),
        (Route::Routine, Severity::High, "due 2026-11-28 02:00 UTC (Saturday)**, 7 days after"),
        (Route::Routine, Severity::Unknown, "due 2026-12-21 02:00 UTC (Monday)**, 30 days after"),
        (Route::Routine, Severity::Low, "due 2027-02-19 02:00 UTC (Friday)**, 90 days after"),
    ] {
        let body = due(route, severity);
        assert!(body.contains(expected), "{route} {severity}: {body}");
    }
    assert_eq!(later(Timestamp::MAX, Duration::from_secs(u64::MAX)), Timestamp::MAX);
}
