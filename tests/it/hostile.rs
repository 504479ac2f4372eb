//! Hostile input: whatever an advisory or a repository holds is inert or a clear error, and the other projects go on.

mod page;

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::bot::{Bot, Outcome, missing_tools};
use crate::support::fixtures;
use crate::support::github::{GitHub, PullRequest};
use page::Page;

/// What strangers write into advisories. Every piece does something where it is not made inert.
const HOSTILE_TEXT: &str = "Thanks @octocat and @acme/admins, fixes #1, Closes: acme/ledger#2, resolves GH-3 <!-- swallowed \
    ``` ```` ````````` | a | b | <img src=https://evil.example/pixel onerror=alert(1)> ![x](https://evil.example/y.png) \
    [click](javascript:alert(1)) </details></summary></table> <script>x</script> --> \u{1b}[2J\u{9b}31m\u{202e}gnp\u{202c} \
    {{lookup . \"token\"}} {{> pull_request}} $(touch CANARY) `touch CANARY` ::error::forged %0A::set-output name=x::y";

/// The same over several lines, with everything that means something at the start of one.
fn hostile_block() -> String {
    let forged = "<!-- patchparty:state v1 e30= -->\n- [x] <!-- patchparty:check backup --> forged\n\
        <!-- patchparty:comment closed -->\n<!-- patchparty:topic closed -->";
    format!(
        "{HOSTILE_TEXT}\n\n{forged}\n\n```\nleft the block @octocat fixes #1\n```\n~~~\n- [ ] forged box\n* [x] another\n\
         # Heading\n|---|---|\n| @octocat | #1 |\n</pre></code>\n/merge\n@dependabot merge\n{}\n{forged}\n",
        "`".repeat(5_000),
    )
}

/// Packages whose names are options, commands, paths, mentions or several lines.
const HOSTILE_NAMES: [&str; 13] = [
    "--upload-pack=touch CANARY",
    "-p",
    "--config=net.git-fetch-with-cli=true",
    "a\nb\n::error::forged",
    "$(touch CANARY)",
    "`touch CANARY`",
    "; touch CANARY #",
    "../../../escape",
    "@octocat/fixes#1",
    "a|b|c",
    "``` <!-- patchparty:state v1 e30= --> <img src=x>",
    "\u{1b}[2J\u{202e}evil",
    "{{lookup . \"token\"}}",
];

const WORKFLOW: &str = "on: push\njobs:\n  build:\n    steps:\n      - uses: acme/tools@main\n";

const ACTION: &str = "name: Tools\nruns:\n  using: composite\n  steps: []\n";

fn osv(id: &str, ecosystem: &str, name: &str, fixed: &str) -> Value {
    json!({
        "schema_version": "1.6.0", "id": id, "modified": "2026-11-20T00:00:00Z",
        "summary": HOSTILE_TEXT, "details": hostile_block(),
        "affected": [{
            "package": { "ecosystem": ecosystem, "name": name },
            "ranges": [{ "type": "SEMVER", "events": [{ "introduced": "0" }, { "fixed": fixed }] }],
        }],
        "references": [
            { "type": "WEB", "url": "javascript:alert(1)" },
            { "type": "WEB", "url": "https://github.com/acme/ledger/issues/1" },
            { "type": "WEB", "url": "https://evil.example/a) ![x](https://evil.example/z.png) @octocat" },
        ],
        "severity": [{ "type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H" }],
    })
}

/// Writes advisories into the bot's world and lets it learn them.
fn teach(bot: &mut Bot, advisories: &[Value]) {
    for (number, advisory) in advisories.iter().enumerate() {
        bot.write(&format!("hostile-advisories/{number}.json"), advisory.to_string().as_bytes());
    }
    bot.learn(bot.path("hostile-advisories"));
}

/// One advisory for every hostile name in every ecosystem.
fn advisories_for_names() -> Vec<Value> {
    let ecosystems = ["npm", "crates.io", "Packagist", "GitHub Actions"];
    let named = |(number, name): (usize, &&str)| {
        let id = move |letter: usize| format!("GHSA-{:04}-h{letter}st-{number:04}", number + 1);
        ecosystems
            .iter()
            .enumerate()
            .map(move |(letter, ecosystem)| osv(&id(letter), ecosystem, name, "9.9.9"))
            .collect()
    };
    HOSTILE_NAMES.iter().enumerate().flat_map(|named_by| -> Vec<Value> { named(named_by) }).collect()
}

