//! Cargo.lock exactly as Cargo has written it since version 2, read in one pass over its lines.
//!
//! Whatever else a lockfile may look like – version 1, TOML written by hand, edges that need a decision, anything broken –
//! is not read here at all: `cargo-lock` decides what it means. A test reads the whole corpus in both ways.

use foldhash::{HashMap, HashMapExt as _};
use memchr::memchr;

use super::super::contract::text::first_line;
use super::{CHECKSUM_WITHOUT_REGISTRY, Locked, Package, origin};
use crate::model::dependency::Origin;
use crate::model::doubt::Doubt;

/// The packages with their edges; `None` for text in any other form.
pub(super) fn read(text: &str) -> Option<Locked> {
    let mut reader = Reader { lines: Lines(text), line: 0 };
    reader.head()?;
    let mut packages = Vec::new();
    let mut sources: Vec<Option<&str>> = Vec::new();
    let mut edges: Vec<(usize, &str)> = Vec::new();
    let mut last_source: Option<(&str, (Origin, Option<Doubt>))> = None;
    let mut has_checksums = false;
    loop {
        let parent = packages.len();
        let (Some(name), Some(version)) = (reader.value("name"), reader.value("version")) else { return None };
        let line = reader.line - 1;
        semver::Version::parse(version).ok()?;
        let mut package = Package {
            name: plain_name(name)?.to_owned(),
            version: version.to_owned(),
            origin: Origin::Path,
            line,
            has_checksum: false,
            doubts: Vec::new(),
        };
        let mut next = reader.next();
        sources.push(next.and_then(|line| value_of(line, "source")));
        if let Some(Some(source)) = sources.last() {
            // Nearly all packages come from where the one before came from.
            if last_source.as_ref().is_none_or(|(last, _)| last != source) {
                last_source = Some((*source, origin(Some(&source.parse().ok()?))));
            }
            let (origin, doubt) = &last_source.as_ref()?.1;
            package.origin.clone_from(origin);
            package.doubts.extend(doubt.clone());
            next = reader.next();
        }
        if let Some(checksum) = next.and_then(|line| value_of(line, "checksum")) {
            is_checksum(checksum).then_some(())?;
            has_checksums = true;
            package.has_checksum = true;
            if !matches!(package.origin, Origin::Registry { .. }) {
                package.doubts.push(Doubt::contradiction(CHECKSUM_WITHOUT_REGISTRY, None));
            }
            next = reader.next();
        }
        packages.push(package);
        if next == Some("dependencies = [") {
            loop {
                match reader.next()? {
                    "]" => break,
                    edge => edges.push((parent, edge.strip_prefix(" \"")?.strip_suffix("\",")?)),
                }
            }
            next = reader.next();
        }
        if !is_followed(next, &mut reader, has_checksums)? {
            break;
        }
    }
    let parents = parents(&packages, &sources, &edges)?;
    Some(Locked { packages, parents })
}

/// The lines of a text.
#[derive(Clone)]
struct Lines<'a>(&'a str);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if self.0.is_empty() {
            return None;
        }
        let (line, rest) = first_line(self.0);
        self.0 = rest;
        Some(line)
    }
}

struct Reader<'a> {
    lines: Lines<'a>,
    /// The number of the line that was read last.
    line: u32,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<&'a str> {
        self.line = self.line.saturating_add(1);
        self.lines.next()
    }

    /// Comments and the version, up to the first package.
    fn head(&mut self) -> Option<()> {
        let mut has_version = false;
        loop {
            match self.next()? {
                "" => {}
                "version = 3" | "version = 4" if !std::mem::replace(&mut has_version, true) => {}
                "[[package]]" => return Some(()),
                comment if comment.starts_with('#') && comment.bytes().all(|byte| matches!(byte, b' '..=b'~')) => {}
                _ => return None,
            }
        }
    }

    fn value(&mut self, key: &str) -> Option<&'a str> {
        value_of(self.next()?, key)
    }
}

/// Whether another package follows the line behind one; `None` for anything else than the end and version 1's checksums.
fn is_followed(line: Option<&str>, reader: &mut Reader<'_>, has_checksums: bool) -> Option<bool> {
    match line {
        None => return Some(false),
        Some("") => {}
        Some(_) => return None,
    }
    match reader.next() {
        None => Some(false),
        Some("[[package]]") => Some(true),
        // Packages with a checksum of their own have no second one there.
        Some("[metadata]") if !has_checksums => {
            let mut rest = reader.lines.clone();
            rest.all(is_metadata).then_some(false)
        }
        Some(_) => None,
    }
}

/// `"checksum name 1.0.0 (source)" = "…"`, as version 1 has it.
fn is_metadata(line: &str) -> bool {
    let checksum = line.strip_prefix("\"checksum ").and_then(|rest| rest.strip_suffix('"'));
    let parts = checksum.and_then(|rest| rest.split_once("\" = \""));
    parts.is_some_and(|(key, sum)| {
        key.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\')
            && (is_checksum(sum) || sum == "<none>")
    })
}

/// The text of `key = "text"`; `None` for text with an escape.
fn value_of<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let value = line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"')?;
    let is_plain = value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\');
    is_plain.then_some(value)
}

fn plain_name(name: &str) -> Option<&str> {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    (is_plain && !name.is_empty()).then_some(name)
}

