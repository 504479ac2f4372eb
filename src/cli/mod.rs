//! The command line: wires, and does nothing else.

mod actions;
mod address;
mod args;
mod audit;
mod config;
mod db;
mod demo;
mod doctor;
mod ending;
mod environment;
mod exit;
mod output;
mod progress;
mod run;
mod sources;
mod stream;
mod templates;
mod version;

use std::process::ExitCode;

use clap::Parser as _;

use args::{Arguments, Command};
use environment::Environment;
use exit::{Failure, Outcome};

use crate::sandbox::secrets::Secrets;

/// Runs the program with the arguments and the environment of the process, and gives its exit code.
///
/// The codes are listed in `patchparty --help`: 0 clean, 1 findings, 2 usage or configuration, 3 nothing read,
/// 4 incomplete.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return output::usage(&error),
    };
    // A supervisor has an environment that is empty, and must have no second thread.
    #[cfg(target_os = "linux")]
    if let Command::Supervise(options) = &arguments.command {
        return crate::sandbox::linux::supervise(options.inside.as_deref(), !options.without_namespaces);
    }
    #[cfg(target_os = "linux")]
    if let Command::Attack { arguments } = &arguments.command {
        return crate::sandbox::linux::attack(arguments);
    }
    let secrets = match arguments.command {
        // It has no use for secrets, starts nothing, and reads standard input.
        Command::Version(_) | Command::Supervise(_) | Command::Attack { .. } => Secrets::default(),
        Command::Audit(_)
        | Command::Run(_)
        | Command::Demo(_)
        | Command::Db(_)
        | Command::Config(_)
        | Command::Templates(_)
        | Command::Doctor(_) => Secrets::take(),
    };
    let environment = Environment::of_process(&secrets);
    drop(secrets);
    output::start(&arguments.global);
    match arguments.command {
        Command::Audit(_) | Command::Run(_) | Command::Demo(_) | Command::Db(_) => ending::watch(),
        // They end at once, or stop what they have started themselves.
        Command::Config(_)
        | Command::Templates(_)
        | Command::Doctor(_)
        | Command::Version(_)
        | Command::Supervise(_)
        | Command::Attack { .. } => {}
    }
    let outcome = dispatch(&arguments, &environment);
    // A command that failed because it was told to stop has not failed.
    ending::end_if_requested();
    match outcome {
        Ok(outcome) => outcome.into(),
        Err(failure) => {
            output::failure(&failure, &environment);
            failure.outcome.into()
        }
    }
}

fn dispatch(arguments: &Arguments, environment: &Environment) -> Result<Outcome, Failure> {
    match &arguments.command {
        Command::Audit(options) => audit::audit(options, &arguments.global, environment),
        Command::Run(options) => run::run(options, &arguments.global, environment),
        Command::Demo(options) => demo::demo(options, &arguments.global, environment),
        Command::Db(options) => db::db(options, &arguments.global, environment),
        Command::Config(options) => config::config(options),
        Command::Templates(options) => templates::templates(options),
        Command::Version(options) => version::version(options),
        Command::Doctor(options) => doctor::doctor(options, environment),
        Command::Supervise(_) | Command::Attack { .. } => Err(doctor::not_here()),
    }
}
