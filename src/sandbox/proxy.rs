//! The proxy: the only way from a package manager to the network, one list of hosts at a time.
//!
//! It knows one request, `CONNECT host:port`, resolves the name itself and connects to the very address that the rule of
//! outgoing addresses let through. What goes through the tunnel is TLS between the tool and the registry: the proxy cannot
//! read it, and needs no authority of its own.

mod connect;
mod hosts;
mod refusal;
mod request;
mod tunnel;
mod upstream;

#[cfg(test)]
mod tests;

use std::fs::Permissions;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

pub(crate) use hosts::Hosts;
pub(crate) use refusal::{Cause, Refusal, cause};
pub(crate) use upstream::Upstream;

use refusal::Refusals;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinSet};

use crate::net::address::{AddressError, AddressRule};

/// A Unix socket's path has room for 107 bytes (`sun_path` of unix(7)).
const LONGEST_SOCKET_PATH: usize = 107;
/// How long a closed door waits for its tunnels to be gone.
const CLOSE_TIME: Duration = Duration::from_secs(2);
/// How long nobody is let in after that has failed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What one door lets through. Package managers stay far below each of them.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Bytes of a request's head; a real one has about 150.
    head: usize,
    /// Until the head is complete.
    head_time: Duration,
    /// Until the name is resolved and a connection stands.
    connect_time: Duration,
    /// Without a byte in either direction.
    idle_time: Duration,
    /// Of one tunnel.
    total_time: Duration,
    /// Of all tunnels of the door together, both directions.
    bytes: u64,
    /// Connections at once; npm opens 15 to a host.
    connections: usize,
    /// Connections until the door is closed: Composer opens one per request at worst.
    connections_in_all: usize,
}

const LIMITS: Limits = Limits {
    head: 8 * 1024,
    head_time: Duration::from_secs(10),
    connect_time: Duration::from_secs(20),
    idle_time: Duration::from_mins(1),
    total_time: Duration::from_mins(10),
    bytes: 2 * 1024 * 1024 * 1024,
    connections: 64,
    connections_in_all: 20_000,
};

/// Gives the addresses of a host that a rule lets through; blocks.
type Resolve = dyn Fn(&AddressRule, &str, u16) -> Result<Vec<SocketAddr>, AddressError> + Send + Sync;

/// The proxy of a run. It ends with its last door.
#[derive(Clone)]
pub(crate) struct Proxy {
    engine: Arc<Engine>,
}

/// The thread that all connections live in.
struct Engine {
    handle: Handle,
    end: Mutex<Option<oneshot::Sender<()>>>,
    upstream: Upstream,
    resolve: Arc<Resolve>,
    limits: Limits,
}

impl Proxy {
    /// Starts the proxy's thread. `upstream` is the operator's own proxy, where there is one.
    pub(crate) fn start(upstream: Upstream) -> io::Result<Self> {
        Self::start_with(upstream, Arc::new(AddressRule::resolve), LIMITS)
    }

    fn start_with(upstream: Upstream, resolve: Arc<Resolve>, limits: Limits) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel();
        thread::Builder::new().name("proxy".to_owned()).spawn(move || {
            // An error means that the sender is gone, which is the end as well.
            let _ = runtime.block_on(ended);
            // A look-up that hangs in the system's resolver is not waited for.
            runtime.shutdown_background();
        })?;
        Ok(Self { engine: Arc::new(Engine { handle, end: Mutex::new(Some(end)), upstream, resolve, limits }) })
    }

    /// Opens a door to these hosts, and to no other. Its socket lies in a folder of its own below `scratch`, which only we
    /// may enter; a scratch folder whose name is too long for a socket is replaced by the system's.
    pub(crate) fn open(&self, hosts: Hosts, scratch: &Path) -> io::Result<Door> {
        let (folder, socket) = socket_folder(scratch)?;
        let listener = UnixListener::bind(&socket)?;
        listener.set_nonblocking(true)?;
        let engine = Arc::clone(&self.engine);
        let traffic = Arc::new(Traffic {
            rule: hosts.rule(),
            hosts,
            refusals: Refusals::default(),
            bytes: AtomicU64::new(0),
            open: AtomicUsize::new(0),
            opened: AtomicUsize::new(0),
        });
        let (alive, closed) = mpsc::channel();
        let door = Door {
            traffic,
            engine,
            socket,
            port: OnceLock::new(),
            listening: Mutex::new(Vec::new()),
            alive: Some(alive),
            closed: Mutex::new(closed),
            _folder: folder,
        };
        let listener = {
            let _context = door.engine.handle.enter();
            tokio::net::UnixListener::from_std(listener)?
        };
        door.listen(Listener::Unix(listener));
        Ok(door)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(end) = self.end.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            // The thread may have ended before, when the process is going down.
            let _ = end.send(());
        }
    }
}

