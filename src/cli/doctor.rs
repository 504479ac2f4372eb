//! `patchparty doctor`: whether package managers can be confined on this machine, and whether that holds.

use super::args::DoctorOptions;
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
pub(super) fn doctor(_: &DoctorOptions) -> Result<Outcome, Failure> {
    Err(not_here())
}

#[cfg(target_os = "linux")]
pub(super) use linux::doctor;

#[cfg(target_os = "linux")]
mod linux {
    use std::io::{self, Write};

    use anyhow::Context as _;
    use serde::Serialize;

    use super::super::args::DbFormat;
    use super::super::output;
    use super::super::stream::{self, Form};
    use super::{DoctorOptions, Failure, Outcome};
    use crate::model::confinement::{Confinement, Enforced, Gap};
    use crate::report;
    use crate::sandbox::attack::Verdict;
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
    }

    /// Runs the command.
    pub(in super::super) fn doctor(options: &DoctorOptions) -> Result<Outcome, Failure> {
        let diagnosis = diagnose(options)?;
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

    fn diagnose(options: &DoctorOptions) -> anyhow::Result<Diagnosis> {
        let with_namespaces = !options.without_namespaces;
        if options.attack {
            // What is missing is to be seen and not refused.
            let trial = trial(Confinement::BestEffort, with_namespaces).context("try the attacks")?;
            return Ok(Diagnosis { gaps: trial.enforced.gaps(), enforced: trial.enforced, attacks: trial.verdicts });
        }
        let supervisor = Supervisor::new(Confinement::BestEffort).context("find this program")?;
        let supervisor = if with_namespaces { supervisor } else { supervisor.without_namespaces() };
        let enforced = supervisor.enforced().map_err(|reason| anyhow::anyhow!("build the walls: {reason}"))?.clone();
        Ok(Diagnosis { gaps: enforced.gaps(), enforced, attacks: Vec::new() })
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
            return fold(verdict(&diagnosis.gaps), "", out);
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
