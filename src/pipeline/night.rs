//! Night: every project of a forge, one after the other or a few at a time; one broken project never stops the others.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::StreamExt as _;
use jiff::Timestamp;
use jiff::civil::Date;

use crate::advisory::AdvisoryDatabase;
use crate::config::policy::Policy;
use crate::forge::{Forge, ForgeError};
use crate::model::report::{Problem, ProjectReport};
use crate::model::repository::Project;
use crate::net::seal::SealKeys;
use crate::pipeline::audit::day_of;
use crate::pipeline::openings::Openings;
use crate::pipeline::project;
use crate::pipeline::remedy::Tools;
use crate::pipeline::resolve::Resolver;
use crate::sandbox::interrupt::{self, Signal};
use crate::template::Templates;

/// Everything that the projects of one night share.
pub(crate) struct Night {
    /// Where the projects live.
    pub(crate) forge: Arc<dyn Forge>,
    /// The organisation's policy.
    pub(crate) policy: Policy,
    /// What is known.
    pub(crate) advisories: AdvisoryDatabase,
    /// The package managers.
    pub(crate) tools: Tools,
    /// The texts.
    pub(crate) templates: Templates,
    /// The bot's keys, for what it writes down for itself where others can write, too.
    pub(crate) keys: SealKeys,
    /// Finds the commits of followed branches; `None` offline.
    pub(crate) resolver: Option<Resolver>,
    /// Where mirrors are kept.
    pub(crate) cache: PathBuf,
    /// How many new pull requests may still be opened.
    pub(crate) openings: Openings,
    /// The time of this run.
    pub(crate) now: Timestamp,
    /// How many projects are handled at a time.
    pub(crate) jobs: usize,
    /// Whether the forge only writes down what it would do.
    pub(crate) dry_run: bool,
}

impl Night {
    /// The day of this run, by UTC.
    pub(crate) fn today(&self) -> Date {
        day_of(self.now)
    }
}

/// Told when projects begin and end.
pub(crate) trait Progress: Send + Sync {
    /// So many projects are to be handled.
    fn start(&self, projects: usize);
    /// A project is done.
    fn done(&self, project: &str);
}

/// Handles every project, until `stop` says that the run is to end; what is unfinished then is named. Gives their reports
/// sorted by name and branch.
///
/// Only a forge that cannot even list its projects is an error.
pub(crate) async fn run(
    night: Arc<Night>,
    progress: &dyn Progress,
    stop: impl Future<Output = Signal>,
) -> Result<Vec<ProjectReport>, ForgeError> {
    let mut stop = std::pin::pin!(stop);
    let mut discovery = tokio::select! {
        found = night.forge.projects() => found?,
        signal = &mut stop => {
            interrupt::request(signal);
            return Ok(Vec::new());
        }
    };
    discovery.projects.retain(|project| !night.policy.projects.exclude.is_match(project.slug.to_string()));
    let mut reports: Vec<ProjectReport> = discovery
        .problems
        .iter()
        .map(|(name, error)| ProjectReport::failed(name, Problem::from_error(error, error.hint())))
        .collect();
    tracing::info!(forge = night.forge.id(), projects = discovery.projects.len(), "projects found");
    progress.start(discovery.projects.len());
    let mut unfinished: BTreeSet<String> = discovery.projects.iter().map(|project| project.slug.to_string()).collect();
    let mut work = futures_util::stream::iter(discovery.projects)
        .map(|project| handle(Arc::clone(&night), project))
        .buffer_unordered(night.jobs);
    loop {
        let mut finished = tokio::select! {
            finished = work.next() => match finished {
                Some(finished) => finished,
                None => break,
            },
            signal = &mut stop => {
                interrupt::request(signal);
                break;
            }
        };
        for report in &finished {
            unfinished.remove(&report.name);
        }
        if let Some(report) = finished.first() {
            progress.done(&report.name);
        }
        reports.append(&mut finished);
    }
    let hint = "run again: what was written is whole, and the next run goes on from there";
    let problem = || Problem::new("finish the project: the run was interrupted".to_owned(), Some(hint));
    reports.extend(unfinished.iter().map(|name| ProjectReport::failed(name, problem())));
    reports.sort_by(|left, right| (&left.name, &left.branch).cmp(&(&right.name, &right.branch)));
    Ok(reports)
}

/// One project in a task of its own, so that even a panic in it ends only this project.
async fn handle(night: Arc<Night>, project: Project) -> Vec<ProjectReport> {
    let name = project.slug.to_string();
    match tokio::spawn(async move { project::handle(&night, &project).await }).await {
        Ok(reports) => reports,
        Err(error) => {
            let problem = Problem::new(
                format!("handle the project: {error}"),
                Some("this is a bug in patchparty: please report it with the lockfile if you can"),
            );
            vec![ProjectReport::failed(&name, problem)]
        }
    }
}
