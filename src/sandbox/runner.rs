//! The runner: the one place that starts a process, with an environment made from nothing.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::launch::{self, Launch};
use super::order::Ending;
use super::proxy::Refusal;
use super::reach::{Network, Reach};
use super::skeleton::Place;
use super::supervisor::Supervisor;
use crate::model::confinement::{Enforced, Gap};
use crate::net::address::Authority;

/// How long one invocation may take: cold metadata caches of the largest projects need about a minute.
const TIME_LIMIT: Duration = Duration::from_mins(5);

/// Variables of the bot's own environment that tools may see: they name trust and a registry, not secrets. The operator's
/// proxy, whose address may carry credentials, is asked by ours.
const PASSED_ON: [&str; 5] =
    ["SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "CARGO_HTTP_CAINFO", "npm_config_registry"];

/// A command as data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Invocation {
    /// The program, looked up in the runner's `PATH`.
    pub(crate) program: String,
    /// Its arguments.
    pub(crate) args: Vec<String>,
    /// What is set on top of the runner's own environment.
    pub(crate) env: BTreeMap<String, String>,
    /// The folder it starts in.
    pub(crate) cwd: PathBuf,
    /// Which hosts it may reach.
    pub(crate) reach: Reach,
}

/// What a process left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Output {
    /// Its exit code; `None` when a signal ended it.
    pub(crate) status: Option<i32>,
    /// The first mebibyte of its output.
    pub(crate) stdout: String,
    /// The first mebibyte of its messages.
    pub(crate) stderr: String,
    /// What the proxy refused it, in order.
    pub(crate) refused: Vec<Refusal>,
}

impl Output {
    /// Whether it ended with 0. That alone proves nothing: only the files do.
    pub(crate) fn succeeded(&self) -> bool {
        self.status == Some(0)
    }
}

/// Why a process gave no result.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum RunError {
    /// There is no such program.
    #[error("find `{program}`: it is not installed")]
    NotInstalled {
        /// The program.
        program: String,
    },
    /// It cannot be started.
    #[error("start `{program}`: {reason}")]
    Start {
        /// The program.
        program: String,
        /// The system's word.
        reason: String,
    },
    /// It cannot be confined, and must not run otherwise.
    #[error("start `{program}` inside of walls: {reason}")]
    Unconfined {
        /// The program.
        program: String,
        /// What is missing.
        reason: String,
    },
    /// It took too long and was killed.
    #[error("wait for `{program}`: it was still running after {seconds} seconds")]
    TimedOut {
        /// The program.
        program: String,
        /// The limit.
        seconds: u64,
    },
    /// It does not say where its registry is.
    #[error("learn from `{program}` where its registry is: {reason}")]
    NoRegistry {
        /// The program.
        program: String,
        /// Why not.
        reason: String,
    },
}

impl RunError {
    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Unconfined { .. } => Some(UNCONFINED_HINT.to_owned()),
            Self::NotInstalled { program } => {
                Some(format!("install `{program}` where patchparty runs, or put its folder into PATH"))
            }
            Self::Start { .. } | Self::TimedOut { .. } | Self::NoRegistry { .. } => None,
        }
    }
}

/// What to do where package managers cannot be confined.
const UNCONFINED_HINT: &str = "run patchparty on a newer kernel or outside of the container that forbids it; `patchparty \
                               doctor` shows what is missing, and `sandbox = \"best-effort\"` in the policy accepts it";

/// Starts processes with a scrubbed environment, inside of walls unless the policy has switched them off.
#[derive(Debug, Clone)]
pub(crate) struct Runner {
    path: OsString,
    home: Option<PathBuf>,
    passed_on: BTreeMap<String, OsString>,
    network: Network,
    time_limit: Duration,
    installations: Vec<PathBuf>,
    reads: Vec<PathBuf>,
    /// `None` starts processes like any other program does.
    supervisor: Option<Arc<Supervisor>>,
}

impl Runner {
    /// Takes `PATH` and the variables that name trust and routes from the bot's own environment.
    pub(crate) fn from_environment() -> Self {
        let passed_on = PASSED_ON
            .iter()
            .filter_map(|name| std::env::var_os(name).map(|value| ((*name).to_owned(), value)))
            .collect();
        Self {
            path: std::env::var_os("PATH").unwrap_or_default(),
            home: std::env::home_dir(),
            passed_on,
            network: Network::from_environment(),
            time_limit: TIME_LIMIT,
            installations: Vec::new(),
            reads: Vec::new(),
            supervisor: None,
        }
    }

    /// The same runner with the bot's own folders: for what vanishes, and for what package managers keep.
    #[must_use]
    pub(crate) fn with_folders(mut self, scratch: &Path, cache: &Path) -> Self {
        self.network.use_folders(scratch, cache);
        self
    }

    /// The same runner with hosts that every package manager may reach, wherever they are: the operator names them.
    #[must_use]
    pub(crate) fn with_allowed(mut self, authorities: impl IntoIterator<Item = Authority>) -> Self {
        self.network.allow(authorities);
        self
    }

