//! The inner supervisor: takes one order, starts the program inside of the walls, and answers when everything has ended.
//!
//! Only the thread that starts the program is confined: what it starts inherits that, and the supervisor itself can carry
//! connections to the proxy and kill what is left.

use std::io::{self, BufRead as _, Read as _, Write as _};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{DumpableBehavior, Signal, set_dumpable_behavior, set_parent_process_death_signal};

use super::{Namespaces, confine, descendants, limits, relay};
use crate::model::confinement::Enforced;
use crate::sandbox::capture::{self, Captured};
use crate::sandbox::order::{self, Answer, Ending, Order, Route};

/// The argument that asks for the inner supervisor; the next one says which namespaces there are.
pub(super) const ARGUMENT: &str = "--inside";

/// Runs the inner supervisor to its end.
pub(super) fn run(namespaces: &str) -> ExitCode {
    match supervise(namespaces) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The caller finds no answer, and shows this.
            let _ = writeln!(io::stderr(), "the supervisor of a package manager failed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn supervise(namespaces: &str) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    descendants::adopt()?;
    let namespaces: Namespaces = serde_json::from_str(namespaces)?;
    let mut line = Vec::new();
    let mut orders = io::BufReader::new(io::stdin());
    orders.read_until(b'\n', &mut line)?;
    let order: Order = serde_json::from_slice(&line)?;
    // Whoever gave the order holds the other end for as long as it lives: then nothing more comes, only the end.
    thread::spawn(move || {
        let _ = orders.read(&mut [0]);
        descendants::end_all();
        std::process::exit(1);
    });
    let answer = obey(order, &namespaces)?;
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, &answer)?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Carries the order out. An error is one of the supervisor, not of the program.
fn obey(mut order: Order, namespaces: &Namespaces) -> io::Result<Answer> {
    let port = match &order.route {
        Some(Route { socket, .. }) if namespaces.network.is_none() => Some(relay::start(socket.clone())?),
        Some(Route { port, .. }) => Some(*port),
        None => None,
    };
    if let Some(command) = &mut order.command {
        command.env.extend(order::way_to_proxy(port));
    }
    limits::set(namespaces.counts_apart)?;
    let mut enforced = Enforced {
        no_network_namespace: namespaces.network.clone(),
        no_process_namespace: namespaces.process.clone(),
        ..Enforced::default()
    };
    let limit = Duration::from_millis(order.milliseconds);
    let confined = thread::spawn(move || {
        let started = start(&order, port, &mut enforced);
        (started, enforced)
    });
    let Ok((started, enforced)) = confined.join() else {
        return Err(io::Error::other("the thread that starts programs panicked"));
    };
    // What the rules are bound to is held until everything has ended.
    let (mut child, _held) = match started {
        Ok(started) => started,
        Err(ending) => return Ok(Answer { enforced, ending }),
    };
    let (stdout, stderr) = (Captured::start(child.stdout.take()), Captured::start(child.stderr.take()));
    // The child may be gone already: killed because the order was taken back, which nobody wants to hear about.
    let status = capture::wait(&mut child, limit, || false).unwrap_or(None);
    descendants::end_all();
    let ending = match status {
        None => Ending::TimedOut,
        Some(status) => Ending::Ended { status: status.code(), stdout: stdout.text(), stderr: stderr.text() },
    };
    Ok(Answer { enforced, ending })
}

/// Confines this thread and starts the program from it.
fn start(order: &Order, port: Option<u16>, enforced: &mut Enforced) -> Result<(Child, confine::Held), Ending> {
    let held = confine::this_thread(&order.grants, port, enforced).map_err(Ending::Failed)?;
    let Some(command) = &order.command else { return Err(Ending::Tried) };
    if order.required && !enforced.required_gaps().is_empty() {
        return Err(Ending::Refused);
    }
    let started = Command::new(&command.program)
        .args(&command.args)
        .env_clear()
        .envs(&command.env)
        .current_dir(&command.cwd)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    started.map(|child| (child, held)).map_err(|error| Ending::Failed(error.to_string()))
}
