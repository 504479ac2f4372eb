//! `patchparty demo`: the same code on a sample organisation; needs no token and no server.

use std::path::Path;

use anyhow::Context as _;
use include_dir::{Dir, include_dir};

use super::args::{DemoOptions, GlobalOptions, RunOptions, SharedOptions};
use super::environment::Environment;
use super::exit::{Failure, Outcome};
use super::output;
use super::run::night_of;
use crate::config;
use crate::git::create::{self, NewBranch};
use crate::model::confinement::Confinement;
use crate::model::repository::RepoPath;
use crate::report::ReportOptions;
use crate::sandbox::vanishing::Vanishing;

/// The sample organisation travels inside the program.
static EXAMPLES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/examples");

/// The folder name of a project's production branch, where it differs from `main`.
const PRODUCTION_SUFFIX: &str = "@production";

/// Runs the command.
pub(super) fn demo(
    options: &DemoOptions,
    global: &GlobalOptions,
    environment: &Environment,
) -> Result<Outcome, Failure> {
    let world = tempfile::tempdir().context("create a temporary folder")?;
    let _vanishing = Vanishing::new(world.path());
    let organisation = world.path().join("organisation");
    let server = world.path().join("server");
    create_repositories("organisation", &organisation.join("sample"))?;
    create_actions(&server)?;
    let advisories = world.path().join("advisories");
    extract("advisories", &advisories)?;
    let policy = example("patchparty.toml")?;
    let mut policy = config::parse("examples/patchparty.toml", &String::from_utf8_lossy(policy))?;
    // Nothing in it is foreign, and a first look is to work on every machine.
    policy.sandbox = Confinement::BestEffort;
    let run = RunOptions {
        org: None,
        repo: Vec::new(),
        local: Some(organisation),
        dry_run: true,
        out: options.out.clone(),
        jobs: 2,
        templates: None,
        sample: true,
        shared: SharedOptions::defaults(&advisories, &environment.demo_cache(world.path())),
    };
    let environment = environment.for_demo(&server);
    let report = night_of(&run, policy, (global, &environment))?;
    output::report(&report, &run.shared, ReportOptions::default(), &environment)?;
    let index = options.out.join("index.html");
    output::remark(&environment, global, &format!("\nLook at what would be opened: {}", index.display()));
    // The sample is made to have something of everything, a broken lockfile included: showing it is success.
    Ok(Outcome::Clean)
}

fn example(path: &str) -> anyhow::Result<&'static [u8]> {
    let file = EXAMPLES.get_file(path).with_context(|| format!("find the example `{path}`"))?;
    Ok(file.contents())
}

/// Every folder of the sample organisation becomes a repository with the branches `main` and `production`.
fn create_repositories(from: &str, to: &Path) -> anyhow::Result<()> {
    let source = EXAMPLES.get_dir(from).with_context(|| format!("find the examples `{from}`"))?;
    for project in source.dirs() {
        let name = folder_name(project)?;
        if name.ends_with(PRODUCTION_SUFFIX) {
            continue;
        }
        let production = source.get_dir(source.path().join(format!("{name}{PRODUCTION_SUFFIX}"))).unwrap_or(project);
        let branches = [
            NewBranch { name: "main", files: files(project)? },
            NewBranch { name: "production", files: files(production)? },
        ];
        create(&to.join(format!("{name}.git")), &branches)?;
    }
    Ok(())
}

/// The actions that sample workflows use, as `<server>/<owner>/<name>`.
fn create_actions(server: &Path) -> anyhow::Result<()> {
    let Some(source) = EXAMPLES.get_dir("actions") else { return Ok(()) };
    for owner in source.dirs() {
        for action in owner.dirs() {
            let folder = server.join(folder_name(owner)?).join(folder_name(action)?);
            create(&folder, &[NewBranch { name: "main", files: files(action)? }])?;
        }
    }
    Ok(())
}

fn create(folder: &Path, branches: &[NewBranch<'_>]) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("create `{}`", folder.display()))?;
    create::bare_repository(folder, branches)
        .map_err(anyhow::Error::from_boxed)
        .with_context(|| format!("create the sample repository `{}`", folder.display()))
}

fn folder_name<'a>(folder: &'a Dir<'_>) -> anyhow::Result<&'a str> {
    folder.path().file_name().and_then(|name| name.to_str()).context("read the name of an example")
}

/// All files of an example, with paths from its root.
fn files<'a>(root: &'a Dir<'_>) -> anyhow::Result<Vec<(RepoPath, &'a [u8])>> {
    let mut found = Vec::new();
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        folders.extend(folder.dirs());
        for file in folder.files() {
            let path = file.path().strip_prefix(root.path()).context("read the path of an example")?;
            found.push((RepoPath::new(&path.to_string_lossy())?, file.contents()));
        }
    }
    Ok(found)
}

fn extract(from: &str, to: &Path) -> anyhow::Result<()> {
    let source = EXAMPLES.get_dir(from).with_context(|| format!("find the examples `{from}`"))?;
    for (path, content) in files(source)? {
        let target = to.join(path.as_str());
        if let Some(folder) = target.parent() {
            std::fs::create_dir_all(folder).with_context(|| format!("create `{}`", folder.display()))?;
        }
        std::fs::write(&target, content).with_context(|| format!("write `{}`", target.display()))?;
    }
    Ok(())
}
