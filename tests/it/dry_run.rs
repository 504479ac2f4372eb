//! A dry run: no write request, and patches that git applies.

use std::path::{Path, PathBuf};

use crate::support::bot::{Bot, missing_tools};
use crate::support::fixtures;
use crate::support::git::Git;
use crate::support::github::GitHub;

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn with_extension(files: &[PathBuf], extension: &str) -> Vec<PathBuf> {
    files.iter().filter(|path| path.extension().is_some_and(|own| own == extension)).cloned().collect()
}

#[test]
fn a_dry_run_writes_what_it_would_open_and_asks_for_nothing() {
    if let Some(reason) = missing_tools(&["cargo", "npm"]) {
        eprintln!("{reason}");
        return;
    }
    let github = GitHub::start();
    github.repository("acme", "ledger").files(fixtures::project("cargo")).commit();
    github.repository("acme", "shop").files(fixtures::project("npm")).commit();
    let bot = Bot::new(&github);
    let out = bot.path("preview");
    let arguments = ["run", "--org", "acme", "--dry-run", "--out", out.to_str().unwrap(), "--format", "json"];
    let night = bot.run(&arguments);
    night.expect_code(0);
    github.assert_no_writes_since(0);
    assert!(github.pulls("acme/ledger").is_empty() && github.tip("acme/ledger", "patchparty/routine/main").is_none());
    assert_eq!(night.actions("acme/ledger"), ["previewed"]);

    let files = files_below(&out);
    let patches = with_extension(&files, "patch");
    assert_eq!(patches.len(), 2, "{files:#?}");
    for (slug, lockfile, fixed) in
        [("acme/ledger", "Cargo.lock", "1.5.5"), ("acme/shop", "package-lock.json", "4.17.21")]
    {
        let work = bot.path("checkout").join(slug);
        std::fs::create_dir_all(&work).unwrap();
        let source = github.disk(slug).folder().display().to_string();
        Git::new(&work, &["clone", "--quiet", &source, "."]).run();
        let fits = |patch: &&PathBuf| std::fs::read_to_string(patch).unwrap().contains(&format!("b/{lockfile}"));
        let patch = patches.iter().find(fits).expect("every project has its patch").display().to_string();
        Git::new(&work, &["apply", "--index", &patch]).run();
        assert_eq!(Git::new(&work, &["diff", "--cached", "--name-only"]).run(), lockfile);
        assert!(std::fs::read_to_string(work.join(lockfile)).unwrap().contains(fixed));
    }
    let bodies = with_extension(&files, "md");
    let read: String = bodies.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    for text in ["CVE-2022-24713", "CVE-2021-23337", "- [ ] "] {
        assert!(read.contains(text), "no body has `{text}`: {files:#?}");
    }
    let index = files.iter().find(|path| path.file_stem().is_some_and(|stem| stem == "index"));
    let index = std::fs::read_to_string(index.expect("there is an index page")).unwrap();
    assert!(index.contains("acme/ledger") && index.contains("acme/shop"), "{index}");
    github.finish();
}

#[test]
fn two_dry_runs_write_the_same_bytes() {
    if let Some(reason) = missing_tools(&["cargo"]) {
        eprintln!("{reason}");
        return;
    }
    let github = GitHub::start();
    github.repository("acme", "ledger").files(fixtures::project("cargo")).commit();
    let bot = Bot::new(&github);
    let preview = |name: &str| {
        let out = bot.path(name);
        bot.run(&["run", "--repo", "acme/ledger", "--dry-run", "--out", out.to_str().unwrap()]).expect_code(0);
        let read = |path: PathBuf| (path.strip_prefix(&out).unwrap().to_owned(), std::fs::read(&path).unwrap());
        files_below(&out).into_iter().map(read).collect::<Vec<_>>()
    };
    let (first, second) = (preview("first"), preview("second"));
    assert!(!first.is_empty());
    assert_eq!(first, second);
    github.finish();
}

#[test]
fn what_no_tool_updates_is_blocked_with_the_version_to_move_to() {
    let github = GitHub::start();
    let manifest = br#"{"name": "shop", "dependencies": {"lodash": "4.17.20"}}"#.to_vec();
    let lock = b"# yarn lockfile v1\n\n\nlodash@4.17.20:\n  version \"4.17.20\"\n".to_vec();
    let compose = b"services:\n  cache:\n    image: redis:latest\n".to_vec();
    let files = vec![
        ("compose.yaml".to_owned(), compose),
        ("package.json".to_owned(), manifest),
        ("yarn.lock".to_owned(), lock),
    ];
    github.repository("acme", "shop").files(files).commit();
    let bot = Bot::new(&github);
    let night = bot.run(&["run", "--org", "acme", "--dry-run", "--format", "json"]);
    night.expect_code(0);
    let project = night.project("acme/shop");
    let blocked_of = |package: &str| {
        let blocked = project["blocked"].as_array().and_then(|list| list.iter().find(|it| it["package"] == package));
        blocked.unwrap_or_else(|| panic!("{package} is not blocked: {project:#}")).clone()
    };
    let image = blocked_of("redis");
    assert_eq!(image["cause"], "unsupported", "{project:#}");
    assert!(image["next_step"].as_str().is_some_and(|step| step.contains("inspect redis:latest")), "{project:#}");
    let library = blocked_of("lodash");
    assert_eq!((&library["cause"], &library["target"]), (&"unsupported".into(), &"4.17.21".into()), "{project:#}");
    assert_eq!(library["next_step"], "update `lodash` to 4.17.21 by hand");
    github.finish();
}
