//! NuGet's packages.config (<https://learn.microsoft.com/nuget/reference/packages-config>).

use std::ops::Range;

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use super::contract::text::{Lines, explain};
use super::contract::xml::{decode_xml, next_event};
use super::contract::{Extractor, ParseError, SourceFile, check_package_count};
use crate::model::dependency::{Dependency, Scope};
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::RepoPath;

/// The file has two levels.
const DEPTH_LIMIT: usize = 32;

const WAY_OUT: &str = "correct it, or install a package anew with `nuget install`";

/// Reads packages.config.
///
/// Every package that is installed stands in it, whoever asked for it; all of them count as direct, because the project has
/// to name them all.
pub(super) struct PackagesConfig;

impl Extractor for PackagesConfig {
    fn id(&self) -> &'static str {
        "packages-config"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        let name = path.file_name();
        // A folder with several projects has `packages.<project>.config`.
        name.eq_ignore_ascii_case("packages.config")
            || name.starts_with("packages.") && name.ends_with(".config") && name.len() > "packages..config".len()
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        let text = decode_xml(file.content).map_err(|error| error.with_hint(WAY_OUT))?;
        read(&text).map_err(|error| explain(&text, error, WAY_OUT))
    }
}

fn read(text: &str) -> Result<Vec<Dependency>, ParseError> {
    let lines = Lines::of(text);
    let mut reader = Reader::from_str(text);
    let mut dependencies = Vec::new();
    let mut depth = 0_usize;
    let mut has_root = false;
    loop {
        let (start, event) = next_event(&mut reader, text, &lines)?;
        let fault = |message: &str| ParseError::new(message).at_line(lines.at(start));
        let (element, opens) = match &event {
            Event::Start(element) => (element, true),
            Event::Empty(element) => (element, false),
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                continue;
            }
            // Entities of its own could stand for anything; NuGet does not take them, either.
            Event::DocType(_) => return Err(fault("read it: a document type is not allowed in it")),
            Event::Eof => break,
            _ => continue,
        };
        match (depth, element.name().as_ref()) {
            (0, "packages") => has_root = true,
            (0, _) => return Err(fault("find the element `packages`")),
            (1, "package") => {
                let end = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
                dependencies.push(package(element, &lines, text, start..end)?);
            }
            _ => {}
        }
        check_package_count(dependencies.len())?;
        depth += usize::from(opens);
        if depth > DEPTH_LIMIT {
            return Err(fault(&format!("read it: it nests more than {DEPTH_LIMIT} levels")));
        }
    }
    if depth > 0 {
        return Err(ParseError::new("read it as XML: it ends inside of an element").at_line(lines.at(text.len())));
    }
    if has_root { Ok(dependencies) } else { Err(ParseError::new("find the element `packages`")) }
}

fn package(element: &BytesStart<'_>, lines: &Lines, text: &str, span: Range<usize>) -> Result<Dependency, ParseError> {
    let line = lines.at(span.start);
    let attribute = |name: &str| {
        let found = element.attributes().flatten().find(|attribute| attribute.key.as_ref() == name)?;
        found.normalized_value(XmlVersion::Implicit1_0).ok().map(std::borrow::Cow::into_owned)
    };
    if let Some(fault) = element.attributes().find_map(Result::err) {
        return Err(ParseError::new(format!("read it as XML: {fault}")).at_line(line));
    }
    let id = attribute("id").filter(|id| !id.trim().is_empty());
    let id = id.ok_or_else(|| ParseError::new("find the id of a package").at_line(line))?;
    let version = attribute("version").filter(|version| !version.trim().is_empty());
    let version =
        version.ok_or_else(|| ParseError::new(format!("find the version of `{}`", id.escape_debug())).at_line(line))?;
    // An element may have its attributes on lines of their own.
    let start = span.start;
    let place = text.get(span).and_then(|element| element.find(id.as_str())).map_or(start, |offset| start + offset);
    let mut dependency = Dependency::new(Ecosystem::NuGet, id.trim(), version.trim(), lines.at(place));
    dependency.direct = true;
    if attribute("developmentDependency").is_some_and(|value| value.trim().eq_ignore_ascii_case("true")) {
        dependency.scope = Scope::Development;
    }
    Ok(dependency)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{extract, show};
    use super::*;

    #[test]
    fn packages_are_read_with_their_lines() {
        let text = "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<packages>\r\n  <!-- <package id=\"No\" version=\"1\"/> -->\r\n  <package id=\"A.B\" version=\"1.2.0.4\" targetFramework=\"net46\" />\r\n  <package\r\n    version='2' id='C&amp;D' developmentDependency=\"True\"></package>\r\n</packages>\r\n";
        let found = extract(&PackagesConfig, &[("app/packages.config", text.as_bytes())]).expect("a list");
        insta::assert_snapshot!(show(&found), @r"
        0 A.B@1.2.0.4 Runtime direct Registry { url: None } [] line 4
        1 C&D@2 Development direct Registry { url: None } [] line 5
        ");
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(extract(&PackagesConfig, &[("packages.config", &wide)]).expect("a list"), found);
        assert!(extract(&PackagesConfig, &[("packages.config", b"<packages/>")]).expect("empty").is_empty());
    }

    #[test]
    fn what_is_no_list_is_refused_with_a_way_out() {
        let deep = format!("<packages>{}", "<a>".repeat(100));
        for (text, line) in [
            ("", None),
            ("<configuration/>", Some(1)),
            ("<packages>\n<package version=\"1\"/></packages>", Some(2)),
            ("<packages>\n<package id=\"A\"/></packages>", Some(2)),
            ("<packages>\n<package id=\"A\" version=\"1\" id=\"B\"/></packages>", Some(2)),
            ("<packages>\n", Some(2)),
            ("<packages></package>", Some(1)),
            ("<!DOCTYPE x [<!ENTITY a \"b\">]>\n<packages/>", Some(1)),
            (deep.as_str(), Some(1)),
        ] {
            let error = extract(&PackagesConfig, &[("packages.config", text.as_bytes())]).expect_err(text);
            assert_eq!(error.line, line, "{text}: {error}");
            assert!(error.hint.is_some(), "{error}");
        }
    }
}
