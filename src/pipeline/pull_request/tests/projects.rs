//! Bodies of six projects as their reviewers get them, with the built-in policy. Would you merge from the text alone?

use super::*;

/// One finding with its flaw, in few words.
struct Known {
    id: &'static str,
    severity: Severity,
    score: Option<f64>,
    exploited: bool,
    scope: Scope,
    summary: &'static str,
    details: &'static str,
}

const KNOWN: Known = Known {
    id: "",
    severity: Severity::High,
    score: None,
    exploited: false,
    scope: Scope::Runtime,
    summary: "",
    details: "",
};

fn in_file(ecosystem: Ecosystem, file: &str, (package, version): (&str, &str), known: &Known) -> Finding {
    let mut flaw = flaw(known.id, known.score, known.summary, known.details);
    (flaw.exploited, flaw.aliases, flaw.references) = (known.exploited, Vec::new(), Vec::new());
    let mut found = finding(package, version, known.severity, Some(flaw));
    (found.ecosystem, found.file, found.scope) = (ecosystem, path(file), known.scope);
    found
}

fn moved(
    ecosystem: Ecosystem,
    file: &str,
    (package, from, to): (&str, &str, &str),
    (step_size, fixes): (Step, &[&str]),
    parents: &[(&str, &str)],
) -> Bump {
    let mut bump = bump(package, from, to, fixes);
    (bump.ecosystem, bump.file, bump.step, bump.direct) = (ecosystem, path(file), step_size, parents.is_empty());
    let parents = parents.iter().map(|(name, version)| step(name, version));
    bump.path = parents.chain([step(package, from)]).collect::<Vec<_>>().into();
    bump.reason = if fixes.is_empty() {
        "moved along with the packages that require it".to_owned()
    } else {
        "lowest release that no known advisory affects; within the range that is asked for".to_owned()
    };
    bump
}

fn sample(slug: &str, kind: &[ProjectKind], files: &[&str], bumps: Vec<Bump>, findings: Vec<Finding>) -> Sample {
    let mut sample = Sample::new(bumps, findings);
    sample.project.slug = slug.parse().expect("a slug");
    sample.policy = Policy::default();
    sample.kinds = kind.iter().copied().collect();
    let first = files.first().expect("a file");
    let changed =
        |file: &&str| FileChange { path: path(file), before: Vec::new(), after: Vec::new(), executable: false };
    sample.remedies[0].changes = files.iter().map(changed).collect();
    sample.remedies[0].evidence = vec![
        Evidence {
            check: format!("`{first}` read again and its 212 packages matched against all known advisories"),
            result: "the vulnerabilities above are gone, and no new one has come".to_owned(),
        },
        Evidence {
            check: format!("sources and checksums in `{first}` compared with the registry's"),
            result: "every changed entry has the registry's checksum, and no new source".to_owned(),
        },
    ];
    sample
}

fn blocked(
    finding: &Finding,
    (cause, target): (BlockCause, Option<&str>),
    chain: &[(&str, &str, &str)],
    (explanation, next_step): (&str, &str),
) -> Blocked {
    let link = |(name, version, requirement): &(&str, &str, &str)| BlockingParent {
        parent: step(name, version),
        requirement: (*requirement).to_owned(),
    };
    Blocked {
        ecosystem: finding.ecosystem,
        package: finding.package.clone(),
        from: finding.version.clone(),
        target: target.map(str::to_owned),
        file: finding.file.clone(),
        advisories: finding.advisory.iter().map(|flaw| flaw.id.clone()).collect(),
        cause,
        chain: chain.iter().map(link).collect(),
        chain_left_out: 0,
        explanation: explanation.to_owned(),
        next_step: next_step.to_owned(),
    }
}

fn page(package: &str, from: &str, to: &str) -> Page {
    Page {
        ecosystem: Ecosystem::Packagist,
        package: package.to_owned(),
        to: to.to_owned(),
        compare: Some(format!("https://github.com/{package}/compare/{from}...{to}")),
        notes: Some(format!("https://github.com/{package}/releases")),
    }
}