fn package_lock() -> String {
    let mut packages = serde_json::Map::new();
    let wanted: serde_json::Map<String, Value> =
        HOSTILE_NAMES.iter().map(|name| ((*name).to_owned(), json!("^1.0.0"))).collect();
    packages.insert(String::new(), json!({ "name": "odd", "version": "1.0.0", "dependencies": wanted }));
    for name in HOSTILE_NAMES {
        packages.insert(format!("node_modules/{name}"), json!({ "version": "1.0.0", "integrity": "sha512-AAAA" }));
    }
    json!({ "name": "odd", "version": "1.0.0", "lockfileVersion": 3, "requires": true, "packages": packages })
        .to_string()
}

fn package_json() -> String {
    let wanted: serde_json::Map<String, Value> =
        HOSTILE_NAMES.iter().map(|name| ((*name).to_owned(), json!("^1.0.0"))).collect();
    json!({ "name": "odd", "version": "1.0.0", "dependencies": wanted }).to_string()
}

fn composer_lock() -> String {
    let packages: Vec<Value> = HOSTILE_NAMES
        .iter()
        .map(|name| json!({ "name": name, "version": "1.0.0", "source": { "type": "git", "url": name, "reference": name } }))
        .collect();
    json!({ "content-hash": "0", "packages": packages, "packages-dev": [] }).to_string()
}

fn composer_json() -> String {
    let wanted: serde_json::Map<String, Value> =
        HOSTILE_NAMES.iter().map(|name| ((*name).to_owned(), json!("^1.0"))).collect();
    json!({ "require": wanted }).to_string()
}

fn cargo_lock() -> String {
    let package = |name: &&str| {
        format!(
            "[[package]]\nname = {}\nversion = \"1.0.0\"\nsource = \"registry+https://registry.example/index\"\n\n",
            json!(name)
        )
    };
    // TOML has no `\u001b` in lower case only, and JSON's escapes are TOML's.
    format!("version = 4\n\n{}", HOSTILE_NAMES.iter().map(package).collect::<String>())
}

fn hostile_workflow() -> String {
    let step = |name: &&str| format!("      - uses: {}\n", json!(format!("{name}@main")));
    let steps: String = HOSTILE_NAMES.iter().map(step).collect();
    format!(
        "{WORKFLOW}{steps}      - uses: \"acme/tools@$(touch CANARY)\"\n      - uses: \"acme/tools@--upload-pack=x\"\n"
    )
}

/// Nothing that the bot says can act on a terminal or a log.
#[track_caller]
fn assert_quiet(outcome: &Outcome) {
    for text in [&outcome.stdout, &outcome.stderr] {
        let bad = text.chars().find(|&character| {
            (character.is_control() && character != '\n')
                || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        });
        assert_eq!(bad, None, "{text:?}");
        let forged = text.lines().find(|line| line.starts_with("::"));
        assert_eq!(forged, None, "a line of output would be a workflow command");
    }
}

/// A pull request whose title, body, labels, branch and commit can do nothing.
#[track_caller]
fn assert_inert(github: &GitHub, slug: &str, pull: &PullRequest) {
    Page::of_body(&pull.body).assert_inert();
    let message = github.disk(slug).git(&["log", "-1", "--format=%B", &pull.head]).run();
    for (what, text) in [("title", &pull.title), ("commit message", &message)] {
        assert!(!page::mentions_or_refers(text), "the {what} acts: {text:?}");
        assert!(!text.chars().any(|character| character.is_control() && character != '\n'), "{what}: {text:?}");
    }
    assert_eq!(pull.title.lines().count(), 1);
    assert_eq!(pull.head, "patchparty/routine/main");
    let known = |label: &String| {
        label.starts_with("severity: ") || ["dependencies", "security", "loose-dependency"].contains(&label.as_str())
    };
    assert!(pull.labels.iter().all(known), "{:?}", pull.labels);
}

