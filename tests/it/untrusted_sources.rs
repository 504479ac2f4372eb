//! Untrusted sources: what leads elsewhere than to the registry is refused by name before a package manager starts, an old
//! package manager is refused as well, and nothing that one says is published.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::support::bot::{Bot, Outcome, missing_tools};
use crate::support::fixtures;
use crate::support::github::GitHub;

/// With and without walls: what is refused does not depend on them.
const SANDBOXES: [&str; 2] = ["required", "off"];

/// What stands in a file outside of every repository.
const SECRET: &str = "root-x-0-0-CANARY-OUTSIDE";

/// Paths and what stands there.
type Files = Vec<(String, Vec<u8>)>;

/// A server that nobody may reach.
struct Sink(TcpListener);

impl Sink {
    fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        listener.set_nonblocking(true).expect("a listener can be asked");
        Self(listener)
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.0.local_addr().expect("it is bound").port())
    }

    #[track_caller]
    fn assert_untouched(&self) {
        assert!(self.0.accept().is_err(), "somebody has connected");
    }
}

/// Lays values over a JSON file of a project: objects are merged, everything else is replaced.
fn lay_over(files: &mut Files, path: &str, over: &Value) {
    fn merge(value: &mut Value, over: &Value) {
        match (value, over) {
            (Value::Object(fields), Value::Object(added)) => {
                for (name, added) in added {
                    merge(fields.entry(name.clone()).or_insert(Value::Null), added);
                }
            }
            (value, over) => *value = over.clone(),
        }
    }
    let (_, content) = files.iter_mut().find(|(name, _)| name == path).expect("the fixture has it");
    let mut value: Value = serde_json::from_slice(content).expect("the fixture is JSON");
    merge(&mut value, over);
    *content = serde_json::to_vec_pretty(&value).expect("it was read as JSON");
}

fn append(files: &mut Files, path: &str, text: &str) {
    let (_, content) = files.iter_mut().find(|(name, _)| name == path).expect("the fixture has it");
    content.extend_from_slice(text.as_bytes());
}

/// Why the flaws of a project stay, each cause once. That a followed branch cannot be pinned is another story.
fn causes(night: &Outcome, slug: &str) -> Vec<String> {
    let blocked = night.project(slug)["blocked"].as_array().cloned().unwrap_or_default();
    let of_flaws = blocked.iter().filter(|one| one["advisories"].as_array().is_some_and(|ids| !ids.is_empty()));
    let mut causes: Vec<String> = of_flaws.map(|one| one["cause"].as_str().unwrap_or_default().to_owned()).collect();
    causes.sort();
    causes.dedup();
    causes
}

/// A night with walls or without.
fn night(bot: &Bot, sandbox: &str) -> Outcome {
    let policy = bot.write(&format!("{sandbox}.toml"), format!("sandbox = \"{sandbox}\"\n").as_bytes());
    let night = bot.run(&["run", "--org", "acme", "--format", "json", "--config", &policy.display().to_string()]);
    assert!(matches!(night.code, Some(0 | 4)), "{night:?}");
    night
}

/// Every project of the cases was refused by name, and nothing was opened for it.
#[track_caller]
fn assert_refused(night: &Outcome, cases: &[(&str, &str)]) {
    for (name, file) in cases {
        let slug = format!("acme/{name}");
        assert_eq!(causes(night, &slug), ["untrusted-source"], "{name}: {}", night.explanation(&slug));
        assert_eq!(night.actions(&slug), Vec::<String>::new(), "{name}");
        let said = night.explanation(&slug);
        assert!(said.contains(&format!("`{}` takes `", file.to_lowercase())), "{name}: {said}");
    }
    for text in [&night.stdout, &night.stderr] {
        assert!(!text.contains(SECRET), "{text}");
    }
}

/// A folder outside of every repository, with a manifest for npm and one for Cargo.
fn outside(bot: &Bot) -> String {
    let manifest = json!({"name": "outside", "version": "9.9.9", "license": SECRET, "dependencies": {SECRET: "1"}});
    bot.write("outside/package.json", manifest.to_string().as_bytes());
    bot.write("outside/Cargo.toml", format!("[package]\nname = \"outside\"\n{SECRET}\n").as_bytes());
    bot.path("outside").display().to_string()
}

