//! `patchparty version compare`: holds our version orders against those of the ecosystems' own tools.

use std::cmp::Ordering;
use std::io::{BufRead, BufWriter, Write};

use super::args::{VersionCommand, VersionOptions};
use super::exit::{Failure, Outcome};
use super::output;
use super::stream::{self, Form};
use crate::model::ecosystem::Ecosystem;
use crate::version;

/// Runs the command.
pub(super) fn version(options: &VersionOptions) -> Result<Outcome, Failure> {
    match options.command {
        VersionCommand::Compare => {
            let (input, mut talk) = (std::io::stdin().lock(), stream::err());
            let mut answers = BufWriter::new(stream::out(Form::Words));
            let mut outcome = Outcome::Clean;
            output::unless_closed(compare_lines(input, &mut answers, &mut talk).map(|result| outcome = result))?;
            output::unless_closed(answers.flush())?;
            Ok(outcome)
        }
    }
}

/// Answers every line with `<`, `=`, `>` or, with the reason on the second writer, `?`.
fn compare_lines(mut input: impl BufRead, answers: &mut impl Write, talk: &mut impl Write) -> std::io::Result<Outcome> {
    let mut outcome = Outcome::Clean;
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let answer = match std::str::from_utf8(&line).map_err(anyhow::Error::from).and_then(compare_line) {
            Ok(Ordering::Less) => "<",
            Ok(Ordering::Equal) => "=",
            Ok(Ordering::Greater) => ">",
            Err(error) => {
                outcome = Outcome::Incomplete;
                writeln!(talk, "line {number}: {error:#}")?;
                "?"
            }
        };
        writeln!(answers, "{answer}")?;
    }
    Ok(outcome)
}

fn compare_line(line: &str) -> anyhow::Result<Ordering> {
    let (ecosystem, left, right) =
        split_line(line).ok_or_else(|| anyhow::anyhow!("expected `ECOSYSTEM LEFT RIGHT`"))?;
    // OSV names the release behind a colon: `Debian:12`, `Ubuntu:22.04:LTS`.
    let ecosystem: Ecosystem = ecosystem.split_once(':').map_or(ecosystem, |(name, _)| name).parse()?;
    Ok(version::parse(ecosystem, left)?.compare(&version::parse(ecosystem, right)?))
}

/// The ecosystem and two versions, separated by tabs or by blanks; names of ecosystems hold blanks, versions do not.
fn split_line(line: &str) -> Option<(&str, &str, &str)> {
    let line = line.trim_end_matches(['\n', '\r']);
    if line.contains('\t') {
        let mut fields = line.split('\t');
        let (ecosystem, left, right) = (fields.next()?, fields.next()?, fields.next()?);
        return fields.next().is_none().then_some((ecosystem.trim(), left, right));
    }
    let (rest, right) = line.trim_end().rsplit_once(' ')?;
    let (ecosystem, left) = rest.trim_end().rsplit_once(' ')?;
    Some((ecosystem.trim(), left, right))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_hold_blanks_and_releases() {
        for (line, expected) in [
            ("npm 1.0.0 1.0.1\n", Ordering::Less),
            ("GitHub Actions v4 v4.0.0", Ordering::Equal),
            ("Red Hat:enterprise_linux:9::appstream 0:2-1 1-1\r\n", Ordering::Greater),
            ("Ubuntu:22.04:LTS 1~rc1 1", Ordering::Less),
            ("Debian:12  1-1   1-2 ", Ordering::Less),
            ("BellSoft Hardened Containers\t1.0-r1\t1.0-r0", Ordering::Greater),
            ("Maven\t1-alpha\t1", Ordering::Less),
        ] {
            assert_eq!(compare_line(line).unwrap_or_else(|error| panic!("{line}: {error}")), expected, "{line}");
        }
    }

    #[test]
    fn a_line_without_an_answer_is_marked_and_the_next_one_is_read() {
        let input: &[u8] = b"npm 1 2\nnpm 1\nLinux 1 2\nRubyGems 1 x\n\n\xff\nnpm\t1\t2\t3\nnpm 2 1";
        let (mut answers, mut talk) = (Vec::new(), Vec::new());
        let outcome = compare_lines(input, &mut answers, &mut talk).expect("writing to memory cannot fail");
        assert_eq!(outcome, Outcome::Incomplete);
        assert_eq!(String::from_utf8_lossy(&answers), "<\n?\n?\n?\n?\n?\n?\n>\n");
        let talk = String::from_utf8_lossy(&talk).into_owned();
        assert_eq!(talk.lines().count(), 6, "{talk}");
        assert!(
            talk.starts_with("line 2: expected `ECOSYSTEM LEFT RIGHT`\nline 3: unknown ecosystem `Linux`\n"),
            "{talk}"
        );
        assert!(talk.contains("line 4: `x` is not a version of RubyGems\n"), "{talk}");
    }
}