/// A bot with a key, whose bodies end with its state.
fn keyed(github: &GitHub) -> Bot {
    Bot::new(github).variable("PATCHPARTY_STATE_KEY", &"k".repeat(32))
}

#[test]
fn advisory_text_is_inert_wherever_it_is_written() {
    if let Some(reason) = missing_tools(&["cargo", "npm"]) {
        eprintln!("{reason}");
        return;
    }
    let calm = GitHub::start();
    calm.repository("acme", "shop").files(fixtures::project("npm")).commit();
    Bot::new(&calm).run(&["run", "--repo", "acme/shop"]).expect_code(0);
    let boxes = Page::of_body(&calm.only_pull("acme/shop").body).boxes();

    let github = GitHub::start();
    github.repository("acme", "shop").files(fixtures::project("npm")).commit();
    github.repository("acme", "ledger").files(fixtures::project("cargo")).commit();
    let mut bot = keyed(&github);
    let mut advisory = osv("GHSA-h0st-h0st-h0st", "npm", "lodash", "4.17.21");
    advisory["aliases"] =
        json!(["CVE-2026-0001 @octocat fixes #1", "@octocat", "<img src=x>", "a\nb", "CVE-2026-0002"]);
    teach(&mut bot, &[advisory]);

    let preview = bot.path("preview").display().to_string();
    let dry = bot.run(&["run", "--org", "acme", "--dry-run", "--out", &preview]);
    dry.expect_code(0);
    assert_quiet(&dry);
    github.assert_no_writes_since(0);
    let folder = bot.path("preview/acme/shop/routine-main");
    let body = std::fs::read_to_string(folder.join("pull-request.md")).unwrap();
    Page::of_body(body.split_once('\n').unwrap().1).assert_inert();
    let index = std::fs::read_to_string(bot.path("preview/index.html")).unwrap();
    assert!(!index.contains("<img") && !index.contains("<script"), "{index}");

    let night = bot.run(&["run", "--org", "acme"]);
    night.expect_code(0);
    assert_quiet(&night);
    let pull = github.only_pull("acme/shop");
    assert!(pull.body.contains("GHSA-h0st-h0st-h0st"), "the hostile advisory stands in the body:\n{}", pull.body);
    assert_inert(&github, "acme/shop", &pull);
    assert_eq!(Page::of_body(&pull.body).boxes(), boxes, "no box is forged:\n{}", pull.body);
    assert!(github.only_pull("acme/ledger").open, "the others go on");

    // A second night reads its own state back, not a forged one.
    let mark = github.mark();
    bot.run(&["run", "--org", "acme"]).expect_code(0);
    github.assert_no_writes_since(mark);
    calm.finish();
    github.finish();
}

#[test]
fn advisory_text_is_inert_on_a_terminal_and_in_a_workflow() {
    let github = GitHub::start();
    let mut bot = keyed(&github);
    teach(&mut bot, &[osv("GHSA-h0st-h0st-h0st", "npm", "lodash", "4.17.21")]);
    for (path, content) in fixtures::project("npm") {
        bot.write(&format!("shop/{path}"), &content);
    }
    let shop = bot.path("shop").display().to_string();
    let human = bot.run(&["audit", &shop]);
    human.expect_code(1);
    assert_quiet(&human);
    let json = bot.run(&["audit", &shop, "--format", "json"]);
    json.expect_code(1);
    assert_quiet(&json);
    assert!(json.json().to_string().contains("octocat"), "data stays what it is");

    let (summary, outputs) = (bot.path("summary.md"), bot.path("outputs.txt"));
    let bot = bot
        .variable("GITHUB_ACTIONS", "true")
        .variable("GITHUB_STEP_SUMMARY", summary.to_str().unwrap())
        .variable("GITHUB_OUTPUT", outputs.to_str().unwrap());
    let step = bot.run(&["audit", &shop]);
    step.expect_code(1);
    let commands: Vec<&str> = step.stderr.lines().filter(|line| line.starts_with("::")).collect();
    assert_eq!(commands.len(), 2, "one annotation per finding: {commands:#?}");
    assert!(commands.iter().all(|line| line.contains("file=package-lock.json,")), "{commands:#?}");
    assert!(!step.stderr.chars().any(|character| character.is_control() && character != '\n'), "{:?}", step.stderr);
    let page = Page::of_text(&std::fs::read_to_string(&summary).unwrap());
    page.assert_inert();
    let outputs = std::fs::read_to_string(&outputs).unwrap();
    assert!(
        outputs.lines().all(|line| line.split_once('=').is_some()) && outputs.contains("findings=2\n"),
        "{outputs}"
    );
    github.finish();
}

