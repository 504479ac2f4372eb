//! `patchparty doctor`: whether package managers can be confined on this machine, and whether that holds.

use super::args::DoctorOptions;
use super::environment::Environment;
use super::exit::{Failure, Outcome};

/// What is said elsewhere than on Linux.
pub(super) fn not_here() -> Failure {
    Failure::with_hint(
        anyhow::anyhow!("confine package managers: only Linux has what it takes"),
        "run patchparty on Linux; elsewhere, package managers are started only with `sandbox = \"off\"` in the policy",
    )
}

/// Runs the command.
#[cfg(not(target_os = "linux"))]
pub(super) fn doctor(_: &DoctorOptions, _: &Environment) -> Result<Outcome, Failure> {
    Err(not_here())
}

#[cfg(target_os = "linux")]
pub(super) use linux::doctor;

#[cfg(target_os = "linux")]
mod linux {
    use std::io::{self, Write};
    use std::path::{Path, PathBuf};

    use anyhow::Context as _;
    use serde::Serialize;

    use super::super::args::DbFormat;
    use super::super::output;
    use super::super::stream::{self, Form};
    use super::{DoctorOptions, Environment, Failure, Outcome};
    use crate::model::confinement::{Confinement, Enforced, Gap};
    use crate::pipeline::remedy::Tools;
    use crate::pipeline::remedy::proved::{self, Readiness};
    use crate::report;
    use crate::sandbox::attack::Verdict;
    use crate::sandbox::scratch::Scratch;
    use crate::sandbox::supervisor::Supervisor;
    use crate::sandbox::trial::trial;

    /// The column in which the verdicts stand.
    const COLUMN: usize = 54;
    /// How long lines may be.
    const WIDTH: usize = 80;

    /// What is said, as data.
    #[derive(Serialize)]
    struct Diagnosis {
        enforced: Enforced,
        gaps: Vec<Gap>,
        attacks: Vec<Verdict>,
        /// The other things that a run needs; left out with `--attack`.
        #[serde(flatten)]
        prerequisites: Option<Prerequisites>,
    }

    /// The things that a run needs, apart from the walls.
    #[derive(Serialize)]
    struct Prerequisites {
        package_managers: Vec<Readiness>,
        cache: Option<PathBuf>,
        /// Why nothing can be kept there.
        cache_problem: Option<String>,
        has_token: bool,
        has_state_key: bool,
    }

    /// Runs the command.
    pub(in super::super) fn doctor(options: &DoctorOptions, environment: &Environment) -> Result<Outcome, Failure> {
        let diagnosis = diagnose(options, environment)?;
        let form = match options.format {
            DbFormat::Human => Form::Words,
            DbFormat::Json => Form::Json,
        };
        let mut stdout = stream::out(form);
        let written = match options.format {
            DbFormat::Human => tell(&diagnosis, options.attack, &mut stdout),
            DbFormat::Json => serde_json::to_writer_pretty(&mut stdout, &diagnosis)
                .map_err(io::Error::from)
                .and_then(|()| writeln!(stdout)),
        };
        output::unless_closed(written)?;
        let holds = diagnosis.attacks.iter().all(|verdict| verdict.denied);
        let whole = diagnosis.gaps.iter().all(|gap| !gap.wall.is_required());
        Ok(if holds && whole { Outcome::Clean } else { Outcome::Incomplete })
    }

    fn diagnose(options: &DoctorOptions, environment: &Environment) -> anyhow::Result<Diagnosis> {
        let with_namespaces = !options.without_namespaces;
        if options.attack {
            // What is missing is to be seen and not refused.
            let trial = trial(Confinement::BestEffort, with_namespaces).context("try the attacks")?;
            let (gaps, attacks) = (trial.enforced.gaps(), trial.verdicts);
            return Ok(Diagnosis { gaps, enforced: trial.enforced, attacks, prerequisites: None });
        }
        let supervisor = Supervisor::new(Confinement::BestEffort).context("find this program")?;
        let supervisor = if with_namespaces { supervisor } else { supervisor.without_namespaces() };
        let enforced = supervisor.enforced().map_err(|reason| anyhow::anyhow!("build the walls: {reason}"))?.clone();
        let prerequisites = Some(prerequisites(options, environment)?);
        Ok(Diagnosis { gaps: enforced.gaps(), enforced, attacks: Vec::new(), prerequisites })
    }

