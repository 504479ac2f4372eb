//! Yarn's lockfile under another name: `lockfileFilename` of `.yarnrc.yml`, which Yarn 2 and 3 go by
//! (<https://v3.yarnpkg.com/configuration/yarnrc#lockfileFilename>).

use super::Claim;
use crate::extractor::EXTRACTORS;
use crate::model::report::Problem;
use crate::model::repository::RepoPath;
use crate::model::tree::{EntryKind, ProjectTree};

const CONFIGURATION: &str = ".yarnrc.yml";
const SETTING: &str = "lockfileFilename";
const USUAL: &str = "yarn.lock";

/// The lockfiles that have another name, and what is told of those that cannot be read.
pub(super) fn renamed(tree: &dyn ProjectTree) -> (Vec<Claim<'_>>, Vec<Problem>) {
    let (mut claims, mut problems) = (Vec::new(), Vec::new());
    let is_configuration = |path: &RepoPath| path.file_name() == CONFIGURATION;
    for configuration in tree.entries().iter().map(|entry| &entry.path).filter(|path| is_configuration(path)) {
        // What cannot be read cannot be asked: Yarn would not start, either.
        let Ok(content) = tree.read(configuration) else { continue };
        let text = String::from_utf8_lossy(&content);
        let Some((line, name)) = named(&text).filter(|(_, name)| *name != USUAL) else { continue };
        let path = configuration.sibling(name).ok();
        let is_here = |path: &RepoPath| tree.kind(path).is_some_and(|kind| matches!(kind, EntryKind::File { .. }));
        let entry = path.filter(is_here).and_then(|path| tree.entries().iter().find(|entry| entry.path == path));
        match entry {
            Some(entry) => {
                let extractors = EXTRACTORS.iter().copied().filter(|extractor| extractor.id() == "yarn-lock").collect();
                claims.push(Claim { entry, extractors });
            }
            None => problems.push(Problem {
                file: Some(configuration.clone()),
                line: Some(line),
                message: format!(
                    "read the lockfile `{}` that `{configuration}` names: there is no such file",
                    name.chars().take(80).collect::<String>().escape_debug()
                ),
                hint: Some("call it yarn.lock, or commit it under its name".to_owned()),
            }),
        }
    }
    (claims, problems)
}

/// The line and the name that a configuration gives its lockfile; the last one counts.
fn named(text: &str) -> Option<(u32, &str)> {
    if !text.contains(SETTING) {
        return None;
    }
    let quotes = ['"', '\''];
    let of_line = |line: &str| -> Option<usize> {
        let (key, _) = line.split_once(':')?;
        (key.trim().trim_matches(quotes) == SETTING).then_some(key.len() + 1)
    };
    let found = (1..).zip(text.lines()).filter_map(|(number, line)| Some((number, line.get(of_line(line)?..)?)));
    let (number, value) = found.last()?;
    let value = value.split(" #").next().unwrap_or_default().trim();
    Some((number, value.trim_matches(quotes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_the_lockfile_is_read() {
        for (text, expected) in [
            ("nodeLinker: node-modules\nlockfileFilename: own.lock # x\n", Some((2, "own.lock"))),
            ("\"lockfileFilename\" : 'own.lock'", Some((1, "own.lock"))),
            ("lockfileFilename: a\nlockfileFilename: b\n", Some((2, "b"))),
            ("# lockfileFilename: own.lock\n", None),
            ("nodeLinker: x\n", None),
        ] {
            assert_eq!(named(text), expected, "{text}");
        }
    }
}
