//! Trial: starts the attacks as a package manager is started, and judges from outside what came of them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::attack::{Attack, Said, Targets, Verdict};
use super::linux::FILE_SIZE;
use super::reach::Reach;
use super::runner::{Invocation, RunError, Runner};
use super::skeleton::{Place, Skeleton};
use super::supervisor::Supervisor;
use crate::model::confinement::{Confinement, Enforced};

/// What stands in the file that may not be read.
const SECRET: &str = "a secret of another program\n";
/// How long a killed process may take until its locks are gone.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why nothing could be tried.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrialError {
    /// The targets cannot be set up.
    #[error("prepare the targets of the attacks")]
    Io(#[from] io::Error),
    /// The supervisor cannot be used at all.
    #[error("build the walls: {0}")]
    Supervisor(String),
    /// The attacks could not be started.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The attacks ended without a word.
    #[error("hear from the attacks: {0}")]
    Silent(String),
}

/// What the walls are worth, and what came of every attack.
pub(crate) struct Trial {
    /// The mechanisms.
    pub(crate) enforced: Enforced,
    /// In the order in which they were tried.
    pub(crate) verdicts: Vec<Verdict>,
}

/// Tries every attack. Everything that it needs lies in a folder that vanishes, and listens on loopback addresses only.
pub(crate) fn trial(confinement: Confinement, with_namespaces: bool) -> Result<Trial, TrialError> {
    let supervisor = Supervisor::new(confinement)?;
    let supervisor = if with_namespaces { supervisor } else { supervisor.without_namespaces() };
    let supervisor = Arc::new(supervisor);
    let enforced = supervisor.enforced().map_err(|reason| TrialError::Supervisor(reason.to_owned()))?.clone();
    let world = tempfile::Builder::new().prefix("patchparty-attack-").tempdir()?;
    let skeleton = Skeleton::new(&world.path().join("scratch"), &world.path().join("cache"), &BTreeMap::new())
        .map_err(io::Error::other)?;
    let place = skeleton.place();
    let program = std::env::current_exe()?;
    let mut scene = Scene::new(world.path(), place, &program)?;
    let runner = Runner::from_environment().confined(supervisor);
    let (last, others) = (Attack::SignalSupervisor, Attack::ALL.iter().filter(|it| **it != Attack::SignalSupervisor));
    let mut said = scene.attack(&runner, place, (&program, others.copied().collect()))?;
    if said.is_empty() {
        return Err(TrialError::Silent("it said nothing".to_owned()));
    }
    // Apart from the others: where it succeeds, nobody is left who could tell.
    said.extend(scene.attack(&runner, place, (&program, vec![last])).unwrap_or_default());
    let verdicts = Attack::ALL.iter().map(|attack| scene.judge(*attack, &said, &enforced)).collect();
    Ok(Trial { enforced, verdicts })
}

/// The targets, alive.
struct Scene {
    targets: Targets,
    tcp: TcpListener,
    udp: UdpSocket,
    unix: UnixListener,
    hidden: UnixListener,
    victim: Child,
}

impl Scene {
    fn new(world: &Path, place: &Place, program: &Path) -> io::Result<Self> {
        let outside = world.join("outside");
        fs::create_dir(&outside)?;
        let secret = outside.join("secret");
        fs::write(&secret, SECRET)?;
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let unix = outside.join("socket");
        let hidden = format!("patchparty-attack-{}", std::process::id());
        let victim = Command::new(program)
            .args(["attack", "wait"])
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let targets = Targets {
            secret,
            home: std::env::home_dir(),
            outside,
            programs: PathBuf::from("/usr/bin"),
            scratch: place.home.clone(),
            tcp: tcp.local_addr()?.port(),
            udp: udp.local_addr()?.port(),
            unix: unix.clone(),
            hidden: hidden.clone(),
            process: victim.id(),
            attacks: Vec::new(),
        };
        let unix = UnixListener::bind(unix)?;
        let hidden = UnixListener::bind_addr(&SocketAddr::from_abstract_name(hidden)?)?;
        tcp.set_nonblocking(true)?;
        udp.set_nonblocking(true)?;
        for listener in [&unix, &hidden] {
            listener.set_nonblocking(true)?;
        }
        Ok(Self { targets, tcp, udp, unix, hidden, victim })
    }