/// A shop: two packages are fixed, a critical one is offered as a raise, one lockfile is a fixture.
fn shop() -> Sample {
    const LOCK: &str = "composer.lock";
    let composer = |versions, known| in_file(Ecosystem::Packagist, LOCK, versions, known);
    let twig = Known {
        id: "CVE-2022-39261",
        severity: Severity::Critical,
        score: Some(7.5),
        exploited: true,
        summary: "Twig may load a template outside a configured directory when using the filesystem loader",
        details: "When using the filesystem loader to load templates for which the name is a user input, it is possible to use the `source` or `include` statement to read arbitrary files from outside the templates directory when using a namespace like `@somewhere/../some.file`.",
        ..KNOWN
    };
    let psr7 = Known {
        id: "CVE-2023-29197",
        severity: Severity::High,
        score: Some(7.5),
        summary: "Improper header name validation in guzzlehttp/psr7",
        ..KNOWN
    };
    let medium = |id| Known { id, severity: Severity::Medium, score: Some(6.5), ..KNOWN };
    let (kernel, fixture) = (medium("CVE-2022-24894"), medium("CVE-2021-41268"));
    let findings = vec![
        composer(("twig/twig", "3.4.1"), &twig),
        composer(("guzzlehttp/psr7", "2.4.3"), &psr7),
        composer(("symfony/http-kernel", "4.4.49"), &kernel),
        in_file(
            Ecosystem::Packagist,
            "tests/fixtures/old/composer.lock",
            ("symfony/security-http", "5.3.11"),
            &fixture,
        ),
    ];
    let move_to = |versions, step, parents: &[(&str, &str)]| {
        let fixes: &[&str] = if step == Step::Patch { &["CVE-2022-39261"] } else { &[] };
        moved(Ecosystem::Packagist, LOCK, versions, (step, fixes), parents)
    };
    let mut psr7 = move_to(("guzzlehttp/psr7", "2.4.3", "2.4.5"), Step::Patch, &[("guzzlehttp/guzzle", "7.5.0")]);
    psr7.fixes = vec![id("CVE-2023-29197")];
    let bumps = vec![
        psr7,
        move_to(("twig/twig", "3.4.1", "3.4.3"), Step::Patch, &[]),
        move_to(("symfony/polyfill-ctype", "1.26.0", "1.27.0"), Step::Minor, &[("twig/twig", "3.4.1")]),
    ];
    let mut sample = sample("acme/shop", &[ProjectKind::Service], &[LOCK], bumps, findings);
    sample.blocked = vec![
        blocked(
            &sample.findings[2],
            (BlockCause::BreakingRaise, Some("5.4.20")),
            &[("symfony/framework-bundle", "4.4.49", "^4.4")],
            (
                "5.4.20 is the lowest release without known advisories, and `^4.4` excludes it",
                "look at the pull request that raises `symfony/framework-bundle`",
            ),
        ),
        blocked(&sample.findings[3], (BlockCause::ReportOnly, None), &[], ("test fixture", "none")),
    ];
    sample.pages = vec![page("guzzlehttp/psr7", "2.4.3", "2.4.5"), page("twig/twig", "3.4.1", "3.4.3")];
    sample
}

