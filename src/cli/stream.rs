//! Streams: the only way to standard output and standard error, on which no text of others is a command of a CI runner.

use std::borrow::Cow;
use std::io::{self, Write};

use anstream::AutoStream;

/// Markers that the runners of GitHub Actions and Azure Pipelines recognise anywhere in a line
/// (<https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs>).
const MARKERS: [&str; 2] = ["##[", "##vso["];

/// How our own commands begin: annotations, and nothing else.
const OWN_COMMANDS: [&str; 3] = ["::error ", "::warning ", "::notice "];

/// What a text is, which decides how its characters are escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// For people: a backslash shows that something was escaped.
    Words,
    /// JSON: its own escapes leave the data as they are.
    Json,
}

/// A text in which a runner finds no command. Names, versions and addresses stand in it as others have written them, and
/// lines are wrapped: each of their words may begin a line.
pub(super) fn inert(text: &str, form: Form) -> Cow<'_, str> {
    let text = without_markers(text, form);
    match form {
        Form::Words if text.contains("::") => Cow::Owned(without_beginnings(&text)),
        // Within JSON a line begins with a quotation mark, a bracket, a digit or a word of its own.
        Form::Words | Form::Json => text,
    }
}

fn without_markers(text: &str, form: Form) -> Cow<'_, str> {
    MARKERS.iter().fold(Cow::Borrowed(text), |text, marker| {
        if !text.contains(marker) {
            return text;
        }
        let escaped = match form {
            Form::Words => marker.replace('[', "\\["),
            Form::Json => marker.replacen('#', "\\u0023", 1),
        };
        Cow::Owned(text.replace(marker, &escaped))
    })
}

/// A backslash before every `::` that begins a line, as the runner sees it: after white space, and without what colours it.
fn without_beginnings(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 16);
    for line in text.split_inclusive(['\n', '\r']) {
        let word = &line[beginning(line)..];
        safe.push_str(&line[..line.len() - word.len()]);
        if word.starts_with("::") {
            safe.push('\\');
        }
        safe.push_str(word);
    }
    safe
}

/// Where the first visible character of a line stands.
fn beginning(line: &str) -> usize {
    let mut rest = line;
    loop {
        let is_blank = |character: char| {
            // Also what .NET has once trimmed, and what shows nothing.
            character != '\u{1b}'
                && (character.is_whitespace()
                    || character.is_control()
                    || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}'))
        };
        let visible = rest.trim_start_matches(is_blank);
        // A sequence that colours (`ESC [ … m`), which is taken out where the stream is no terminal.
        match visible.strip_prefix("\u{1b}[").and_then(|sequence| sequence.split_once('m')) {
            Some((numbers, after)) if numbers.bytes().all(|byte| byte.is_ascii_digit() || byte == b';') => rest = after,
            Some(_) | None => return line.len() - visible.len(),
        }
    }
}

/// Standard output.
pub(super) fn out(form: Form) -> Stream<AutoStream<io::Stdout>> {
    Stream { sink: anstream::stdout(), form, line: Vec::new() }
}

/// Standard error.
pub(super) fn err() -> Stream<AutoStream<io::Stderr>> {
    Stream { sink: anstream::stderr(), form: Form::Words, line: Vec::new() }
}

/// Writes our own commands to standard error, one on each line. What is none of ours is text like any other.
pub(super) fn commands(text: &str) -> io::Result<()> {
    let lines = text.lines().map(|line| {
        let is_own = OWN_COMMANDS.iter().any(|word| line.starts_with(word));
        let line = if is_own { without_markers(line, Form::Words) } else { inert(line, Form::Words) };
        format!("{line}\n")
    });
    let text: String = lines.collect();
    anstream::stderr().write_all(text.as_bytes())
}

/// A stream that passes whole lines on, without commands in them; the last one when it is flushed or dropped.
pub(super) struct Stream<W: Write> {
    sink: W,
    form: Form,
    /// The beginning of a line whose end is not written yet.
    line: Vec<u8>,
}

