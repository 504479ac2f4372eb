//! The instructions of a Dockerfile, with their lines: directives, continued lines, comments and here-documents, as
//! `BuildKit`'s parser reads them (<https://github.com/moby/buildkit/blob/master/frontend/dockerfile/parser/parser.go>).

use super::super::contract::ParseError;

/// An instruction and its arguments.
pub(super) struct Instruction {
    /// The line on which it begins, from 1.
    pub(super) line: u32,
    /// Its name in upper case.
    pub(super) name: String,
    /// Everything behind the name, continued lines joined.
    pub(super) arguments: String,
    /// Where each physical line begins in `arguments`, and its number.
    lines: Vec<(usize, u32)>,
}

impl Instruction {
    /// The line that holds the byte at an offset of the arguments.
    pub(super) fn line_at(&self, offset: usize) -> u32 {
        let position = self.lines.partition_point(|(start, _)| *start <= offset);
        position.checked_sub(1).and_then(|position| self.lines.get(position)).map_or(self.line, |(_, line)| *line)
    }

    /// The words of the arguments, each with its offset.
    pub(super) fn words(&self) -> Vec<(usize, &str)> {
        words(&self.arguments)
    }
}

/// A Dockerfile.
pub(super) struct Instructions {
    /// `# syntax=…`: the image that reads the file, and its line.
    pub(super) syntax: Option<(String, u32)>,
    /// The escape character.
    pub(super) escape: char,
    /// The instructions in order.
    pub(super) list: Vec<Instruction>,
}

/// Splits at white space outside of quotes.
fn words(text: &str) -> Vec<(usize, &str)> {
    let mut words = Vec::new();
    let mut start = None;
    let mut quote = None;
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        if character.is_whitespace() && quote.is_none() {
            if let Some(start) = start.take() {
                words.push((start, text.get(start..at).unwrap_or_default()));
            }
            continue;
        }
        start = start.or(Some(at));
        match quote {
            _ if escaped => escaped = false,
            Some('\'') if character != '\'' => {}
            _ if character == '\\' => escaped = true,
            Some(open) if open == character => quote = None,
            None if matches!(character, '"' | '\'') => quote = Some(character),
            _ => {}
        }
    }
    if let Some(start) = start {
        words.push((start, text.get(start..).unwrap_or_default()));
    }
    words
}

/// Reads a whole file.
pub(super) fn read(text: &str) -> Result<Instructions, ParseError> {
    let mut reader = Reader { lines: text.lines().zip(1..).collect(), next: 0, escape: '\\', syntax: None };
    reader.directives()?;
    let mut list = Vec::new();
    while let Some(instruction) = reader.instruction() {
        reader.skip_here_documents(&instruction)?;
        list.push(instruction);
    }
    Ok(Instructions { syntax: reader.syntax, escape: reader.escape, list })
}

struct Reader<'a> {
    lines: Vec<(&'a str, u32)>,
    next: usize,
    escape: char,
    syntax: Option<(String, u32)>,
}

impl<'a> Reader<'a> {
    fn take(&mut self) -> Option<(&'a str, u32)> {
        let line = self.lines.get(self.next).copied();
        self.next += usize::from(line.is_some());
        line
    }