#[test]
fn names_of_packages_are_never_options_commands_or_paths() {
    if let Some(reason) = missing_tools(&["cargo", "npm", "composer"]) {
        eprintln!("{reason}");
        return;
    }
    let github = GitHub::start();
    github.repository("acme", "tools").file("action.yml", ACTION).commit();
    github.repository("acme", "ledger").files(fixtures::project("cargo")).commit();
    // Each holds something that can be done besides, so that what cannot is told in a pull request.
    let odd: [(&str, &[(&str, String)]); 4] = [
        ("odd-npm", &[("package.json", package_json()), ("package-lock.json", package_lock())]),
        ("odd-php", &[("composer.json", composer_json()), ("composer.lock", composer_lock())]),
        (
            "odd-rust",
            &[
                ("Cargo.toml", "[package]\nname = \"odd\"\nversion = \"1.0.0\"\n".to_owned()),
                ("Cargo.lock", cargo_lock()),
            ],
        ),
        ("odd-ci", &[(".github/workflows/odd.yml", hostile_workflow())]),
    ];
    for (name, files) in odd {
        let repository = github.repository("acme", name).file(".github/workflows/ci.yml", WORKFLOW);
        files.iter().fold(repository, |repository, (path, content)| repository.file(path, content.as_str())).commit();
    }
    let mut bot = keyed(&github);
    teach(&mut bot, &advisories_for_names());
    let night = bot.run(&["run", "--org", "acme", "--format", "json"]);
    assert!(matches!(night.code, Some(0 | 4)), "{night:?}");
    assert_quiet(&night);
    assert!(github.only_pull("acme/ledger").open, "the others go on");
    let seen = night.stdout.matches("GHSA-").count();
    assert!(seen > 0, "the advisories match these names: {}", night.stdout);
    for (name, _) in odd {
        let slug = format!("acme/{name}");
        let pull = github.only_pull(&slug);
        assert_inert(&github, &slug, &pull);
    }
    for tool in ["cargo", "npm", "composer", "git"] {
        let calls = bot.tool_calls(tool);
        for name in HOSTILE_NAMES.iter().filter(|name| name.len() > 2) {
            assert!(!calls.contains(name), "{tool} was given {name:?}");
        }
        // Cargo's own option for the package that moves.
        let option = tool != "cargo" && calls.lines().any(|line| line == "-p");
        assert!(!option, "{tool} was given a package as an option");
    }
    assert_eq!(canaries(&bot), Vec::<PathBuf>::new());

    // What is blocked is tried again, and when it stays blocked nothing is written.
    bot.set_now("2026-11-22T02:00:00Z");
    let mark = github.mark();
    let second = bot.run(&["run", "--org", "acme", "--format", "json"]);
    assert_eq!(second.code, night.code);
    github.assert_no_writes_since(mark);
    for (name, _) in odd {
        assert_eq!(second.actions(&format!("acme/{name}")), ["unchanged"]);
    }

    let human = bot.run(&["audit", &format!("{}/acme/odd-npm", github.server_url()), "--dependencies"]);
    assert!(matches!(human.code, Some(1 | 4)), "{human:?}");
    assert_quiet(&human);
    github.finish();
}

/// Every file of the bot's world that a shell would have made.
fn canaries(bot: &Bot) -> Vec<PathBuf> {
    let mut folders = vec![bot.path("")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().contains("CANARY") {
                found.push(entry.path());
            }
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(entry.path());
            }
        }
    }
    found
}

