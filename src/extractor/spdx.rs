//! SPDX documents in JSON: 2.2 and 2.3 (<https://spdx.github.io/spdx-spec/v2.3/>), and 3.0 as JSON-LD
//! (<https://spdx.github.io/spdx-spec/v3.0.1/>). Packages without a package address that advisories know are left out.

use std::collections::HashSet;

use super::contract::bom::{Bom, Edge, Element, UNUSABLE};
use super::contract::json::Node;
use super::contract::text::{Lines, read_text, read_whole};
use super::contract::unusable::Unusable;
use super::contract::{Extractor, Noted, ParseError, SourceFile};
use crate::model::dependency::Dependency;
use crate::model::repository::RepoPath;

const WAY_OUT: &str = "write it anew with the tool that made it, as SPDX JSON of version 2.2, 2.3 or 3.0";

/// Reads SPDX documents.
pub(super) struct Spdx;

impl Extractor for Spdx {
    fn id(&self) -> &'static str {
        "spdx"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        let name = path.file_name();
        name.ends_with(".spdx.json") || name.ends_with(".spdx3.json") || name == "spdx.json"
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        read_whole(file, WAY_OUT, |text| Ok(read(text)?.0))
    }

    fn noted(&self, file: &SourceFile<'_>) -> Vec<Noted> {
        let read = read_text(file.content).ok().and_then(|text| read(text).ok());
        read.and_then(|(_, unusable)| unusable.noted(UNUSABLE.0, UNUSABLE.1)).into_iter().collect()
    }
}

fn read(text: &str) -> Result<(Vec<Dependency>, Unusable), ParseError> {
    let root = Node::parse(text)?;
    let lines = Lines::of(text);
    if let Some(graph) = root.get("@graph").and_then(Node::items) {
        return third(graph, &lines)?.dependencies();
    }
    let version = root.get("spdxVersion");
    match version.and_then(Node::text) {
        Some("SPDX-2.2" | "SPDX-2.3") => second(&root, &lines).dependencies(),
        Some(other) => {
            let message = format!("read version `{}`: SPDX-2.2, SPDX-2.3 and 3.0 are read", other.escape_debug());
            Err(ParseError::new(message).at_line(version.map_or(1, |node| lines.at(node.offset))))
        }
        None => Err(ParseError::new("find `spdxVersion` or `@graph`").at_line(1)),
    }
}

/// A list under a key; nothing for what is none.
fn list<'n, 'a>(node: &'n Node<'a>, key: &str) -> &'n [Node<'a>] {
    node.get(key).and_then(Node::items).unwrap_or_default()
}

/// A document of version 2.
fn second<'n>(root: &'n Node<'_>, lines: &Lines) -> Bom<'n> {
    let mut bom = Bom::default();
    for package in list(root, "packages") {
        let references = list(package, "externalRefs").iter();
        let purls = references.filter(|reference| reference.text_at("referenceType") == Some("purl"));
        let purls: Vec<_> = purls.filter_map(|reference| reference.get("referenceLocator")).collect();
        bom.elements.push(Element {
            id: package.text_at("SPDXID").unwrap_or_default(),
            name: package.text_at("name").unwrap_or_default(),
            version: package.text_at("versionInfo").filter(|version| !version.is_empty()),
            // Tools list the project, its files and its lockfiles as packages without a version.
            is_package: package.text_at("versionInfo").is_some(),
            line: lines.at(purls.first().copied().unwrap_or(package).offset),
            purls: purls.into_iter().filter_map(Node::text).collect(),
            ..Element::default()
        });
    }
    let mut described: Vec<&str> = list(root, "documentDescribes").iter().filter_map(Node::text).collect();
    for relationship in list(root, "relationships") {
        let text = |key: &str| relationship.text_at(key);
        let ends = text("spdxElementId").zip(text("relatedSpdxElement")).zip(text("relationshipType"));
        let Some(((left, right), kind)) = ends else { continue };
        let edge = |from, to, is_development| Some(Edge { from, to, is_development });
        bom.edges.extend(match kind {
            "DESCRIBES" => {
                described.push(right);
                None
            }
            "DESCRIBED_BY" => {
                described.push(left);
                None
            }
            "DEPENDS_ON" | "CONTAINS" => edge(left, right, false),
            "DEPENDENCY_OF"
            | "RUNTIME_DEPENDENCY_OF"
            | "OPTIONAL_DEPENDENCY_OF"
            | "PROVIDED_DEPENDENCY_OF"
            | "CONTAINED_BY" => edge(right, left, false),
            "DEV_DEPENDENCY_OF" | "BUILD_DEPENDENCY_OF" | "TEST_DEPENDENCY_OF" => edge(right, left, true),
            _ => None,
        });
    }
    bom.subject = subject(described, &bom);
    bom
}