/// A command-line program of one Cargo workspace.
fn command_line() -> Sample {
    let known = Known {
        id: "CVE-2025-4574",
        severity: Severity::Medium,
        score: Some(6.5),
        summary: "crossbeam-channel may free twice on Drop",
        ..KNOWN
    };
    let time = Known { id: "CVE-2020-26235", severity: Severity::Medium, score: Some(6.2), ..KNOWN };
    let cargo = |versions, known| in_file(Ecosystem::CratesIo, "Cargo.lock", versions, known);
    let findings = vec![cargo(("crossbeam-channel", "0.5.13"), &known), cargo(("time", "0.1.45"), &time)];
    let bumps = vec![moved(
        Ecosystem::CratesIo,
        "Cargo.lock",
        ("crossbeam-channel", "0.5.13", "0.5.15"),
        (Step::Patch, &["CVE-2025-4574"]),
        &[("ignore", "0.4.22"), ("crossbeam-deque", "0.8.5")],
    )];
    let mut sample = sample("acme/find", &[ProjectKind::CommandLine], &["Cargo.lock"], bumps, findings);
    sample.blocked = vec![blocked(
        &sample.findings[1],
        (BlockCause::ParentRequirement, Some("0.2.23")),
        &[("chrono", "0.4.19", "^0.1.43")],
        (
            "`chrono` 0.4.19 asks for `^0.1.43`, which excludes 0.2.23",
            "raise `chrono` to 0.4.31, which needs `time` no more",
        ),
    )];
    sample
}

/// A library whose flaws are in what its developers use.
fn library() -> Sample {
    let braces = Known {
        id: "CVE-2024-4068",
        severity: Severity::Critical,
        score: Some(9.1),
        scope: Scope::Development,
        summary: "Uncontrolled resource consumption in braces",
        ..KNOWN
    };
    let spawn = Known {
        id: "CVE-2024-21538",
        severity: Severity::High,
        score: Some(7.7),
        summary: "Regular Expression Denial of Service (ReDoS) in cross-spawn",
        ..KNOWN
    };
    let npm = |versions, known| in_file(Ecosystem::Npm, "package-lock.json", versions, known);
    let findings = vec![npm(("braces", "3.0.2"), &braces), npm(("cross-spawn", "7.0.3"), &spawn)];
    let move_to = |versions, fixes: &[&str], parents: &[(&str, &str)]| {
        moved(Ecosystem::Npm, "package-lock.json", versions, (Step::Patch, fixes), parents)
    };
    let bumps = vec![
        move_to(("cross-spawn", "7.0.3", "7.0.5"), &["CVE-2024-21538"], &[("execa", "5.1.1")]),
        move_to(("braces", "3.0.2", "3.0.3"), &["CVE-2024-4068"], &[("micromatch", "4.0.5")]),
        move_to(("fill-range", "7.0.1", "7.1.1"), &[], &[("braces", "3.0.2")]),
    ];
    sample("acme/glob-tools", &[ProjectKind::Library], &["package-lock.json"], bumps, findings)
}

/// A site of documentation beside its program.
fn documentation() -> Sample {
    const LOCK: &str = "docs/package-lock.json";
    let known = Known {
        id: "CVE-2024-45811",
        severity: Severity::Medium,
        score: Some(4.8),
        scope: Scope::Development,
        summary: "Vite's `server.fs.deny` is bypassed when using `?import&raw`",
        ..KNOWN
    };
    let findings = vec![in_file(Ecosystem::Npm, LOCK, ("vite", "5.4.5"), &known)];
    let fix = moved(
        Ecosystem::Npm,
        LOCK,
        ("vite", "5.4.5", "5.4.6"),
        (Step::Patch, &["CVE-2024-45811"]),
        &[("vitepress", "1.3.4")],
    );
    sample("acme/handbook", &[ProjectKind::Documentation], &[LOCK], vec![fix], findings)
}

