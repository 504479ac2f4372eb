//! Gradle's gradle/verification-metadata.xml
//! (<https://docs.gradle.org/current/userguide/dependency_verification.html>).

use std::collections::HashSet;

use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use super::contract::graph::roots_are_direct;
use super::contract::text::{Lines, explain};
use super::contract::xml::{decode_xml, next_event};
use super::contract::{Extractor, ParseError, SourceFile, check_package_count};
use crate::model::dependency::Dependency;
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::RepoPath;

const WAY_OUT: &str = "run `gradle --write-verification-metadata sha256` to write it anew";

/// Gradle nests five levels.
const DEPTH_LIMIT: usize = 64;

/// Reads gradle/verification-metadata.xml.
///
/// It has a checksum of everything that any build has downloaded. A component of which only the metadata was downloaded
/// (a parent, a list of versions, a version that was not selected) is not in a build.
pub(super) struct GradleVerification;

impl Extractor for GradleVerification {
    fn id(&self) -> &'static str {
        "gradle-verification"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        path.file_name() == "verification-metadata.xml" && path.folder().rsplit('/').next() == Some("gradle")
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        let text = decode_xml(file.content).map_err(|error| error.with_hint(WAY_OUT))?;
        read(&text).map_err(|error| explain(&text, error, WAY_OUT))
    }
}

/// A component whose end was not reached.
struct Component {
    dependency: Dependency,
    artifacts: usize,
    is_code: bool,
}

/// What was read up to now.
#[derive(Default)]
struct Components {
    found: Vec<Dependency>,
    seen: HashSet<(String, String)>,
    open: Option<Component>,
}

fn read(text: &str) -> Result<Vec<Dependency>, ParseError> {
    let lines = Lines::of(text);
    let mut reader = Reader::from_str(text);
    let mut components = Components::default();
    let (mut depth, mut has_root) = (0_usize, false);
    loop {
        let (offset, event) = next_event(&mut reader, text, &lines)?;
        let at = |error: ParseError| error.at_line(lines.at(offset));
        match event {
            Event::Start(start) | Event::Empty(start) if depth == 0 && start.name().0 != "verification-metadata" => {
                return Err(at(ParseError::new("find `verification-metadata` at its top")));
            }
            Event::Start(start) => {
                (depth, has_root) = (depth + 1, true);
                if depth > DEPTH_LIMIT {
                    return Err(at(ParseError::new(format!("read it: it nests more than {DEPTH_LIMIT} levels"))));
                }
                components.start(&start, lines.at(offset)).map_err(at)?;
            }
            Event::Empty(start) => {
                has_root = true;
                components.start(&start, lines.at(offset)).map_err(at)?;
                components.end(start.name().0);
            }
            Event::End(end) => {
                depth = depth.saturating_sub(1);
                components.end(end.name().0);
            }
            Event::Eof if depth > 0 || !has_root => return Err(at(ParseError::new("find its end"))),
            Event::Eof => break,
            _ => {}
        }
    }
    check_package_count(components.found.len())?;
    roots_are_direct(&mut components.found);
    Ok(components.found)
}

impl Components {
    fn start(&mut self, element: &BytesStart<'_>, line: u32) -> Result<(), ParseError> {
        match element.name().0 {
            "component" => {
                let [group, name, version] = ["group", "name", "version"].map(|key| attribute(element, key));
                let (Some(group), Some(name), Some(version)) = (group?, name?, version?) else {
                    return Err(ParseError::new("find the group, the name and the version of a component"));
                };
                let dependency = Dependency::new(Ecosystem::Maven, format!("{group}:{name}"), version, line);
                self.open = Some(Component { dependency, artifacts: 0, is_code: false });
            }
            "artifact" => {
                let name = attribute(element, "name")?.unwrap_or_default();
                if let Some(component) = &mut self.open {
                    component.artifacts += 1;
                    component.is_code |= !matches!(name.rsplit('.').next(), Some("pom" | "module"));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, name: &str) {
        if name != "component" {
            return;
        }
        let Some(component) = self.open.take() else { return };
        let is_built = component.is_code || component.artifacts == 0;
        let key = (component.dependency.name.clone(), component.dependency.version.clone());
        if is_built && self.seen.insert(key) {
            self.found.push(component.dependency);
        }
    }
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Result<Option<String>, ParseError> {
    let fault = |error: &dyn std::fmt::Display| ParseError::new(format!("read it as XML: {error}"));
    for attribute in element.attributes() {
        let attribute = attribute.map_err(|error| fault(&error))?;
        if attribute.key.0 == name {
            let value = quick_xml::escape::unescape(&attribute.value).map_err(|error| fault(&error))?;
            return Ok(Some(value.into_owned()));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{extract, show};
    use super::*;

    const PATH: &str = "gradle/verification-metadata.xml";

    #[test]
    fn components_with_code_are_read() {
        let text = br#"<?xml version="1.0" encoding="UTF-8"?>
<verification-metadata xmlns="https://schema.gradle.org/dependency-verification">
   <configuration><verify-metadata>true</verify-metadata></configuration>
   <components>
      <component group="com.acme" name="web" version="1.0">
         <artifact name="web-1.0.jar"><sha256 value="00"/></artifact>
         <artifact name="web-1.0.pom"><sha256 value="00"/></artifact>
      </component>
      <component group="com.acme" name="parent" version="2">
         <artifact name="parent-2.pom"><sha256 value="00"/></artifact>
      </component>
      <!-- written by hand -->
      <component group="com.acme" name="a&amp;b" version="3"/>
   </components>
</verification-metadata>
"#;
        let found = extract(&GradleVerification, &[(PATH, text)]).expect("a file");
        insta::assert_snapshot!(show(&found), @r#"
        0 com.acme:web@1.0 Runtime direct Registry { url: None } [] line 5
        1 com.acme:a&b@3 Runtime direct Registry { url: None } [] line 13
        "#);
    }

    #[test]
    fn what_is_no_metadata_is_refused_with_a_way_out() {
        let deep = format!("<verification-metadata>{}", "<a>".repeat(100_000));
        for (text, line) in [
            ("", None),
            ("{}", Some(1)),
            ("<project/>", Some(1)),
            ("<verification-metadata>\n<component group=\"a\" name=\"b\"/></verification-metadata>", Some(2)),
            (
                "<verification-metadata>\n<component group=\"&x;\" name=\"b\" version=\"1\"/></verification-metadata>",
                Some(2),
            ),
            ("<verification-metadata>\n</components>", Some(2)),
            ("<verification-metadata>\n", Some(2)),
            ("<verification-metadata>\n<<<<<<< HEAD\n", Some(2)),
            (deep.as_str(), Some(1)),
        ] {
            let error = extract(&GradleVerification, &[(PATH, text.as_bytes())]).expect_err("no file");
            assert_eq!(error.line, line, "{error} of {text:.40}");
            assert!(error.hint.as_deref().is_some_and(|hint| hint.contains("verification-metadata")), "{error}");
        }
    }
}
