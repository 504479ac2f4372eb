//! What the file name of an archive says about its package
//! (<https://packaging.python.org/en/latest/specifications/binary-distribution-format/#file-name-convention>).

use super::normalise;
use crate::model::dependency::{Dependency, Origin};
use crate::model::doubt::Doubt;
use crate::model::ecosystem::Ecosystem;
use crate::version;

/// What source distributions end with.
const SOURCE: [&str; 11] =
    [".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz", ".tar", ".tbz", ".txz", ".tlz", ".tar.lz", ".tar.lzma"];

/// What the name, or the address, of an archive does not let be what the entry says; `None` where it fits, or says nothing.
pub(in crate::extractor) fn contradiction(name: &str, version: &str, file: &str) -> Option<Doubt> {
    let file = file.split(['#', '?']).next().and_then(|file| file.rsplit('/').next()).unwrap_or_default();
    if is_usual(name, version, file) {
        return None;
    }
    let (other_name, other_version) = named(name, file)?;
    let (other_name, other_version) = (other_name.as_str(), other_version.as_str());
    let compared = version::compare(Ecosystem::PyPi, public(other_version), public(version));
    let is_version_other = compared.is_ok_and(std::cmp::Ordering::is_ne);
    if normalise(other_name) == normalise(name) && !is_version_other {
        return None;
    }
    let reason = format!("its archive is that of {other_name} {other_version}");
    Some(Doubt::contradiction(reason, Some((other_name, other_version))))
}

/// The package and the version that the name, or the address, of an archive of a package tells; `None` where it has another
/// form and is not taken apart for certain.
pub(in crate::extractor) fn named(name: &str, file: &str) -> Option<(String, String)> {
    let file = file.split(['#', '?']).next().and_then(|file| file.rsplit('/').next()).unwrap_or_default();
    let file = percent_encoding::percent_decode_str(file).decode_utf8().ok()?;
    // pip takes the end in any case.
    let lower = file.to_ascii_lowercase();
    let without = |suffix: &str| file.get(..lower.strip_suffix(suffix)?.len());
    let (name, version) = if let Some(stem) = without(".whl") {
        let mut parts = stem.split('-');
        (parts.next()?, parts.next()?)
    } else {
        source_parts(name, SOURCE.iter().find_map(|suffix| without(suffix))?)?
    };
    version.starts_with(|first: char| first.is_ascii_digit()).then(|| (name.to_owned(), version.to_owned()))
}

/// Where a package comes from that is installed from disk: an archive may be anything, a folder is one of the project.
pub(in crate::extractor) fn on_disk(path: &str) -> Origin {
    let file = path.split(['#', '?']).next().unwrap_or_default().to_ascii_lowercase();
    let is_archive = SOURCE.iter().chain(&[".whl"]).any(|end| file.ends_with(end));
    if is_archive { Origin::Archive { url: path.to_owned() } } else { Origin::Path }
}

/// Notes in a dependency what its archives say otherwise, each thing once.
pub(in crate::extractor) fn doubt<'f>(dependency: &mut Dependency, files: impl Iterator<Item = &'f str>) {
    for file in files {
        let doubt = contradiction(&dependency.name, &dependency.version, file);
        if let Some(doubt) = doubt.filter(|doubt| !dependency.doubts.contains(doubt)) {
            dependency.doubts.push(doubt);
        }
    }
}

/// The name and the version in the name of a source distribution, in which both may have dashes.
fn source_parts<'a>(name: &str, stem: &'a str) -> Option<(&'a str, &'a str)> {
    let wanted = normalise(name);
    let dashes = || stem.match_indices('-').filter_map(|(at, _)| Some((stem.get(..at)?, stem.get(at + 1..)?)));
    let is_number = |after: &str| after.starts_with(|first: char| first.is_ascii_digit());
    let own = dashes().find(|(before, after)| normalise(before) == wanted && is_number(after));
    own.or_else(|| dashes().find(|(_, after)| is_number(after) && version::parse(Ecosystem::PyPi, after).is_ok()))
}

/// A version without the label of who built it.
fn public(version: &str) -> &str {
    version.split('+').next().unwrap_or(version)
}

/// Whether a file begins with the name, in any of its forms, and the version: nearly all do.
fn is_usual(name: &str, version: &str, file: &str) -> bool {
    let same = |left: u8, right: u8| {
        let is_dash = |byte: u8| matches!(byte, b'-' | b'_' | b'.');
        left.eq_ignore_ascii_case(&right) || (is_dash(left) && is_dash(right))
    };
    let Some((start, rest)) = file.as_bytes().split_at_checked(name.len()) else { return false };
    let rest = rest.strip_prefix(b"-").and_then(|rest| rest.strip_prefix(version.as_bytes()));
    !version.is_empty()
        && start.iter().zip(name.bytes()).all(|(left, right)| same(*left, right))
        && rest.is_some_and(|rest| rest.starts_with(b"-") || SOURCE.iter().any(|suffix| rest == suffix.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn other(name: &str, version: &str, file: &str) -> Option<String> {
        match contradiction(name, version, file)? {
            Doubt::Contradiction { other: Some(other), .. } => Some(other.to_string()),
            doubt => panic!("{doubt:?}"),
        }
    }

    #[test]
    fn the_name_of_an_archive_is_compared_with_its_package() {
        for (name, version, file) in [
            ("markupsafe", "2.1.0", "MarkupSafe-2.1.0-cp311-cp311-manylinux_2_17_x86_64.whl"),
            ("ruamel-yaml", "0.17.0", "https://files.example/ab/ruamel.yaml-0.17.0.tar.gz#sha256=01"),
            ("python-dateutil", "2.8.2", "python_dateutil-2.8.2-py2.py3-none-any.whl"),
            ("torch", "2.0.0+cpu", "torch-2.0.0%2Bcpu-cp311-cp311-linux_x86_64.whl"),
            ("torch", "2.0.0", "torch-2.0.0+cpu-cp311-cp311-linux_x86_64.whl"),
            ("a", "1.0", "a-1.0.0.tar.gz"),
            ("a", "1.0.post1", "a-1.0-1.tar.gz"),
            ("a", "1.0", "a-latest.zip"),
            ("a", "1.0", "archive.zip"),
            ("a", "1.0", "a.exe"),
        ] {
            assert_eq!(other(name, version, file), None, "{file}");
        }
        for (file, expected) in [
            ("b-1.0-py3-none-any.whl", "b@1.0"),
            ("a-2.0-py3-none-any.whl", "a@2.0"),
            ("a-2.0.tar.gz", "a@2.0"),
            ("a-b-1.0.tar.gz", "a-b@1.0"),
            ("a%2D2.0.zip", "a@2.0"),
            ("B-1.0.ZIP", "B@1.0"),
            ("b-1.0.tar.xz", "b@1.0"),
        ] {
            assert_eq!(other("a", "1.0", file).as_deref(), Some(expected), "{file}");
        }
    }
}
