//! `patchparty audit`: folders, bare repositories and remote addresses; changes nothing.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::actions;
use super::address::without_credentials;
use super::args::{AuditOptions, GlobalOptions};
use super::config;
use super::environment::Environment;
use super::exit::{Failure, Outcome};
use super::output;
use super::progress::ProgressLine;
use super::sources;
use crate::config::policy::Author;
use crate::git::folder::FolderTree;
use crate::git::local;
use crate::git::mirror::{self, MirrorRequest};
use crate::git::tree::GitTree;
use crate::model::report::{Problem, ProjectReport, Report};
use crate::pipeline::audit::{AuditContext, audit as audit_tree, day_of};
use crate::pipeline::remedy::Tools;
use crate::pipeline::resolve::Resolver;
use crate::pipeline::suppress;
use crate::pipeline::yanked::Withdrawals;
use crate::report::{ReportOptions, Threshold};
use crate::sandbox::scratch::Scratch;

/// What the targets share.
struct Auditor<'a> {
    environment: &'a Environment,
    context: AuditContext<'a>,
    cache: PathBuf,
    offline: bool,
}

/// Runs the command.
pub(super) fn audit(
    options: &AuditOptions,
    global: &GlobalOptions,
    environment: &Environment,
) -> Result<Outcome, Failure> {
    let shared = &options.shared;
    let policy = config::policy(shared.config.as_deref())?;
    output::check(shared)?;
    let progress = ProgressLine::new(global);
    progress.say("loading advisories");
    let now = environment.now()?;
    let loaded = sources::load(&policy, shared, (global, environment), now)?;
    let resolver =
        (!shared.offline).then(|| Resolver::new(&environment.server_url, environment.token.clone(), &policy.network));
    let cache = environment.cache_folder(shared.cache.as_ref())?;
    // Gone at the end of the audit.
    let scratch;
    let withdrawals = if (options.yanked || policy.yanked) && !shared.offline {
        scratch = Scratch::new(&cache.join("scratch")).context("prepare the scratch folder")?;
        let tools = Tools::new(policy.sandbox, scratch.path(), &cache.join("tools"));
        let tools = tools.context("prepare the package managers")?;
        Withdrawals::new(&tools.allowing(&policy.network.allow_hosts))
    } else {
        None
    };
    // No report of an audit has a place for the long texts.
    let advisories = loaded.database.without_details();
    let auditor = Auditor {
        environment,
        context: AuditContext {
            advisories: &advisories,
            exclude: &policy.exclude,
            own_exclusions: &policy.own_exclusions,
            accept_uncovered: &policy.advisories.accept_uncovered,
            limits: &policy.limits,
            ignores: &policy.ignores,
            allow_hosts: &policy.network.allow_hosts,
            today: day_of(now),
            resolver: resolver.as_ref(),
            withdrawals: withdrawals.as_ref(),
        },
        cache,
        offline: shared.offline,
    };
    let mut projects = Vec::with_capacity(options.targets.len());
    for target in &options.targets {
        // Also one that fails must not be named with the password that someone put into it.
        let name = without_credentials(target);
        progress.say(&name);
        tracing::info!(target = name, "auditing");
        projects.push(
            auditor
                .target(target)
                .unwrap_or_else(|error| ProjectReport::failed(&name, auditor.problem(target, error.as_ref()))),
        );
    }
    progress.finish();
    let today = auditor.context.today;
    let remarks = suppress::remarks(&policy.ignores, Author::Organisation, &projects.iter(), today);
    let report = Report { sources: loaded.sources, projects, remarks };
    let threshold = Threshold { severity: options.fail_on, warnings: options.deny_warnings };
    let form =
        ReportOptions { dependencies: options.dependencies, threshold: Some(threshold), ..ReportOptions::default() };
    output::report(&report, shared, form, environment)?;
    actions::publish(&report, shared, environment)?;
    let outcome = outcome(&report, threshold);
    // The process ends here: the system takes a hundred thousand dependencies back quicker than we could one by one.
    std::mem::forget((report, advisories));
    Ok(outcome)
}

fn outcome(report: &Report, threshold: Threshold) -> Outcome {
    let mut findings = report.projects.iter().flat_map(|project| &project.findings);
    if findings.any(|finding| threshold.is_met_by(finding)) { Outcome::Findings } else { Outcome::of_reading(report) }
}

impl Auditor<'_> {
    fn target(&self, target: &str) -> anyhow::Result<ProjectReport> {
        if target.contains("://") {
            return self.remote(target);
        }
        let path = Path::new(target);
        let repository = local::open_local(path).map_err(anyhow::Error::from_boxed);
        match repository.with_context(|| format!("read `{target}`"))? {
            Some(repository) if repository.bare => {
                let commit = repository.head.with_context(|| format!("find a commit in `{target}`: it is empty"))?;
                let tree = GitTree::open(&repository.folder, &commit).map_err(anyhow::Error::from_boxed)?;
                Ok(ProjectReport { branch: repository.branch, ..audit_tree(target, &tree, &self.context) })
            }
            // The files as they stand, committed or not.
            Some(_) | None => {
                let tree = FolderTree::open(path).with_context(|| format!("list `{target}`"))?;
                Ok(audit_tree(target, &tree, &self.context))
            }
        }
    }

    /// What is wrong with a target, with the way out.
    fn problem(&self, target: &str, error: &(dyn std::error::Error + 'static)) -> Problem {
        let hint = match () {
            () if Path::new(target).is_file() => "name the folder that it is in: a file is read with what is beside it",
            () if Path::new(target).exists() => "it has to be readable, and a bare repository needs a commit",
            () if !target.contains("://") => {
                "name a readable folder or a bare repository; a remote one is written as `https://host/owner/name`"
            }
            () if self.offline => "leave out --offline, or name a local copy",
            () => "check the address and the network; a private repository needs PATCHPARTY_TOKEN or GITHUB_TOKEN",
        };
        Problem::from_error(error, Some(hint))
    }

    /// Mirrors a remote repository into the cache and audits its default branch.
    fn remote(&self, address: &str) -> anyhow::Result<ProjectReport> {
        let name = without_credentials(address);
        anyhow::ensure!(!self.offline, "fetch `{name}`: --offline was given");
        let snapshot = mirror::update(&MirrorRequest {
            url: address,
            token: self.environment.token_for(address),
            branches: &[],
            folder: &self.cache.join("audits").join(folder_name(address)),
        })
        .with_context(|| format!("audit `{name}`"))?;
        let branch = snapshot.default_branch.context("find the default branch")?;
        let commit = snapshot.heads.get(&branch).context("find a commit of the default branch")?;
        let tree = GitTree::open(&snapshot.folder, commit).map_err(anyhow::Error::from_boxed)?;
        Ok(ProjectReport { branch: Some(branch), ..audit_tree(&name, &tree, &self.context) })
    }
}

/// A folder of its own for every address.
fn folder_name(address: &str) -> String {
    use sha2::Digest as _;
    format!("{:x}.git", sha2::Sha256::digest(address.as_bytes()))
}