/// A project for each place of an npm project that can lead elsewhere: its name, the file that is named, and what is laid
/// over manifest and lockfile.
fn npm_cases(git: &str, archive: &str, outside: &str) -> Vec<(&'static str, &'static str, Value, Value)> {
    let none = json!({});
    let locked = |entry: Value| json!({"packages": {"node_modules/x": entry}});
    vec![
        // The new version of a package needs another one, which overrides lead to a repository with an `.npmrc`.
        ("overrides", "package.json", json!({"overrides": {"ms": git}}), none.clone()),
        ("nested", "package.json", json!({"overrides": {"lodash": {"ms@^2": {".": git}}}}), none.clone()),
        ("keys", "package.json", json!({"overrides": {(format!("ms@{git}")): {"x": "1"}}}), none.clone()),
        ("reference", "package.json", json!({"dependencies": {"x": git}, "overrides": {"ms": "$x"}}), none.clone()),
        ("development", "package.json", json!({"devDependencies": {"x": git}}), none.clone()),
        ("optional", "package.json", json!({"optionalDependencies": {"x": archive}}), none.clone()),
        ("peers", "package.json", json!({"peerDependencies": {"x": "owner/x#main"}}), none.clone()),
        ("alias", "package.json", json!({"dependencies": {"x": format!("npm:y@{git}")}}), none.clone()),
        ("resolutions", "package.json", json!({"resolutions": {"x": git}}), none.clone()),
        ("absolute", "package.json", json!({"dependencies": {"x": format!("file:{outside}")}}), none.clone()),
        ("home", "package.json", json!({"dependencies": {"x": "file:~/x"}}), none.clone()),
        ("encoded", "package.json", json!({"dependencies": {"x": "file:%2e%2e/%2e%2e/x"}}), none.clone()),
        ("above", "package.json", json!({"workspaces": ["../../*"]}), none.clone()),
        ("locked-git", "package-lock.json", none.clone(), locked(json!({"version": "1.0.0", "resolved": git}))),
        ("locked-link", "package-lock.json", none.clone(), locked(json!({"resolved": outside, "link": true}))),
        (
            "locked-host",
            "package-lock.json",
            none.clone(),
            locked(json!({"version": "1.0.0", "resolved": archive, "integrity": "sha512-AAAA"})),
        ),
        ("locked-needs", "package-lock.json", none, locked(json!({"version": "1.0.0", "dependencies": {"y": git}}))),
    ]
}

#[test]
fn npm_is_not_started_for_what_leads_elsewhere() {
    if let Some(reason) = missing_tools(&["npm"]) {
        eprintln!("{reason}");
        return;
    }
    let (github, sink) = (GitHub::start(), Sink::open());
    let bot = Bot::new(&github);
    let outside = outside(&bot);
    let (git, archive) = (format!("git+http://{}/x.git", sink.address()), format!("http://{}/x.tgz", sink.address()));
    let cases = npm_cases(&git, &archive, &outside);
    for (name, _, manifest, lock) in &cases {
        let mut files = fixtures::project("npm");
        lay_over(&mut files, "package.json", manifest);
        lay_over(&mut files, "package-lock.json", lock);
        github.repository("acme", name).files(files).commit();
    }
    let named: Vec<(&str, &str)> = cases.iter().map(|(name, file, ..)| (*name, *file)).collect();
    for sandbox in SANDBOXES {
        assert_refused(&night(&bot, sandbox), &named);
    }
    sink.assert_untouched();
    // It was asked for its version and its registry at most.
    let calls = bot.tool_calls("npm");
    assert!(!calls.contains("--package-lock-only") && !calls.contains("--ignore-scripts"), "{calls}");
    assert_eq!(bot.files_with(SECRET), ["outside/Cargo.toml", "outside/package.json"]);
    github.finish();
}

/// The same for Cargo, with what is added at the end of the file.
fn cargo_cases(sink: &str, outside: &str) -> Vec<(&'static str, &'static str, String)> {
    let git = format!("git = \"http://{sink}/x.git\"");
    let index = format!("sparse+http://{sink}/index/");
    let source = |source: &str| format!("\n[[package]]\nname = \"x\"\nversion = \"1.0.0\"\nsource = \"{source}\"\n");
    vec![
        ("direct", "Cargo.toml", format!("x = {{ {git} }}\n")),
        ("mirrors", "Cargo.toml", format!("x = {{ git = \"file://{outside}\" }}\n")),
        ("development", "Cargo.toml", format!("[dev-dependencies]\nx = {{ {git} }}\n")),
        ("building", "Cargo.toml", format!("[build_dependencies]\nx = {{ {git} }}\n")),
        ("target", "Cargo.toml", format!("[target.'cfg(unix)'.dependencies]\nx = {{ {git} }}\n")),
        ("inherited", "Cargo.toml", format!("[workspace.dependencies]\nx = {{ {git} }}\n")),
        ("patch", "Cargo.toml", format!("[patch.crates-io]\nmemchr = {{ {git} }}\n")),
        ("replace", "Cargo.toml", format!("[replace]\n\"memchr:2.8.3\" = {{ {git} }}\n")),
        ("index", "Cargo.toml", format!("x = {{ version = \"1\", registry-index = \"{index}\" }}\n")),
        ("registry", "Cargo.toml", "x = { version = \"1\", registry = \"other\" }\n".to_owned()),
        ("absolute", "Cargo.toml", format!("x = {{ path = \"{outside}\" }}\n")),
        ("above", "Cargo.toml", "[workspace]\nmembers = [\"../../*\"]\n".to_owned()),
        ("locked-git", "Cargo.lock", source(&format!("git+http://{}/x.git#{}", sink, "0a".repeat(20)))),
        ("locked-index", "Cargo.lock", source(&index)),
    ]
}

