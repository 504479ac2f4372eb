//! Look-alike locks: files that look clean to whoever reads them otherwise than the tool that installs from them.

use serde_json::{Value, json};

use crate::support::bot::{Bot, Outcome};
use crate::support::known::{bot_that_knows, flaw};

/// The hash of nothing: it has the form of a checksum.
const INTEGRITY: &str =
    "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==";

/// A bot that knows one flaw of `bad`, everywhere, fixed in 2.0.0.
fn bot() -> Bot {
    let ecosystems = ["npm", "crates.io", "Packagist", "PyPI", "RubyGems", "Pub", "Hex"];
    bot_that_knows(ecosystems.into_iter().enumerate().map(|(number, ecosystem)| {
        let name = if ecosystem == "Packagist" { "acme/bad" } else { "bad" };
        let mut record = flaw(number, (ecosystem, name), "2.0.0");
        record["severity"] = json!([{ "type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H" }]);
        record
    }))
}

/// The rows of an audit of one file: kind, package, version and detail.
fn rows(outcome: &Outcome) -> Vec<(String, String, String, String)> {
    let report = outcome.json();
    let findings = report["projects"][0]["findings"].as_array().cloned().unwrap_or_default();
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    findings
        .iter()
        .filter(|finding| finding["kind"] != "unlocked" && finding["kind"] != "stale-lockfile")
        .map(|it| (text(it, "kind"), text(it, "package"), text(it, "version"), text(it, "detail")))
        .collect()
}

fn audit(bot: &Bot, name: &str, content: &str) -> Outcome {
    let folder = format!("work/{}", name.replace(['/', '.'], "-"));
    bot.write(&format!("{folder}/{name}"), content.as_bytes());
    let folder = bot.path(&folder);
    let outcome = bot.run(&["audit", folder.to_str().expect("UTF-8"), "--offline", "--format", "json"]);
    std::fs::remove_dir_all(folder).expect("it was just written");
    outcome
}

/// `kind package version` of each row.
fn short(outcome: &Outcome) -> Vec<String> {
    rows(outcome).into_iter().map(|(kind, package, version, _)| format!("{kind} {package} {version}")).collect()
}

/// A lock of npm with one odd entry and two plain ones.
fn npm(key: &str, entry: &Value) -> String {
    let plain = |name: &str| {
        let resolved = format!("https://registry.example/{name}/-/{name}-1.0.0.tgz");
        json!({ "version": "1.0.0", "resolved": resolved, "integrity": INTEGRITY })
    };
    let mut packages = json!({ "": { "name": "x", "version": "1.0.0" },
        "node_modules/one": plain("one"), "node_modules/two": plain("two") });
    packages[key] = entry.clone();
    json!({ "name": "x", "version": "1.0.0", "lockfileVersion": 3, "requires": true, "packages": packages }).to_string()
}

fn archive(name: &str, version: &str) -> String {
    format!("https://registry.example/{name}/-/{name}-{version}.tgz")
}

#[test]
fn what_npm_would_install_is_what_is_matched() {
    let bot = bot();
    let good = archive("good", "3.0.0");
    let bad = archive("bad", "1.0.0");
    let flaw = "vulnerability bad 1.0.0";
    for (what, key, entry, expected) in [
        (
            "another name than its archive",
            "node_modules/bad",
            json!({ "name": "good", "version": "1.0.0", "resolved": bad, "integrity": INTEGRITY }),
            vec![flaw, "inconsistent-lock good 1.0.0"],
        ),
        (
            "another package than its folder says",
            "node_modules/good",
            json!({ "version": "3.0.0", "resolved": bad, "integrity": INTEGRITY }),
            vec![flaw, "inconsistent-lock good 3.0.0"],
        ),
        (
            "another version than its archive",
            "node_modules/bad",
            json!({ "version": "2.0.0", "resolved": bad, "integrity": INTEGRITY }),
            vec![flaw, "inconsistent-lock bad 2.0.0"],
        ),
        (
            "two slashes",
            "node_modules//bad",
            json!({ "version": "1.0.0", "resolved": bad, "integrity": INTEGRITY }),
            vec![flaw, "inconsistent-lock bad 1.0.0"],
        ),
        (
            "a dot",
            "node_modules/./bad",
            json!({ "version": "1.0.0", "resolved": bad, "integrity": INTEGRITY }),
            vec![flaw, "inconsistent-lock bad 1.0.0"],
        ),
        (
            "up and down again",
            "node_modules/x/../bad",
            json!({ "version": "1.0.0", "resolved": bad, "integrity": INTEGRITY }),
            vec![flaw, "inconsistent-lock bad 1.0.0"],
        ),
        (
            "a slash at the end",
            "node_modules/bad/",
            json!({ "version": "1.0.0", "resolved": bad, "integrity": INTEGRITY }),
            vec![flaw, "inconsistent-lock bad 1.0.0"],
        ),
        (
            "an alias as npm writes it",
            "node_modules/other",
            json!({ "name": "good", "version": "3.0.0", "resolved": good, "integrity": INTEGRITY }),
            vec![],
        ),
    ] {
        let outcome = audit(&bot, "package-lock.json", &npm(key, &entry));
        assert_eq!(short(&outcome), expected, "{what}");
        outcome.expect_code(i32::from(!expected.is_empty()));
    }
}

