//! Limits: what one package manager may use up.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The largest file: an npm cache index or a crates.io index of everything stays far below.
pub(crate) const FILE_SIZE: u64 = 512 * 1024 * 1024;
/// Open files.
const OPEN_FILES: u64 = 1_024;
/// Seconds of processor time, over all threads of one process: five minutes on two processors.
const PROCESSOR_SECONDS: u64 = 600;
/// Private memory of one process. Not the address space: V8 reserves ten times what it uses.
const MEMORY: u64 = 4 * 1024 * 1024 * 1024;
/// Processes and threads of the user. Only where they are counted for the sandbox alone, which a user namespace does:
/// elsewhere everything that the user runs would count.
const PROCESSES: u64 = 512;

/// Sets the limits of this process and of all that it starts. None of them is raised.
pub(super) fn set(counts_apart: bool) -> std::io::Result<()> {
    let limits = [
        (Resource::Fsize, FILE_SIZE),
        (Resource::Nofile, OPEN_FILES),
        (Resource::Cpu, PROCESSOR_SECONDS),
        (Resource::Core, 0),
        (Resource::Data, MEMORY),
    ];
    for (resource, limit) in limits.into_iter().chain(counts_apart.then_some((Resource::Nproc, PROCESSES))) {
        let highest = getrlimit(resource).maximum.unwrap_or(u64::MAX);
        let limit = Some(limit.min(highest));
        setrlimit(resource, Rlimit { current: limit, maximum: limit })?;
    }
    Ok(())
}
