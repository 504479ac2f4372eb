//! `patchparty db`: the compiled advisory index – fetched, described, verified, imported.

mod status;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::args::{DbCommand, DbFormat, DbOptions, GlobalOptions};
use super::config;
use super::environment::Environment;
use super::exit::{Failure, Outcome};
use super::output;
use super::progress::ProgressLine;
use super::sources;
use super::stream::{self, Form};
use crate::advisory::store::{self, Comparison, LoadError, LoadRequest};
use crate::config::policy::{AdvisoryPolicy, Policy};
use crate::model::text::count;

/// Runs the command.
pub(super) fn db(options: &DbOptions, global: &GlobalOptions, environment: &Environment) -> Result<Outcome, Failure> {
    let place = match &options.command {
        DbCommand::Update { place, .. }
        | DbCommand::Status { place, .. }
        | DbCommand::Verify { place, .. }
        | DbCommand::Import { place, .. } => place,
    };
    let desk = Desk {
        policy: config::policy(place.config.as_deref())?,
        cache: environment.cache_folder(place.cache.as_ref())?,
        now: environment.now()?,
        global,
        environment,
    };
    match &options.command {
        DbCommand::Update { accept_shrunk, .. } => desk.update(*accept_shrunk),
        DbCommand::Status { format, .. } => {
            Desk::answer(store::status(&desk.request(&desk.policy.advisories, true)), |status| {
                status::print(&status, *format)?;
                Ok(Outcome::Clean)
            })
        }
        DbCommand::Verify { file, against, .. } => desk.verify(file.as_deref(), against),
        DbCommand::Import { paths, .. } => desk.import(paths),
    }
}

/// A line for each way in which records differ, with the first of them.
fn differences(compared: &Comparison) -> String {
    /// More names than these nobody reads; all are counted.
    const NAMED: usize = 10;
    let equal = count(compared.equal, "record is", "records are");
    let mut lines = vec![format!("{equal} as in the sources")];
    for (what, records) in [
        ("missing in the index", &compared.missing),
        ("only in the index", &compared.additional),
        ("changed in the index", &compared.changed),
    ] {
        if !records.is_empty() {
            let mut names = records.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
            if records.len() > NAMED {
                names.push_str(", …");
            }
            lines.push(format!("{} {what}: {names}", records.len()));
        }
    }
    for (source, records) in &compared.left_out {
        let records = if *records > 0 { count(*records, "record", "records") } else { "ratings".to_owned() };
        lines.push(format!("not compared: {records} of `{source}`; name this source with `--against` as well"));
    }
    lines.iter().flat_map(|line| output::wrapped(line)).collect()
}

/// What every one of the commands works with.
struct Desk<'a> {
    policy: Policy,
    cache: PathBuf,
    now: jiff::Timestamp,
    global: &'a GlobalOptions,
    environment: &'a Environment,
}