#[test]
fn an_entry_for_which_npm_asks_its_registry_anew_contradicts_itself() {
    let bot = bot();
    for entry in [
        json!({ "version": "3.0.0", "resolved": "npm:bad@1.0.0", "integrity": INTEGRITY }),
        json!({ "version": "3.0.0", "resolved": "1.0.0", "integrity": INTEGRITY }),
        json!({ "version": "npm:bad@1.0.0", "integrity": INTEGRITY }),
        json!({ "version": "<2.0.0", "integrity": INTEGRITY }),
        json!({ "version": archive("bad", "1.0.0"), "integrity": INTEGRITY }),
    ] {
        let outcome = audit(&bot, "package-lock.json", &npm("node_modules/good", &entry));
        outcome.expect_code(1);
        assert!(short(&outcome).iter().any(|row| row.starts_with("inconsistent-lock good")), "{entry}");
    }
}

#[test]
fn a_contradiction_alone_fails_and_says_what_contradicts() {
    let bot = bot();
    let entry = json!({ "version": "3.0.0", "resolved": archive("good", "4.0.0"), "integrity": INTEGRITY });
    let outcome = audit(&bot, "package-lock.json", &npm("node_modules/good", &entry));
    outcome.expect_code(1);
    let row = |kind: &str, detail: &str| (kind.to_owned(), "good".to_owned(), "3.0.0".to_owned(), detail.to_owned());
    assert_eq!(rows(&outcome), [row("inconsistent-lock", "its archive is that of good 4.0.0")]);

    bot.write("work/shown/package-lock.json", npm("node_modules/good", &entry).as_bytes());
    let shown = bot.run(&["audit", bot.path("work/shown").to_str().expect("UTF-8"), "--offline"]);
    shown.expect_code(1);
    assert!(shown.stdout.contains("lockfile contradicts itself"), "{}", shown.stdout);
}

#[test]
fn both_forms_of_an_old_lock_are_matched_where_they_disagree() {
    let bot = bot();
    let of = |version: &str| json!({ "version": version, "resolved": archive("bad", version), "integrity": INTEGRITY });
    let lock = json!({ "name": "x", "version": "1.0.0", "lockfileVersion": 2, "requires": true,
        "packages": { "": { "name": "x" }, "node_modules/bad": of("2.0.0") }, "dependencies": { "bad": of("1.0.0") } });
    let outcome = audit(&bot, "package-lock.json", &lock.to_string());
    outcome.expect_code(1);
    assert_eq!(short(&outcome), ["vulnerability bad 1.0.0", "inconsistent-lock bad 2.0.0"]);
    let lock = json!({ "name": "x", "version": "1.0.0", "lockfileVersion": 2, "requires": true,
        "packages": {}, "dependencies": { "bad": of("1.0.0") } });
    let outcome = audit(&bot, "package-lock.json", &lock.to_string());
    assert_eq!(short(&outcome), ["vulnerability bad 1.0.0", "inconsistent-lock bad 1.0.0"]);
}

