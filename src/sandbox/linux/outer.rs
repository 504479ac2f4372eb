//! The outer supervisor: makes the namespaces, starts the inner one in them, and kills whatever outlives it.
//!
//! It has one thread, because a process with more than one may not enter a user namespace, and after a process namespace
//! was made it may not start threads.

use std::fs;
use std::io;
use std::process::{Command, ExitCode, Stdio};

use rustix::process::{DumpableBehavior, getgid, getuid, set_dumpable_behavior};
use rustix::thread::{CapabilitySet, UnshareFlags, capabilities};

use super::{Namespaces, descendants, inner, raw};

/// The exit code for a half-made namespace, in which nothing can be done any more.
pub(crate) const HALF_MADE: u8 = 120;

/// Runs the outer supervisor to its end.
pub(super) fn run(with_namespaces: bool) -> ExitCode {
    match supervise(with_namespaces) {
        Ok(code) => code,
        // The caller reads one line of JSON from the inner supervisor; without it, this is what it shows.
        Err(Failure::HalfMade) => ExitCode::from(HALF_MADE),
        Err(Failure::Io) => ExitCode::FAILURE,
    }
}

enum Failure {
    HalfMade,
    Io,
}

impl From<io::Error> for Failure {
    fn from(_: io::Error) -> Self {
        Self::Io
    }
}

fn supervise(with_namespaces: bool) -> Result<ExitCode, Failure> {
    // Kernels before 5.11 do not have it; every descriptor of our own is closed by an `exec` anyway.
    let _ = raw::seal_inherited();
    let program = std::env::current_exe()?;
    let namespaces = if with_namespaces { enter()? } else { Namespaces::none("they were not asked for") };
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(io::Error::from)?;
    descendants::adopt().map_err(io::Error::from)?;
    let mut command = Command::new(program);
    command.env_clear().args(["supervise", inner::ARGUMENT]).arg(namespaces.to_json());
    // Orders come in and answers go out through the inner supervisor alone.
    let status = command.stdin(Stdio::inherit()).stdout(Stdio::inherit()).stderr(Stdio::inherit()).status()?;
    descendants::end_all();
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Enters what namespaces it may; which ones, and why not the others.
fn enter() -> Result<Namespaces, Failure> {
    let wanted = UnshareFlags::NEWNET | UnshareFlags::NEWPID | UnshareFlags::NEWIPC;
    let may = capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::SYS_ADMIN));
    let (user, group) = (getuid().as_raw(), getgid().as_raw());
    let flags = if may { wanted } else { wanted | UnshareFlags::NEWUSER };
    if let Err(error) = raw::unshare(flags) {
        let what = if may { "the kernel refuses it" } else { "the kernel refuses it to users" };
        return Ok(Namespaces::none(&format!("{what} ({error})")));
    }
    if !may {
        map(user, group).map_err(|_| Failure::HalfMade)?;
    }
    raw::raise_loopback().map_err(|_| Failure::HalfMade)?;
    Ok(Namespaces { network: None, process: None, counts_apart: !may })
}

/// The user and the group are themselves in the new user namespace; nobody else is anybody there.
fn map(user: u32, group: u32) -> io::Result<()> {
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
    fs::write("/proc/self/gid_map", format!("{group} {group} 1"))
}
