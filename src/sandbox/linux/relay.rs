//! Relay: carries connections of a network namespace to the proxy outside of it.

use std::io;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;

/// Listens on a port of the loopback address, and connects whoever comes to the socket. Gives the port.
pub(super) fn start(socket: PathBuf) -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for inside in listener.incoming().flatten() {
            let socket = socket.clone();
            // Without a thread or a proxy the connection is closed, which the tool reports.
            let _ = thread::Builder::new().spawn(move || carry(&inside, &socket));
        }
    });
    Ok(port)
}

/// Carries bytes in both directions until both have ended.
fn carry(inside: &TcpStream, socket: &Path) -> io::Result<()> {
    let outside = UnixStream::connect(socket)?;
    thread::scope(|scope| {
        scope.spawn(|| {
            let _ = io::copy(&mut &*inside, &mut &outside);
            let _ = outside.shutdown(Shutdown::Write);
        });
        let _ = io::copy(&mut &outside, &mut &*inside);
        let _ = inside.shutdown(Shutdown::Write);
    });
    Ok(())
}