impl Desk<'_> {
    fn request<'r>(&'r self, policy: &'r AdvisoryPolicy, offline: bool) -> LoadRequest<'r> {
        LoadRequest { policy, cache: &self.cache, offline, now: self.now, accept_shrunk: false }
    }

    /// Goes on with what was loaded; says why nothing was, and whether that is a mistake in the call.
    fn answer<T>(
        answer: Result<T, LoadError>,
        proceed: impl FnOnce(T) -> anyhow::Result<Outcome>,
    ) -> Result<Outcome, Failure> {
        match answer {
            Ok(answer) => Ok(proceed(answer)?),
            Err(error) => Err(sources::failure(error)),
        }
    }

    fn update(&self, accept_shrunk: bool) -> Result<Outcome, Failure> {
        let progress = ProgressLine::new(self.global);
        progress.say("fetching and compiling advisories");
        let loaded = store::update(&LoadRequest { accept_shrunk, ..self.request(&self.policy.advisories, false) });
        progress.finish();
        Self::answer(loaded, |loaded| {
            if store::forget_import(&self.cache)? {
                output::remark(
                    self.environment,
                    self.global,
                    "the imported index is replaced by the configured sources",
                );
            }
            if let Some(path) = loaded.path.clone() {
                status::print(&store::describe(&loaded, path, &self.cache), DbFormat::Human)?;
            }
            let is_kept = loaded.path.is_some();
            Ok(if loaded.is_outdated || !is_kept { Outcome::Incomplete } else { Outcome::Clean })
        })
    }

    fn verify(&self, file: Option<&Path>, against: &[PathBuf]) -> Result<Outcome, Failure> {
        if let Some(file) = file.filter(|file| !file.is_file()) {
            let what = if file.exists() { "it is no file" } else { "it does not exist" };
            return Err(Failure::with_hint(
                anyhow::anyhow!("verify the index `{}`: {what}", file.display()),
                "name a compiled index (.ppdb), or none to verify the one that offline runs use",
            ));
        }
        let progress = ProgressLine::new(self.global);
        progress.say("reading the index");
        let verified = match file {
            Some(file) => store::verify(file).map(|verification| (file.to_owned(), verification)),
            None => store::verify_in_use(&self.request(&self.policy.advisories, true)),
        };
        progress.finish();
        let compared = match &verified {
            Ok((path, _)) if !against.is_empty() => Some(self.compare(path, against)?),
            _ => None,
        };
        let verified = verified.and_then(|verified| Ok((verified, compared.transpose()?)));
        Self::answer(verified, |((path, found), compared)| {
            let text = format!(
                "{}: whole, {}, {}, {}",
                path.display(),
                count(found.records, "record", "records"),
                count(found.packages, "package", "packages"),
                count(found.entries, "entry", "entries")
            );
            let text: String = output::wrapped(&text).collect();
            output::unless_closed(write!(stream::out(Form::Words), "{text}"))?;
            let Some(compared) = compared else { return Ok(Outcome::Clean) };
            output::unless_closed(write!(stream::out(Form::Words), "{}", differences(&compared)))?;
            Ok(match (compared.is_equal(), compared.left_out.is_empty()) {
                (false, _) => Outcome::Findings,
                (true, true) => Outcome::Clean,
                // Records that were not compared may say anything.
                (true, false) => Outcome::Incomplete,
            })
        })
    }

    /// Holds an index against sources or another index; the outer error is a mistake in the call.
    fn compare(&self, index: &Path, against: &[PathBuf]) -> Result<Result<Comparison, LoadError>, Failure> {
        let locations: Vec<String> = against.iter().map(|path| path.display().to_string()).collect();
        if let Some(address) = locations.iter().find(|location| location.contains("://")) {
            return Err(Failure::with_hint(
                anyhow::anyhow!("compare with `{}`: it is an address", super::address::without_credentials(address)),
                "name files and folders: fetch what stands there in another way than the index came from",
            ));
        }
        let expected = sources::compiled(&locations).map_err(|failure| Failure {
            hint: Some("name the index first: `patchparty db verify INDEX --against PATH…`".to_owned()),
            ..failure
        })?;
        let mut policy = self.policy.advisories.clone();
        if expected.is_none() {
            policy.sources = sources::given(&locations, (self.global, self.environment))?;
        }
        let progress = ProgressLine::new(self.global);
        progress.say("comparing the index with its sources");
        let compared = store::compare(index, &self.request(&policy, true), expected.as_deref());
        progress.finish();
        Ok(compared)
    }

    fn import(&self, paths: &[PathBuf]) -> Result<Outcome, Failure> {
        let locations: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        if let Some(address) = locations.iter().find(|location| location.contains("://")) {
            return Err(Failure::with_hint(
                anyhow::anyhow!("import `{}`: it is an address", super::address::without_credentials(address)),
                "name files and folders; addresses are fetched by `patchparty db update` from patchparty.toml",
            ));
        }
        let index = sources::compiled(&locations)?;
        let mut policy = self.policy.advisories.clone();
        if index.is_none() {
            policy.sources = sources::given(&locations, (self.global, self.environment))?;
        }
        let progress = ProgressLine::new(self.global);
        progress.say("compiling advisories");
        let loaded = store::import(&self.request(&policy, true), index.as_deref());
        progress.finish();
        Self::answer(loaded, |loaded| {
            if let Some(path) = loaded.path.clone() {
                status::print(&store::describe(&loaded, path, &self.cache), DbFormat::Human)?;
            }
            Ok(Outcome::Clean)
        })
    }
}
