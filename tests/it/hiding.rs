//! Hiding: whatever a project commits, a critical finding is found, or the report names what it has not read.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::bot::{Bot, Outcome};
use crate::support::git::Git;
use crate::support::github::GitHub;

/// A lockfile with a critical flaw, and one with a mild flaw, in an ecosystem that no tool updates.
const LOCK: &str = "[[package]]\nname = \"hidden-flaw\"\nversion = \"1.0.0\"\n\n[metadata]\nlock-version = \"2.0\"\npython-versions = \"*\"\ncontent-hash = \"00\"\n";
const MILD: &str = "[[package]]\nname = \"mild-flaw\"\nversion = \"1.0.0\"\n\n[metadata]\nlock-version = \"2.0\"\npython-versions = \"*\"\ncontent-hash = \"00\"\n";

const AUTOLOADER: &str =
    "<?php\nrequire_once __DIR__ . '/composer/autoload_real.php';\nreturn ComposerAutoloaderInit1::getLoader();\n";
const CACHE: &str = "Signature: 8a477f597d28d172789f06886806bc55\n";

fn osv(id: &str, ecosystem: &str, package: &str, vector: &str) -> Value {
    json!({
        "schema_version": "1.6.0", "id": id, "modified": "2026-11-20T00:00:00Z", "summary": "It is broken",
        "affected": [{
            "package": { "ecosystem": ecosystem, "name": package },
            "ranges": [{ "type": "ECOSYSTEM", "events": [{ "introduced": "0" }, { "fixed": "1.0.1" }] }],
        }],
        "severity": [{ "type": "CVSS_V3", "score": vector }],
    })
}

/// A bot that knows the flaws.
fn bot() -> Bot {
    taught(Bot::without_forge())
}

fn taught(mut bot: Bot) -> Bot {
    let critical = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H";
    for (id, ecosystem, package, vector) in [
        ("GHSA-hidd-en00-0001", "PyPI", "hidden-flaw", critical),
        ("GHSA-hidd-en00-0002", "npm", "hidden-flaw", critical),
        ("GHSA-hidd-en00-0003", "PyPI", "mild-flaw", "CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:L/I:L/A:N"),
    ] {
        bot.write(&format!("flaws/{id}.json"), osv(id, ecosystem, package, vector).to_string().as_bytes());
    }
    let flaws = bot.path("flaws");
    bot.learn(flaws);
    bot
}

/// What has to come of an attempt.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// The critical flaw is found.
    Found,
    /// The run is incomplete and says so.
    Problem,
    /// The report names it as not read, for this reason.
    Named(&'static str),
}

/// An attempt to hide the lockfile, as files of a commit.
struct Attempt {
    name: &'static str,
    files: Vec<(&'static str, Vec<u8>)>,
    fate: Fate,
}

fn attempt(name: &'static str, fate: Fate, files: &[(&'static str, &str)]) -> Attempt {
    let files = files.iter().map(|(path, text)| (*path, text.as_bytes().to_vec())).collect();
    Attempt { name, files, fate }
}

