//! `patchparty run`: the night's work.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use super::actions;
use super::args::{GlobalOptions, RunOptions, SharedOptions};
use super::config;
use super::ending;
use super::environment::Environment;
use super::exit::{Failure, Outcome};
use super::output;
use super::progress::ProgressLine;
use super::sources;
use crate::config::policy::{Author, Policy};
use crate::forge::{FORGES, Forge, ForgeSettings, Preview, Previewed};
use crate::model::confinement::{Confinement, Gap};
use crate::model::report::{Problem, ProjectReport, Remark, Report};
use crate::pipeline::dry_run::{DryRun, Page};
use crate::pipeline::night::{self, Night};
use crate::pipeline::openings::Openings;
use crate::pipeline::remedy::Tools;
use crate::pipeline::resolve::Resolver;
use crate::pipeline::suppress;
use crate::report::{REPORTERS, ReportOptions};
use crate::sandbox::interrupt;
use crate::sandbox::scratch::Scratch;
use crate::template::Templates;

/// Runs the command.
pub(super) fn run(options: &RunOptions, global: &GlobalOptions, environment: &Environment) -> Result<Outcome, Failure> {
    let policy = config::policy(options.shared.config.as_deref())?;
    output::check(&options.shared)?;
    let report = night_of(options, policy, (global, environment))?;
    output::report(&report, &options.shared, ReportOptions::default(), environment)?;
    actions::publish(&report, &options.shared, environment)?;
    Ok(interrupt::requested().map_or_else(|| Outcome::of_reading(&report), Outcome::Interrupted))
}

/// Handles every project of the forge and gives the report.
pub(super) fn night_of(
    options: &RunOptions,
    policy: Policy,
    (global, environment): (&GlobalOptions, &Environment),
) -> Result<Report, Failure> {
    let shared = &options.shared;
    let settings = settings(options, &policy, environment)?;
    // A mistake that would end the night at its last step ends it here.
    let templates = super::templates::load(options.templates.as_deref())?;
    let progress = ProgressLine::new(global);
    progress.say("loading advisories");
    let loaded = sources::load(&policy, shared, (global, environment), settings.now)?;
    let cache = environment.cache_folder(shared.cache.as_ref())?;
    let prepare = if shared.offline { Tools::offline } else { Tools::new };
    let scratch = Scratch::new(&cache.join("scratch")).context("prepare the scratch folder")?;
    let tools = prepare(policy.sandbox, scratch.path(), &cache.join("tools"));
    let tools = tools.context("prepare the package managers")?.allowing(&policy.network.allow_hosts);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("start the runtime")?;
    let report = runtime.block_on(async {
        let (forge, preview) = forge(options, &settings)?;
        let night = Night {
            forge,
            tools,
            templates,
            keys: environment.state_keys()?,
            resolver: (!shared.offline)
                .then(|| Resolver::new(&environment.server_url, environment.token.clone(), &policy.network)),
            openings: Openings::new(policy.limits.proposals_per_run),
            policy,
            advisories: loaded.database,
            cache,
            now: settings.now,
            jobs: usize::from(options.jobs),
            dry_run: options.dry_run,
        };
        let night = Arc::new(night);
        let stop = ending::signal()?;
        ending::leave_to_night();
        let projects = night::run(Arc::clone(&night), &progress, stop).await.unwrap_or_else(|error| {
            // Nothing is wrong with how we were called: the report says that it is incomplete, and why.
            vec![ProjectReport::failed(&subject(&settings), Problem::from_error(&error, error.hint()))]
        });
        let remarks = remarks(&night, &projects);
        if let Some(log) = night.tools.log().filter(|_| !global.quiet) {
            progress.note(&format!("what package managers said when they failed is in {}", log.display()));
        }
        let report = Report { sources: loaded.sources, projects, remarks };
        if let Some(preview) = preview {
            write_pages(&report, (&preview, options.sample), &night.templates)?;
        }
        Ok::<_, Failure>(report)
    })?;
    progress.finish();
    if interrupt::is_requested() {
        // Else the end of the runtime would wait for everything that cannot be called off.
        runtime.shutdown_timeout(GRACE);
    }
    Ok(report)
}

/// How long work that cannot be called off may go on after an interruption: killed tools have ended by then.
const GRACE: Duration = Duration::from_secs(5);

/// Writes what people look at after a dry run.
fn write_pages(report: &Report, (preview, sample): (&Preview, bool), templates: &Templates) -> anyhow::Result<()> {
    let previewed = preview.previewed();
    let run = DryRun::new(report, &previewed, sample, templates);
    let body =
        |entry: &Previewed| preview.body(entry).unwrap_or_else(|error| format!("The body cannot be read: {error}"));
    for page in run.pages(&body) {
        let Page { path, html } = page.context("word the pages of the dry run")?;
        preview.write(&path, html.as_bytes()).context("write the pages of the dry run")?;
    }
    preview.finish().context("write the list of the dry run")
}

