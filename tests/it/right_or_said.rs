//! Right, or said: what was not understood is named, and what is named is right. Each kind has its cases.

use serde_json::{Value, json};

use crate::support::bot::{Bot, Outcome};

/// A record about one package.
fn record(id: &str, ecosystem: &str, package: &str, events: &Value) -> Value {
    json!({
        "schema_version": "1.6.0", "id": id, "modified": "2026-11-20T00:00:00Z", "summary": "a flaw",
        "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"}],
        "affected": [{"package": {"ecosystem": ecosystem, "name": package},
            "ranges": [{"type": "ECOSYSTEM", "events": events}]}],
    })
}

/// Every version below 2.0.0.
fn below_two(id: &str, ecosystem: &str, package: &str) -> Value {
    record(id, ecosystem, package, &json!([{"introduced": "0"}, {"fixed": "2.0.0"}]))
}

/// A folder with these files, audited with these records alone.
fn audit(files: &[(&str, &[u8])], records: &[Value]) -> Outcome {
    let bot = Bot::without_forge();
    for (number, record) in records.iter().enumerate() {
        bot.write(&format!("adv/{number}.json"), record.to_string().as_bytes());
    }
    for (path, content) in files {
        bot.write(&format!("project/{path}"), content);
    }
    let (advisories, project) = (bot.path("adv").display().to_string(), bot.path("project").display().to_string());
    let arguments = ["audit", "--offline", "--format", "json", "--advisories", &advisories, &project];
    bot.run_bare(&arguments.map(str::to_owned))
}

/// `file:line kind package version advisory`, in the report's order.
fn rows(outcome: &Outcome) -> Vec<String> {
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap_or_else(|_| panic!("{}", outcome.stderr));
    let findings = report["projects"][0]["findings"].as_array().expect("a list").clone();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let row = |it: &Value| {
        let parts = [text(&it["kind"]), text(&it["package"]), text(&it["version"]), text(&it["advisory"])];
        let told: Vec<&str> = parts.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
        format!("{}:{} {}", text(&it["file"]), it["line"], told.join(" "))
    };
    findings.iter().map(row).collect()
}

/// The problems of the report, on one line.
fn problems(outcome: &Outcome) -> String {
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap_or_else(|_| panic!("{}", outcome.stderr));
    let all = report["projects"][0]["problems"].as_array().expect("a list").clone();
    all.iter().filter_map(|problem| problem["message"].as_str().map(str::to_owned)).collect::<Vec<_>>().join("; ")
}

fn utf_16(text: &str) -> Vec<u8> {
    [b"\xff\xfe".to_vec(), text.encode_utf16().flat_map(u16::to_le_bytes).collect()].concat()
}