#[test]
fn an_unexpected_host_and_a_missing_checksum_are_warnings() {
    let bot = bot();
    let elsewhere = "https://elsewhere.example/good/-/good-3.0.0.tgz";
    let entry = json!({ "version": "3.0.0", "resolved": elsewhere, "integrity": INTEGRITY });
    let outcome = audit(&bot, "package-lock.json", &npm("node_modules/good", &entry));
    outcome.expect_code(0);
    let [(kind, package, _, detail)] = rows(&outcome).try_into().expect("one row");
    assert_eq!((kind.as_str(), package.as_str()), ("unverified-source", "good"));
    assert_eq!(detail, "comes from elsewhere.example; most of the file comes from registry.example");

    let entry = json!({ "version": "3.0.0", "resolved": archive("good", "3.0.0") });
    let outcome = audit(&bot, "package-lock.json", &npm("node_modules/good", &entry));
    outcome.expect_code(0);
    let [(kind, package, _, detail)] = rows(&outcome).try_into().expect("one row");
    assert_eq!((kind.as_str(), package.as_str(), detail.as_str()), ("unverified-source", "good", "has no checksum"));
}

#[test]
fn locks_without_addresses_links_and_bundles_are_as_npm_writes_them() {
    let bot = bot();
    for entry in [
        // `omit-lockfile-registry-resolved`.
        json!({ "version": "3.0.0", "integrity": INTEGRITY }),
        json!({ "resolved": "packages/good", "link": true }),
        json!({ "version": "3.0.0", "resolved": format!("git+ssh://git@git.example/good.git#{}", "a".repeat(40)) }),
    ] {
        let outcome = audit(&bot, "package-lock.json", &npm("node_modules/good", &entry));
        let kinds: Vec<String> = rows(&outcome).into_iter().map(|row| row.0).collect();
        assert!(
            !kinds.iter().any(|kind| kind == "inconsistent-lock" || kind == "unverified-source"),
            "{entry} {kinds:?}"
        );
    }
}

#[test]
fn an_archive_on_disk_is_matched_and_told() {
    let bot = bot();
    for (entry, code, expected) in [
        (
            json!({ "version": "1.0.0", "resolved": "file:./vendor.tgz", "integrity": INTEGRITY }),
            1,
            vec!["vulnerability bad 1.0.0", "unverified-source bad 1.0.0"],
        ),
        (json!({ "version": "3.0.0", "resolved": "file:./vendor.tgz" }), 0, vec!["unverified-source bad 3.0.0"]),
    ] {
        let outcome = audit(&bot, "package-lock.json", &npm("node_modules/bad", &entry));
        assert_eq!(short(&outcome), expected, "{entry}");
        outcome.expect_code(code);
    }
    let outcome = audit(&bot, "requirements.txt", "./bad-1.0-py3-none-any.whl\n");
    assert_eq!(short(&outcome), ["vulnerability bad 1.0", "unverified-source bad 1.0"]);
}

#[test]
fn only_what_another_archive_brings_along_needs_no_checksum_and_no_exact_version() {
    let bot = bot();
    let own = |entry: Value| short(&audit(&bot, "package-lock.json", &npm("node_modules/good", &entry)));
    assert_eq!(own(json!({ "version": "3.0.0", "inBundle": true })), ["unverified-source good 3.0.0"]);
    for entry in [
        json!({ "version": "3.0.0", "resolved": "npm:bad@1.0.0", "inBundle": true, "integrity": INTEGRITY }),
        json!({ "version": "<2.0.0", "inBundle": true, "integrity": INTEGRITY }),
    ] {
        let rows = own(entry.clone());
        assert!(rows.iter().any(|row| row.starts_with("inconsistent-lock good")), "{entry} {rows:?}");
    }
    let mut lock: Value = serde_json::from_str(&npm(
        "node_modules/one",
        &json!({ "version": "1.0.0",
        "resolved": archive("one", "1.0.0"), "integrity": INTEGRITY, "bundleDependencies": ["good"] }),
    ))
    .expect("JSON");
    lock["packages"]["node_modules/one/node_modules/good"] = json!({ "version": "3.0.0", "inBundle": true });
    assert!(short(&audit(&bot, "package-lock.json", &lock.to_string())).is_empty());
}

/// A lock of Cargo with one package of a source.
fn cargo(name: &str, source: &str, more: &str) -> String {
    let index = "registry+https://github.com/rust-lang/crates.io-index";
    let checksum = "a".repeat(64);
    format!(
        "version = 4\n\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\ndependencies = [\n \"{name}\",\n \"one\",\n]\n\n\
         [[package]]\nname = \"{name}\"\nversion = \"1.0.0\"\nsource = \"{source}\"\n{more}\n\
         [[package]]\nname = \"one\"\nversion = \"1.0.0\"\nsource = \"{index}\"\nchecksum = \"{checksum}\"\n"
    )
}

