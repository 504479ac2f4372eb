//! What the benchmark of the sandbox reaches: one run of a tool, by the runner that the pipeline uses.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::model::confinement::Confinement;
use crate::sandbox::reach::Reach;
use crate::sandbox::runner::{Invocation, Runner};
use crate::sandbox::skeleton::Skeleton;
use crate::sandbox::supervisor::Supervisor;
use crate::sandbox::toolchain;

/// Runs tools as the pipeline does, in an empty project.
pub struct ToolRuns {
    runner: Runner,
    skeleton: Skeleton,
}

impl ToolRuns {
    /// Prepares what all runs share: the walls are tried once, the Rust toolchain is looked for once, as in a night. The
    /// program that runs is its own supervisor, so it must hand `supervise` on to [`crate::cli::main`].
    pub fn new(confinement: Confinement, folder: &Path) -> io::Result<Self> {
        let skeleton = Skeleton::new(&folder.join("scratch"), &folder.join("cache"), &BTreeMap::new());
        let skeleton = skeleton.map_err(io::Error::other)?;
        let mut runner = Runner::from_environment().with_folders(folder, &folder.join("cache"));
        if confinement != Confinement::Off {
            runner = runner.confined(Arc::new(Supervisor::new(confinement)?));
        }
        if let Some(root) = toolchain::rust_toolchain(&runner, skeleton.place()) {
            runner = runner.with_installation(&root);
        }
        Ok(Self { runner, skeleton })
    }

    /// How long one run takes, from the call to the answer. An error where it does not end with 0.
    pub fn time(&self, program: &str, arguments: &[&str]) -> io::Result<Duration> {
        let invocation = Invocation {
            program: program.to_owned(),
            args: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            env: BTreeMap::new(),
            cwd: self.skeleton.place().empty.clone(),
            reach: Reach::Nothing,
        };
        let started = Instant::now();
        let output = self.runner.run(&invocation, self.skeleton.place()).map_err(io::Error::other)?;
        let taken = started.elapsed();
        if output.succeeded() { Ok(taken) } else { Err(io::Error::other(format!("{program}: {}", output.stderr))) }
    }
}