#[test]
fn requirements_files_are_judged_line_by_line() {
    let python = [below_two("PYSEC-2026-1", "PyPI", "django")];
    let wide = utf_16("django>=1.0\n");
    let latin = b"# -*- coding: latin-1 -*-\ndjango>=1.0 # \xe9\n".to_vec();
    for (files, code, expected) in [
        (
            vec![("requirements.txt", &b"django>=1.0 ; python_version == '3.9'\n"[..])],
            1,
            vec!["requirements.txt:1 unlocked project"],
        ),
        (vec![("requirements.txt", b"a==1\ndjango==1.*\n")], 1, vec!["requirements.txt:2 unlocked project"]),
        (vec![("requirements.txt", b"django==${VERSION}\n")], 1, vec!["requirements.txt:1 unlocked project"]),
        (vec![("requirements.txt", b"django==1.${PATCH}\n")], 1, vec!["requirements.txt:1 unlocked project"]),
        (vec![("requirements/base.txt", b"django>=1.0\n")], 1, vec!["requirements/base.txt:1 unlocked requirements"]),
        (vec![("dev-requirements.txt", b"a==1\n\ndjango\n")], 1, vec!["dev-requirements.txt:3 unlocked project"]),
        (vec![("requirements.txt", wide.as_slice())], 1, vec!["requirements.txt:1 unlocked project"]),
        (vec![("requirements.txt", latin.as_slice())], 1, vec!["requirements.txt:2 unlocked project"]),
        // Constraints pin what they name, and nothing else.
        (
            vec![("requirements.txt", b"-c c.txt\ndjango\nflask\n"), ("c.txt", b"flask==1.0\n")],
            1,
            vec!["requirements.txt:2 unlocked project"],
        ),
        (vec![("requirements.txt", b"-c c.txt\nflask\n"), ("c.txt", b"flask==1.0\nother>=1\n")], 0, vec![]),
        // What is compiled from a source stands beside it.
        (vec![("dev-requirements.in", b"flask\n"), ("dev-requirements.txt", b"flask==1.0\n")], 0, vec![]),
        (vec![("dev-requirements.in", b"flask\n")], 1, vec!["dev-requirements.in:1 unlocked dev-requirements.in"]),
        (
            vec![("requirements.txt", b"django==1.0 ; python_version == '3.9'\n")],
            1,
            vec!["requirements.txt:1 vulnerability django 1.0 PYSEC-2026-1"],
        ),
    ] {
        let outcome = audit(&files, &python);
        let found: Vec<String> = rows(&outcome).into_iter().filter(|row| !row.contains("loose-requirement")).collect();
        let names = |row: &String| row.contains(" unlocked ") || row.contains(" vulnerability ");
        let short = |row: String| {
            if row.contains(" unlocked ") {
                row.rsplit_once(' ').map(|(row, _)| row.to_owned()).unwrap_or(row)
            } else {
                row
            }
        };
        let expected: Vec<String> = expected.into_iter().map(|row| short(row.to_owned())).collect();
        assert_eq!(found.into_iter().filter(names).map(short).collect::<Vec<_>>(), expected, "{files:?}");
        assert_eq!(outcome.code, Some(code), "{files:?}: {}", outcome.stdout);
    }
    for include in ["-r ../out.txt", "-r https://files.example/r.txt", "-c gone.txt", "-c https://files.example/c.txt"]
    {
        let outcome = audit(&[("requirements.txt", format!("{include}\na==1\n").as_bytes())], &python);
        assert_eq!(outcome.code, Some(4), "{include}: {}", outcome.stdout);
        assert!(problems(&outcome).contains("requirements"), "{include}");
    }
}

#[test]
fn a_local_version_of_python_is_its_public_one() {
    let listed = |id: &str, versions: &Value| {
        json!({"schema_version": "1.6.0", "id": id, "modified": "2026-11-20T00:00:00Z", "summary": "x",
            "affected": [{"package": {"ecosystem": "PyPI", "name": "torch"}, "versions": versions}]})
    };
    let records = [
        record("PYSEC-1", "PyPI", "torch", &json!([{"introduced": "0"}, {"fixed": "2.0.1"}])),
        listed("PYSEC-2", &json!(["2.0.1"])),
        record("PYSEC-3", "PyPI", "torch", &json!([{"introduced": "0"}, {"last_affected": "2.0.1"}])),
        listed("PYSEC-4", &json!(["2.0.1+cpu"])),
        record("PYSEC-5", "PyPI", "torch", &json!([{"introduced": "2.0.1"}, {"fixed": "3"}])),
    ];
    let outcome = audit(&[("requirements.txt", b"torch==2.0.1+cu118\n")], &records);
    let found: Vec<String> =
        rows(&outcome).iter().filter_map(|row| row.rsplit(' ').next().map(str::to_owned)).collect();
    // The rated ones come first.
    assert_eq!(found, ["PYSEC-3", "PYSEC-5", "PYSEC-2"]);
}

const STATUS: &[u8] = b"Package: bad\nStatus: install ok installed\nVersion: 1.0-1\nArchitecture: amd64\n";

