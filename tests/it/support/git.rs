//! Git: the real command line, deaf to the configuration of the machine it runs on.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The identity of people who commit in tests.
pub(crate) const PERSON: &str = "Ada Person <ada@people.example>";

/// One call of git.
pub(crate) struct Git<'a> {
    folder: PathBuf,
    arguments: Vec<&'a str>,
    input: Vec<u8>,
    environment: Vec<(&'a str, String)>,
}

impl<'a> Git<'a> {
    /// Prepares `git <arguments>` in a folder.
    pub(crate) fn new(folder: &Path, arguments: &[&'a str]) -> Self {
        Self { folder: folder.to_owned(), arguments: arguments.to_vec(), input: Vec::new(), environment: Vec::new() }
    }

    /// Sets what it reads from standard input.
    pub(crate) fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// Sets a variable of its environment.
    pub(crate) fn variable(mut self, name: &'a str, value: impl Into<String>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    /// Runs it, whatever comes out.
    pub(crate) fn output(self) -> Output {
        let mut command = command();
        command.current_dir(&self.folder).args(&self.arguments).envs(self.environment);
        feed(&mut command, &self.input)
    }

    /// Runs it; what it says, without the last newline, or what it complains about.
    pub(crate) fn answer(self) -> Result<String, String> {
        let output = self.output();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end_matches('\n').to_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    /// Runs it, sure that it succeeds.
    pub(crate) fn run(self) -> String {
        let what = self.arguments.join(" ");
        self.answer().unwrap_or_else(|complaint| panic!("git {what}: {complaint}"))
    }
}

/// `git` with a clean environment: no global configuration, no prompts, an identity and a fixed time.
pub(crate) fn command() -> Command {
    let mut command = Command::new("git");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GIT_") {
            command.env_remove(name);
        }
    }
    let settings = [
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("GIT_AUTHOR_NAME", "Ada Person"),
        ("GIT_AUTHOR_EMAIL", "ada@people.example"),
        ("GIT_COMMITTER_NAME", "Ada Person"),
        ("GIT_COMMITTER_EMAIL", "ada@people.example"),
        ("GIT_AUTHOR_DATE", "2026-11-20T12:00:00Z"),
        ("GIT_COMMITTER_DATE", "2026-11-20T12:00:00Z"),
    ];
    command.envs(settings);
    command
}

/// Runs a command with an input and collects its outputs.
pub(crate) fn feed(command: &mut Command, input: &[u8]) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("git is installed");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    std::thread::scope(|scope| {
        // A child that stops reading early (a refused push) closes the pipe; its exit code tells the story.
        scope.spawn(move || drop(stdin.write_all(input)));
        child.wait_with_output().expect("the child can be waited for")
    })
}