    /// The same runner inside of walls.
    #[must_use]
    pub(crate) fn confined(mut self, supervisor: Arc<Supervisor>) -> Self {
        self.supervisor = Some(supervisor);
        self
    }

    /// What keeps every process from being started: the walls that are required and missing here.
    pub(crate) fn refusal(&self, program: &str) -> Option<RunError> {
        let supervisor = self.supervisor.as_ref()?;
        let reason = match supervisor.enforced() {
            Ok(enforced) if supervisor.is_required() => told(&enforced.required_gaps()),
            Ok(_) => None,
            Err(reason) => Some(reason.to_owned()),
        };
        reason.map(|reason| RunError::Unconfined { program: program.to_owned(), reason })
    }

    /// The walls that are missing here; none where nothing is confined.
    pub(crate) fn gaps(&self) -> Vec<Gap> {
        let enforced = self.supervisor.as_ref().and_then(|supervisor| supervisor.enforced().ok());
        enforced.map(Enforced::gaps).unwrap_or_default()
    }

    /// The same runner with the programs of an installation in front of its `PATH`.
    #[must_use]
    pub(crate) fn with_installation(mut self, root: &Path) -> Self {
        let folders = std::iter::once(root.join("bin")).chain(std::env::split_paths(&self.path));
        // A folder whose name has a `:` cannot be in PATH; the old PATH still works.
        if let Ok(path) = std::env::join_paths(folders) {
            self.path = path;
            self.installations.push(root.to_path_buf());
        }
        self.network.forget();
        self
    }

    /// The same runner whose programs may read and start what is in these files and folders as well.
    #[must_use]
    pub(crate) fn with_reads(mut self, paths: Vec<PathBuf>) -> Self {
        self.reads = paths;
        self
    }

    /// The same runner with another limit on the time of one invocation.
    #[must_use]
    #[cfg(test)]
    pub(crate) fn with_time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// Sets a variable that every process sees, such as a certificate authority of a test.
    #[must_use]
    pub(crate) fn with_variable(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.passed_on.insert(name.to_owned(), value.into());
        self.network.forget();
        self
    }

    /// What every process sees under a name.
    pub(super) fn variable(&self, name: &str) -> Option<&OsString> {
        self.passed_on.get(name)
    }

    /// The address of the registry that a package manager asks.
    pub(crate) fn registry(&self, reach: Reach) -> Result<Url, RunError> {
        self.network.address(self, reach)
    }

    /// What the processes share on their way to the network.
    #[cfg(test)]
    pub(super) fn network(&self) -> &Network {
        &self.network
    }

    /// The environment of a process, but for its way to the proxy: nothing else of the bot's environment reaches it.
    pub(crate) fn environment(&self, invocation: &Invocation, home: &Path) -> BTreeMap<String, OsString> {
        let mut environment = self.passed_on.clone();
        environment.insert("PATH".to_owned(), self.path.clone());
        for (name, folder) in [
            ("HOME", ""),
            ("TMPDIR", "tmp"),
            ("XDG_CACHE_HOME", ".cache"),
            ("XDG_CONFIG_HOME", ".config"),
            ("XDG_DATA_HOME", ".local/share"),
        ] {
            environment.insert(name.to_owned(), home.join(folder).into_os_string());
        }
        for (name, value) in [
            ("LANG", "C.UTF-8"),
            ("CI", "1"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_ALLOW_PROTOCOL", "https"),
            ("GIT_LFS_SKIP_SMUDGE", "1"),
        ] {
            environment.insert(name.to_owned(), value.into());
        }
        environment.extend(invocation.env.iter().map(|(name, value)| (name.clone(), value.into())));
        environment
    }

    /// Runs a command to its end or its limit; nothing that it has started is left then.
    ///
    /// `place` is what it may write to, with the cache's folder that has the program's name.
    pub(crate) fn run(&self, invocation: &Invocation, place: &Place) -> Result<Output, RunError> {
        let failed = |reason: String| RunError::Start { program: invocation.program.clone(), reason };
        if let Some(refusal) = self.refusal(&invocation.program) {
            return Err(refusal);
        }
        std::fs::create_dir_all(place.home.join("tmp")).map_err(|error| failed(error.to_string()))?;
        let program = self.find(&invocation.program)?;
        let door = self.network.open(self, invocation.reach)?.map_err(|error| failed(error.to_string()))?;
        tracing::debug!(program = invocation.program, args = ?invocation.args, "run");
        let launch = Launch {
            program: &program,
            invocation,
            environment: self.environment(invocation, &place.home),
            place,
            door: &door,
            limit: self.time_limit,
        };
        let ending = match &self.supervisor {
            None => launch.directly().map_err(|error| failed(error.to_string()))?,
            Some(supervisor) => {
                let opened = launch::Opened {
                    path: &self.path,
                    home: self.home.as_deref(),
                    installations: &self.installations,
                    reads: &self.reads,
                };
                launch.confined(supervisor, &opened).map_err(failed)?
            }
        };
        match ending {
            Ending::Ended { status, stdout, stderr } => {
                // Its words are for the local log alone: this line may stand in the log of a CI job.
                tracing::debug!(program = invocation.program, ?status, "ended");
                Ok(Output { status, stdout, stderr, refused: door.refused() })
            }
            Ending::TimedOut => {
                let seconds = self.time_limit.as_secs();
                Err(RunError::TimedOut { program: invocation.program.clone(), seconds })
            }
            Ending::Failed(reason) => Err(failed(reason)),
            // What the machine lacks was looked at before; that it lacks it now is odd enough to be a failure.
            Ending::Tried | Ending::Refused => Err(failed("a wall that stood before cannot be built".to_owned())),
        }
    }

    /// The program's file in the runner's own `PATH` (the standard library would look in the bot's).
    fn find(&self, program: &str) -> Result<PathBuf, RunError> {
        if Path::new(program).is_absolute() {
            return Ok(PathBuf::from(program));
        }
        std::env::split_paths(&self.path)
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join(program))
            .find(|candidate| candidate.is_file())
            .ok_or_else(|| RunError::NotInstalled { program: program.to_owned() })
    }
}