/// A document of version 3: one list of everything.
fn third<'n>(graph: &'n [Node<'_>], lines: &Lines) -> Result<Bom<'n>, ParseError> {
    let mut bom = Bom::default();
    let mut described = Vec::new();
    for node in graph {
        let kind = node.text_at("type").or_else(|| node.text_at("@type")).unwrap_or_default();
        match kind {
            "CreationInfo" => {
                let version = node.get("specVersion");
                if let Some(written) = version.and_then(Node::text).filter(|version| !version.starts_with("3.0")) {
                    let message = format!("read version `{}`: 2.2, 2.3 and 3.0 are read", written.escape_debug());
                    return Err(ParseError::new(message).at_line(lines.at(node.offset)));
                }
            }
            "software_Package" => bom.elements.push(third_package(node, lines)),
            "SpdxDocument" | "software_Sbom" => {
                described.extend(list(node, "rootElement").iter().filter_map(Node::text));
            }
            "Relationship" | "LifecycleScopedRelationship" => {
                let scope = node.text_at("scope").unwrap_or_default();
                let is_development = matches!(scope, "development" | "build" | "test");
                if let Some(from) = node.text_at("from")
                    && matches!(node.text_at("relationshipType"), Some("dependsOn" | "contains"))
                {
                    let targets = list(node, "to").iter().filter_map(Node::text);
                    bom.edges.extend(targets.map(|to| Edge { from, to, is_development }));
                }
            }
            _ => {}
        }
    }
    // The root of a document may be a list of materials, whose own root is the project.
    let packages: HashSet<&str> = bom.elements.iter().map(|element| element.id).collect();
    described.retain(|id| packages.contains(id));
    bom.subject = subject(described, &bom);
    Ok(bom)
}

fn third_package<'n>(node: &'n Node<'_>, lines: &Lines) -> Element<'n> {
    let identifiers = list(node, "externalIdentifier").iter().filter(|identifier| {
        matches!(identifier.text_at("externalIdentifierType"), Some("packageUrl" | "packageURL" | "purl"))
    });
    let own = node.get("software_packageUrl").into_iter();
    let purls: Vec<_> = own.chain(identifiers.filter_map(|identifier| identifier.get("identifier"))).collect();
    Element {
        id: node.text_at("spdxId").or_else(|| node.text_at("@id")).unwrap_or_default(),
        name: node.text_at("name").unwrap_or_default(),
        version: node.text_at("software_packageVersion").filter(|version| !version.is_empty()),
        is_package: node.text_at("software_packageVersion").is_some(),
        line: lines.at(purls.first().copied().unwrap_or(node).offset),
        purls: purls.into_iter().filter_map(Node::text).collect(),
        ..Element::default()
    }
}

/// The project itself: the one package that is described, when the document lists others as well. A document that describes
/// several is a plain list of dependencies.
fn subject<'n>(mut described: Vec<&'n str>, bom: &Bom<'n>) -> Option<&'n str> {
    described.sort_unstable();
    described.dedup();
    match described.as_slice() {
        [only] if bom.elements.len() > 1 => Some(only),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{extract, show};
    use super::*;

    fn of(text: &str) -> String {
        show(&extract(&Spdx, &[("a.spdx.json", text.as_bytes())]).unwrap_or_else(|error| panic!("{error}")))
    }

    fn package(id: &str, purl: &str) -> String {
        format!(
            "{{\"SPDXID\": \"{id}\", \"externalRefs\": [{{\"referenceType\": \"purl\", \"referenceLocator\": \"{purl}\"}}]}}"
        )
    }

    #[test]
    fn packages_of_version_two_are_read_with_who_requires_them() {
        let packages = ["root npm/shop", "a npm/a", "b npm/b", "d npm/d", "e npm/e", "f generic/f"].map(|it| {
            let (id, purl) = it.split_once(' ').expect("two words");
            package(id, &format!("pkg:{purl}@1"))
        });
        let relationships = [
            "doc DESCRIBES root",
            "root DEPENDS_ON a",
            "b DEPENDENCY_OF a",
            "d DEV_DEPENDENCY_OF root",
            "d DEPENDS_ON e",
            "d CONTAINS b",
            "root CONTAINS f",
        ]
        .map(|it| {
            let words: Vec<&str> = it.split(' ').collect();
            format!(
                "{{\"spdxElementId\": \"{}\", \"relationshipType\": \"{}\", \"relatedSpdxElement\": \"{}\"}}",
                words[0], words[1], words[2]
            )
        });
        let text = format!(
            "{{\"spdxVersion\": \"SPDX-2.3\", \"packages\": [\n{}],\n\"relationships\": [{}]}}",
            packages.join(",\n"),
            relationships.join(",\n")
        );
        insta::assert_snapshot!(of(&text), @r#"
        0 a@1 Runtime direct Registry { url: None } [] line 3
        1 b@1 Runtime Registry { url: None } [0, 2] line 4
        2 d@1 Development direct Registry { url: None } [] line 5
        3 e@1 Development Registry { url: None } [2] line 6
        "#);
    }

    #[test]
    fn packages_of_version_three_are_read() {
        let text = r#"{"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": [
{"type": "CreationInfo", "@id": "_:c", "specVersion": "3.0.1"},
{"type": "SpdxDocument", "spdxId": "doc", "rootElement": ["bom"]},
{"type": "software_Sbom", "spdxId": "bom", "rootElement": ["root"]},
{"type": "software_Package", "spdxId": "root", "software_packageUrl": "pkg:npm/shop@1"},
{"type": "software_Package", "spdxId": "a", "externalIdentifier": [{"externalIdentifierType": "packageUrl", "identifier": "pkg:npm/a@1"}]},
{"type": "software_Package", "spdxId": "b", "software_packageUrl": "pkg:npm/b@2"},
{"type": "LifecycleScopedRelationship", "from": "root", "relationshipType": "dependsOn", "to": ["b"], "scope": "development"},
{"type": "Relationship", "from": "root", "relationshipType": "dependsOn", "to": ["a"]}]}"#;
        insta::assert_snapshot!(of(text), @r#"
        0 a@1 Runtime direct Registry { url: None } [] line 6
        1 b@2 Development direct Registry { url: None } [] line 7
        "#);
    }

    #[test]
    fn a_document_of_one_package_or_of_many_is_a_list() {
        let one = format!(
            "{{\"spdxVersion\": \"SPDX-2.2\", \"documentDescribes\": [\"a\"], \"packages\": [{}]}}",
            package("a", "pkg:npm/a@1")
        );
        assert_eq!(of(&one), "0 a@1 Runtime direct Registry { url: None } [] line 1");
    }

    #[test]
    fn what_is_no_document_is_refused_with_its_line() {
        for (text, line) in [
            ("", None),
            ("{}", Some(1)),
            ("{\n\"spdxVersion\": \"SPDX-1.2\"}", Some(2)),
            ("{\"@graph\": [\n{\"type\": \"CreationInfo\", \"specVersion\": \"4.0\"}]}", Some(2)),
            ("{\n", Some(2)),
        ] {
            let error = extract(&Spdx, &[("a.spdx.json", text.as_bytes())]).expect_err(text);
            assert_eq!(error.line, line, "{text}: {error}");
            assert!(error.hint.is_some());
        }
    }
}
