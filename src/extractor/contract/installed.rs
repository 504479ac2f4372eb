//! Databases of installed packages: blocks of `key: value` lines, and who requires whom by name.

use std::collections::{HashMap, HashSet};

use super::graph::{link, roots_are_direct};
use super::{ParseError, check_package_count};
use crate::model::dependency::Dependency;

/// A block and the line on which it begins.
pub(in crate::extractor) struct Record<'a> {
    fields: Vec<(&'a str, &'a str, u32)>,
}

impl<'a> Record<'a> {
    /// The value of a field and its line. Names are compared as `matches` does.
    pub(in crate::extractor) fn get(&self, name: &str) -> Option<(&'a str, u32)> {
        self.fields.iter().find(|(field, ..)| field.eq_ignore_ascii_case(name)).map(|&(_, value, line)| (value, line))
    }

    /// The value of a field whose name is written in one way.
    pub(in crate::extractor) fn exact(&self, name: &str) -> Option<(&'a str, u32)> {
        self.fields.iter().find(|(field, ..)| *field == name).map(|&(_, value, line)| (value, line))
    }

    /// The line on which it begins.
    pub(in crate::extractor) fn line(&self) -> u32 {
        self.fields.first().map_or(1, |(_, _, line)| *line)
    }
}

/// The blocks of a text, parted by blank lines. Lines that begin with white space continue a value, which no reader of ours
/// needs. A line that is neither is an error.
pub(in crate::extractor) fn records(text: &str) -> Result<Vec<Record<'_>>, ParseError> {
    let mut records = Vec::new();
    let mut fields = Vec::new();
    for (line, number) in text.lines().zip(1_u32..) {
        if line.trim().is_empty() {
            if !fields.is_empty() {
                records.push(Record { fields: std::mem::take(&mut fields) });
            }
        } else if !line.starts_with([' ', '\t']) {
            let (name, value) = line
                .split_once(':')
                .ok_or_else(|| ParseError::new("read it: a line has no `name: value`").at_line(number))?;
            fields.push((name, value.trim(), number));
        }
    }
    if !fields.is_empty() {
        records.push(Record { fields });
    }
    check_package_count(records.len())?;
    Ok(records)
}

/// What is installed, and what each of it requires and provides.
#[derive(Default)]
pub(in crate::extractor) struct Installed<'a> {
    /// The packages in file order.
    pub(in crate::extractor) found: Vec<Dependency>,
    /// Who provides what, by name.
    provided: HashMap<&'a str, usize>,
    /// Who requires what, by name.
    required: Vec<(usize, &'a str)>,
}

impl<'a> Installed<'a> {
    /// Adds a package.
    pub(in crate::extractor) fn add(
        &mut self,
        dependency: Dependency,
        provides: impl Iterator<Item = &'a str>,
        requires: impl Iterator<Item = &'a str>,
    ) {
        let position = self.found.len();
        self.found.push(dependency);
        for name in provides {
            self.provided.entry(name).or_insert(position);
        }
        self.required.extend(requires.map(|name| (position, name)));
    }

    /// Everything, with who requires whom. What a person asked for is direct where that is known, else what nothing
    /// requires.
    pub(in crate::extractor) fn finish(mut self, is_wanted: Option<&dyn Fn(&str) -> bool>) -> Vec<Dependency> {
        // Under its own name a package comes before one that only provides it.
        let own: Vec<String> = self.found.iter().map(|dependency| dependency.name.clone()).collect();
        let own: HashMap<&str, usize> = own.iter().enumerate().rev().map(|(at, name)| (name.as_str(), at)).collect();
        let edges: HashSet<(usize, usize)> = self
            .required
            .iter()
            .filter_map(|(parent, name)| Some((*parent, *own.get(name).or_else(|| self.provided.get(name))?)))
            .collect();
        link(&mut self.found, edges);
        match is_wanted {
            Some(is_wanted) => {
                for dependency in &mut self.found {
                    dependency.direct = is_wanted(&dependency.name);
                }
            }
            None => roots_are_direct(&mut self.found),
        }
        self.found
    }
}
