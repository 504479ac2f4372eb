//! Calls: the system calls that a confined process may not make.
//!
//! A list of what is forbidden and not of what is allowed: four package managers and their runtimes in any version use
//! most of the rest. What Landlock rules is not repeated; what it does not know (sockets that are not TCP, calls into
//! other processes and into the kernel) stands here.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, apply_filter, sock_filter,
};

/// Never, whatever the arguments are.
const FORBIDDEN: &[libc::c_long] = &[
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    // What is mounted, and other namespaces.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsmount,
    libc::SYS_fsconfig,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    // The kernel and the machine.
    libc::SYS_bpf,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_reboot,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_acct,
    libc::SYS_syslog,
    libc::SYS_vhangup,
    libc::SYS_personality,
    libc::SYS_lookup_dcookie,
    libc::SYS_nfsservctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    // Memory and messages that are shared by number and not by file.
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_semget,
    libc::SYS_msgget,
    libc::SYS_mq_open,
    libc::SYS_mq_unlink,
    // Whoever may connect to one port has nothing to offer on another.
    libc::SYS_bind,
    libc::SYS_listen,
];

/// As if the kernel did not know them: libraries have another way then. What `clone3` is asked for stands in memory,
/// which a filter cannot read; a ring makes calls that no filter sees.
const UNKNOWN: &[libc::c_long] =
    &[libc::SYS_clone3, libc::SYS_io_uring_setup, libc::SYS_io_uring_enter, libc::SYS_io_uring_register];

/// The namespaces that `clone` could make. The bit of a time namespace is one of the signal's there: it cannot be asked for.
const NAMESPACES: [libc::c_int; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

/// Kinds of sockets are four bits of the second argument; the rest are flags.
const KIND_MASK: u64 = 0xf;

/// Filters the calls of this thread and of all that it starts, for good.
pub(super) fn filter() -> Result<(), Error> {
    // All of them are asked for every call, and the strictest answer counts.
    apply_filter(&program(forbidden()?, libc::EPERM)?)?;
    apply_filter(&program(UNKNOWN.iter().map(|call| (*call, Vec::new())).collect(), libc::ENOSYS)?)?;
    if cfg!(target_arch = "x86_64") {
        apply_filter(&second_numbering())?;
    }
    Ok(())
}

fn program(rules: BTreeMap<i64, Vec<SeccompRule>>, error: libc::c_int) -> Result<BpfProgram, Error> {
    let refuse = SeccompAction::Errno(u32::try_from(error).unwrap_or_default());
    // Calls of another architecture (32 bits) end the process.
    let architecture = TargetArch::try_from(std::env::consts::ARCH)?;
    Ok(SeccompFilter::new(rules, SeccompAction::Allow, refuse, architecture)?.try_into()?)
}

/// x86-64 has a second set of numbers for the same calls (x32), from this one on. Where the kernel knows it, it would
/// lead around every rule.
const SECOND_NUMBERING: u32 = 0x4000_0000;

fn second_numbering() -> BpfProgram {
    // The number of the call is the first field of what a filter sees (`struct seccomp_data`).
    let load = sock_filter { code: 0x20, jt: 0, jf: 0, k: 0 };
    let compare = sock_filter { code: 0x35, jt: 0, jf: 1, k: SECOND_NUMBERING };
    let refuse = sock_filter { code: 0x06, jt: 0, jf: 0, k: 0x0005_0000 | libc::ENOSYS.unsigned_abs() };
    let allow = sock_filter { code: 0x06, jt: 0, jf: 0, k: 0x7fff_0000 };
    vec![load, compare, refuse, allow]
}

fn forbidden() -> Result<BTreeMap<i64, Vec<SeccompRule>>, Error> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = FORBIDDEN.iter().map(|call| (*call, Vec::new())).collect();
    #[cfg(target_arch = "x86_64")]
    for call in [libc::SYS_iopl, libc::SYS_ioperm, libc::SYS_uselib, libc::SYS_ustat, libc::SYS_modify_ldt] {
        rules.insert(call, Vec::new());
    }
    rules.insert(libc::SYS_socket, sockets()?);
    // A pair that is connected to itself: only as a stream, because a datagram could be sent elsewhere.
    rules.insert(libc::SYS_socketpair, kinds_but_streams()?);
    let mut namespaces = Vec::new();
    for namespace in NAMESPACES {
        let flag = u64::from(namespace.unsigned_abs());
        namespaces.push(rule(&[(0, SeccompCmpOp::MaskedEq(flag), flag)])?);
    }
    rules.insert(libc::SYS_clone, namespaces);
    // A connection that is made by sending passes Landlock by.
    let fast_open = u64::from(libc::MSG_FASTOPEN.unsigned_abs());
    for (call, argument) in [(libc::SYS_sendto, 3), (libc::SYS_sendmsg, 2), (libc::SYS_sendmmsg, 3)] {
        rules.insert(call, vec![rule(&[(argument, SeccompCmpOp::MaskedEq(fast_open), fast_open)])?]);
    }
    Ok(rules)
}

/// Only TCP. A socket of another family, kind or protocol is one that Landlock has no rule for; Unix sockets lead to
/// whatever listens on this machine, a container engine for example.
fn sockets() -> Result<Vec<SeccompRule>, Error> {
    let number = |value: libc::c_int| u64::from(value.unsigned_abs());
    let mut rules = kinds_but_streams()?;
    rules.push(rule(&[(0, SeccompCmpOp::Ne, number(libc::AF_INET)), (0, SeccompCmpOp::Ne, number(libc::AF_INET6))])?);
    rules.push(rule(&[(2, SeccompCmpOp::Ne, 0), (2, SeccompCmpOp::Ne, number(libc::IPPROTO_TCP))])?);
    Ok(rules)
}

fn kinds_but_streams() -> Result<Vec<SeccompRule>, Error> {
    let stream = u64::from(libc::SOCK_STREAM.unsigned_abs());
    let others = (0..=KIND_MASK).filter(|kind| *kind != stream);
    others.map(|kind| rule(&[(1, SeccompCmpOp::MaskedEq(KIND_MASK), kind)])).collect()
}

/// All of these conditions: the number of the argument, how it is compared, and with what.
fn rule(conditions: &[(u8, SeccompCmpOp, u64)]) -> Result<SeccompRule, Error> {
    let conditions = conditions.iter().map(|(argument, comparison, value)| {
        SeccompCondition::new(*argument, SeccompCmpArgLen::Dword, comparison.clone(), *value)
    });
    Ok(SeccompRule::new(conditions.collect::<Result<_, _>>()?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filters_can_be_compiled_for_both_architectures() {
        for architecture in [TargetArch::x86_64, TargetArch::aarch64] {
            let filter =
                SeccompFilter::new(forbidden().unwrap(), SeccompAction::Allow, SeccompAction::Errno(1), architecture);
            assert!(!BpfProgram::try_from(filter.unwrap()).unwrap().is_empty());
        }
    }
}
