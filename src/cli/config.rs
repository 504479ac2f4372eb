//! `patchparty config`: checks a policy, or prints its schema; and how every command gets its policy.

use std::io::Write as _;
use std::path::Path;

use super::args::{ConfigCommand, ConfigOptions};
use super::exit::{Failure, Outcome};
use super::output;
use super::stream::{self, Form};
use crate::config;
use crate::config::complaint::ConfigError;
use crate::config::policy::Policy;

/// Runs the command.
pub(super) fn config(options: &ConfigOptions) -> Result<Outcome, Failure> {
    let mut stdout = stream::out(Form::Words);
    match &options.command {
        ConfigCommand::Check { file } => {
            if config::is_of_a_project(file) {
                config::check_project(file).map_err(refused).map_err(wrapped)?;
            } else {
                policy(Some(file)).map_err(wrapped)?;
            }
            let text: String = output::wrapped(&format!("{}: no complaints", file.display())).collect();
            output::unless_closed(write!(stdout, "{text}"))?;
        }
        ConfigCommand::Schema => output::unless_closed(writeln!(stdout, "{}", config::schema().trim_end()))?,
    }
    Ok(Outcome::Clean)
}

/// A failure with its lines wrapped. Each mistake still begins a line with its place.
fn wrapped(failure: Failure) -> Failure {
    let text = failure.error.to_string();
    let Some((head, mistakes)) = text.split_once('\n') else { return failure };
    let lines: String = mistakes.lines().flat_map(output::wrapped).collect();
    Failure { error: anyhow::anyhow!("{head}\n{}", lines.trim_end()), hint: failure.hint, outcome: failure.outcome }
}

/// The policy of a file, of `patchparty.toml`, or the built-in one; else what is wrong, with the way out.
pub(super) fn policy(file: Option<&Path>) -> Result<Policy, Failure> {
    config::load(file).map_err(refused)
}

/// The mistakes in a configuration, with advice.
fn refused(error: ConfigError) -> Failure {
    match error {
        ConfigError::Unreadable { .. } => Failure::with_hint(
            error,
            "name a readable file of TOML; without one, the built-in policy holds (docs/configuration.md)",
        ),
        // Each mistake begins its own line with its place, so that editors can jump there.
        ConfigError::Invalid(_) => Failure::from(anyhow::anyhow!("accept the configuration:\n{error}")),
    }
}
