//! `CycloneDX` bills of materials in JSON (<https://cyclonedx.org/docs/1.6/json/>): this is how the packages of an image and
//! of tools that patchparty does not read reach the audit. Components without a package address that advisories know are
//! left out.

use super::contract::bom::{Bom, Edge, Element, UNUSABLE};
use super::contract::json::Node;
use super::contract::os_release::System;
use super::contract::text::{Lines, read_text, read_whole};
use super::contract::unusable::Unusable;
use super::contract::{Extractor, Noted, ParseError, SourceFile};
use crate::model::dependency::{Dependency, PackageVersion};
use crate::model::repository::RepoPath;

const WAY_OUT: &str = "write it anew with the tool that made it, as CycloneDX JSON of version 1.2 to 1.7";

/// The versions that are read; JSON began with 1.2.
const VERSIONS: [&str; 6] = ["1.2", "1.3", "1.4", "1.5", "1.6", "1.7"];

/// Reads bills of materials.
pub(super) struct CycloneDx;

impl Extractor for CycloneDx {
    fn id(&self) -> &'static str {
        "cyclonedx"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        let name = path.file_name();
        name == "bom.json" || name.ends_with(".cdx.json") || is_named_after(name)
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        read_whole(file, WAY_OUT, |text| Ok(read(file.path.file_name(), text)?.0))
    }

    fn noted(&self, file: &SourceFile<'_>) -> Vec<Noted> {
        let read = read_text(file.content).ok().and_then(|text| read(file.path.file_name(), text).ok());
        read.and_then(|(_, unusable)| unusable.noted(UNUSABLE.0, UNUSABLE.1)).into_iter().collect()
    }
}

/// `sbom-cyclonedx.json`: the usual names beside those of the specification.
fn is_named_after(name: &str) -> bool {
    name.strip_suffix(".json").is_some_and(|stem| stem.to_ascii_lowercase().contains("cyclonedx"))
}

fn read(name: &str, text: &str) -> Result<(Vec<Dependency>, Unusable), ParseError> {
    let root = Node::parse(text)?;
    if root.text_at("bomFormat") != Some("CycloneDX") {
        // A file that only has the word in its name may be anything, a configuration for example; so may `bom.json`, the
        // parts of a machine for example.
        let has_components = root.get("components").is_some() || root.get("specVersion").is_some();
        if !has_components
            && (name == "bom.json" || is_named_after(name))
            && root.is_object()
            && !name.ends_with(".cdx.json")
        {
            return Ok((Vec::new(), Unusable::default()));
        }
        return Err(ParseError::new("find `\"bomFormat\": \"CycloneDX\"`").at_line(1));
    }
    let lines = Lines::of(text);
    let version = root.get("specVersion");
    if !version.and_then(Node::text).is_some_and(|version| VERSIONS.contains(&version)) {
        let written = version.and_then(Node::scalar).unwrap_or("none").escape_debug().to_string();
        let message = format!("read version {written}: {} are read", VERSIONS.join(", "));
        return Err(ParseError::new(message).at_line(version.map_or(1, |node| lines.at(node.offset))));
    }
    let subject = root.get("metadata").and_then(|metadata| metadata.get("component"));
    let mut bom = Bom { subject: subject.and_then(|subject| subject.text_at("bom-ref")), ..Bom::default() };
    // Components hold components, the subject as well; a stack keeps the order of the file.
    let nested = |node: &'_ Node<'_>| node.get("components").and_then(Node::items).is_some();
    let mut open: Vec<&Node<'_>> = Vec::new();
    for owner in [Some(&root), subject].into_iter().flatten().filter(|node| nested(node)) {
        open.extend(owner.get("components").and_then(Node::items).into_iter().flatten().rev());
    }
    while let Some(component) = open.pop() {
        open.extend(component.get("components").and_then(Node::items).into_iter().flatten().rev());
        if component.text_at("type") == Some("operating-system") {
            let system = component.text_at("name").and_then(|name| System::named(name, component.text_at("version")));
            bom.system = bom.system.or(system);
        }
        bom.elements.push(element(component, &lines));
    }
    let required = root.get("dependencies").and_then(Node::items).unwrap_or_default();
    for (from, entry) in required.iter().filter_map(|entry| Some((entry.text_at("ref")?, entry))) {
        let targets = entry.get("dependsOn").and_then(Node::items).unwrap_or_default().iter().filter_map(Node::text);
        bom.edges.extend(targets.map(|to| Edge { from, to, is_development: false }));
    }
    bom.dependencies()
}