/// A program that leaves a canary.
fn trap(bot: &Bot) -> (String, String) {
    use std::os::unix::fs::PermissionsExt as _;
    let canary = bot.path("CANARY").display().to_string();
    let script = bot.write("trap.sh", format!("#!/bin/sh\ntouch '{canary}'\nexit 1\n").as_bytes());
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).expect("the world is ours");
    (script.display().to_string(), canary)
}

#[test]
fn what_a_repository_configures_is_never_executed() {
    if let Some(reason) = missing_tools(&["cargo", "npm", "composer"]) {
        eprintln!("{reason}");
        return;
    }
    for sandbox in ["required", "off"] {
        nothing_is_executed(sandbox);
    }
}

fn nothing_is_executed(sandbox: &str) {
    let github = GitHub::start();
    let bot = keyed(&github);
    let (trap, canary) = trap(&bot);
    let touch = format!("touch '{canary}'");

    let mut npm = fixtures::project("npm");
    edit_json(&mut npm, "package.json", |manifest| {
        let scripts = ["preinstall", "install", "postinstall", "prepare", "preversion", "dependencies", "prepublish"];
        manifest["scripts"] = scripts.iter().map(|name| ((*name).to_owned(), json!(touch))).collect();
    });
    let npmrc = format!(
        "ignore-scripts=false\nscript-shell={trap}\nshell={trap}\ngit={trap}\nnode-options=--require={trap}\n\
         onload-script={trap}\nprefix=/tmp/CANARY\ncache=/tmp/CANARY\nuserconfig=/tmp/CANARY\n"
    );
    npm.push((".npmrc".to_owned(), npmrc.into_bytes()));

    let mut cargo = fixtures::project("cargo");
    cargo.extend([
        (".cargo/config.toml".to_owned(), cargo_configuration(&trap)),
        ("rust-toolchain.toml".to_owned(), format!("[toolchain]\npath = \"{trap}\"\n").into_bytes()),
        ("build.rs".to_owned(), format!("fn main() {{ std::fs::write({canary:?}, \"\").unwrap(); }}\n").into_bytes()),
    ]);

    let mut composer = fixtures::composer_project(&github, &bot);
    edit_json(&mut composer, "composer.json", |manifest| {
        let events =
            ["pre-update-cmd", "post-update-cmd", "pre-pool-create", "post-package-update", "init", "pre-command-run"];
        manifest["scripts"] = events.iter().map(|name| ((*name).to_owned(), json!(touch))).collect();
        manifest["config"]["allow-plugins"] = json!(true);
        manifest["config"]["cache-dir"] = json!("/tmp/CANARY");
    });
    composer.push((
        "auth.json".to_owned(),
        br#"{"http-basic":{"registry.example":{"username":"a","password":"b"}}}"#.to_vec(),
    ));

    github.repository("acme", "shop").files(npm).commit();
    github.repository("acme", "ledger").files(cargo).commit();
    github.repository("acme", "portal").files(composer).commit();
    // What the fixture has written names its registry.
    let policy = std::fs::read_to_string(bot.path("work/patchparty.toml")).unwrap_or_default();
    bot.write("work/patchparty.toml", format!("sandbox = \"{sandbox}\"\n{policy}").as_bytes());
    let night = bot.run(&["run", "--org", "acme", "--format", "json"]);
    night.expect_code(0);
    for slug in ["acme/shop", "acme/ledger", "acme/portal"] {
        assert_eq!(night.actions(slug), ["opened"], "{slug} is remedied all the same: {}", night.explanation(slug));
    }
    assert_eq!(canaries(&bot), Vec::<PathBuf>::new(), "{sandbox}");
    assert!(!std::path::Path::new("/tmp/CANARY").exists());
    github.finish();
}

fn cargo_configuration(trap: &str) -> Vec<u8> {
    format!(
        "[build]\nrustc = \"{trap}\"\nrustc-wrapper = \"{trap}\"\nrustc-workspace-wrapper = \"{trap}\"\n\
         [alias]\nupdate = \"run\"\n[net]\ngit-fetch-with-cli = true\n[registry]\nglobal-credential-providers = [\"{trap}\"]\n\
         [env]\nRUSTC_WRAPPER = {{ value = \"{trap}\", force = true }}\n"
    )
    .into_bytes()
}

