//! Capture: what a process writes, up to a limit, and its end, up to another.

use std::io::{self, Read};
use std::process::{Child, ExitStatus};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// What is kept of each output stream: 1 MiB; the rest is read and dropped so that the tool does not stall.
pub(super) const OUTPUT_LIMIT: usize = 1024 * 1024;
/// How long readers may take after the process group was killed.
const DRAIN_LIMIT: Duration = Duration::from_secs(2);
/// How often an exit is looked for.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// A stream that is read in a thread of its own.
pub(super) struct Captured(mpsc::Receiver<Vec<u8>>);

impl Captured {
    /// Starts to read.
    pub(super) fn start<Stream: Read + Send + 'static>(stream: Option<Stream>) -> Self {
        let (sender, receiver) = mpsc::channel();
        if let Some(mut stream) = stream {
            thread::spawn(move || {
                let mut kept = Vec::new();
                let mut buffer = [0_u8; 16 * 1024];
                while let Ok(read @ 1..) = stream.read(&mut buffer) {
                    let room = OUTPUT_LIMIT.saturating_sub(kept.len());
                    kept.extend_from_slice(&buffer[..read.min(room)]);
                }
                // Nobody listens any more when the deadline has passed; then the text is not wanted.
                let _ = sender.send(kept);
            });
        }
        Self(receiver)
    }

    /// What was kept when the stream ended. A process that was overlooked may hold it open for ever: what is missing
    /// then is only text.
    pub(super) fn text(self) -> String {
        String::from_utf8_lossy(&self.0.recv_timeout(DRAIN_LIMIT).unwrap_or_default()).into_owned()
    }
}

/// Waits for the end; `None` when the limit comes first, or nobody wants to wait any more.
pub(super) fn wait(child: &mut Child, limit: Duration, stop: impl Fn() -> bool) -> io::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline || stop() {
            return Ok(None);
        }
        thread::sleep(POLL_INTERVAL);
    }
}

/// Kills whatever is left of the process group that the child leads.
pub(super) fn kill_group(child: &Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        // An error means that nobody is left in the group.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
}
