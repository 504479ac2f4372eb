//! The system calls that no crate wraps in safe Rust: the only file with `unsafe` in it.
#![expect(unsafe_code, reason = "each block is one system call whose arguments are plain numbers or a local value")]

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use rustix::thread::UnshareFlags;

/// Moves this process into new namespaces. With a user namespace, the process must not have a second thread.
pub(super) fn unshare(namespaces: UnshareFlags) -> io::Result<()> {
    // SAFETY: the function is unsafe because of `CLONE_FILES`, which would let threads see different descriptors.
    let namespaces = namespaces.difference(UnshareFlags::FILES | UnshareFlags::FS);
    Ok(unsafe { rustix::thread::unshare_unsafe(namespaces) }?)
}

/// Switches the loopback device of this network namespace on.
pub(super) fn raise_loopback() -> io::Result<()> {
    let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    // SAFETY: `ifreq` is plain old data, for which zeroes are valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (target, byte) in request.ifr_name.iter_mut().zip(b"lo") {
        *target = libc::c_char::from_ne_bytes([*byte]);
    }
    request.ifr_ifru.ifru_flags = libc::c_short::try_from(libc::IFF_UP | libc::IFF_RUNNING).unwrap_or_default();
    // SAFETY: the descriptor is open, and the request is read during the call only.
    checked(unsafe { libc::ioctl(socket.as_fd().as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) })
}

/// Lets no child inherit the descriptors that this process was started with, beyond the standard three.
pub(super) fn seal_inherited() -> io::Result<()> {
    let flags = libc::c_int::try_from(libc::CLOSE_RANGE_CLOEXEC).unwrap_or_default();
    // SAFETY: the call takes numbers only, and closes nothing: it marks what an `exec` closes.
    checked(unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, flags) }.try_into().unwrap_or(-1))
}

/// Kills every process of this process namespace except its first, which has to be the caller.
pub(super) fn kill_namespace() {
    if std::process::id() == 1 {
        // SAFETY: the call takes numbers only; as the first process of a namespace we see no process outside of it.
        unsafe { libc::kill(-1, libc::SIGKILL) };
    }
}

/// Tries to become the tracer of a process: one of the attacks.
pub(super) fn attach(process: i32) -> io::Result<()> {
    let none = std::ptr::null_mut::<libc::c_void>();
    // SAFETY: attaching takes a number; the two pointers are not used.
    checked(unsafe { libc::ptrace(libc::PTRACE_ATTACH, process, none, none) }.try_into().unwrap_or(-1))
}

fn checked(result: libc::c_int) -> io::Result<()> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
