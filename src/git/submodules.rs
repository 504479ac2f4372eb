//! `.gitmodules`: what it says about each submodule (<https://git-scm.com/docs/gitmodules>), read by gix's own parser.

use std::collections::BTreeMap;

use gix::config::parse::{EventRef, Events};

/// A submodule as the file describes it. Untrusted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Submodule {
    /// Where it stands in the project.
    pub(crate) path: Option<String>,
    /// Its address, possibly relative to the project's own.
    pub(crate) url: Option<String>,
    /// The branch that it follows when it is updated.
    pub(crate) branch: Option<String>,
    /// The line of its address, else of its section, from 1.
    pub(crate) line: u32,
}

/// A file that git cannot read.
#[derive(Debug, thiserror::Error)]
#[error("read it as git's configuration")]
pub(crate) struct InvalidModules {
    /// The line where it goes wrong, from 1.
    pub(crate) line: u32,
}

/// Every submodule, in file order. A name that stands twice is one submodule, whose later values count, as for git.
pub(crate) fn parse(content: &[u8]) -> Result<Vec<Submodule>, InvalidModules> {
    let events = Events::from_bytes(content, None)
        .map_err(|error| InvalidModules { line: u32::try_from(error.line_number()).unwrap_or(u32::MAX) })?;
    let mut reader = Reader::default();
    // The parser has a section's events at hand without their lines; its line endings are counted.
    for event in events.iter() {
        reader.in_section |= matches!(event, EventRef::SectionHeader { .. });
        // Git refuses a value that belongs to no section, the parser does not.
        let is_filler = matches!(event, EventRef::Comment { .. } | EventRef::Whitespace(_) | EventRef::Newline(_));
        if !reader.in_section && !is_filler {
            return Err(InvalidModules { line: reader.line + 1 });
        }
        reader.take(&event);
    }
    Ok(reader.found)
}

#[derive(Default)]
struct Reader {
    found: Vec<Submodule>,
    positions: BTreeMap<Vec<u8>, usize>,
    /// The submodule of the section.
    current: Option<usize>,
    key: Vec<u8>,
    /// The parts of a value that goes on in the next line.
    value: Vec<u8>,
    /// The lines that have ended.
    line: u32,
    in_section: bool,
}

impl Reader {
    fn take(&mut self, event: &EventRef<'_>) {
        let line = self.line + 1;
        match event {
            EventRef::SectionHeader { name, subsection_name, .. } => {
                let own = subsection_name.filter(|_| name.eq_ignore_ascii_case(b"submodule"));
                self.current = own.map(|own| {
                    *self.positions.entry(own.to_vec()).or_insert_with(|| {
                        self.found.push(Submodule { line, ..Submodule::default() });
                        self.found.len() - 1
                    })
                });
            }
            EventRef::SectionValueName(name) => {
                self.key = name.to_ascii_lowercase();
                self.value.clear();
            }
            EventRef::ValueNotDone(part) => self.value.extend_from_slice(part),
            EventRef::Value(part) | EventRef::ValueDone(part) => {
                self.value.extend_from_slice(part);
                self.finish(line);
            }
            EventRef::Newline(ends) => {
                let count = ends.split(|byte| *byte == b'\n').count() - 1;
                self.line = self.line.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
            }
            EventRef::Comment { .. } | EventRef::Whitespace(_) | EventRef::KeyValueSeparator => {}
        }
    }

    fn finish(&mut self, line: u32) {
        let written = std::mem::take(&mut self.value);
        let value = gix::config::value::normalize(gix::bstr::BStr::new(&written)).to_string();
        let Some(submodule) = self.current.and_then(|position| self.found.get_mut(position)) else { return };
        match self.key.as_slice() {
            b"path" => submodule.path = Some(value),
            b"url" => {
                submodule.url = Some(value);
                submodule.line = line;
            }
            b"branch" => submodule.branch = Some(value),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn submodules_are_read_with_their_lines() {
        let text = b"# c\n[core]\n\tx = y\n[submodule \"a\"]\n\tpath = libs/a\n\turl = \"https://example.org/a b.git\" ; c\n\n[Submodule \"b\"]\n\tPATH = b\n\tbranch = ma\\\nin\n\turl = ../b.git\n[submodule \"a\"] branch=v1\n[submodule \"c\"]\n\tignore = all\n";
        let found = parse(text).expect("modules");
        let texts: Vec<_> =
            found.iter().map(|it| (it.path.as_deref(), it.url.as_deref(), it.branch.as_deref(), it.line)).collect();
        assert_eq!(
            texts,
            [
                (Some("libs/a"), Some("https://example.org/a b.git"), Some("v1"), 6),
                (Some("b"), Some("../b.git"), Some("main"), 12),
                (None, None, None, 14),
            ]
        );
    }

    #[test]
    fn what_git_refuses_is_refused_with_its_line() {
        for (text, line) in [("[submodule \"a\"]\n\tpath = x\n[broken\n", 3), ("nonsense\n", 1), ("[a]\n= x\n", 2)] {
            assert_eq!(parse(text.as_bytes()).expect_err(text).line, line, "{text}");
        }
        assert_eq!(parse(b"").expect("empty"), []);
    }
}