fn edit_json(files: &mut [(String, Vec<u8>)], path: &str, edit: impl FnOnce(&mut Value)) {
    let (_, content) = files.iter_mut().find(|(name, _)| name == path).expect("the fixture has it");
    let mut value: Value = serde_json::from_slice(content).expect("the fixture is JSON");
    edit(&mut value);
    *content = serde_json::to_vec_pretty(&value).expect("it was read as JSON");
}

#[test]
fn a_lockfile_of_a_hundred_megabytes_is_refused_by_name() {
    let github = GitHub::start();
    let large = vec![b' '; 100 * 1024 * 1024];
    github.repository("acme", "large").file("package-lock.json", large).commit();
    github.repository("acme", "site").file(".github/workflows/ci.yml", WORKFLOW).commit();
    github.repository("acme", "tools").file("action.yml", ACTION).commit();
    let bot = keyed(&github);
    let start = std::time::Instant::now();
    let night = bot.run_within(1_500, &["run", "--org", "acme", "--format", "json"]);
    night.expect_code(4);
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
    let said = night.explanation("acme/large");
    assert!(
        said.contains("package-lock.json") && said.contains("104857600") && said.contains("the limit is"),
        "{said}"
    );
    assert!(github.only_pull("acme/site").open, "the others go on");

    let remote = bot.run_within(1_500, &["audit", &format!("{}/acme/large", github.server_url())]);
    remote.expect_code(4);
    bot.write("large/package-lock.json", b"");
    let file = std::fs::File::options().write(true).open(bot.path("large/package-lock.json")).unwrap();
    file.set_len(100 * 1024 * 1024).unwrap();
    let folder = bot.run_within(1_000, &["audit", bot.path("large").to_str().unwrap()]);
    folder.expect_code(4);
    assert!(folder.stdout.contains("package-lock.json"), "{}", folder.stdout);
    github.finish();
}

#[test]
fn a_tree_that_unfolds_to_gigabytes_of_paths_is_refused() {
    let github = GitHub::start();
    github.repository("acme", "bomb").file("README.md", "# Bomb\n").commit();
    let disk = github.disk("acme/bomb");
    let blob = disk.git(&["hash-object", "-w", "--stdin"]).input("x").run();
    let mut object = format!("100644 blob {blob}");
    // Sixteen folders deep, ten ways each, and paths as long as they may be: forty gigabytes from sixteen objects.
    for _ in 0..16 {
        let names = (0..10).map(|number| format!("{object}\t{number}{}\n", "n".repeat(250)));
        object = format!("040000 tree {}", disk.git(&["mktree"]).input(names.collect::<String>()).run());
    }
    let tree = object.rsplit(' ').next().unwrap();
    let commit = disk.git(&["commit-tree", tree, "-m", "bomb"]).run();
    disk.git(&["update-ref", "refs/heads/main", &commit]).run();
    github.repository("acme", "site").file(".github/workflows/ci.yml", WORKFLOW).commit();
    github.repository("acme", "tools").file("action.yml", ACTION).commit();
    let bot = keyed(&github);
    let night = bot.run_within(2_500, &["run", "--org", "acme", "--format", "json"]);
    night.expect_code(4);
    let said = night.explanation("acme/bomb");
    assert!(said.contains("the tree") && !said.contains("bug in patchparty"), "{said}");
    assert!(github.only_pull("acme/site").open, "the others go on");
    github.finish();
}