    /// Has the program attack, and gives what it says.
    fn attack(
        &self,
        runner: &Runner,
        place: &Place,
        (program, attacks): (&Path, Vec<Attack>),
    ) -> Result<Vec<Said>, TrialError> {
        let targets = Targets { attacks, ..self.targets.clone() };
        let invocation = Invocation {
            program: program.display().to_string(),
            args: vec!["attack".to_owned(), serde_json::to_string(&targets).map_err(io::Error::other)?],
            env: BTreeMap::new(),
            cwd: place.empty.clone(),
            reach: Reach::Nothing,
        };
        let output = runner.run(&invocation, place)?;
        let said: Vec<Said> = output.stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        match output.stderr.lines().next() {
            Some(word) if said.is_empty() => Err(TrialError::Silent(word.to_owned())),
            _ => Ok(said),
        }
    }

    /// What an attack says of itself, unless what is seen here is worse.
    fn judge(&mut self, attack: Attack, said: &[Said], enforced: &Enforced) -> Verdict {
        let result = said.iter().find(|said| said.attack == attack).map(|said| said.result.clone());
        // Killing the supervisor ends the attacks before they can say so.
        let (mut got, mut word) = match result {
            Some(Ok(got)) => (Some(got), String::new()),
            Some(Err(word)) => (None, word),
            None => (Some("no answer came any more".to_owned()), String::new()),
        };
        // In a network namespace, every address of this machine is one of the namespace's own.
        if attack == Attack::ConnectAddress && got.is_some() && enforced.no_network_namespace.is_none() {
            (got, word) = (None, "nobody else is in this network".to_owned());
        }
        // The attack that outlives the run is one that ran; whether it lives is seen here.
        if attack == Attack::Outlive && got.is_some() && self.is_dead() {
            got = None;
        }
        let got = got.or_else(|| self.evidence(attack));
        let gap = enforced.gaps().into_iter().find(|gap| Some(gap.wall) == attack.wall());
        let detail = match (&got, gap) {
            (None, _) => word,
            (Some(_), Some(gap)) => gap.reason,
            (Some(got), None) => got.clone(),
        };
        Verdict { attack, title: attack.title(), denied: got.is_none(), detail }
    }

    /// What is seen of an attack that says that it got nothing.
    fn evidence(&mut self, attack: Attack) -> Option<String> {
        let seen = match attack {
            Attack::ConnectPort | Attack::ConnectOtherwise => self.tcp.accept().is_ok(),
            Attack::SendDatagram => self.udp.recv(&mut [0; 16]).is_ok(),
            Attack::ConnectUnix => self.unix.accept().is_ok(),
            Attack::ConnectAbstract => self.hidden.accept().is_ok(),
            Attack::SignalOutside => self.victim.try_wait().is_ok_and(|status| status.is_some()),
            Attack::GrowFile => {
                fs::metadata(self.targets.scratch.join("grown")).is_ok_and(|file| file.len() > FILE_SIZE)
            }
            Attack::WriteOutside => fs::read_dir(&self.targets.outside).is_ok_and(|entries| entries.count() > 2),
            _ => false,
        };
        seen.then(|| "it was seen from outside".to_owned())
    }

    /// Whether the process that wanted to outlive the run has ended: its lock is free.
    fn is_dead(&self) -> bool {
        let Ok(file) = File::open(self.targets.scratch.join("alive")) else { return true };
        let deadline = std::time::Instant::now() + PATIENCE;
        while std::time::Instant::now() < deadline {
            if file.try_lock().is_ok() {
                return true;
            }
            thread::sleep(Duration::from_millis(10));
        }
        false
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        // It may have been killed by an attack.
        let _ = self.victim.kill();
        let _ = self.victim.wait();
    }
}