    /// The comments at the very top of the form `# name=value`.
    fn directives(&mut self) -> Result<(), ParseError> {
        let is_script = self.lines.first().is_some_and(|(line, _)| line.starts_with("#!"));
        let directives = self.lines.iter().skip(usize::from(is_script)).map_while(|&(line, number)| {
            let (name, value) = line.trim().strip_prefix('#')?.split_once('=')?;
            let (name, value) = (name.trim(), value.trim());
            let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
            (is_name && !value.is_empty()).then(|| (name.to_ascii_lowercase(), value, number))
        });
        for (name, value, line) in directives {
            match (name.as_str(), value) {
                ("escape", "\\") => self.escape = '\\',
                ("escape", "`") => self.escape = '`',
                ("escape", _) => {
                    let message = "read it: the escape character is neither a backslash nor a backtick";
                    return Err(ParseError::new(message).at_line(line));
                }
                ("syntax", value) => {
                    let image = value.split_whitespace().next().unwrap_or_default();
                    self.syntax = Some((image.to_owned(), line));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The line without the escape character at its end, when it goes on.
    fn continued<'l>(&self, line: &'l str) -> Option<&'l str> {
        let rest = line.trim_end_matches([' ', '\t', '\r']).strip_suffix(self.escape)?;
        (!rest.ends_with(self.escape)).then_some(rest)
    }

    /// The next instruction; empty lines and comments between continued lines are left out.
    fn instruction(&mut self) -> Option<Instruction> {
        let (first, number) = loop {
            let (line, number) = self.take()?;
            let line = line.trim_start();
            if !line.is_empty() && !line.starts_with('#') {
                break (line, number);
            }
        };
        let name_end = first.find(char::is_whitespace).unwrap_or(first.len());
        let (mut name, mut rest) = first.split_at(name_end);
        // The name alone may be continued as well.
        let mut goes_on = match self.continued(first) {
            Some(kept) => {
                name = kept.get(..name_end.min(kept.len())).unwrap_or(name);
                rest = kept.get(name.len()..).unwrap_or_default();
                true
            }
            None => false,
        };
        let mut arguments = rest.to_owned();
        let mut lines = vec![(0, number)];
        while goes_on {
            let Some((line, number)) = self.take() else { break };
            let trimmed = line.trim();
            if trimmed.is_empty() || trimmed.starts_with('#') {
                continue;
            }
            lines.push((arguments.len(), number));
            let kept = self.continued(line);
            arguments.push_str(kept.unwrap_or(line));
            goes_on = kept.is_some();
        }
        Some(Instruction { line: number, name: name.to_ascii_uppercase(), arguments, lines })
    }

    /// Steps over the here-documents that an instruction opens: their lines are no instructions.
    fn skip_here_documents(&mut self, instruction: &Instruction) -> Result<(), ParseError> {
        let may_open = |name: &str| matches!(name, "RUN" | "COPY" | "ADD");
        let inner = instruction.arguments.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
        let name = if instruction.name == "ONBUILD" { &inner } else { &instruction.name };
        if !may_open(name) {
            return Ok(());
        }
        for (offset, word) in instruction.words() {
            let Some((name, strips_tabs)) = here_document(word) else { continue };
            loop {
                let Some((line, _)) = self.take() else {
                    let message = format!("read it: the here-document `{}` does not end", name.escape_debug());
                    return Err(ParseError::new(message).at_line(instruction.line_at(offset)));
                };
                if (if strips_tabs { line.trim_start_matches('\t') } else { line }) == name {
                    break;
                }
            }
        }
        Ok(())
    }
}

/// The name of the here-document that a word opens (`<<EOF`, `3<<-"EOF"`), and whether tabs in front are left out.
fn here_document(word: &str) -> Option<(String, bool)> {
    let rest = word.trim_start_matches(|digit: char| digit.is_ascii_digit()).strip_prefix("<<")?;
    let (rest, strips_tabs) = rest.strip_prefix('-').map_or((rest, false), |rest| (rest, true));
    let name: String = rest.chars().filter(|character| !matches!(character, '"' | '\'' | '\\')).collect();
    (!name.is_empty() && !rest.contains('<')).then_some((name, strips_tabs))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(text: &str) -> Vec<String> {
        let read = read(text).expect("a Dockerfile");
        read.list
            .iter()
            .map(|it| {
                format!("{} {} {}", it.line, it.name, it.arguments.split_whitespace().collect::<Vec<_>>().join(" "))
            })
            .collect()
    }

    #[test]
    fn lines_are_joined_and_comments_left_out() {
        let text = "# c\nfrom a \\\n  # inside\n\n  AS \\  \n b\n  RUN x \\\\\nRUN \\\ny\nLABEL a=b\\";
        assert_eq!(show(text), ["2 FROM a AS b", "7 RUN x \\\\", "8 RUN y", "10 LABEL a=b"]);
        let read = read(text).expect("a Dockerfile");
        let lines: Vec<u32> = read.list[0].words().into_iter().map(|(at, _)| read.list[0].line_at(at)).collect();
        assert_eq!(lines, [2, 5, 6]);
    }

    #[test]
    fn directives_stand_at_the_top_only() {
        let first =
            read("#!/usr/bin/env x\n# Syntax = docker/dockerfile:1 x\n# escape=`\nFROM a `\n AS b\nRUN c:\\\nRUN d")
                .expect("read");
        assert_eq!(first.syntax, Some(("docker/dockerfile:1".to_owned(), 2)));
        assert_eq!((first.escape, first.list.len()), ('`', 3));
        assert_eq!(read("# a comment\n# escape=`\nFROM a").expect("read").escape, '\\');
        assert_eq!(read("\n# syntax=x\nFROM a").expect("read").syntax, None);
        assert_eq!(read("# escape=x\nFROM a").err().and_then(|error| error.line), Some(1));
    }

    #[test]
    fn here_documents_are_no_instructions() {
        let text = "RUN <<EOF cat <<-'B C'\nFROM x\nEOF\nFROM y\n\tB C\nRUN a < b << c\nRUN [\"<<X\"]\nONBUILD COPY <<F /f\nFROM z\nF\nUSER <<U\n";
        assert_eq!(
            show(text),
            ["1 RUN <<EOF cat <<-'B C'", "6 RUN a < b << c", "7 RUN [\"<<X\"]", "8 ONBUILD COPY <<F /f", "11 USER <<U"]
        );
        assert_eq!(read("FROM a\nRUN <<EOF\nx").err().and_then(|error| error.line), Some(2));
    }
}
