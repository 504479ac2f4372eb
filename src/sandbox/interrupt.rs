//! Interruption: one word to everything that is running, that the run is to end.

use std::sync::atomic::{AtomicU8, Ordering};

/// The exit code that was asked for; 0 while nobody has asked.
static REQUESTED: AtomicU8 = AtomicU8::new(0);

/// A signal that ends a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// What a system or a runner sends before it kills.
    Terminate,
}

impl Signal {
    /// The exit code by which shells tell such an end: 128 and the signal's number.
    pub(crate) const fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

/// Asks everything to end: package managers that run are killed, and nothing is made of what they leave.
pub(crate) fn request(signal: Signal) {
    REQUESTED.store(signal.exit_code(), Ordering::SeqCst);
}

/// The signal that has ended the run.
pub(crate) fn requested() -> Option<Signal> {
    let code = REQUESTED.load(Ordering::SeqCst);
    [Signal::Interrupt, Signal::Terminate].into_iter().find(|signal| signal.exit_code() == code)
}

/// Whether the run is to end.
pub(crate) fn is_requested() -> bool {
    requested().is_some()
}