/// A folder of mode 0700 and the path of a socket in it.
fn socket_folder(scratch: &Path) -> io::Result<(TempDir, PathBuf)> {
    let private = || Permissions::from_mode(0o700);
    let make = |parent: &Path| tempfile::Builder::new().prefix("door-").permissions(private()).tempdir_in(parent);
    let folder = make(scratch)?;
    let socket = folder.path().join("proxy");
    if socket.as_os_str().len() <= LONGEST_SOCKET_PATH {
        return Ok((folder, socket));
    }
    let folder = make(&std::env::temp_dir())?;
    let socket = folder.path().join("proxy");
    Ok((folder, socket))
}

/// What the connections of one door share.
struct Traffic {
    hosts: Hosts,
    rule: AddressRule,
    refusals: Refusals,
    bytes: AtomicU64,
    open: AtomicUsize,
    opened: AtomicUsize,
}

/// One list of hosts, open until it is dropped; then every tunnel through it is cut.
pub(crate) struct Door {
    traffic: Arc<Traffic>,
    engine: Arc<Engine>,
    socket: PathBuf,
    port: OnceLock<u16>,
    listening: Mutex<Vec<AbortHandle>>,
    /// Copied into every listener; when the last copy is gone, so are the connections.
    alive: Option<mpsc::Sender<()>>,
    closed: Mutex<mpsc::Receiver<()>>,
    // Held so that the socket's folder lives as long as the door.
    _folder: TempDir,
}

impl Door {
    /// The Unix socket on which the proxy listens for this door.
    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// A port of 127.0.0.1 on which the proxy listens for this door, for tools that are not in a network of their own.
    /// Nothing listens there before the first call.
    pub(crate) fn port(&self) -> io::Result<u16> {
        if let Some(port) = self.port.get() {
            return Ok(*port);
        }
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let listener = {
            let _context = self.engine.handle.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        // Who comes second has bound a port for nothing, which is closed again here.
        if self.port.set(port).is_ok() {
            self.listen(Listener::Tcp(listener));
        }
        Ok(*self.port.get().unwrap_or(&port))
    }

    /// What was refused until now, each once and in order.
    pub(crate) fn refused(&self) -> Vec<Refusal> {
        self.traffic.refusals.list()
    }

    /// Serves whoever comes, until the door is closed.
    fn listen(&self, listener: Listener) {
        let (traffic, engine, alive) = (Arc::clone(&self.traffic), Arc::downgrade(&self.engine), self.alive.clone());
        let task = self.engine.handle.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                match listener.accept().await {
                    Ok(stream) => {
                        // The engine outlives its doors; without it there is nothing to serve.
                        let Some(engine) = engine.upgrade() else { break };
                        let (traffic, alive) = (Arc::clone(&traffic), alive.clone());
                        connections.spawn(async move {
                            tunnel::serve(stream, &traffic, &engine).await;
                            drop(alive);
                        });
                    }
                    // Out of file descriptors: whoever holds them is about to be cut off by a limit.
                    Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
                }
                while connections.try_join_next().is_some() {}
            }
        });
        self.listening.lock().unwrap_or_else(PoisonError::into_inner).push(task.abort_handle());
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        for task in self.listening.get_mut().unwrap_or_else(PoisonError::into_inner).drain(..) {
            task.abort();
        }
        self.alive = None;
        // Nothing is ever sent: it ends when the last connection is gone, or when we have waited long enough.
        let _ = self.closed.get_mut().unwrap_or_else(PoisonError::into_inner).recv_timeout(CLOSE_TIME);
    }
}

/// Where a door is knocked at.
enum Listener {
    Unix(tokio::net::UnixListener),
    Tcp(tokio::net::TcpListener),
}

impl Listener {
    async fn accept(&self) -> io::Result<Box<dyn Stream>> {
        Ok(match self {
            Self::Unix(listener) => Box::new(listener.accept().await?.0),
            Self::Tcp(listener) => Box::new(listener.accept().await?.0),
        })
    }
}

/// Both ends of a connection.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<Any: AsyncRead + AsyncWrite + Send + Unpin> Stream for Any {}