#[test]
fn a_tree_that_repeats_a_few_folders_without_end_is_refused_at_once() {
    let github = GitHub::start();
    github.repository("acme", "bomb").file("README.md", "# Bomb\n").commit();
    let disk = github.disk("acme/bomb");
    let blob = disk.git(&["hash-object", "-w", "--stdin"]).input("version = 4\n").run();
    let mut object = format!("100644 blob {}\tCargo.lock", blob.trim());
    // Short names: neither the entries nor their paths are too many before memory is.
    for _ in 0..12 {
        let tree = disk.git(&["mktree"]).input(format!("{object}\n")).run();
        let names = (0..10).map(|number| format!("040000 tree {}\td{number}", tree.trim()));
        object = names.collect::<Vec<_>>().join("\n");
    }
    let tree = disk.git(&["mktree"]).input(format!("{object}\n")).run();
    let commit = disk.git(&["commit-tree", tree.trim(), "-m", "bomb"]).run();
    disk.git(&["update-ref", "refs/heads/main", commit.trim()]).run();
    github.repository("acme", "site").file(".github/workflows/ci.yml", WORKFLOW).commit();
    github.repository("acme", "tools").file("action.yml", ACTION).commit();
    let bot = keyed(&github);
    let night = bot.run_within(1_500, &["run", "--org", "acme", "--format", "json"]);
    night.expect_code(4);
    let said = night.explanation("acme/bomb");
    assert!(said.contains("one folder at more than 20000 places"), "{said}");
    assert!(github.only_pull("acme/site").open, "the others go on");
    github.finish();
}

#[test]
fn deep_nesting_is_a_clear_error() {
    const DEPTH: usize = 100_000;
    let nested = |open: &str, close: &str| format!("{}{}", open.repeat(DEPTH), close.repeat(DEPTH));
    let objects = format!("{}1{}", "{\"a\":".repeat(DEPTH), "}".repeat(DEPTH));
    let lists = nested("[", "]");
    let product = keys_within_tables();
    let cases: [(&str, &str, String); 13] = [
        ("objects", "package-lock.json", format!("{{\"lockfileVersion\":3,\"packages\":{objects}}}")),
        ("lists", "package-lock.json", format!("{{\"lockfileVersion\":1,\"dependencies\":{lists}}}")),
        (
            "legacy",
            "package-lock.json",
            format!(
                "{{\"lockfileVersion\":1,\"dependencies\":{}{{}}{}}}",
                "{\"a\":{\"version\":\"1.0.0\",\"dependencies\":".repeat(DEPTH),
                "}}".repeat(DEPTH)
            ),
        ),
        ("php", "composer.lock", format!("{{\"packages\":{lists}}}")),
        ("unclosed", "composer.lock", "[".repeat(DEPTH)),
        ("toml", "Cargo.lock", format!("version = 4\nx = {lists}\n")),
        ("tables", "Cargo.lock", format!("version = 4\nx = {}1{}\n", "{a=".repeat(DEPTH), "}".repeat(DEPTH))),
        ("dotted", "Cargo.lock", format!("version = 4\n[{}]\n", vec!["a"; DEPTH].join("."))),
        ("product", "Cargo.lock", format!("version = 4\nx = {product}\n")),
        ("pieces", "poetry.lock", format!("[[package]]\nname = \"a\"\nversion = \"1\"\nx = {product}\n")),
        ("flow", ".github/workflows/ci.yml", format!("jobs: {lists}\n")),
        (
            "block",
            ".github/workflows/ci.yml",
            format!("jobs:\n{}", (1..2_000).fold(String::new(), |text, depth| text + &" ".repeat(depth) + "a:\n")),
        ),
        ("laughs", ".github/workflows/ci.yml", laughs()),
    ];
    let github = GitHub::start();
    for (name, path, content) in &cases {
        github.repository("acme", name).file(path, content.as_str()).commit();
    }
    github.repository("acme", "site").file(".github/workflows/ci.yml", WORKFLOW).commit();
    github.repository("acme", "tools").file("action.yml", ACTION).commit();
    let bot = keyed(&github);
    let night = bot.run(&["run", "--org", "acme", "--format", "json"]);
    night.expect_code(4);
    assert_quiet(&night);
    for (name, path, _) in &cases {
        let said = night.explanation(&format!("acme/{name}"));
        assert!(said.contains(&path.to_lowercase()) && !said.contains("bug in patchparty"), "{name}: {said}");
        let problems = night.project(&format!("acme/{name}"))["problems"].as_array().map_or(0, Vec::len);
        assert_eq!(problems, 1, "{name}: {said}");
    }
    assert!(github.only_pull("acme/site").open, "the others go on");

    for (name, path, content) in &cases {
        bot.write(&format!("deep/{name}/{path}"), content.as_bytes());
    }
    let audit = bot.run(&["audit", bot.path("deep").to_str().unwrap()]);
    audit.expect_code(4);
    // Workflows are those at the root only.
    let read = cases.iter().filter(|(_, path, _)| !path.contains('/'));
    for (name, path, _) in read {
        assert!(audit.stdout.contains(&format!("{name}/{path}")), "{name}: {}", audit.stdout);
    }
    github.finish();
}

