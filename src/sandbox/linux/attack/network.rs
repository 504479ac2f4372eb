//! Attacks on the network.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{self, UnixStream};
use std::path::Path;
use std::time::Duration;

use rustix::net::{AddressFamily, Protocol, SendFlags, SocketType, ipproto, sendto, socket};

use super::first;

/// Another address of this machine.
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) fn connect(port: u16) -> io::Result<String> {
    reach(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))
}

/// Whether somebody listens there does not matter: an answer that nobody does is an answer.
pub(super) fn connect_elsewhere() -> io::Result<String> {
    let port = std::env::var("HTTPS_PROXY").ok().and_then(|address| address.rsplit_once(':')?.1.parse().ok());
    let port = port.ok_or_else(|| io::Error::other("there is no proxy"))?;
    match reach(SocketAddrV4::new(ELSEWHERE, port)) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            Ok(format!("{ELSEWHERE} answers that nobody listens there"))
        }
        result => result,
    }
}

fn reach(address: SocketAddrV4) -> io::Result<String> {
    TcpStream::connect_timeout(&SocketAddr::V4(address), PATIENCE).map(|_| format!("connected to {address}"))
}

pub(super) fn listen() -> io::Result<String> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map(|listener| format!("listens as {:?}", listener.local_addr()))
}

pub(super) fn send(port: u16) -> io::Result<String> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.send_to(b"attack", (Ipv4Addr::LOCALHOST, port)).map(|count| format!("sent {count} bytes"))
}

/// Ways to a TCP connection that are no `connect` of a TCP socket.
pub(super) fn connect_otherwise(port: u16) -> io::Result<String> {
    let target = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
    let by_many = || {
        let socket = socket(AddressFamily::INET, SocketType::STREAM, Some(ipproto::MPTCP))?;
        rustix::net::connect(&socket, &target)?;
        Ok("connected by MPTCP".to_owned())
    };
    let by_sending = || {
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
        let flags = SendFlags::from_bits_retain(libc::MSG_FASTOPEN.unsigned_abs());
        let count = sendto(&socket, b"attack", flags, &target)?;
        Ok(format!("sent {count} bytes by fast open"))
    };
    first([&by_many, &by_sending])
}

pub(super) fn open_raw() -> io::Result<String> {
    let open = |family, kind, protocol: Option<Protocol>, name: &str| {
        socket(family, kind, protocol).map_err(io::Error::from).map(|_| format!("opened a {name} socket"))
    };
    first([
        &|| open(AddressFamily::INET, SocketType::RAW, Some(ipproto::ICMP), "raw"),
        &|| open(AddressFamily::PACKET, SocketType::RAW, None, "packet"),
        &|| open(AddressFamily::VSOCK, SocketType::STREAM, None, "vsock"),
        &|| open(AddressFamily::NETLINK, SocketType::RAW, None, "netlink"),
    ])
}

pub(super) fn connect_unix(path: &Path) -> io::Result<String> {
    UnixStream::connect(path).map(|_| format!("connected to `{}`", path.display()))
}

pub(super) fn connect_abstract(name: &str) -> io::Result<String> {
    let address = net::SocketAddr::from_abstract_name(name)?;
    UnixStream::connect_addr(&address).map(|_| format!("connected to @{name}"))
}
