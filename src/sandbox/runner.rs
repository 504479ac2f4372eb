//! The runner: the one place that starts a process, with an environment made from nothing.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use url::Url;

use super::interrupt;
use super::proxy::Refusal;
use super::reach::{Network, Reach};
use crate::net::address::Authority;

/// What is kept of each output stream: 1 MiB; the rest is read and dropped so that the tool does not stall.
const OUTPUT_LIMIT: usize = 1024 * 1024;
/// How long one invocation may take: cold metadata caches of the largest projects need about a minute.
const TIME_LIMIT: Duration = Duration::from_mins(5);
/// How long readers may take after the process group was killed.
const DRAIN_LIMIT: Duration = Duration::from_secs(2);
/// How often an exit is looked for.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Variables of the bot's own environment that tools may see: they name trust and a registry, not secrets. The operator's
/// proxy, whose address may carry credentials, is asked by ours.
const PASSED_ON: [&str; 5] =
    ["SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "CARGO_HTTP_CAINFO", "npm_config_registry"];

/// Variables by which package managers find a proxy: those of everybody, Cargo's and npm's own. Where several are obeyed,
/// all say the same.
const PROXY_VARIABLES: [&str; 7] = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "http_proxy",
    "https_proxy",
    "CARGO_HTTP_PROXY",
    "npm_config_proxy",
    "npm_config_https_proxy",
];

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
    /// The way out.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::NotInstalled { program } => {
                Some(format!("install `{program}` where patchparty runs, or put its folder into PATH"))
            }
            Self::Start { .. } | Self::TimedOut { .. } | Self::NoRegistry { .. } => None,
        }
    }
}

/// Starts processes with a scrubbed environment.
#[derive(Debug, Clone)]
pub(crate) struct Runner {
    path: OsString,
    passed_on: BTreeMap<String, OsString>,
    network: Network,
    time_limit: Duration,
}

impl Runner {
    /// Takes `PATH` and the variables that name trust and routes from the bot's own environment.
    pub(crate) fn from_environment() -> Self {
        let passed_on = PASSED_ON
            .iter()
            .filter_map(|name| std::env::var_os(name).map(|value| ((*name).to_owned(), value)))
            .collect();
        let path = std::env::var_os("PATH").unwrap_or_default();
        Self { path, passed_on, network: Network::from_environment(), time_limit: TIME_LIMIT }
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

    /// The same runner with a folder in front of its `PATH`.
    #[must_use]
    pub(crate) fn with_folder_first(mut self, folder: &Path) -> Self {
        let folders = std::iter::once(folder.to_path_buf()).chain(std::env::split_paths(&self.path));
        // A folder whose name has a `:` cannot be in PATH; the old PATH still works.
        if let Ok(path) = std::env::join_paths(folders) {
            self.path = path;
        }
        self.network.forget();
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

    /// The complete environment of a process: nothing else of the bot's environment reaches it. `proxy` is the port of
    /// 127.0.0.1 at which it finds its door.
    pub(crate) fn environment(&self, invocation: &Invocation, home: &Path, proxy: u16) -> BTreeMap<String, OsString> {
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
        for name in PROXY_VARIABLES {
            environment.insert(name.to_owned(), format!("http://127.0.0.1:{proxy}").into());
        }
        environment
    }

    /// Runs a command to its end or its limit, in a process group of its own that is gone afterwards.
    pub(crate) fn run(&self, invocation: &Invocation, home: &Path) -> Result<Output, RunError> {
        let start_error =
            |error: &io::Error| RunError::Start { program: invocation.program.clone(), reason: error.to_string() };
        std::fs::create_dir_all(home.join("tmp")).map_err(|error| start_error(&error))?;
        let program = self.find(&invocation.program)?;
        let door = self.network.open(self, invocation.reach)?.map_err(|error| start_error(&error))?;
        let proxy = door.port().map_err(|error| start_error(&error))?;
        tracing::debug!(program = invocation.program, args = ?invocation.args, "run");
        let mut child = Command::new(program)
            .args(&invocation.args)
            .env_clear()
            .envs(self.environment(invocation, home, proxy))
            .current_dir(&invocation.cwd)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|error| start_error(&error))?;
        let stdout = collect(child.stdout.take());
        let stderr = collect(child.stderr.take());
        let status = wait(&mut child, self.time_limit);
        kill_group(&child);
        let Some(status) = status.map_err(|error| start_error(&error))? else {
            // The zombie of the killed leader is reaped; its exit code says nothing.
            let _ = child.wait();
            return Err(RunError::TimedOut { program: invocation.program.clone(), seconds: self.time_limit.as_secs() });
        };
        // A grandchild that left the group may hold the pipe open for ever: what is missing then is only text.
        let text = |stream: mpsc::Receiver<Vec<u8>>| {
            String::from_utf8_lossy(&stream.recv_timeout(DRAIN_LIMIT).unwrap_or_default()).into_owned()
        };
        let (stdout, stderr) = (text(stdout), text(stderr));
        let output = Output { status: status.code(), stdout, stderr, refused: door.refused() };
        tracing::debug!(program = invocation.program, status = ?output.status, stderr = output.stderr, "ended");
        Ok(output)
    }

    /// The program's file in the runner's own `PATH` (the standard library would look in the bot's).
    fn find(&self, program: &str) -> Result<PathBuf, RunError> {
        std::env::split_paths(&self.path)
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join(program))
            .find(|candidate| candidate.is_file())
            .ok_or_else(|| RunError::NotInstalled { program: program.to_owned() })
    }
}