    fn prerequisites(options: &DoctorOptions, environment: &Environment) -> anyhow::Result<Prerequisites> {
        let cache = environment.cache_folder(options.cache.as_ref());
        let written = cache.as_ref().map_err(ToString::to_string).and_then(|folder| try_writing(folder));
        // Asking for a version leaves nothing in a cache that anyone should keep.
        let scratch = Scratch::new(&std::env::temp_dir()).context("prepare a temporary folder")?;
        let tools = Tools::new(Confinement::BestEffort, &scratch.path().join("work"), &scratch.path().join("tools"))
            .context("prepare the package managers")?;
        Ok(Prerequisites {
            package_managers: proved::readiness(&tools),
            cache: cache.ok(),
            cache_problem: written.err(),
            has_token: environment.token.is_some(),
            has_state_key: environment.state_keys().is_ok_and(|keys| !keys.is_empty()),
        })
    }

    /// Writes a file to the folder and removes it again.
    fn try_writing(folder: &Path) -> Result<(), String> {
        let tried = std::fs::create_dir_all(folder).and_then(|()| tempfile::tempfile_in(folder));
        tried.map(drop).map_err(|error| format!("nothing can be written to `{}`: {error}", folder.display()))
    }

    fn tell(diagnosis: &Diagnosis, attacked: bool, out: &mut impl Write) -> io::Result<()> {
        let Enforced { landlock, calls, no_network_namespace, no_process_namespace } = &diagnosis.enforced;
        let landlock = if *landlock == 0 { "no".to_owned() } else { format!("version {landlock}") };
        let yes = |missing: &Option<String>| if missing.is_none() { "yes" } else { "no" };
        writeln!(out, "Landlock: {landlock}")?;
        writeln!(out, "Filter of system calls: {}", yes(calls))?;
        writeln!(out, "Network namespace: {}", yes(no_network_namespace))?;
        writeln!(out, "Process namespace: {}", yes(no_process_namespace))?;
        for gap in &diagnosis.gaps {
            let weight = if gap.wall.is_required() { "Missing" } else { "Missing, not required" };
            let text = format!("{weight}: {}. A package manager could {}.", gap.reason, gap.wall.without());
            fold(&text, "", out)?;
        }
        if !attacked {
            fold(verdict(&diagnosis.gaps), "", out)?;
            return diagnosis.prerequisites.as_ref().map_or(Ok(()), |it| tell_prerequisites(it, out));
        }
        writeln!(out, "\n{:<COLUMN$}result", "attack")?;
        for verdict in &diagnosis.attacks {
            let word = if verdict.denied { "denied" } else { "NOT enforced here" };
            writeln!(out, "{:<COLUMN$}{word}", verdict.title)?;
            if !verdict.denied {
                fold(&verdict.detail, "  ", out)?;
            }
        }
        let open = diagnosis.attacks.iter().filter(|verdict| !verdict.denied).count();
        writeln!(out, "\n{} attacks, {open} not enforced here.", diagnosis.attacks.len())
    }

    fn tell_prerequisites(prerequisites: &Prerequisites, out: &mut impl Write) -> io::Result<()> {
        writeln!(out)?;
        for Readiness { tool, version, reason, next_step } in &prerequisites.package_managers {
            let line = match (version, reason, next_step) {
                (Some(version), ..) => format!("{tool}: {version}"),
                (None, reason, Some(next_step)) => {
                    format!("{tool}: {}; {next_step}", reason.as_deref().unwrap_or_default())
                }
                (None, reason, None) => format!("{tool}: {}", reason.as_deref().unwrap_or_default()),
            };
            fold(&line, "", out)?;
        }
        let cache = prerequisites.cache.as_ref().map(|folder| format!("`{}`", folder.display())).unwrap_or_default();
        fold(&format!("Cache folder: {}", prerequisites.cache_problem.as_deref().unwrap_or(&cache)), "", out)?;
        let has = |found: bool, without: &str| if found { "set".to_owned() } else { format!("not set; {without}") };
        let token = has(prerequisites.has_token, "`run` on a forge needs PATCHPARTY_TOKEN or GITHUB_TOKEN");
        fold(&format!("Token: {token}"), "", out)?;
        let key = has(
            prerequisites.has_state_key,
            "with PATCHPARTY_STATE_KEY, the bot knows what it wrote into pull requests itself",
        );
        fold(&format!("Key of the bot's memory: {key}"), "", out)
    }

    /// The verdict on the walls, in one sentence.
    fn verdict(gaps: &[Gap]) -> &'static str {
        if gaps.iter().any(|gap| gap.wall.is_required()) {
            "With `sandbox = \"required\"`, no package manager is started on this machine; \
             docs/configuration.md tells what `best-effort` gives up."
        } else {
            "Package managers can be confined here: `sandbox = \"required\"` holds. \
             `patchparty doctor --attack` puts it to the test."
        }
    }

    /// Writes lines of at most 80 columns.
    fn fold(text: &str, indent: &str, out: &mut impl Write) -> io::Result<()> {
        for line in report::wrap(text, WIDTH - indent.len()) {
            writeln!(out, "{indent}{line}")?;
        }
        Ok(())
    }
}
