//! The supervisor as its caller sees it: this same program again, with an empty environment, that obeys one order.

use std::io::{self, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use super::capture::{self, kill_group};
use super::interrupt;
use super::order::{Answer, Grants, Order};
use crate::model::confinement::{Confinement, Enforced};

/// An answer holds two streams of at most a mebibyte, each byte of which takes six characters at worst.
const ANSWER_LIMIT: u64 = 16 * 1024 * 1024;
/// How long the supervisor may take beyond the time of what it starts: it kills first and answers then.
const GRACE: Duration = Duration::from_secs(20);
/// How long a supervisor whose order is taken back may take.
const FAREWELL: Duration = Duration::from_secs(5);
/// How often it is looked whether the run is to end.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// Starts supervisors.
#[derive(Debug)]
pub(crate) struct Supervisor {
    program: PathBuf,
    confinement: Confinement,
    with_namespaces: AtomicBool,
    tried: OnceLock<Result<Enforced, String>>,
}

impl Supervisor {
    /// The program that runs is its own supervisor. An error where its file cannot be found.
    pub(crate) fn new(confinement: Confinement) -> io::Result<Self> {
        Ok(Self {
            program: std::env::current_exe()?,
            confinement,
            with_namespaces: AtomicBool::new(true),
            tried: OnceLock::new(),
        })
    }

    /// The same without namespaces, as on machines whose users may not make any.
    #[must_use]
    pub(crate) fn without_namespaces(self) -> Self {
        self.with_namespaces.store(false, Ordering::Relaxed);
        self
    }

    /// Whether a missing wall keeps everything from being started.
    pub(crate) fn is_required(&self) -> bool {
        self.confinement == Confinement::Required
    }

    /// What the walls are worth on this machine: tried once, by building them around nothing.
    pub(crate) fn enforced(&self) -> Result<&Enforced, &str> {
        let tried = self.tried.get_or_init(|| {
            let order = Order {
                command: None,
                grants: Grants::default(),
                route: None,
                required: false,
                milliseconds: u64::try_from(GRACE.as_millis()).unwrap_or(u64::MAX),
            };
            self.obey(&order).map(|answer| answer.enforced)
        });
        tried.as_ref().map_err(String::as_str)
    }

    /// Has an order carried out. An error is about the supervisor: it could not be started or gave no answer.
    pub(crate) fn obey(&self, order: &Order) -> Result<Answer, String> {
        if !cfg!(target_os = "linux") {
            return Err("only Linux has what it takes".to_owned());
        }
        let (answer, status) = self.ask(order, self.with_namespaces.load(Ordering::Relaxed))?;
        if status.code() == Some(i32::from(HALF_MADE)) {
            // The kernel gave a namespace that cannot be used, and will do so again.
            self.with_namespaces.store(false, Ordering::Relaxed);
            return self.ask(order, false)?.0.ok_or_else(|| "it gave no answer".to_owned());
        }
        answer.ok_or_else(|| format!("it gave no answer ({status})"))
    }

    fn ask(&self, order: &Order, with_namespaces: bool) -> Result<(Option<Answer>, ExitStatus), String> {
        let say = |error: io::Error| error.to_string();
        let mut command = Command::new(&self.program);
        command.arg("supervise").args((!with_namespaces).then_some("--without-namespaces"));
        command.env_clear().current_dir("/").process_group(0);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(say)?;
        // While this end is open, the supervisor knows that we live. The kernel closes it for us when we do not.
        let mut lifeline = child.stdin.take();
        let mut line = serde_json::to_vec(order).map_err(|error| error.to_string())?;
        line.push(b'\n');
        let sent = lifeline.as_mut().map_or(Ok(()), |lifeline| lifeline.write_all(&line));
        let limit = Duration::from_millis(order.milliseconds).saturating_add(GRACE);
        let answer = sent.is_ok().then(|| listen(&mut child)).and_then(|answers| hear(&answers, limit));
        let status = end(child, lifeline).map_err(say)?;
        Ok((answer.and_then(|bytes| serde_json::from_slice(&bytes).ok()), status))
    }
}

/// The exit code of a supervisor that got no further than half a namespace.
#[cfg(target_os = "linux")]
use super::linux::HALF_MADE;
#[cfg(not(target_os = "linux"))]
const HALF_MADE: u8 = 120;

/// Reads the answer in a thread of its own.
fn listen(child: &mut Child) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        thread::spawn(move || {
            let mut bytes = Vec::new();
            // What was cut off is no JSON, and says so.
            let _ = stdout.take(ANSWER_LIMIT).read_to_end(&mut bytes);
            let _ = sender.send(bytes);
        });
    }
    receiver
}

/// Waits for the answer; `None` when the limit comes first, or the run is to end.
fn hear(answers: &mpsc::Receiver<Vec<u8>>, limit: Duration) -> Option<Vec<u8>> {
    let deadline = Instant::now() + limit;
    while Instant::now() < deadline && !interrupt::is_requested() {
        match answers.recv_timeout(LOOK_INTERVAL) {
            Ok(answer) => return Some(answer),
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
        }
    }
    None
}

/// Takes the order back, which a supervisor that has answered no longer minds, and waits for the end.
fn end(mut child: Child, lifeline: Option<std::process::ChildStdin>) -> io::Result<ExitStatus> {
    drop(lifeline);
    if let Some(status) = capture::wait(&mut child, FAREWELL, || false)? {
        return Ok(status);
    }
    // Its own end kills the inner supervisor, and that one's end all that a process namespace holds.
    kill_group(&child);
    child.wait()
}
