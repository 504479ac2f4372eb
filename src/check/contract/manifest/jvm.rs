//! pom.xml: versions that Maven chooses anew (<https://maven.apache.org/enforcer/enforcer-rules/versionRanges.html>).

use quick_xml::Reader;
use quick_xml::events::Event;

use super::lines::{Counter, asked};
use super::{Asked, Format, Locks, Loose, Request};
use crate::model::ecosystem::Ecosystem;

pub(super) const FORMATS: &[Format] =
    &[Format { claims: |name| name == "pom.xml", ecosystem: Ecosystem::Maven, locks: Locks::Itself(&[]), read }];

/// Deeper documents are no poms.
const DEPTH_LIMIT: usize = 64;

#[derive(Default)]
struct Artifact {
    group: String,
    name: String,
    version: String,
    line: u32,
}

fn read(text: &str) -> Option<Asked> {
    let mut reader = Reader::from_str(text);
    let mut path: Vec<String> = Vec::new();
    let (mut current, mut requests) = (None::<Artifact>, Vec::new());
    let mut lines = Counter::of(text);
    loop {
        let event = reader.read_event().ok()?;
        let line = lines.at(reader.buffer_position());
        match event {
            Event::Start(element) => {
                path.push(element.name().as_ref().to_owned());
                if path.len() > DEPTH_LIMIT {
                    return None;
                }
                if matches!(path.last().map(String::as_str), Some("dependency" | "plugin")) {
                    current = Some(Artifact { line, ..Artifact::default() });
                }
            }
            Event::Text(content) => {
                let parent = path.len().checked_sub(2).and_then(|parent| path.get(parent)).map(String::as_str);
                let Some(artifact) = current.as_mut().filter(|_| matches!(parent, Some("dependency" | "plugin")))
                else {
                    continue;
                };
                let content = content.trim().to_owned();
                match path.last().map(String::as_str) {
                    Some("groupId") => artifact.group = content,
                    Some("artifactId") => artifact.name = content,
                    Some("version") => (artifact.version, artifact.line) = (content, line),
                    _ => {}
                }
            }
            Event::End(_) => {
                if matches!(path.pop().as_deref(), Some("dependency" | "plugin")) {
                    requests.extend(current.take().map(request));
                }
            }
            Event::Eof => break,
            _ => {}
        }
    }
    asked(requests)
}

fn request(artifact: Artifact) -> Request {
    let version = artifact.version.as_str();
    let compact: String = version.chars().filter(|character| !character.is_whitespace()).collect();
    let loose = match compact.as_str() {
        "LATEST" | "RELEASE" => Some(Loose::Floating),
        "[0,)" | "(,)" | "[,)" | "(0,)" => Some(Loose::AnyVersion),
        // `[1.0]` is one version; `[1.0,2.0)` is whatever is newest in there.
        range if range.starts_with(['[', '(']) && range.contains(',') => Some(Loose::Floating),
        _ => None,
    };
    let name = format!("{}:{}", artifact.group, artifact.name);
    Request { name, requirement: artifact.version, line: artifact.line, loose }
}