#[test]
fn a_source_in_another_form_is_the_registry_that_cargo_takes_it_for() {
    let bot = bot();
    let checksum = format!("checksum = \"{}\"\n", "b".repeat(64));
    for source in [
        "registry+https://github.com/rust-lang/crates.io-index/",
        "registry+https://github.com/rust-lang/crates.io-index.git",
        "registry+https://github.com/Rust-Lang/crates.io-index",
        "registry+http://github.com/rust-lang/crates.io-index",
        "registry+https://github.com/rust-lang/crates.io-index.git/",
    ] {
        let outcome = audit(&bot, "Cargo.lock", &cargo("bad", source, &checksum));
        outcome.expect_code(1);
        assert_eq!(short(&outcome), ["vulnerability bad 1.0.0", "inconsistent-lock bad 1.0.0"], "{source}");
    }
    let own = "registry+https://github.com/rust-lang/crates.io-index";
    let up_and_down = "registry+https://github.com/x/../rust-lang/crates.io-index";
    assert_eq!(short(&audit(&bot, "Cargo.lock", &cargo("bad", up_and_down, &checksum))), ["vulnerability bad 1.0.0"]);
    assert_eq!(short(&audit(&bot, "Cargo.lock", &cargo("bad", own, &checksum))), ["vulnerability bad 1.0.0"]);
    let unchecked = audit(&bot, "Cargo.lock", &cargo("good", own, ""));
    unchecked.expect_code(0);
    assert_eq!(short(&unchecked), ["unverified-source good 1.0.0"]);
    let git = format!("git+https://git.example/good?branch=main#{}", "c".repeat(40));
    let with_checksum = audit(&bot, "Cargo.lock", &cargo("good", &git, &checksum));
    assert!(short(&with_checksum).contains(&"inconsistent-lock good 1.0.0".to_owned()), "{with_checksum:?}");
}

#[test]
fn a_git_source_at_a_tag_is_the_release_that_the_tag_names() {
    let bot = bot();
    let commit = "c".repeat(40);
    let at = |reference: &str| format!("git+https://git.example/bad?{reference}#{commit}");
    let tag = audit(&bot, "Cargo.lock", &cargo("bad", &at("tag=v1.2.0"), ""));
    tag.expect_code(1);
    assert_eq!(short(&tag), ["vulnerability bad 1.0.0"]);
    audit(&bot, "Cargo.lock", &cargo("bad", &at("tag=v2.0.0"), "")).expect_code(0);
    // Which release a commit is has to be asked for, and offline that is said.
    let rev = audit(&bot, "Cargo.lock", &cargo("bad", &at(&format!("rev={commit}")), ""));
    rev.expect_code(0);
    assert!(rev.stdout.contains("1 dependency at a commit is not checked"), "{}", rev.stdout);
}

/// Files with one odd entry of `bad` 1.0.0 as `good` or in another version, in the formats of JavaScript's tools.
fn odd_javascript_locks() -> Vec<(&'static str, String)> {
    let one = "a".repeat(40);
    vec![
        (
            "yarn.lock",
            format!(
                "# yarn lockfile v1\n\ngood@^3.0.0:\n  version \"3.0.0\"\n  resolved \"{}#{one}\"\n  integrity {INTEGRITY}\n",
                archive("bad", "1.0.0")
            ),
        ),
        (
            "yarn.lock",
            "__metadata:\n  version: 8\n\n\"bad@npm:^1.0.0\":\n  version: 2.0.0\n  resolution: \"bad@npm:1.0.0\"\n  \
             checksum: 10/01\n  languageName: node\n  linkType: hard\n"
                .to_owned(),
        ),
        (
            "pnpm-lock.yaml",
            format!(
                "lockfileVersion: '9.0'\n\nimporters:\n  .: {{}}\n\npackages:\n\n  bad@1.0.0:\n    \
                 resolution: {{integrity: {INTEGRITY}}}\n    version: 2.0.0\n\nsnapshots:\n\n  bad@1.0.0: {{}}\n"
            ),
        ),
        (
            "pnpm-lock.yaml",
            format!(
                "lockfileVersion: '9.0'\n\nimporters:\n  .: {{}}\n\npackages:\n\n  good@3.0.0:\n    \
                 resolution: {{integrity: {INTEGRITY}, tarball: {}}}\n\nsnapshots:\n\n  good@3.0.0: {{}}\n",
                archive("bad", "1.0.0")
            ),
        ),
        (
            "bun.lock",
            format!(
                "{{\"lockfileVersion\": 1, \"workspaces\": {{\"\": {{\"name\": \"x\"}}}}, \"packages\": {{\
                 \"good\": [\"good@3.0.0\", \"{}\", {{}}, \"{INTEGRITY}\"]}}}}",
                archive("bad", "1.0.0")
            ),
        ),
    ]
}

