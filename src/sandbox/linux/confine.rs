//! Confine: gives up everything that a package manager is not to have, for one thread and all that it starts.

use std::path::Path;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, LandlockStatus, NetPort,
    PathBeneath, PathFd, Ruleset, RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _, RulesetError, Scope,
};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set, remove_capability_from_bounding_set,
    set_capabilities, set_no_new_privs,
};

use super::calls;
use crate::model::confinement::Enforced;
use crate::sandbox::order::Grants;

/// The version whose rules are asked for; older kernels do what they can, and say so.
const INTERFACE: ABI = ABI::V7;

/// Devices and files of the kernel that runtimes read. Nothing of processes: `/proc` itself is closed.
const KERNEL_FILES: [&str; 11] = [
    "/dev/urandom",
    "/dev/random",
    "/dev/zero",
    "/dev/full",
    "/proc/cpuinfo",
    "/proc/filesystems",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/sys/vm/overcommit_memory",
    "/proc/version",
    "/sys/devices/system/cpu",
];

/// What has to live as long as the confined processes.
pub(super) struct Held {
    /// Rules hold files by their inode; those of `/proc` are made anew unless somebody holds the file.
    _files: Vec<PathFd>,
}

/// Confines this thread. `port` is the only one that it may connect to. Notes what the kernel grants in `enforced`.
pub(super) fn this_thread(grants: &Grants, port: Option<u16>, enforced: &mut Enforced) -> Result<Held, String> {
    drop_capabilities().map_err(|error| format!("give up capabilities: {error}"))?;
    set_no_new_privs(true).map_err(|error| format!("give up new privileges: {error}"))?;
    let mut held = Vec::new();
    enforced.landlock = landlock(grants, port, &mut held).map_err(|error| format!("restrict files: {error}"))?;
    enforced.calls = calls::filter().err().map(|error| error.to_string());
    Ok(Held { _files: held })
}

/// No capability is left, and none can come back with a program: root is a user like any other then.
fn drop_capabilities() -> rustix::io::Result<()> {
    let none = CapabilitySet::empty();
    clear_ambient_capability_set()?;
    if capabilities(None)?.effective.contains(CapabilitySet::SETPCAP) {
        for bit in 0..u64::BITS {
            // The kernel knows no more of them when it says so.
            if remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(1 << bit)).is_err() {
                break;
            }
        }
    }
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })
}

/// Gives the version of Landlock that rules from now on; 0 for none.
fn landlock(grants: &Grants, port: Option<u16>, held: &mut Vec<PathFd>) -> Result<u8, RulesetError> {
    let ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(INTERFACE))?
        .handle_access(AccessNet::from_all(INTERFACE))?
        .scope(Scope::from_all(INTERFACE))?
        .create()?;
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let everything = AccessFs::from_all(INTERFACE) & !AccessFs::Execute;
    let mut rules = Rules { ruleset, held };
    for path in grants.read.iter().map(AsRef::as_ref).chain(KERNEL_FILES.iter().map(Path::new)) {
        rules.allow(path, read)?;
    }
    for path in &grants.execute {
        rules.allow(path, read | AccessFs::Execute)?;
    }
    for path in &grants.write {
        rules.allow(path, everything)?;
    }
    rules.allow(Path::new("/dev/null"), AccessFs::ReadFile | AccessFs::WriteFile)?;
    let mut ruleset = rules.ruleset;
    if let Some(port) = port {
        ruleset = ruleset.add_rule(NetPort::new(port, AccessNet::ConnectTcp))?;
    }
    Ok(match ruleset.restrict_self()?.landlock {
        LandlockStatus::Available { effective_abi, .. } => version(effective_abi),
        LandlockStatus::NotEnabled | LandlockStatus::NotImplemented => 0,
    })
}

/// The number of a version, up to the one that is asked for.
fn version(interface: ABI) -> u8 {
    let versions = [ABI::V1, ABI::V2, ABI::V3, ABI::V4, ABI::V5, ABI::V6, ABI::V7];
    let number = versions.iter().filter(|version| **version <= interface).count();
    u8::try_from(number).unwrap_or_default()
}

/// Rules on their way into the kernel.
struct Rules<'a> {
    ruleset: RulesetCreated,
    held: &'a mut Vec<PathFd>,
}

impl Rules<'_> {
    /// Allows what makes sense for a file or a folder; a path that is not there is left out.
    fn allow(&mut self, path: &Path, access: BitFlags<AccessFs>) -> Result<(), RulesetError> {
        let Ok(file) = PathFd::new(path) else { return Ok(()) };
        let access = if path.is_dir() { access } else { access & AccessFs::from_file(INTERFACE) };
        (&mut self.ruleset).add_rule(PathBeneath::new(&file, access))?;
        self.held.push(file);
        Ok(())
    }
}