impl<W: Write> Stream<W> {
    fn pass_on(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.sink.write_all(inert(&String::from_utf8_lossy(bytes), self.form).as_bytes())
    }
}

impl<W: Write> Write for Stream<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let end = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        let (lines, rest) = bytes.split_at(end);
        if !lines.is_empty() {
            let mut whole = std::mem::take(&mut self.line);
            whole.extend_from_slice(lines);
            self.pass_on(&whole)?;
        }
        self.line.extend_from_slice(rest);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            self.pass_on(&line)?;
        }
        self.sink.flush()
    }
}

impl<W: Write> Drop for Stream<W> {
    fn drop(&mut self) {
        // Whoever has to know of an error flushes before.
        let _ = self.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_runner_takes_for_a_command_is_escaped_visibly() {
        for (text, safe) in [
            ("::stop-commands::x\n", "\\::stop-commands::x\n"),
            ("a\n   ::error::x", "a\n   \\::error::x"),
            ("a\r::error::x", "a\r\\::error::x"),
            ("\u{a0}\u{feff}\t::error::x", "\u{a0}\u{feff}\t\\::error::x"),
            ("  \u{1b}[1;31m ::error::x", "  \u{1b}[1;31m \\::error::x"),
            (":::x", "\\:::x"),
            ("a ##[add-mask]x ###[y", "a ##\\[add-mask]x ###\\[y"),
            ("##vso[task.x]", "##vso\\[task.x]"),
            ("Foo::bar a:: b\n : :c # [x]", "Foo::bar a:: b\n : :c # [x]"),
        ] {
            assert_eq!(inert(text, Form::Words), safe, "{text:?}");
        }
    }

    #[test]
    fn json_keeps_its_data() {
        let data = serde_json::json!({ "##[a]": ["::b", "\\##[c", "###[d ##vso[e", "\"##[f"] });
        let text = serde_json::to_string_pretty(&data).expect("it is JSON");
        let safe = inert(&text, Form::Json);
        assert!(!safe.contains("##[") && !safe.contains("##vso["), "{safe}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).expect("still JSON"), data);
        assert!(!safe.lines().any(|line| line.trim_start().starts_with("::")), "{safe}");
    }

    #[test]
    fn a_command_that_is_written_in_pieces_is_seen() {
        let mut written = Vec::new();
        let mut stream = Stream { sink: &mut written, form: Form::Words, line: Vec::new() };
        for piece in ["a ", "::b\n :", ":c ##", "[d]\n", "::e ü"] {
            stream.write_all(piece.as_bytes()).expect("memory");
        }
        drop(stream);
        assert_eq!(String::from_utf8_lossy(&written), "a ::b\n \\::c ##\\[d]\n\\::e ü");
    }

    #[test]
    fn nothing_else_writes_to_the_streams_of_the_process() {
        let ways = ["anstream::stdout()", "anstream::stderr()", "println!(", "print!(", "dbg!(", ".print()"];
        let handles = ["stdout()", "stderr()"].map(|handle| [format!("!(io::{handle}"), format!("{handle}.")]);
        let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        for entry in walkdir::WalkDir::new(source) {
            let entry = entry.expect("readable");
            let name = entry.path().display().to_string();
            // What runs inside the sandbox writes to pipes of ours.
            let is_apart = name.contains("/sandbox/linux/") || name.contains("tests") || name.ends_with("/stream.rs");
            if is_apart || entry.path().extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            let text = std::fs::read_to_string(entry.path()).expect("UTF-8");
            let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
            let code = code.split("#[cfg(all(test").next().unwrap_or_default();
            for line in
                code.lines().filter(|line| !line.contains("is_terminal()") && !line.trim_start().starts_with("//"))
            {
                let way = ways.iter().find(|way| line.contains(**way));
                let handle = handles.iter().flatten().find(|handle| line.contains(handle.as_str()));
                assert!(way.is_none() && handle.is_none(), "{name} writes past `cli::stream`: {line}");
            }
        }
    }
}