/// The same in those of other tools.
fn odd_locks() -> Vec<(&'static str, String)> {
    let (one, two) = ("a".repeat(40), "b".repeat(40));
    vec![
        (
            "poetry.lock",
            "[[package]]\nname = \"good\"\nversion = \"3.0.0\"\nfiles = [\n    {file = \"bad-1.0.0-py3-none-any.whl\", \
             hash = \"sha256:01\"},\n]\n\n[metadata]\nlock-version = \"2.1\"\n"
                .to_owned(),
        ),
        (
            "uv.lock",
            "version = 1\n\n[[package]]\nname = \"bad\"\nversion = \"2.0.0\"\nsource = { registry = \"https://index.example/simple\" }\n\
             wheels = [\n    { url = \"https://files.example/bad-1.0.0-py3-none-any.whl\", hash = \"sha256:01\" },\n]\n"
                .to_owned(),
        ),
        (
            "pubspec.lock",
            "packages:\n  good:\n    dependency: \"direct main\"\n    description:\n      name: bad\n      sha256: \"01\"\n      \
             url: \"https://packages.example\"\n    source: hosted\n    version: \"1.0.0\"\nsdks:\n  dart: \">=3.0.0\"\n"
                .to_owned(),
        ),
        (
            "composer.lock",
            json!({ "packages": [{ "name": "acme/bad", "version": "1.0.0",
                "source": { "type": "git", "url": "https://host.example/acme/bad.git", "reference": one },
                "dist": { "type": "zip", "url": format!("https://api.host.example/repos/acme/bad/zipball/{two}"), "reference": two },
            }], "packages-dev": [] })
            .to_string(),
        ),
    ]
}

#[test]
fn entries_of_other_tools_that_contradict_themselves_are_matched_in_both_ways() {
    let bot = bot();
    for (name, content) in odd_javascript_locks().into_iter().chain(odd_locks()) {
        let outcome = audit(&bot, name, &content);
        outcome.expect_code(1);
        let found = short(&outcome);
        assert!(found.iter().any(|row| row.starts_with("inconsistent-lock")), "{name}: {found:?}\n{content}");
        let is_flaw = |row: &String| row == "vulnerability bad 1.0.0" || row == "vulnerability acme/bad 1.0.0";
        assert!(found.iter().any(is_flaw), "{name}: {found:?}\n{content}");
    }
}

#[test]
fn a_host_that_the_policy_or_the_tool_names_is_expected() {
    let bot = bot();
    let elsewhere = "https://elsewhere.example/good/-/good-3.0.0.tgz";
    let entry = json!({ "version": "3.0.0", "resolved": elsewhere, "integrity": INTEGRITY });
    let lock = npm("node_modules/good", &entry);
    for (name, content) in [
        (".npmrc", "@good:registry=https://elsewhere.example/\n"),
        ("patchparty.toml", "[network]\nallow-hosts = [\"elsewhere.example\"]\n"),
    ] {
        let folder = format!("work/named{}", name.replace('.', "-"));
        bot.write(&format!("{folder}/package-lock.json"), lock.as_bytes());
        let beside = bot.write(&format!("{folder}/{name}"), content.as_bytes());
        let target = bot.path(&folder).display().to_string();
        let mut arguments = vec!["audit", target.as_str(), "--offline", "--format", "json"];
        let policy = beside.display().to_string();
        if name == "patchparty.toml" {
            arguments.extend(["--config", policy.as_str()]);
        }
        let outcome = bot.run(&arguments);
        assert!(!short(&outcome).iter().any(|row| row.starts_with("unverified-source")), "{name}: {}", outcome.stdout);
    }
}