#[test]
fn a_derivative_is_matched_as_the_release_that_it_is_built_from() {
    let of =
        |id: &str, ecosystem: &str| record(id, ecosystem, "bad", &json!([{"introduced": "0"}, {"fixed": "2.0-1"}]));
    let records = [
        of("DEBIAN-CVE-2026-1", "Debian:12"),
        of("DEBIAN-CVE-2026-2", "Debian:13"),
        of("UBUNTU-CVE-2026-4", "Ubuntu:22.04:LTS"),
        of("UBUNTU-CVE-2026-5", "Ubuntu:24.04:LTS"),
    ];
    for (system, expected, code) in [
        (
            "ID=linuxmint\nID_LIKE=\"ubuntu debian\"\nVERSION_ID=\"21.3\"\nUBUNTU_CODENAME=jammy\n",
            vec!["UBUNTU-CVE-2026-4"],
            1,
        ),
        ("ID=linuxmint\nID_LIKE=debian\nVERSION_ID=\"6\"\nDEBIAN_CODENAME=bookworm\n", vec!["DEBIAN-CVE-2026-1"], 1),
        (
            "ID=pop\nID_LIKE=\"ubuntu debian\"\nVERSION_ID=\"24.04\"\nVERSION_CODENAME=noble\n",
            vec!["UBUNTU-CVE-2026-5"],
            1,
        ),
        ("ID=debian\nVERSION_ID=\"12\"\n", vec!["DEBIAN-CVE-2026-1"], 1),
        ("ID=kali\nID_LIKE=debian\nVERSION_ID=\"2024.1\"\n", vec![], 4),
    ] {
        let outcome = audit(&[("r/etc/os-release", system.as_bytes()), ("r/var/lib/dpkg/status", STATUS)], &records);
        let found: Vec<String> =
            rows(&outcome).iter().filter_map(|row| row.rsplit(' ').next().map(str::to_owned)).collect();
        assert_eq!((found, outcome.code), (expected.into_iter().map(str::to_owned).collect(), Some(code)), "{system}");
        assert_eq!(problems(&outcome).contains("kali"), code == 4, "{system}");
    }
}

#[test]
fn one_flaw_of_a_distribution_is_one_finding() {
    let with = |id: &str, more: &str, names: &Value| {
        let mut record = record(id, "Debian:12", "bad", &json!([{"introduced": "0"}, {"fixed": "1.0-2"}]));
        record[more] = names.clone();
        record
    };
    let records = [
        with("DSA-5000-1", "upstream", &json!(["CVE-2026-1"])),
        with("DEBIAN-CVE-2026-1", "upstream", &json!(["CVE-2026-1"])),
        with("DEBIAN-CVE-2026-2", "upstream", &json!(["CVE-2026-2"])),
        with("DLA-1-1", "related", &json!(["CVE-2026-2"])),
    ];
    let files: [(&str, &[u8]); 2] =
        [("r/etc/os-release", b"ID=debian\nVERSION_ID=12\n"), ("r/var/lib/dpkg/status", STATUS)];
    let found: Vec<String> =
        rows(&audit(&files, &records)).iter().filter_map(|row| row.rsplit(' ').next().map(str::to_owned)).collect();
    assert_eq!(found, ["CVE-2026-1", "CVE-2026-2"]);
}

