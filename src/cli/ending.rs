//! Ending: what a signal does while no night is at work: nothing is half written, so that removing what vanishes is enough.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::SignalKind;

use super::stream;
use crate::sandbox::interrupt::{self, Signal};
use crate::sandbox::vanishing;

/// Whether a night is at work, which ends in order and has a report to write.
static AT_WORK: AtomicBool = AtomicBool::new(false);

/// How long tools get to be killed: twice as long as nobody looks whether the run is to end.
const FAREWELL: Duration = Duration::from_millis(100);

/// Waits for Ctrl-C or for the system's wish that the run ends. Needs a runtime around it.
pub(super) fn signal() -> anyhow::Result<impl Future<Output = Signal>> {
    let listen = |kind| tokio::signal::unix::signal(kind).context("listen for signals");
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => Signal::Interrupt,
            _ = terminate.recv() => Signal::Terminate,
        }
    })
}

/// Ends the process at the first signal, in a thread of its own, unless a night is at work then.
pub(super) fn watch() {
    // Without a runtime or a thread, signals do what they always do.
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else { return };
    let watch = move || {
        let received = runtime.block_on(async { Some(signal().ok()?.await) });
        if let Some(signal) = received.filter(|_| !AT_WORK.load(Ordering::SeqCst)) {
            interrupt::request(signal);
            thread::sleep(FAREWELL);
            end(signal);
        }
    };
    // It ends with the process.
    drop(thread::Builder::new().name("signals".to_owned()).spawn(watch));
}

/// From now on, a night listens for signals itself.
pub(super) fn leave_to_night() {
    AT_WORK.store(true, Ordering::SeqCst);
}

/// Ends the process here if a signal has asked for it, and no night is there to answer.
pub(super) fn end_if_requested() {
    if let Some(signal) = interrupt::requested().filter(|_| !AT_WORK.load(Ordering::SeqCst)) {
        end(signal);
    }
}

fn end(signal: Signal) -> ! {
    // A closed standard error leaves nobody to tell.
    let _ = writeln!(stream::err(), "interrupted before anything was reported; nothing was written to the forge");
    vanishing::end(signal.exit_code())
}