#[test]
fn cargo_is_not_started_for_what_leads_elsewhere() {
    if let Some(reason) = missing_tools(&["cargo"]) {
        eprintln!("{reason}");
        return;
    }
    let (github, sink) = (GitHub::start(), Sink::open());
    let bot = Bot::new(&github);
    let outside = outside(&bot);
    let cases = cargo_cases(&sink.address(), &outside);
    for (name, file, text) in &cases {
        let mut files = fixtures::project("cargo");
        append(&mut files, file, text);
        github.repository("acme", name).files(files).commit();
    }
    let named: Vec<(&str, &str)> = cases.iter().map(|(name, file, _)| (*name, *file)).collect();
    for sandbox in SANDBOXES {
        assert_refused(&night(&bot, sandbox), &named);
    }
    sink.assert_untouched();
    let calls = bot.tool_calls("cargo");
    assert!(!calls.contains("--manifest-path"), "{calls}");
    assert_eq!(bot.files_with(SECRET), ["outside/Cargo.toml", "outside/package.json"]);
    github.finish();
}

#[test]
fn composer_is_not_started_for_what_leads_elsewhere() {
    if let Some(reason) = missing_tools(&["composer"]) {
        eprintln!("{reason}");
        return;
    }
    let (github, sink) = (GitHub::start(), Sink::open());
    let bot = Bot::new(&github);
    let project = fixtures::composer_project(&github, &bot);
    let outside = outside(&bot);
    let https = format!("https://{}/x.git", sink.address());
    let dist = json!({"type": "zip", "url": format!("https://{}/x.zip", sink.address())});
    let one = |repository: Value| json!({"repositories": [repository]});
    let cases = [
        ("vcs", one(json!({"type": "vcs", "url": https}))),
        ("git", one(json!({"type": "git", "url": https}))),
        ("svn", one(json!({"type": "svn", "url": https}))),
        ("path", one(json!({"type": "path", "url": outside}))),
        ("artifact", one(json!({"type": "artifact", "url": outside}))),
        ("plain", one(json!({"type": "composer", "url": format!("http://{}", sink.address())}))),
        ("file", one(json!({"type": "composer", "url": format!("file://{outside}")}))),
        ("inline", one(json!({"type": "package", "package": {"name": "acme/x", "version": "1.0.0", "dist": dist}}))),
        ("address", json!({"require": {"acme/x": https}})),
        ("reference", json!({"require-dev": {"acme/x": "dev-main#refs/heads/x"}})),
    ];
    for (name, manifest) in &cases {
        let mut files = project.clone();
        lay_over(&mut files, "composer.json", manifest);
        github.repository("acme", name).files(files).commit();
    }
    // The calls that made the fixture do not count.
    let before = bot.tool_calls("composer").len();
    let named: Vec<(&str, &str)> = cases.iter().map(|(name, _)| (*name, "composer.json")).collect();
    for sandbox in SANDBOXES {
        assert_refused(&night(&bot, sandbox), &named);
    }
    sink.assert_untouched();
    let calls = bot.tool_calls("composer").split_off(before);
    assert!(!calls.contains("--no-scripts"), "{calls}");
    github.finish();
}

#[test]
fn what_does_not_belong_to_a_lockfile_blocks_nothing() {
    if let Some(reason) = missing_tools(&["cargo", "npm"]) {
        eprintln!("{reason}");
        return;
    }
    let (github, sink) = (GitHub::start(), Sink::open());
    let git = format!("http://{}/x.git", sink.address());
    let npm = json!({"name": "example", "dependencies": {"x": format!("git+{git}"), "y": "file:/etc"}}).to_string();
    let cargo =
        format!("[package]\nname = \"example\"\nversion = \"0.0.0\"\n[dependencies]\nx = {{ git = \"{git}\" }}\n");
    let (shop, ledger) = (github.repository("acme", "shop"), github.repository("acme", "ledger"));
    shop.files(fixtures::project("npm")).file("tests/fixture/package.json", npm).commit();
    ledger.files(fixtures::project("cargo")).file("tests/fixture/Cargo.toml", cargo).commit();
    let night = Bot::new(&github).run(&["run", "--org", "acme", "--format", "json"]);
    night.expect_code(0);
    for slug in ["acme/shop", "acme/ledger"] {
        assert_eq!(night.actions(slug), ["opened"], "{slug}: {}", night.explanation(slug));
    }
    sink.assert_untouched();
    github.finish();
}

