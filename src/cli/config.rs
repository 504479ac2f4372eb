//! `patchparty config`: checks a policy, or prints its schema.

use std::io::Write as _;

use super::args::{ConfigCommand, ConfigOptions};
use super::exit::{Failure, Outcome};
use crate::config;

/// Runs the command.
pub(super) fn config(options: &ConfigOptions) -> Result<Outcome, Failure> {
    let mut stdout = anstream::stdout();
    match &options.command {
        ConfigCommand::Check { file } => {
            config::load(Some(file))?;
            writeln!(stdout, "{}: no complaints", file.display())?;
        }
        ConfigCommand::Schema => writeln!(stdout, "{}", config::schema().trim_end())?,
    }
    Ok(Outcome::Clean)
}