fn is_checksum(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// For each package, the positions of those that require it; `None` when an edge does not mean exactly one package.
fn parents(packages: &[Package], sources: &[Option<&str>], edges: &[(usize, &str)]) -> Option<Vec<Vec<usize>>> {
    // Cargo sorts packages by name, so that all with one name stand together.
    let mut ranges: HashMap<&str, (usize, usize)> = HashMap::with_capacity(packages.len());
    for (position, package) in packages.iter().enumerate() {
        let (_, end) = ranges.entry(package.name.as_str()).or_insert((position, position));
        if *end != position {
            return None;
        }
        *end += 1;
    }
    let mut counts = vec![0_usize; packages.len()];
    let mut found = Vec::with_capacity(edges.len());
    for &(parent, edge) in edges {
        let (name, rest) = first_word(edge);
        let &(start, end) = ranges.get(name)?;
        let child = match rest.map(first_word) {
            None if end - start == 1 => start,
            None => return None,
            Some((version, source)) => {
                // A source is written where several packages fit, and always by version 1.
                let source = match source {
                    Some(word) => Some(word.strip_prefix('(')?.strip_suffix(')')?),
                    None => None,
                };
                let has_version = |position: &usize| packages[*position].version == version;
                let is_only = (start..end).filter(has_version).count() == 1;
                let mut same = (start..end).filter(has_version).filter(|&position| match source {
                    Some(source) => is_at(sources[position], source),
                    // Among several, a package of the project itself is meant.
                    None => is_only || sources[position].is_none(),
                });
                let child = same.next()?;
                if same.next().is_some() {
                    return None;
                }
                child
            }
        };
        counts[child] += 1;
        found.push((child, parent));
    }
    let mut parents: Vec<Vec<usize>> = counts.into_iter().map(Vec::with_capacity).collect();
    for (child, parent) in found {
        parents[child].push(parent);
    }
    for list in &mut parents {
        // In the order of the file already.
        list.dedup();
    }
    Some(parents)
}

/// What stands before the first space, and what stands after it.
fn first_word(text: &str) -> (&str, Option<&str>) {
    match memchr(b' ', text.as_bytes()) {
        Some(end) => (&text[..end], text.get(end + 1..)),
        None => (text, None),
    }
}

/// Whether a package's source is what an edge names: the same without the commit.
fn is_at(source: Option<&str>, edge: &str) -> bool {
    source.is_some_and(|source| source.split('#').next() == Some(edge))
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use proptest::prelude::*;

    use super::super::read_any;
    use super::*;

    const WORKSPACE: &str = include_str!("../../../tests/fixtures/extractor/cargo-lock/projects/workspace/Cargo.lock");

    fn show(locked: &Locked) -> Vec<String> {
        let packages = locked.packages.iter().zip(&locked.parents);
        packages
            .map(|(it, parents)| {
                let Package { name, version, origin, line, has_checksum, doubts } = it;
                format!("{name} {version} {origin:?} {line} {has_checksum} {doubts:?} {parents:?}")
            })
            .collect()
    }

    #[test]
    fn what_cargo_writes_means_what_the_library_says() {
        let shared = std::env::var_os("PATCHPARTY_SHARED")
            .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
        let (mut quick, mut other) = (0, 0);
        for entry in walkdir::WalkDir::new(shared.join("corpus")).into_iter().flatten() {
            if entry.file_name() != "Cargo.lock" {
                continue;
            }
            let text = std::fs::read_to_string(entry.path()).expect("UTF-8");
            match read(&text) {
                Some(locked) => {
                    quick += 1;
                    let expected =
                        read_any(&text).unwrap_or_else(|error| panic!("{}: {error}", entry.path().display()));
                    assert_eq!(show(&locked), show(&expected), "{}", entry.path().display());
                }
                None => other += 1,
            }
        }
        println!("{quick} in one pass, {other} by the library");
        assert!(quick == 0 && other == 0 || quick > 10 * other, "{quick} in one pass, {other} by the library");
    }

    #[test]
    fn another_form_is_left_to_the_library() {
        assert!(read(WORKSPACE).is_some());
        for (from, to) in [
            ("version = 4", "version = 5"),
            ("name = \"app\"", "name = 'app'"),
            ("name = \"app\"", "name = \"a\\u0070p\""),
            (" \"itoa\",", " \"itoa 1.0.18 (registry+https://registry.example)\","),
            (" \"itoa\",", " \"nothing\","),
            (" \"itoa\",", " \"itoa 9.9.9\","),
            ("\"\n\n[[package]]", "\"\n[[package]]"),
            ("version = \"1.0.18\"", "version = \"1.0\""),
        ] {
            assert!(WORKSPACE.contains(from), "{from}");
            assert!(read(&WORKSPACE.replacen(from, to, 1)).is_none(), "{to}");
        }
        assert!(read("").is_none() && read("version = 4\n").is_none());
    }

    proptest! {
        #[test]
        fn what_is_read_here_is_what_the_library_reads(
            cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..4),
            bytes in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(b"\" a1.[]=\n-(".to_vec())), 0..3),
        ) {
            let mut lines: Vec<&str> = WORKSPACE.lines().collect();
            for (from, to) in cuts {
                let count = lines.len();
                let line = lines[from.index(count)];
                lines.insert(to.index(count), line);
                lines.remove(from.index(count));
            }
            let mut text = lines.join("\n").into_bytes();
            for (at, byte) in bytes {
                let at = at.index(text.len());
                text[at] = byte;
            }
            let text = String::from_utf8(text).expect("ASCII");
            if let Some(locked) = read(&text) {
                let expected = read_any(&text);
                prop_assert!(expected.is_ok(), "{text}");
                prop_assert_eq!(show(&locked), show(&expected.unwrap_or_else(|_| unreachable!())));
            }
        }
    }
}
