//! Output: reports to standard output or a file, talk to standard error.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::process::ExitCode;

use anyhow::Context as _;

use super::args::{ColorChoice, GlobalOptions, SharedOptions};
use super::environment::Environment;
use super::exit::{Failure, Outcome};
use super::stream::{self, Form};
use crate::model::report::Report;
use crate::net::secret::Redactor;
use crate::report::{self, REPORTERS, ReportOptions};

/// How wide a line for people is, where no terminal says otherwise.
const COLUMNS: usize = 80;
/// How far lines that go on are indented.
const INDENT: usize = 2;

/// Sets colours and diagnostics as asked for.
pub(super) fn start(global: &GlobalOptions) {
    match global.color {
        ColorChoice::Auto => anstream::ColorChoice::Auto,
        ColorChoice::Always => anstream::ColorChoice::Always,
        ColorChoice::Never => anstream::ColorChoice::Never,
    }
    .write_global();
    std::panic::set_hook(Box::new(tell_panic));
    let level = match global.verbose {
        0 => return,
        1 => "patchparty=info",
        _ => "patchparty=debug",
    };
    // Other crates' diagnostics are left out: some print whole requests, and with them headers.
    let filter = tracing_subscriber::EnvFilter::new(level);
    let subscriber = tracing_subscriber::fmt().with_writer(stream::err).with_env_filter(filter);
    // Only a second call in one process could fail, and that one would change nothing.
    let _ = subscriber.without_time().with_ansi(has_colours(&io::stderr())).try_init();
}

/// Fails when the report could not be written where it was asked for: better now than after the night's work.
pub(super) fn check(shared: &SharedOptions) -> Result<(), Failure> {
    let Some(path) = &shared.output else { return Ok(()) };
    // What stands there stays until there is a report to replace it.
    let file = File::options().append(true).create(true).open(path);
    file.map(drop).with_context(|| format!("create `{}`", path.display())).map_err(|error| {
        Failure::with_hint(error, "--output needs a file in an existing folder that can be written to")
    })
}

/// Writes the report where it was asked for.
pub(super) fn report(
    report: &Report,
    shared: &SharedOptions,
    options: ReportOptions,
    environment: &Environment,
) -> anyhow::Result<()> {
    let reporter = REPORTERS.iter().find(|reporter| reporter.id() == shared.format).context("find the reporter")?;
    let redactor = environment.redactor();
    let form = if reporter.id() == "json" { Form::Json } else { Form::Words };
    let write = |options: ReportOptions, sink: &mut dyn Write| -> io::Result<()> {
        // Through memory: redaction must see the whole text, or a secret could hide across two writes.
        let mut text = Vec::new();
        reporter.write(report, options, &mut text)?;
        let text = String::from_utf8_lossy(&text);
        // A workflow may print the file as well.
        sink.write_all(stream::inert(&redactor.redact(&text), form).as_bytes())
    };
    if let Some(path) = &shared.output {
        let file = File::create(path).with_context(|| format!("create `{}`", path.display()))?;
        let mut sink = BufWriter::new(file);
        write(options, &mut sink)?;
        return sink.flush().with_context(|| format!("write `{}`", path.display()));
    }
    let stdout = io::stdout();
    let colours = has_colours(&stdout);
    let width = if stdout.is_terminal() { terminal_size::terminal_size().map(|(width, _)| width.0) } else { None };
    let options = ReportOptions { colours, width, ..options };
    unless_closed(write(options, &mut stream::out(form))).context("write the report")
}

/// A reader that has seen enough (`| head`) is no failure.
pub(super) fn unless_closed(written: io::Result<()>) -> io::Result<()> {
    written.or_else(|error| if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
}

/// A text in lines of at most 80 columns, those after the first indented, each with its end. What may not move the cursor is
/// left out.
pub(super) fn wrapped(text: &str) -> impl Iterator<Item = String> {
    let text: String = text.chars().filter(|character| !character.is_control()).collect();
    let lines = report::wrap(&text, COLUMNS - INDENT).into_iter().enumerate();
    lines.map(|(number, line)| format!("{:1$}{line}\n", "", if number == 0 { 0 } else { INDENT }))
}

fn has_colours(stream: &impl anstream::stream::RawStream) -> bool {
    anstream::AutoStream::choice(stream) != anstream::ColorChoice::Never
}

/// Says why a command ended: the error with its causes, and the way out.
pub(super) fn failure(failure: &Failure, environment: &Environment) {
    let mut text = format!("error: failed to {}\n", failure.error);
    for cause in failure.error.chain().skip(1).map(ToString::to_string) {
        // Some libraries repeat their cause in their own words.
        if !text.contains(&cause) {
            text.extend(["  caused by: ", &cause, "\n"]);
        }
    }
    let hint = failure.hint.as_ref().map(|hint| format!("\nhint: {hint}\n"));
    text.push_str(&hint.unwrap_or_default());
    // Causes may name files of an archive from elsewhere; none of them may move the cursor.
    text.retain(|character| character == '\n' || !character.is_control());
    remark_raw(&environment.redactor(), &text);
}

/// Says something to the person at the terminal.
pub(super) fn remark(environment: &Environment, global: &GlobalOptions, text: &str) {
    if !global.quiet {
        remark_raw(&environment.redactor(), &format!("{text}\n"));
    }
}

fn remark_raw(redactor: &Redactor, text: &str) {
    // A closed standard error leaves nobody to tell.
    let _ = stream::err().write_all(redactor.redact(text).as_bytes());
}

/// Answers arguments that are no command: help and the version go to standard output (0), complaints to standard error (2).
pub(super) fn usage(answer: &clap::Error) -> ExitCode {
    let text = answer.render().ansi().to_string();
    let written = if answer.use_stderr() {
        stream::err().write_all(text.as_bytes())
    } else {
        stream::out(Form::Words).write_all(text.as_bytes())
    };
    // A closed stream leaves nobody to tell.
    drop(written);
    if answer.use_stderr() { Outcome::Usage.into() } else { Outcome::Clean.into() }
}

/// Says where the program broke; the message may repeat what it was reading.
fn tell_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let mut talk = stream::err();
    // A closed standard error leaves nobody to tell.
    let _ = writeln!(talk, "{panic}");
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        let _ = writeln!(talk, "{backtrace}");
    }
}