/// Gaps in one line; `None` without any.
fn told(gaps: &[Gap]) -> Option<String> {
    let lines: Vec<&str> = gaps.iter().map(|gap| gap.reason.as_str()).collect();
    (!lines.is_empty()).then(|| lines.join("; "))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::super::capture;
    use super::super::order::PROXY_VARIABLES;
    use super::*;

    fn place(root: &Path) -> Place {
        let below = |name: &str| root.join(name);
        Place { project: below("project"), empty: below("empty"), home: root.to_path_buf(), cache: below("cache") }
    }

    fn shell(script: &str, cwd: &Path) -> Invocation {
        Invocation {
            program: "sh".to_owned(),
            args: vec!["-c".to_owned(), script.to_owned()],
            env: BTreeMap::new(),
            cwd: cwd.to_path_buf(),
            reach: Reach::Nothing,
        }
    }

    #[test]
    fn the_environment_is_made_from_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let output = Runner::from_environment().run(&shell("env", folder.path()), &place(folder.path())).unwrap();
        let mut names: Vec<&str> =
            output.stdout.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
        names.retain(|name| {
            !PASSED_ON.contains(name)
                && !PROXY_VARIABLES.contains(name)
                && !["PWD", "SHLVL", "_", "OLDPWD"].contains(name)
        });
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "CI",
                "GIT_ALLOW_PROTOCOL",
                "GIT_CONFIG_GLOBAL",
                "GIT_CONFIG_NOSYSTEM",
                "GIT_LFS_SKIP_SMUDGE",
                "GIT_TERMINAL_PROMPT",
                "HOME",
                "LANG",
                "PATH",
                "TMPDIR",
                "XDG_CACHE_HOME",
                "XDG_CONFIG_HOME",
                "XDG_DATA_HOME"
            ]
        );
        assert!(output.stdout.contains(&format!("HOME={}", folder.path().display())));
        assert!(!PASSED_ON.iter().any(|name| name.contains("TOKEN") || name.starts_with("GITHUB")));
    }

    #[test]
    fn a_process_that_hangs_is_killed_with_its_children() {
        let folder = tempfile::tempdir().unwrap();
        let runner = Runner::from_environment().with_time_limit(Duration::from_millis(300));
        let begun = Instant::now();
        let error =
            runner.run(&shell("(sleep 30; touch late) & sleep 30", folder.path()), &place(folder.path())).unwrap_err();
        assert!(matches!(error, RunError::TimedOut { .. }));
        assert!(begun.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn a_grandchild_that_keeps_the_pipe_open_does_not_hold_us() {
        let folder = tempfile::tempdir().unwrap();
        let begun = Instant::now();
        let output = Runner::from_environment()
            .run(&shell("sleep 60 & echo done", folder.path()), &place(folder.path()))
            .unwrap();
        assert!(output.succeeded());
        assert_eq!(output.stdout, "done\n");
        assert!(begun.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn output_is_capped_and_the_tool_does_not_stall() {
        let folder = tempfile::tempdir().unwrap();
        let script = "head -c 3000000 /dev/zero; echo end >&2; exit 7";
        let output = Runner::from_environment().run(&shell(script, folder.path()), &place(folder.path())).unwrap();
        assert_eq!(
            (output.status, output.stdout.len(), output.stderr.as_str()),
            (Some(7), capture::OUTPUT_LIMIT, "end\n")
        );
    }

    #[test]
    fn a_missing_program_is_named_with_a_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let mut invocation = shell("", folder.path());
        invocation.program = "no-such-tool".to_owned();
        let error = Runner::from_environment().run(&invocation, &place(folder.path())).unwrap_err();
        assert_eq!(error.to_string(), "find `no-such-tool`: it is not installed");
        assert!(error.hint().unwrap().contains("install `no-such-tool`"));
    }
}
