//! Launch: starts one process with what the runner has put together, directly or inside of walls.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::capture::{self, Captured};
use super::grants::Collector;
use super::interrupt;
use super::order::{self, Ending, Grants, Order, Route};
use super::proxy::Door;
use super::reach::Reach;
use super::runner::Invocation;
use super::skeleton::Place;
use super::supervisor::Supervisor;

/// Files of a tool's cache folder that it would read as its settings. A cache has none, unless an earlier run was made to
/// leave one for the next. Cargo's home is its cache.
const SETTINGS: [&str; 5] = ["config", "config.toml", "credentials", "credentials.toml", ".npmrc"];

/// One process that is to be started.
pub(super) struct Launch<'a> {
    pub(super) program: &'a Path,
    pub(super) invocation: &'a Invocation,
    pub(super) environment: BTreeMap<String, OsString>,
    pub(super) place: &'a Place,
    /// The only way to the network.
    pub(super) door: &'a Door,
    pub(super) limit: Duration,
}

/// What is opened for a process besides the system and its place.
pub(super) struct Opened<'a> {
    /// Where interpreters are looked up.
    pub(super) path: &'a OsStr,
    /// The folder of whoever runs the bot, which stays closed.
    pub(super) home: Option<&'a Path>,
    /// The toolchains of the bot.
    pub(super) installations: &'a [PathBuf],
    /// Single files and folders.
    pub(super) reads: &'a [PathBuf],
}

impl Launch<'_> {
    /// Starts it like any other program, in a group of its own that is gone afterwards.
    pub(super) fn directly(&self) -> io::Result<Ending> {
        let mut command = Command::new(self.program);
        command.args(&self.invocation.args).env_clear().envs(&self.environment);
        command.envs(order::way_to_proxy(Some(self.door.port()?)));
        let mut child = command
            .current_dir(&self.invocation.cwd)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let (stdout, stderr) = (Captured::start(child.stdout.take()), Captured::start(child.stderr.take()));
        let status = capture::wait(&mut child, self.limit, interrupt::is_requested);
        capture::kill_group(&child);
        let Some(status) = status? else {
            // The zombie of the killed leader is reaped; its exit code says nothing.
            let _ = child.wait();
            return Ok(Ending::TimedOut);
        };
        Ok(Ending::Ended { status: status.code(), stdout: stdout.text(), stderr: stderr.text() })
    }

    /// Has it started inside of walls. An error is one of the supervisor.
    pub(super) fn confined(&self, supervisor: &Supervisor, opened: &Opened<'_>) -> Result<Ending, String> {
        let text = |error: io::Error| error.to_string();
        // Where there is a network namespace, nobody listens on a port: the proxy is asked through its socket.
        let namespace = supervisor.enforced()?.no_network_namespace.is_none();
        let port = if namespace { 0 } else { self.door.port().map_err(text)? };
        let value = |(name, value): (&String, &OsString)| (name.clone(), value.to_string_lossy().into_owned());
        let order = Order {
            command: Some(order::Command {
                program: self.program.to_path_buf(),
                args: self.invocation.args.clone(),
                env: self.environment.iter().map(value).collect(),
                cwd: self.invocation.cwd.clone(),
            }),
            grants: self.grants(opened).map_err(text)?,
            route: Some(Route { socket: self.door.socket().to_path_buf(), port }),
            required: supervisor.is_required(),
            milliseconds: u64::try_from(self.limit.as_millis()).unwrap_or(u64::MAX),
        };
        supervisor.obey(&order).map(|answer| answer.ending).map_err(|reason| format!("its supervisor: {reason}"))
    }

    /// What it may open.
    fn grants(&self, opened: &Opened<'_>) -> io::Result<Grants> {
        let mut collector = Collector::new(opened.home);
        collector.program(self.program, opened.path);
        for root in opened.installations {
            collector.installation(root);
        }
        collector.certificates(&self.environment);
        if self.invocation.reach == Reach::Cargo {
            // Its libgit2 takes a system's configuration that it may not read for a lock, and fetches nothing then.
            collector.read(Path::new("/etc/gitconfig"));
        }
        for path in opened.reads {
            collector.read_and_start(path);
        }
        let cache = self.place.cache.join(self.program.file_name().unwrap_or_default());
        std::fs::create_dir_all(&cache)?;
        for name in SETTINGS {
            // Nearly always, there is nothing.
            let _ = std::fs::remove_file(cache.join(name));
        }
        for folder in [&self.place.project, &self.place.empty, &self.place.home, &cache] {
            collector.write(folder);
        }
        Ok(collector.finish())
    }
}
