//! Yarn's lockfile under another name: `lockfileFilename` of `.yarnrc.yml`, which Yarn 2 and 3 go by
//! (<https://v3.yarnpkg.com/configuration/yarnrc#lockfileFilename>).

use super::super::contract::{Configured, LockfileChoice, SourceFile};

const SETTING: &str = "lockfileFilename";

/// The lockfile that a configuration names.
pub(super) fn read(file: &SourceFile<'_>) -> Vec<Configured> {
    let text = String::from_utf8_lossy(file.content);
    let named = named(&text).into_iter();
    let choice = |name: &str| LockfileChoice::below(file.path.folder(), name);
    named.map(|(line, name)| Configured::beside(file, line, "yarn.lock", choice(name))).collect()
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