/// Workflows that are pinned, beside a critical flaw that nothing fixes yet.
fn workflows() -> Sample {
    const FILE: &str = ".github/workflows/ci.yml";
    let mut bumps = Vec::new();
    let mut findings = Vec::new();
    for (action, branch) in [("acme/setup", "main"), ("acme/publish", "release")] {
        let mut pin = bump(action, branch, &"0123456789".repeat(4), &[]);
        (pin.ecosystem, pin.step, pin.file) = (Ecosystem::GitHubActions, Step::Pin, path(FILE));
        pin.reason = format!("the commit at which `{branch}` stood when it was asked");
        bumps.push(pin);
        let mut found = finding(action, branch, Severity::Medium, None);
        (found.ecosystem, found.file, found.scope) = (Ecosystem::GitHubActions, path(FILE), Scope::Ci);
        findings.push(found);
    }
    let known = Known { id: "CVE-2023-28155", severity: Severity::Critical, score: Some(9.3), ..KNOWN };
    findings.push(in_file(Ecosystem::Npm, "package-lock.json", ("request", "2.88.2"), &known));
    let mut sample = sample("acme/setup-tool", &[], &[FILE], bumps, findings);
    sample.blocked = vec![blocked(
        &sample.findings[2],
        (BlockCause::NoFixedVersion, None),
        &[("old-client", "1.0.0", "^2.88.0")],
        ("no release of `request` is free of known flaws", "replace `old-client`, which is the only one that needs it"),
    )];
    sample.remedies[0].evidence = vec![Evidence {
        check: format!("`{FILE}` read again after pinning"),
        result: "2 dependencies no longer follow a branch; nothing else changed".to_owned(),
    }];
    sample
}

/// A service whose requirement has to be raised.
fn raise() -> Sample {
    let known = Known {
        id: "CVE-2024-45311",
        severity: Severity::High,
        score: Some(8.1),
        summary: "Binary protocol misinterpretation caused by truncating or overflowing casts",
        ..KNOWN
    };
    let findings = vec![in_file(Ecosystem::CratesIo, "Cargo.lock", ("sqlx", "0.7.4"), &known)];
    let move_to = |name, fixes: &[&str], parents: &[(&str, &str)]| {
        moved(Ecosystem::CratesIo, "Cargo.lock", (name, "0.7.4", "0.8.1"), (Step::Major, fixes), parents)
    };
    let mut bumps = vec![
        move_to("sqlx", &["CVE-2024-45311"], &[]),
        move_to("sqlx-core", &[], &[("sqlx", "0.7.4")]),
        move_to("sqlx-postgres", &[], &[("sqlx", "0.7.4")]),
    ];
    "lowest release that no known advisory affects; outside of the range `0.7` that was asked for"
        .clone_into(&mut bumps[0].reason);
    let mut sample = sample("acme/ledger", &[ProjectKind::Service], &["Cargo.lock", "Cargo.toml"], bumps, findings);
    sample.raise = Some(Raised {
        package: "sqlx",
        also: &[],
        requirement: "0.7",
        wanted: "0.8.1",
        safe_branch: "patchparty/routine/main",
    });
    sample
}

#[test]
fn a_raise_of_several_requirements_names_all_that_fit_and_the_number_of_the_others() {
    let all = ["sqlx-core", "sqlx-postgres", "sqlx-macros", "sqlx-mysql-and-mariadb"].map(str::to_owned);
    let also: &'static [String] = Box::leak(Box::new(all));
    for (also, title) in [
        (&also[..1], "fix(deps): raise sqlx and sqlx-core [SECURITY]"),
        (&also[..2], "fix(deps): raise sqlx, sqlx-core and sqlx-postgres [SECURITY]"),
        (also, "fix(deps): raise sqlx, sqlx-core and 3 more [SECURITY]"),
    ] {
        let mut sample = raise();
        sample.raise = sample.raise.map(|raise| Raised { also, ..raise });
        for name in also {
            if !sample.remedies[0].bumps.iter().any(|bump| bump.package == *name) {
                let bump = Bump { package: name.clone(), ..sample.remedies[0].bumps[1].clone() };
                sample.remedies[0].bumps.push(bump);
            }
        }
        let written = sample.write(Route::Routine);
        assert!(title.len() <= 72 && written.title == title, "{}", written.title);
        assert!(written.body.contains(&format!("`{}` is raised with it.", also[also.len() - 1])), "{}", written.body);
    }
}