#[test]
fn a_vector_that_lacks_metrics_rates_nothing() {
    let npm = |severity: &Value, word: &Value| {
        let mut record = below_two("GHSA-1111-2222-3333", "npm", "b");
        record["severity"] = severity.clone();
        record["database_specific"] = word.clone();
        record
    };
    let partial = json!([{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:L"}]);
    let whole = json!([{"type": "CVSS_V4", "score": "CVSS:4.0/AV:N/AC:L"}, {"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]);
    for (severity, word, expected) in [
        (&partial, json!({"severity": "CRITICAL"}), "critical"),
        (&partial, json!({}), "unknown"),
        (&whole, json!({"severity": "LOW"}), "critical"),
    ] {
        let outcome = audit(&[("package-lock.json", NPM.as_bytes())], &[npm(severity, &word)]);
        let report: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
        assert_eq!(report["projects"][0]["findings"][0]["severity"], expected, "{severity} {word}");
    }
}

const NPM: &str = r#"{"name": "a", "version": "1.0.0", "lockfileVersion": 3, "packages": {
  "": {"name": "a", "version": "1.0.0", "dependencies": {"b": "1.0.0"}},
  "node_modules/b": {"version": "1.0.0", "integrity": "sha512-AA=="}
}}"#;

#[test]
fn a_package_of_another_registry_in_a_bill_of_materials_is_another_package() {
    let rust = [
        below_two("RUSTSEC-2026-1", "crates.io", "rs"),
        below_two("GHSA-1", "npm", "js"),
        below_two("GHSA-2", "Maven", "g:a"),
    ];
    for (purl, expected) in [
        ("pkg:cargo/rs@1.0.0", 1),
        ("pkg:cargo/rs@1.0.0?repository_url=https://cargo.corp.example", 0),
        ("pkg:npm/js@1.0.0?repository_url=https%3A%2F%2Fnpm.corp.example", 0),
        ("pkg:maven/g/a@1.0.0?repository_url=maven.corp.example%2Freleases", 0),
        ("pkg:maven/g/a@1.0.0?type=jar", 1),
    ] {
        let bom = json!({"bomFormat": "CycloneDX", "specVersion": "1.5",
            "components": [{"type": "library", "name": "x", "version": "1.0.0", "purl": purl}]});
        assert_eq!(rows(&audit(&[("bom.json", bom.to_string().as_bytes())], &rust)).len(), expected, "{purl}");
    }
}

#[test]
fn development_of_a_workspace_member_is_development() {
    let records = ["prod", "wd", "dv", "sub"].map(|name| below_two(&format!("GHSA-{name}"), "npm", name));
    let entry = |name: &str, more: &str| {
        format!(
            "\"{name}@npm:^1.0.0\":\n  version: 1.0.0\n  resolution: \"{name}@npm:1.0.0\"\n{more}  checksum: 10c0/aa\n\n"
        )
    };
    let berry = [
        "__metadata:\n  version: 8\n\n".to_owned(),
        "\"a@workspace:.\":\n  version: 0.0.0-use.local\n  resolution: \"a@workspace:.\"\n  dependencies:\n    dv: \"npm:^1.0.0\"\n\n".to_owned(),
        "\"w@workspace:pk/w\":\n  version: 0.0.0-use.local\n  resolution: \"w@workspace:pk/w\"\n  dependencies:\n    prod: \"npm:^1.0.0\"\n    wd: \"npm:^1.0.0\"\n\n".to_owned(),
        entry("dv", "  dependencies:\n    sub: \"npm:^1.0.0\"\n"),
        entry("prod", ""),
        entry("sub", ""),
        entry("wd", ""),
    ]
    .concat();
    let bun = json!({"lockfileVersion": 1,
        "workspaces": {"": {"name": "a", "devDependencies": {"dv": "^1.0.0"}},
            "pk/w": {"name": "w", "dependencies": {"prod": "^1.0.0"}, "devDependencies": {"wd": "^1.0.0"}}},
        "packages": {"w": ["w@workspace:pk/w"], "prod": ["prod@1.0.0", "", {}, "sha512-AA=="], "wd": ["wd@1.0.0", "", {}, "sha512-AA=="],
            "dv": ["dv@1.0.0", "", {"dependencies": {"sub": "^1.0.0"}}, "sha512-AA=="], "sub": ["sub@1.0.0", "", {}, "sha512-AA=="]}});
    let bun = bun.to_string();
    let (root, member) = (
        r#"{"name": "a", "private": true, "workspaces": ["pk/*"], "devDependencies": {"dv": "^1.0.0"}}"#,
        r#"{"name": "w", "version": "1.0.0", "dependencies": {"prod": "^1.0.0"}, "devDependencies": {"wd": "^1.0.0"}}"#,
    );
    for (name, lock) in [("yarn.lock", berry.as_str()), ("bun.lock", bun.as_str())] {
        let files: [(&str, &[u8]); 3] =
            [("package.json", root.as_bytes()), ("pk/w/package.json", member.as_bytes()), (name, lock.as_bytes())];
        let outcome = audit(&files, &records);
        let report: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
        let mut scopes: Vec<String> = report["projects"][0]["findings"]
            .as_array()
            .expect("a list")
            .iter()
            .filter(|it| it["kind"] == "vulnerability")
            .map(|it| {
                format!("{} {}", it["package"].as_str().unwrap_or_default(), it["scope"].as_str().unwrap_or_default())
            })
            .collect();
        scopes.sort();
        assert_eq!(scopes, ["dv development", "prod runtime", "sub development", "wd development"], "{name}");
    }
}

#[test]
fn what_the_lockfile_of_actions_pins_is_pinned_and_what_it_lacks_is_named() {
    let lock = |version: &str, key: &str, of: &str| {
        format!(
            "version: '{version}'\nworkflows:\n    '.github/workflows/ci.yml':\n        - '{key}'\ndependencies:\n    \
             '{key}':\n        {of}: 'v4.1.0'\n        commit: 'sha1-6f48f578d3e80fe7a85e530a5d95b9351433d135'\n        \
             owner_id: 1\n        repo_id: 2\n        uses:\n            - 'acme/inner@v1'\n    'acme/inner@v1':\n        \
             {of}: 'v1.2.0'\n        commit: 'sha1-7f48f578d3e80fe7a85e530a5d95b9351433d135'\n        owner_id: 1\n        repo_id: 3\n"
        )
    };
    let records = [
        record("GHSA-1", "GitHub Actions", "acme/outer", &json!([{"introduced": "0"}, {"fixed": "4.1.1"}])),
        record("GHSA-2", "GitHub Actions", "acme/inner", &json!([{"introduced": "0"}, {"fixed": "1.2.1"}])),
    ];
    let workflow = "on: push\njobs:\n  a:\n    steps:\n      - uses: Acme/outer@v4\n      - uses: $/tools/own\n";
    for (version, key, of) in [
        ("v0.0.2", "acme/outer@v4", "ref"),
        ("v0.0.1", "acme/outer@v4:sha1-6f48f578d3e80fe7a85e530a5d95b9351433d135", "tag"),
    ] {
        let lock = lock(version, key, of);
        let files: [(&str, &[u8]); 2] =
            [(".github/workflows/ci.yml", workflow.as_bytes()), (".github/workflows/actions.lock", lock.as_bytes())];
        let outcome = audit(&files, &records);
        let inner = lock.lines().position(|line| line == "    'acme/inner@v1':").expect("it is there") + 1;
        let mut found = rows(&outcome);
        found.sort();
        let expected = [
            format!(".github/workflows/actions.lock:{inner} vulnerability acme/inner v1.2.0 GHSA-2"),
            ".github/workflows/ci.yml:5 vulnerability Acme/outer v4.1.0 GHSA-1".to_owned(),
        ];
        assert_eq!(found, expected, "{version}");
        assert_eq!(problems(&outcome), "", "{version}");
    }
    let (lock, more) = (lock("v0.0.2", "acme/outer@v4", "ref"), format!("{workflow}      - uses: acme/other@v2.0.0\n"));
    let files: [(&str, &[u8]); 2] =
        [(".github/workflows/ci.yml", more.as_bytes()), (".github/workflows/actions.lock", lock.as_bytes())];
    assert!(problems(&audit(&files, &records)).contains("`acme/other@v2.0.0` in `.github/workflows/actions.lock`"));
    let broken = lock.replace("version: 'v0.0.2'\n", "");
    let files: [(&str, &[u8]); 1] = [(".github/workflows/actions.lock", broken.as_bytes())];
    assert_eq!(audit(&files, &records).code, Some(4));
}

#[test]
fn what_stands_in_for_a_module_or_package_is_no_alarm() {
    let go = [below_two("GO-2026-1", "Go", "k.example/client")];
    let replaced = b"module example.com/m\n\ngo 1.99.0\n\nrequire k.example/client v0.0.0\n\nreplace k.example/client => ./client\n";
    assert_eq!(rows(&audit(&[("go.mod", replaced)], &go)), Vec::<String>::new());
    let attack = [record("MAL-2026-2", "npm", "closure-q", &json!([{"introduced": "0"}]))];
    let manifest = br#"{"name": "a", "dependencies": {"closure-q": "git+https://git.example/acme/closure-q.git#6f48f578d3e80fe7a85e530a5d95b9351433d135"}}"#;
    let lock = b"# yarn lockfile v1\n\n\n\"closure-q@git+https://git.example/acme/closure-q.git#6f48f578d3e80fe7a85e530a5d95b9351433d135\":\n  version \"0.0.0\"\n  resolved \"git+https://git.example/acme/closure-q.git#6f48f578d3e80fe7a85e530a5d95b9351433d135\"\n";
    let outcome = audit(&[("package.json", manifest), ("yarn.lock", lock)], &attack);
    assert_eq!(rows(&outcome), ["yarn.lock:4 notice closure-q 0.0.0 MAL-2026-2"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stdout);
}
