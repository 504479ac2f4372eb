//! Runs the binary and tells how much memory it took.

use std::fs::File;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::bot::Bot;

/// What one run took and said.
pub(crate) struct Measured {
    /// The most memory, in bytes, that the binary ever held; `None` where the system does not say.
    pub(crate) peak: Option<u64>,
    /// The exit code; `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs `patchparty <arguments>` with some variables, in the bot's world and at the time of its fixtures.
pub(crate) fn measure(bot: &Bot, arguments: &[&str], variables: &[(&str, &str)]) -> Measured {
    let (stdout, stderr) = (bot.path("measured-stdout"), bot.path("measured-stderr"));
    let create = |path| Stdio::from(File::create(path).expect("the world is writable"));
    let mut child = Command::new(env!("CARGO_BIN_EXE_patchparty"))
        .args(arguments)
        .env("PATCHPARTY_NOW", "2026-11-21T02:00:00Z")
        .envs(variables.iter().copied())
        .current_dir(bot.path("work"))
        .stdin(Stdio::null())
        .stdout(create(&stdout))
        .stderr(create(&stderr))
        .spawn()
        .expect("the binary starts");
    let status = format!("/proc/{}/status", child.id());
    let mut peak = None;
    let ended = loop {
        if let Some(ended) = child.try_wait().expect("the child can be asked") {
            break ended;
        }
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kibibytes = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
        peak = peak.max(kibibytes.map(|number| number * 1024));
        std::thread::sleep(Duration::from_millis(2));
    };
    let read = |path| String::from_utf8(std::fs::read(path).expect("it was written")).expect("it is text");
    Measured { peak, code: ended.code(), stdout: read(&stdout), stderr: read(&stderr) }
}
