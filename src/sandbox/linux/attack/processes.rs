//! Attacks on other processes and on the kernel.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::mount::{MountFlags, mount as mount_file_system};
use rustix::process::{Pid, Signal, getpid, getppid, kill_process, setsid};
use rustix::thread::UnshareFlags;

use super::super::raw;
use super::first;

/// How long a process waits that is to be killed; longer than any run.
const LONG: Duration = Duration::from_hours(1);

/// How often, and how far apart, it is looked whether a killed parent is gone. It is at once, unless the machine is busy.
const GONE_TRIES: u32 = 50;
const GONE_STEP: Duration = Duration::from_millis(10);

pub(super) fn read(process: u32) -> io::Result<String> {
    let parent = getppid().map_or(1, |parent| parent.as_raw_nonzero().get().unsigned_abs());
    let read = |process: u32, name: &str| {
        fs::read(format!("/proc/{process}/{name}")).map(|bytes| format!("{} bytes of {name}", bytes.len()))
    };
    first([
        &|| read(process, "environ"),
        &|| read(process, "cmdline"),
        &|| read(parent, "environ"),
        &|| read(parent, "cmdline"),
        &|| read(1, "environ"),
        &|| read(1, "cmdline"),
    ])
}

pub(super) fn list() -> io::Result<String> {
    let mut numbers =
        fs::read_dir("/proc")?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    numbers.next().map(|number| format!("sees process {number}")).ok_or_else(|| io::Error::other("there is none"))
}

pub(super) fn attach(process: u32) -> io::Result<String> {
    let parent = getppid().map_or(1, |parent| parent.as_raw_nonzero().get());
    let process = i32::try_from(process).unwrap_or(1);
    let attach = |process| raw::attach(process).map(|()| format!("attached to process {process}"));
    first([&|| attach(process), &|| attach(parent), &|| attach(1)])
}

pub(super) fn mount(folder: &Path) -> io::Result<String> {
    mount_file_system("none", folder, "tmpfs", MountFlags::empty(), None)?;
    Ok("mounted".to_owned())
}

pub(super) fn make_namespace() -> io::Result<String> {
    raw::unshare(UnshareFlags::NEWUSER).map(|()| "made one".to_owned())
}

/// The victim is a process of whoever tries this; in a process namespace, its number may be our own.
pub(super) fn kill(process: u32) -> io::Result<String> {
    let victim = i32::try_from(process).ok().and_then(Pid::from_raw).filter(|victim| *victim != getpid());
    let victim = victim.ok_or_else(|| io::Error::other("it has no number here"))?;
    kill_process(victim, Signal::KILL)?;
    Ok(format!("killed process {process}"))
}

/// The parent is our own supervisor: where this works, the run ends without harm to others.
///
/// The first process of a namespace gets no signal from inside of it that it does not ask for, and the kernel tells its sender
/// nothing (`pid_namespaces(7)`): so whether it worked is seen by whether the parent is still there.
pub(super) fn kill_parent() -> io::Result<String> {
    let parent = getppid().ok_or_else(|| io::Error::other("it has no number here"))?;
    kill_process(parent, Signal::KILL)?;
    for _ in 0..GONE_TRIES {
        if getppid() != Some(parent) {
            return Ok("killed it".to_owned());
        }
        thread::sleep(GONE_STEP);
    }
    Err(io::Error::other("it does not get the signal"))
}

/// Starts a process in a session of its own, waits until it runs, and ends: nobody is its parent then.
pub(super) fn leave(file: &Path) -> io::Result<()> {
    setsid()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["attack", "stay"]).arg(file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    drop(command.spawn()?);
    while fs::metadata(file).map_or(0, |metadata| metadata.len()) == 0 {
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// Holds a lock for as long as it lives: whoever gets the lock knows that we do not.
pub(super) fn stay(file: &Path) -> io::Result<()> {
    let mut held = File::create(file)?;
    held.lock()?;
    io::Write::write_all(&mut held, b"alive")?;
    thread::sleep(LONG);
    Ok(())
}

/// A victim: waits to be killed, or for the end of whoever started it.
pub(super) fn wait_for_end() -> io::Result<()> {
    io::copy(&mut io::stdin(), &mut io::sink()).map(drop)
}