/// As many inline tables as the parser of TOML takes, each under a key of as many parts: thousands of levels in a few bytes.
fn keys_within_tables() -> String {
    let key = vec!["a"; 79].join(".");
    format!("{}1{}", format!("{{ {key} = ").repeat(76), " }".repeat(76))
}

/// Ten anchors of ten references each: ten billion strings.
fn laughs() -> String {
    let line = |level: u32| format!("a{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); 10].join(", "));
    format!("a0: &a0 [lol, lol]\n{}jobs: *a9\n", (1..10).map(line).collect::<String>())
}

#[test]
fn manifests_and_policies_of_a_repository_cannot_stop_the_night() {
    if let Some(reason) = missing_tools(&["cargo", "npm"]) {
        eprintln!("{reason}");
        return;
    }
    let github = GitHub::start();
    let deep = format!("x = {}{}\n", "[".repeat(100_000), "]".repeat(100_000));
    let replaced = |fixture: &str, path: &str, content: &str| {
        let mut files = fixtures::project(fixture);
        files.retain(|(name, _)| name != path);
        files.push((path.to_owned(), content.as_bytes().to_vec()));
        files
    };
    let product = format!("x = {}\n", keys_within_tables());
    github.repository("acme", "rust").files(replaced("cargo", "Cargo.toml", &deep)).commit();
    github.repository("acme", "product").files(replaced("cargo", "Cargo.toml", &product)).commit();
    let json = format!("{{\"dependencies\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    github.repository("acme", "node").files(replaced("npm", "package.json", &json)).commit();
    github.repository("acme", "policy").files(replaced("cargo", ".github/patchparty.toml", &deep)).commit();
    let linked = github.repository("acme", "linked").files(fixtures::project("cargo"));
    linked.symlink(".github/patchparty.toml", "/etc/passwd").commit();
    github.repository("acme", "ledger").files(fixtures::project("cargo")).commit();
    let night = keyed(&github).run(&["run", "--org", "acme", "--format", "json"]);
    night.expect_code(4);
    assert_quiet(&night);
    for (name, word) in [
        ("policy", "patchparty.toml"),
        ("linked", "patchparty.toml"),
        ("rust", "cargo.toml"),
        ("product", "cargo.toml"),
        ("node", "package.json"),
    ] {
        let said = night.explanation(&format!("acme/{name}"));
        assert!(
            said.contains(word) && !said.contains("root:") && !said.contains("bug in patchparty"),
            "{name}: {said}"
        );
    }
    for slug in ["acme/ledger", "acme/policy", "acme/linked"] {
        assert!(github.only_pull(slug).open, "{slug}");
    }
    github.finish();
}

#[test]
fn a_recursive_template_is_a_clear_error() {
    let bot = Bot::without_forge();
    let inline = "{{#*inline \"a\"}}{{> a}}{{/inline}}{{> a}}";
    for (name, text) in [("partials/boxes.hbs", "{{> partials/boxes}}"), ("pull_request.hbs", inline)] {
        let folder = format!("wording-{}", name.len());
        bot.write(&format!("{folder}/{name}"), text.as_bytes());
        let projects = bot.path("work").display().to_string();
        let templates = bot.path(&folder).display().to_string();
        let outcome = bot.run(&["run", "--local", &projects, "--dry-run", "--templates", &templates]);
        outcome.expect_code(2);
        let template = name.trim_end_matches(".hbs");
        assert!(outcome.stderr.contains(&format!("accept template `{template}`")), "{outcome:?}");
        assert!(outcome.stderr.contains("hint: "), "{outcome:?}");
    }
}