#[test]
fn a_policy_can_allow_a_kind_and_npm_still_fetches_none_of_it() {
    if let Some(reason) = missing_tools(&["npm"]) {
        eprintln!("{reason}");
        return;
    }
    let (github, sink) = (GitHub::start(), Sink::open());
    let bot = Bot::new(&github);
    let git = format!("git+http://{}/x.git#{}", sink.address(), "0a".repeat(20));
    let mut files = fixtures::project("npm");
    lay_over(&mut files, "package.json", &json!({"dependencies": {"x": git}}));
    let locked = json!({"": {"dependencies": {"x": git}}, "node_modules/x": {"version": "1.0.0", "resolved": git}});
    lay_over(&mut files, "package-lock.json", &json!({"packages": locked}));
    github.repository("acme", "shop").files(files).commit();
    let policy = bot.write("patchparty.toml", b"[updates]\nallow-sources = [\"git\"]\n").display().to_string();
    let night = bot.run(&["run", "--repo", "acme/shop", "--format", "json", "--config", &policy]);
    assert_eq!(night.actions("acme/shop"), ["opened"], "{}", night.explanation("acme/shop"));
    sink.assert_untouched();
    github.finish();
}

#[test]
fn an_old_npm_is_refused_with_the_command_that_installs_a_newer_one() {
    if let Some(reason) = missing_tools(&["npm"]) {
        eprintln!("{reason}");
        return;
    }
    let github = GitHub::start();
    github.repository("acme", "shop").files(fixtures::project("npm")).commit();
    let bot = Bot::new(&github);
    let canary = bot.path("CANARY").display().to_string();
    bot.write(
        "bin/npm",
        format!("#!/bin/sh\n[ \"$1\" = --version ] && echo 10.9.9 && exit\ntouch '{canary}'\nexit 1\n").as_bytes(),
    );
    let night = bot.run(&["run", "--org", "acme", "--format", "json"]);
    assert_eq!(causes(&night, "acme/shop"), ["tool-too-old"], "{}", night.explanation("acme/shop"));
    let said = night.explanation("acme/shop");
    assert!(said.contains("10.9.9") && said.contains("11.10.0") && said.contains("npm install -g npm@11"), "{said}");
    assert!(!bot.path("CANARY").exists(), "it was started for more than its version");
    github.finish();
}

#[test]
fn what_a_tool_says_is_in_the_local_log_and_nowhere_else() {
    if let Some(reason) = missing_tools(&["cargo"]) {
        eprintln!("{reason}");
        return;
    }
    for sandbox in SANDBOXES {
        let_a_tool_speak(sandbox);
    }
}

fn let_a_tool_speak(sandbox: &str) {
    let github = GitHub::start();
    github
        .repository("acme", "tools")
        .file("action.yml", "name: Tools\nruns:\n  using: composite\n  steps: []\n")
        .commit();
    let workflow = "on: push\njobs:\n  build:\n    steps:\n      - uses: acme/tools@main\n";
    let ledger = github.repository("acme", "ledger").files(fixtures::project("cargo"));
    ledger.file(".github/workflows/ci.yml", workflow).commit();
    let bot = Bot::new(&github);
    let said = format!("{SECRET} ::error::forged\n::error::{SECRET}\n\\033[2J@octocat");
    bot.write(
        "bin/cargo",
        format!(
            "#!/bin/sh\n[ \"$1\" = --version ] && echo 'cargo 1.95.0 (x)' && exit\nprintf '{said}\\n' >&2\nexit 101\n"
        )
        .as_bytes(),
    );
    let preview = bot.path("preview").display().to_string();
    bot.run(&["run", "--org", "acme", "--dry-run", "--out", &preview]).expect_code(0);
    let night = night(&bot, sandbox);
    assert_eq!(causes(&night, "acme/ledger"), ["tool-failed"], "{}", night.explanation("acme/ledger"));
    let told = night.explanation("acme/ledger");
    assert!(told.contains("`cargo` ended with code 101; its own words are in the local log"), "{told}");
    // What can be done besides is proposed, and tells what cannot.
    let pull = github.only_pull("acme/ledger");
    assert!(!pull.body.contains(SECRET) && pull.body.contains("ended with code 101"), "{}", pull.body);
    let found = bot.files_with(SECRET);
    let logs: Vec<&String> = found.iter().filter(|name| *name != "bin/cargo").collect();
    assert!(matches!(logs.as_slice(), [log] if log.ends_with("/tools.log")), "{found:?}");
    let log = std::fs::read_to_string(bot.path(logs[0])).expect("it is there");
    assert!(log.lines().all(|line| line.starts_with("== ") || line.starts_with(" | ")), "{log}");
    assert!(!log.contains('\u{1b}'), "{log}");
    github.finish();
}