fn element<'a>(component: &'a Node<'_>, lines: &Lines) -> Element<'a> {
    let purl = component.get("purl");
    let property = |name: &str| {
        let properties = component.get("properties").and_then(Node::items).unwrap_or_default().iter();
        let mut named = properties.filter(|property| property.text_at("name").is_some_and(|it| it == name));
        named.next().and_then(|property| property.text_at("value"))
    };
    // cyclonedx-npm and cyclonedx-php say it with properties, others with the scope.
    let by_property = ["cdx:npm:package:development", "cdx:composer:package:isDevRequirement"];
    let is_development =
        component.text_at("scope") == Some("excluded") || by_property.iter().any(|name| property(name) == Some("true"));
    // Trivy names the source package of a system package beside the address.
    let source = property("aquasecurity:trivy:SrcName").and_then(|name| {
        let epoch = property("aquasecurity:trivy:SrcEpoch").filter(|epoch| *epoch != "0");
        let release = property("aquasecurity:trivy:SrcRelease").filter(|release| !release.is_empty());
        let version = property("aquasecurity:trivy:SrcVersion")?;
        let version = format!(
            "{}{version}{}",
            epoch.map(|epoch| format!("{epoch}:")).unwrap_or_default(),
            release.map(|release| format!("-{release}")).unwrap_or_default()
        );
        Some(PackageVersion { name: name.to_owned(), version })
    });
    let version = component.text_at("version").filter(|version| !version.is_empty());
    // Tools list the files and lockfiles that they have read as applications without a version.
    let is_package = match component.text_at("type") {
        Some("library" | "framework") | None => true,
        Some("application" | "container" | "platform") => version.is_some(),
        Some(_) => false,
    };
    Element {
        id: component.text_at("bom-ref").unwrap_or_default(),
        name: component.text_at("name").unwrap_or_default(),
        version,
        is_package,
        purls: purl.and_then(Node::text).into_iter().collect(),
        line: lines.at(purl.unwrap_or(component).offset),
        is_development,
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{extract, show};
    use super::*;

    fn of(text: &str) -> String {
        show(&extract(&CycloneDx, &[("bom.json", text.as_bytes())]).unwrap_or_else(|error| panic!("{error}")))
    }

    #[test]
    fn components_are_read_with_who_requires_them() {
        let text = r#"{"bomFormat": "CycloneDX", "specVersion": "1.6",
"metadata": {"component": {"bom-ref": "root", "name": "shop", "purl": "pkg:npm/shop@1"}},
"components": [
 {"bom-ref": "folder", "type": "application", "name": "package-lock.json"},
 {"bom-ref": "a", "purl": "pkg:npm/a@1", "components": [
  {"bom-ref": "b", "purl": "pkg:npm/b@2", "scope": "excluded"}]},
 {"bom-ref": "root", "purl": "pkg:npm/shop@1"},
 {"bom-ref": "c", "purl": "pkg:npm/c@3", "properties": [{"name": "cdx:npm:package:development", "value": "true"}]},
 {"purl": "pkg:generic/d@3"}],
"dependencies": [{"ref": "root", "dependsOn": ["folder"]}, {"ref": "folder", "dependsOn": ["a"]},
 {"ref": "a", "dependsOn": ["b", "c", "nothing"]}]}"#;
        insta::assert_snapshot!(of(text), @r#"
        0 a@1 Runtime direct Registry { url: None } [] line 5
        1 b@2 Development Registry { url: None } [0] line 6
        2 c@3 Development Registry { url: None } [0] line 8
        "#);
    }

    #[test]
    fn the_packages_of_an_image_are_read() {
        let text = r#"{"bomFormat": "CycloneDX", "specVersion": "1.5", "components": [
 {"bom-ref": "1", "type": "library", "purl": "pkg:deb/debian/libssl3@3.0.11-1?arch=amd64",
  "properties": [{"name": "aquasecurity:trivy:SrcName", "value": "openssl"}, {"name": "aquasecurity:trivy:SrcVersion", "value": "3.0.11"}, {"name": "aquasecurity:trivy:SrcRelease", "value": "1"}]},
 {"type": "operating-system", "name": "debian", "version": "12.4"}]}"#;
        insta::assert_snapshot!(of(text), @r#"0 libssl3@3.0.11-1 Runtime direct System { release: Some("12"), source: Some(PackageVersion { name: "openssl", version: "3.0.11-1" }) } [] line 2"#);
    }

    #[test]
    fn what_is_no_bill_of_materials_is_refused_with_its_line() {
        for (text, line) in [
            ("", None),
            ("{}", Some(1)),
            ("{\"bomFormat\": \"CycloneDX\",\n\"specVersion\": \"2.0\"}", Some(2)),
            ("{\"bomFormat\": \"CycloneDX\"}", Some(1)),
            ("{\n", Some(2)),
        ] {
            let error = extract(&CycloneDx, &[("app.cdx.json", text.as_bytes())]).expect_err(text);
            assert_eq!(error.line, line, "{text}: {error}");
            assert!(error.hint.is_some());
        }
        assert!(extract(&CycloneDx, &[("cyclonedx-config.json", b"{\"a\": 1}")]).expect("something else").is_empty());
        assert!(extract(&CycloneDx, &[("bom.json", b"{\"components\": []}")]).is_err(), "it lacks its format");
        assert!(extract(&CycloneDx, &[("bom.json", b"{\"parts\": []}")]).expect("something else").is_empty());
        assert!(extract(&CycloneDx, &[("sbom.cyclonedx.json", b"[]")]).is_err());
    }
}