/// Lockfiles in folders that look as if their content was not the project's.
fn in_folders() -> Vec<Attempt> {
    use Fate::{Found, Named};
    let package = r#"{"name": "app", "version": "1.0.0"}"#;
    let npm = r#"{"lockfileVersion": 3, "packages": {"node_modules/hidden-flaw": {"version": "1.0.0"}}}"#;
    let installed = r#"{"packages": [{"name": "acme/lib", "install-path": "../acme/lib"}]}"#;
    vec![
        attempt("a cache mark without its signature", Found, &[("a/CACHEDIR.TAG", ""), ("a/poetry.lock", LOCK)]),
        attempt("a genuine cache mark", Found, &[("a/CACHEDIR.TAG", CACHE), ("a/poetry.lock", LOCK)]),
        attempt("a cache mark above", Found, &[("a/CACHEDIR.TAG", CACHE), ("a/b/c/poetry.lock", LOCK)]),
        attempt("an empty autoloader", Found, &[("vendor/autoload.php", ""), ("vendor/poetry.lock", LOCK)]),
        attempt(
            "beside what Composer has installed",
            Found,
            &[
                ("vendor/autoload.php", AUTOLOADER),
                ("vendor/composer/installed.json", installed),
                ("vendor/app/poetry.lock", LOCK),
            ],
        ),
        attempt(
            "in what Composer has installed",
            Named("installed-packages"),
            &[
                ("vendor/autoload.php", AUTOLOADER),
                ("vendor/composer/installed.json", installed),
                ("vendor/acme/lib/poetry.lock", LOCK),
            ],
        ),
        attempt("in node_modules", Found, &[("node_modules/poetry.lock", LOCK)]),
        attempt("an npm lock in node_modules", Found, &[("node_modules/app/package-lock.json", npm)]),
        attempt(
            "beside npm's record",
            Found,
            &[("node_modules/.package-lock.json", "{}"), ("node_modules/app/poetry.lock", LOCK)],
        ),
        attempt(
            "in a package of node_modules",
            Named("installed-packages"),
            &[("node_modules/app/package.json", package), ("node_modules/app/poetry.lock", LOCK)],
        ),
        attempt(
            "an inventory alone",
            Named("installed-packages"),
            &[("node_modules/.package-lock.json", npm), ("poetry.lock", MILD)],
        ),
        attempt("a virtual environment by name", Found, &[(".venv/poetry.lock", LOCK), ("env/pyvenv.cfg", "")]),
        attempt("a genuine virtual environment", Found, &[("e/pyvenv.cfg", "home = /x\n"), ("e/poetry.lock", LOCK)]),
        attempt("site-packages by name", Found, &[("lib/site-packages/app/poetry.lock", LOCK)]),
        attempt("folders of tools by name", Found, &[("Pods/deps/target/_build/vendor/bundle/poetry.lock", LOCK)]),
        attempt(
            "a crate with another checksum",
            Found,
            &[("vendor/x/.cargo-checksum.json", r#"{"files": {"poetry.lock": "00"}}"#), ("vendor/x/poetry.lock", LOCK)],
        ),
    ]
}

/// Lockfiles whose own name, size or content keeps them from being read, and what git is told about them.
fn in_plain_sight() -> Vec<Attempt> {
    use Fate::{Found, Named, Problem};
    let lfs = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n";
    let mut large = LOCK.as_bytes().to_vec();
    large.resize(33 << 20, b'\n');
    vec![
        attempt(
            "git's attributes",
            Found,
            &[
                (".gitattributes", "* export-ignore -diff linguist-vendored linguist-generated binary\n"),
                ("poetry.lock", LOCK),
            ],
        ),
        attempt("ignore files", Found, &[(".gitignore", "*\n"), (".ignore", "*\n"), ("a/poetry.lock", LOCK)]),
        attempt("a pointer of Git LFS", Problem, &[("requirements.txt", lfs)]),
        attempt("capital letters", Named("almost-a-lockfile"), &[("POETRY.LOCK", LOCK)]),
        attempt("a dot at the end", Named("almost-a-lockfile"), &[("poetry.lock.", LOCK)]),
        attempt("a space at the end", Named("almost-a-lockfile"), &[("poetry.lock ", LOCK)]),
        attempt("an invisible character", Named("almost-a-lockfile"), &[("poetry\u{200c}.lock", LOCK)]),
        attempt("a line end in the name", Problem, &[("poetry.lock\n", LOCK)]),
        attempt("a backslash in a folder", Problem, &[("a\\b/poetry.lock", LOCK)]),
        attempt("a backslash in the path", Problem, &[("a\\poetry.lock", LOCK)]),
        Attempt { name: "33 MiB", files: vec![("poetry.lock", large)], fate: Problem },
        attempt("a broken file", Problem, &[("poetry.lock", "[[package]\n")]),
    ]
}

/// A repository with some files, one commit, and no more than that.
fn commit(folder: &Path, files: &[(&'static str, Vec<u8>)]) {
    std::fs::create_dir_all(folder).expect("the world is writable");
    Git::new(folder, &["init", "-q", "-b", "main", "."]).run();
    for (path, content) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("the world is writable");
        std::fs::write(path, content).expect("the world is writable");
    }
    Git::new(folder, &["add", "--all", "--force", "."]).run();
    Git::new(folder, &["commit", "-q", "-m", "first"]).run();
}

#[track_caller]
fn assert_fate(what: &str, fate: Fate, outcome: &Outcome) {
    let report = outcome.json();
    let project = &report["projects"][0];
    let list = |key: &str| project[key].as_array().cloned().unwrap_or_default();
    match fate {
        Fate::Found => {
            let critical = list("findings").iter().any(|it| it["severity"] == "critical");
            assert!(critical && outcome.code == Some(1), "{what}: {:?}\n{project:#}", outcome.code);
        }
        Fate::Problem => {
            let said = !list("problems").is_empty() && report["incomplete"] == true;
            // Findings in what could be read outrank what could not.
            assert!(said && matches!(outcome.code, Some(1 | 4)), "{what}: {:?}\n{project:#}", outcome.code);
        }
        Fate::Named(reason) => {
            let named = list("not_read").into_iter().find(|it| it["reason"] == reason);
            let named = named.unwrap_or_else(|| panic!("{what}: not named\n{project:#}"));
            assert!(named["count"].as_u64() >= Some(1) && named["paths"][0].is_string(), "{what}: {named}");
        }
    }
}

#[test]
fn nothing_that_a_project_commits_hides_a_critical_finding() {
    let bot = bot();
    for (number, attempt) in in_folders().into_iter().chain(in_plain_sight()).enumerate() {
        let (working, bare) = (bot.path(&format!("w{number}")), bot.path(&format!("b{number}.git")));
        commit(&working, &attempt.files);
        Git::new(
            &bot.path("."),
            &["clone", "-q", "--bare", working.to_str().expect("text"), bare.to_str().expect("text")],
        )
        .run();
        for folder in [working, bare] {
            let outcome = bot.run(&["audit", folder.to_str().expect("text"), "--offline", "--format", "json"]);
            assert_fate(&format!("{} in {}", attempt.name, folder.display()), attempt.fate, &outcome);
        }
    }
}

#[test]
fn links_modes_and_submodules_hide_nothing() {
    let bot = bot();
    let folder = bot.path("odd");
    commit(&folder, &[("other/lock", LOCK.as_bytes().to_vec())]);
    let git = |arguments: &[&str]| Git::new(&folder, arguments).run();
    let blob = git(&["rev-parse", "HEAD:other/lock"]);
    let head = git(&["rev-parse", "HEAD"]);
    let link = Git::new(&folder, &["hash-object", "-w", "--stdin"]).input("other/lock").run();
    for (mode, id, fate) in [
        ("120000", &link, Fate::Problem),
        ("160000", &head, Fate::Named("submodule")),
        ("100755", &blob, Fate::Found),
        ("100664", &blob, Fate::Found),
    ] {
        let listing = format!("{mode} {} {id}\tpoetry.lock\n", if mode == "160000" { "commit" } else { "blob" });
        let tree = Git::new(&folder, &["mktree", "--missing"]).input(listing).run();
        let commit = git(&["commit-tree", &tree, "-m", mode]);
        git(&["update-ref", "refs/heads/main", &commit]);
        let bare = bot.path(&format!("{mode}.git"));
        git(&["clone", "-q", "--bare", ".", bare.to_str().expect("text")]);
        let outcome = bot.run(&["audit", bare.to_str().expect("text"), "--offline", "--format", "json"]);
        assert_fate(mode, fate, &outcome);
    }
    // A folder that is a link leads to what is read elsewhere, or out of the project.
    let linked = bot.path("linked");
    commit(&linked, &[("README.md", b"x".to_vec())]);
    std::os::unix::fs::symlink("../odd", linked.join("app")).expect("a link");
    let outcome = bot.run(&["audit", linked.to_str().expect("text"), "--offline", "--format", "json"]);
    assert_fate("a linked folder", Fate::Named("symbolic-link"), &outcome);
}

#[test]
fn what_was_not_looked_into_is_named_in_a_working_folder() {
    let bot = bot();
    for (path, text) in [
        ("app/poetry.lock", MILD),
        ("app/node_modules/.package-lock.json", "{}"),
        ("app/node_modules/x/poetry.lock", LOCK),
        ("app/target/CACHEDIR.TAG", CACHE),
        ("app/target/poetry.lock", LOCK),
    ] {
        bot.write(path, text.as_bytes());
    }
    let folder = bot.path("app");
    let outcome = bot.run(&["audit", folder.to_str().expect("text"), "--offline"]);
    for line in [
        "not read: 1 path of packages installed by npm: node_modules/",
        "not read: 1 folder marked as a cache: target/",
        "2 not read",
    ] {
        assert!(outcome.stdout.replace('\n', " ").contains(line), "{line}\n{}", outcome.stdout);
    }
    // A file that is no file is not passed over.
    let pipe = bot.path("piped");
    std::fs::create_dir(&pipe).expect("the world is writable");
    let made = std::process::Command::new("mkfifo").arg(pipe.join("poetry.lock")).status();
    if made.is_ok_and(|status| status.success()) {
        let outcome = bot.run(&["audit", pipe.to_str().expect("text"), "--offline", "--format", "json"]);
        assert_fate("a pipe", Fate::Problem, &outcome);
    }
}

#[test]
fn what_the_organisation_excludes_is_counted_and_named() {
    let bot = bot();
    let folder = bot.path("shop");
    let lock = |path, text: &str| (path, text.as_bytes().to_vec());
    commit(
        &folder,
        &[lock("fixtures/a/poetry.lock", LOCK), lock("fixtures/b/poetry.lock", LOCK), lock("poetry.lock", MILD)],
    );
    let policy = bot.write("policy.toml", b"[audit]\nexclude = [\"fixtures/**\"]\n");
    let arguments = ["audit", folder.to_str().expect("text"), "--offline", "--config", policy.to_str().expect("text")];
    let report = bot.run(&[&arguments[..], &["--format", "json"]].concat()).json();
    let excluded = &report["projects"][0]["not_read"][0];
    assert_eq!(excluded["paths"], json!(["fixtures/a/poetry.lock", "fixtures/b/poetry.lock"]));
    assert_eq!((&excluded["reason"], &excluded["count"]), (&json!("excluded-by-policy"), &json!(2)));
    let summary = bot.write("summary.md", b"");
    let bot = bot.variable("GITHUB_STEP_SUMMARY", summary.to_str().expect("text")).variable("GITHUB_ACTIONS", "true");
    let outcome = bot.run(&arguments);
    let said = format!("{}{}", outcome.stdout, outcome.stderr);
    assert!(said.contains("not read: 2 files excluded by the policy: fixtures/a/poetry.lock,"), "{said}");
    assert!(said.contains("::notice title=not read::2 files excluded by the policy: fixtures/a"), "{said}");
    let words = std::fs::read_to_string(summary).expect("a summary");
    assert!(words.contains("2 not read") && words.contains("2 files excluded by the policy: fixtures"), "{words}");
}

#[test]
fn a_projects_own_exclude_leaves_alone_only_what_is_not_critical() {
    let github = GitHub::start();
    let own = "[audit]\nexclude = [\"tests/**\"]\n";
    github
        .repository("acme", "shop")
        .file("tests/a/poetry.lock", LOCK)
        .file("tests/b/poetry.lock", MILD)
        .file("poetry.lock", MILD)
        .file(".github/patchparty.toml", own)
        .commit();
    let bot = taught(Bot::new(&github));
    let out = bot.path("out");
    let run =
        bot.run(&["run", "--repo", "acme/shop", "--dry-run", "--out", out.to_str().expect("text"), "--format", "json"]);
    let project = run.project("acme/shop");
    let found: Vec<_> =
        project["findings"].as_array().expect("findings").iter().map(|it| (&it["file"], &it["detail"])).collect();
    let mark = json!("in a path that the project excludes");
    assert_eq!(found, [(&json!("tests/a/poetry.lock"), &mark), (&json!("poetry.lock"), &Value::Null)]);
    let [left_alone] = project["excluded"].as_array().expect("excluded").as_slice() else { panic!("{project:#}") };
    assert_eq!(left_alone["finding"]["file"], "tests/b/poetry.lock");
    assert_eq!(left_alone["place"], ".github/patchparty.toml:2");
    github.finish();
}

#[test]
fn a_folder_whose_repository_is_elsewhere_is_a_named_problem() {
    let bot = bot();
    let (secret, handed) = (bot.path("secret"), bot.path("handed/\u{202e}over"));
    commit(&secret, &[("poetry.lock", LOCK.as_bytes().to_vec())]);
    std::fs::create_dir_all(&handed).expect("the world is writable");
    std::fs::write(handed.join(".git"), format!("gitdir: {}\n", secret.join(".git").display())).expect("writable");
    let audit = bot.run(&["audit", handed.to_str().expect("text"), "--offline", "--format", "json"]);
    assert_fate("an audit", Fate::Problem, &audit);
    assert!(audit.stdout.contains("it leads out of the folder"), "{}", audit.stdout);

    let (all, out) = (bot.path("handed"), bot.path("out"));
    let (all, out_text) = (all.to_str().expect("text"), out.to_str().expect("text"));
    let run = bot.run(&["run", "--local", all, "--dry-run", "--out", out_text, "--offline"]);
    run.expect_code(4);
    let said = format!("{}{}", run.stdout, run.stderr);
    assert!(said.contains("it leads out of the folder") && !said.contains("hidden-flaw"), "{said}");
    // The folder's name turns no line of the page around.
    let page = std::fs::read_to_string(out.join("index.html")).expect("the page");
    assert!(page.contains("over") && !page.contains('\u{202e}') && !said.contains('\u{202e}'), "{page}");
    assert_eq!(Git::new(&secret, &["branch", "--list", "patchparty/*"]).run(), "");
}

#[test]
fn a_replaced_commit_hides_nothing() {
    let bot = bot();
    let source = bot.path("replaced");
    commit(&source, &[("poetry.lock", LOCK.as_bytes().to_vec())]);
    let git = |arguments: &[&str]| Git::new(&source, arguments).run();
    let flawed = git(&["rev-parse", "HEAD"]);
    let nothing = Git::new(&source, &["mktree"]).input("").run();
    let clean = git(&["commit-tree", &nothing, "-m", "clean"]);
    git(&["replace", &flawed, &clean]);
    assert_eq!(git(&["ls-tree", "-r", "HEAD"]), "", "git itself believes it");
    // What a folder that was handed over may also say of its history.
    let all = bot.path("all");
    let mirror = all.join("mirror.git");
    git(&["clone", "-q", "--mirror", ".", mirror.to_str().expect("text")]);
    std::fs::write(mirror.join("shallow"), format!("{flawed}\n")).expect("writable");
    std::fs::create_dir_all(mirror.join("info")).expect("writable");
    std::fs::write(mirror.join("info/grafts"), format!("{flawed} {clean}\n")).expect("writable");
    std::fs::write(mirror.join("config"), "[core]\n\tbare = true\n\tuseReplaceRefs = true\n").expect("writable");

    let audit = bot.run(&["audit", mirror.to_str().expect("text"), "--offline", "--format", "json"]);
    assert_fate("an audit of the mirror", Fate::Found, &audit);

    let working = all.join("working");
    git(&["clone", "-q", ".", working.to_str().expect("text")]);
    Git::new(&working, &["fetch", "-q", "origin", "+refs/replace/*:refs/replace/*"]).run();
    let (all, out) = (all.to_str().expect("text"), bot.path("out"));
    let out = out.to_str().expect("text");
    let run = bot.run(&["run", "--local", all, "--dry-run", "--out", out, "--offline", "--format", "json"]);
    let report = run.json();
    let projects = report["projects"].as_array().expect("projects");
    assert_eq!(projects.len(), 2, "{report:#}");
    for project in projects {
        let found = project["findings"].as_array().is_some_and(|all| all.iter().any(|it| it["severity"] == "critical"));
        assert!(found, "{project:#}");
    }
}

#[test]
fn a_folder_of_a_repository_is_read_as_the_repository_is() {
    let bot = bot();
    let repository = bot.path("whole");
    let file = |path, text: &str| (path, text.as_bytes().to_vec());
    commit(&repository, &[file("backend/app/poetry.lock", LOCK), file("backend/app/pyvenv.cfg", "home = /usr/bin\n")]);
    let audit = |folder: &Path| bot.run(&["audit", folder.to_str().expect("text"), "--offline", "--format", "json"]);
    for folder in [".", "backend", "backend/app"] {
        assert_fate(folder, Fate::Found, &audit(&repository.join(folder)));
    }
    // From above, where many repositories may stand.
    assert_fate("from above", Fate::Found, &audit(&bot.path(".")));

    std::fs::write(repository.join(".git/index"), "junk").expect("the world is writable");
    for (folder, named) in [(".", "`.git/index`"), ("backend", "`../.git/index`")] {
        let outcome = audit(&repository.join(folder));
        assert_fate(folder, Fate::Problem, &outcome);
        outcome.expect_code(4);
        let problems = outcome.json()["projects"][0]["problems"].to_string();
        assert!(problems.contains(&format!("read {named}: git alone knows")), "{problems}");
    }
}