/// Remarks for the organisation: about its ignores, and about walls that are missing.
fn remarks(night: &Night, projects: &[ProjectReport]) -> Vec<Remark> {
    let policy = &night.policy;
    let mut remarks = suppress::remarks(&policy.ignores, Author::Organisation, &projects.iter(), night.today());
    match policy.sandbox {
        Confinement::Required if night.tools.gaps().iter().any(|gap| gap.wall.is_required()) => {
            let gaps = night.tools.gaps();
            remarks.extend(gaps.iter().filter(|gap| gap.wall.is_required()).map(closed_door));
        }
        // Also where what is required is there: a wall that may be missing is told.
        Confinement::Required | Confinement::BestEffort => remarks.extend(night.tools.gaps().iter().map(open_wall)),
        Confinement::Off => remarks.push(Remark {
            place: "sandbox".to_owned(),
            message: "package managers are not confined: the policy switches the sandbox off".to_owned(),
        }),
    }
    remarks
}

/// Why no package manager was started in this run.
fn closed_door(gap: &Gap) -> Remark {
    let message = format!("no package manager is started: it could {} ({})", gap.wall.without(), gap.reason);
    Remark { place: "sandbox".to_owned(), message }
}

/// What package managers could do in this run, because the policy accepts it.
fn open_wall(gap: &Gap) -> Remark {
    let message = format!("a package manager could {}: {}", gap.wall.without(), gap.reason);
    Remark { place: "sandbox".to_owned(), message }
}

/// What was to be worked on, for a report on a forge that could not list it.
fn subject(settings: &ForgeSettings) -> String {
    match (&settings.organisation, &settings.local) {
        (_, Some(folder)) => folder.display().to_string(),
        (Some(organisation), None) => organisation.clone(),
        (None, None) => settings.repositories.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}

/// A forge, and the folder that stands for it in a dry run.
type Connected = (Arc<dyn Forge>, Option<Arc<Preview>>);

/// The forge, and for a dry run the folder that stands for it.
fn forge(options: &RunOptions, settings: &ForgeSettings) -> Result<Connected, Failure> {
    let forge = connect(settings)?;
    if !options.dry_run {
        return Ok((Arc::from(forge), None));
    }
    let preview = Preview::new(forge, &options.out)
        .with_context(|| format!("prepare the folder `{}`", options.out.display()))
        .map_err(|error| Failure::with_hint(error, "name one that can be written to with --out"))?;
    let preview = Arc::new(preview);
    Ok((Arc::clone(&preview) as _, Some(preview)))
}

fn connect(settings: &ForgeSettings) -> anyhow::Result<Box<dyn Forge>> {
    for (name, connect) in FORGES {
        if let Some(forge) = connect(settings).with_context(|| format!("connect to the forge `{name}`"))? {
            return Ok(forge);
        }
    }
    anyhow::bail!("find a forge for these projects")
}

/// What the forge needs to know; the command line wins over the policy.
fn settings(options: &RunOptions, policy: &Policy, environment: &Environment) -> Result<ForgeSettings, Failure> {
    let named = options.org.is_some() || !options.repo.is_empty() || options.local.is_some();
    let projects = &policy.projects;
    if !named && projects.organisation.is_none() && projects.repositories.is_empty() {
        return Err(Failure::with_hint(
            anyhow::anyhow!("find projects to work on"),
            "name them with --org, --repo or --local, or under [projects] in patchparty.toml",
        ));
    }
    if let Some(folder) = options.local.as_ref().filter(|folder| !folder.is_dir()) {
        return Err(Failure::with_hint(
            anyhow::anyhow!("find the folder `{}`", folder.display()),
            "--local needs an existing folder with git repositories in it",
        ));
    }
    if options.local.is_none() && options.shared.offline {
        return Err(Failure::with_hint(
            anyhow::anyhow!("reach the forge: --offline was given"),
            "work on local repositories with --local, or leave out --offline",
        ));
    }
    if options.local.is_none() && environment.token.is_none() && !options.dry_run {
        return Err(Failure::with_hint(
            anyhow::anyhow!("open pull requests without a token"),
            "set PATCHPARTY_TOKEN or GITHUB_TOKEN, or try --dry-run first",
        ));
    }
    if options.local.is_none() {
        address("GITHUB_API_URL", &environment.api_url)?;
        address("GITHUB_SERVER_URL", &environment.server_url)?;
    }
    Ok(ForgeSettings {
        api_url: environment.api_url.clone(),
        token: environment.token.clone(),
        organisation: if named { options.org.clone() } else { projects.organisation.clone() },
        repositories: if named { options.repo.clone() } else { projects.repositories.clone() },
        local: options.local.clone(),
        out: options.out.clone(),
        now: environment.now()?,
    })
}

/// Refuses a variable that is no address of a server.
fn address(name: &str, value: &str) -> Result<(), Failure> {
    let is_address = url::Url::parse(value).is_ok_and(|url| matches!(url.scheme(), "https" | "http") && url.has_host());
    if is_address {
        return Ok(());
    }
    let shown = super::address::without_credentials(value);
    Err(Failure::with_hint(
        anyhow::anyhow!("reach the forge: {name} is `{shown}`, which is no address"),
        format!("set {name} to an address such as https://github.example/api/v3, or unset it for github.com"),
    ))
}

impl SharedOptions {
    /// The options of a run that nobody typed, such as the demo's.
    pub(super) fn defaults(advisories: &Path, cache: &Path) -> Self {
        Self {
            format: REPORTERS[0].id().to_owned(),
            output: None,
            advisories: vec![advisories.display().to_string()],
            offline: false,
            cache: Some(cache.to_owned()),
            config: None,
        }
    }
}