/// Reads a stream in a thread of its own and sends what is kept of it when it ends.
fn collect<Stream: Read + Send + 'static>(stream: Option<Stream>) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    if let Some(mut stream) = stream {
        thread::spawn(move || {
            let mut kept = Vec::new();
            let mut buffer = [0_u8; 16 * 1024];
            while let Ok(read @ 1..) = stream.read(&mut buffer) {
                let room = OUTPUT_LIMIT.saturating_sub(kept.len());
                kept.extend_from_slice(&buffer[..read.min(room)]);
            }
            // Nobody listens any more when the deadline has passed; then the text is not wanted.
            let _ = sender.send(kept);
        });
    }
    receiver
}

/// Waits for the end; `None` when the limit comes first, or the run is to end.
fn wait(child: &mut Child, limit: Duration) -> io::Result<Option<std::process::ExitStatus>> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline || interrupt::is_requested() {
            return Ok(None);
        }
        thread::sleep(POLL_INTERVAL);
    }
}

/// Kills whatever is left of the process group.
fn kill_group(child: &Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        // An error means that nobody is left in the group.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let output = Runner::from_environment().run(&shell("env", folder.path()), folder.path()).unwrap();
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
        let error = runner.run(&shell("(sleep 30; touch late) & sleep 30", folder.path()), folder.path()).unwrap_err();
        assert!(matches!(error, RunError::TimedOut { .. }));
        assert!(begun.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn a_grandchild_that_keeps_the_pipe_open_does_not_hold_us() {
        let folder = tempfile::tempdir().unwrap();
        let begun = Instant::now();
        let output =
            Runner::from_environment().run(&shell("sleep 60 & echo done", folder.path()), folder.path()).unwrap();
        assert!(output.succeeded());
        assert_eq!(output.stdout, "done\n");
        assert!(begun.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn output_is_capped_and_the_tool_does_not_stall() {
        let folder = tempfile::tempdir().unwrap();
        let script = "head -c 3000000 /dev/zero; echo end >&2; exit 7";
        let output = Runner::from_environment().run(&shell(script, folder.path()), folder.path()).unwrap();
        assert_eq!((output.status, output.stdout.len(), output.stderr.as_str()), (Some(7), OUTPUT_LIMIT, "end\n"));
    }

    #[test]
    fn a_missing_program_is_named_with_a_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let mut invocation = shell("", folder.path());
        invocation.program = "no-such-tool".to_owned();
        let error = Runner::from_environment().run(&invocation, folder.path()).unwrap_err();
        assert_eq!(error.to_string(), "find `no-such-tool`: it is not installed");
        assert!(error.hint().unwrap().contains("install `no-such-tool`"));
    }
}