#[test]
fn six_projects_read_well() {
    for (name, sample, route, title) in [
        ("shop", shop(), Route::Emergency, "fix(deps): bump twig/twig and guzzlehttp/psr7 [SECURITY]"),
        (
            "command_line",
            command_line(),
            Route::Routine,
            "fix(deps): bump crossbeam-channel from 0.5.13 to 0.5.15 [SECURITY]",
        ),
        ("library", library(), Route::Routine, "fix(deps): bump braces and cross-spawn [SECURITY]"),
        ("documentation", documentation(), Route::Routine, "fix(deps): bump vite from 5.4.5 to 5.4.6 [SECURITY]"),
        ("workflows", workflows(), Route::Routine, "chore(deps): pin acme/publish and acme/setup"),
        ("raise", raise(), Route::Routine, "fix(deps): raise sqlx from 0.7.4 to 0.8.1 [SECURITY]"),
    ] {
        let written = sample.write(route);
        assert_eq!(written.title, title);
        insta::assert_snapshot!(format!("project_{name}"), written.body);
        let body = &written.body;
        assert!(body.starts_with("**") && !body.contains("&#39;") && !body.contains('\u{200b}'), "{name}: {body}");
        for one in ["1 findings", "1 vulnerabilities", "1 packages", "1 entries", "1 dependencies"] {
            assert!(!body.contains(&format!(" {one}")), "{name}: {one}");
        }
        let first = body.find("## What changes").expect("the change");
        let unfixed = body.find("<summary>Not fixed here").unwrap_or(usize::MAX);
        assert!(first < unfixed, "{name}: the change comes first");
        let signs_in = body.contains("sign in") || body.contains("Sign-in");
        assert_eq!(signs_in, sample.kinds.contains(&ProjectKind::Service), "{name}");
    }
}

#[test]
fn a_pull_request_that_only_pins_says_what_stays_critical() {
    let body = workflows().write(Route::Routine).body;
    let top: String = body.lines().take(4).collect();
    assert!(top.contains("Pins 2 loose dependencies") && top.contains("the worst **critical**"), "{top}");
    assert!(!body.contains("no known flaw"), "{body}");
}

#[test]
fn what_development_needs_is_due_like_what_is_high() {
    let written = library().write(Route::Routine);
    assert!(written.body.contains("7 days after it was first seen"), "{}", written.body);
    assert!(written.body.contains("| development |") && written.body.contains("| runtime |"), "{}", written.body);
    let raise = raise().write(Route::Routine);
    assert_eq!(names(&raise.labels), ["breaking", "dependencies", "security", "severity: high"]);
    assert!(raise.body.contains("The code may need changes."), "{}", raise.body);
}

#[test]
fn no_title_is_longer_than_72_characters() {
    let long = |name: &str| bump(name, "1.0.0-alpha.20240101", "1.0.0-alpha.20240102", &["CVE-2024-1"]);
    let title = |bumps: Vec<Bump>| {
        let found =
            |bump: &Bump| finding(&bump.package, &bump.from, Severity::High, Some(flaw("CVE-2024-1", None, "", "")));
        let findings = bumps.iter().map(found).collect();
        Sample::new(bumps, findings).write(Route::Routine).title
    };
    for (bumps, expected) in [
        (vec![long("some-package")], "fix(deps): bump some-package to 1.0.0-alpha.20240102 [SECURITY]"),
        (vec![long("a-package-with-quite-a-long-name")], "fix(deps): bump a-package-with-quite-a-long-name [SECURITY]"),
        (
            vec![long("@acme/first-of-the-packages"), long("@acme/second-of-the-packages"), long("third")],
            "fix(deps): bump acme/first-of-the-packages and 2 more [SECURITY]",
        ),
        (vec![long(&"x".repeat(90))], "fix(deps): bump 1 package [SECURITY]"),
        (vec![long(&"x".repeat(90)), long(&"y".repeat(90))], "fix(deps): bump 2 packages [SECURITY]"),
    ] {
        let made = title(bumps);
        assert_eq!(made, expected);
        assert!(made.chars().count() <= 72 && !made.chars().any(crate::model::text::is_invisible), "{made}");
    }
}
