//! Dart's pubspec.lock (<https://dart.dev/tools/pub/glossary#lockfile>).

use serde::Deserialize;

use super::contract::git_options::followed;
use super::contract::sources::{Checksums, Sources};
use super::contract::text::read_whole;
use super::contract::yaml_entries::Entries;
use super::contract::{Extractor, ParseError, SourceFile, check_package_count, typed_yaml};
use crate::model::dependency::{Dependency, Origin, Scope};
use crate::model::doubt::Doubt;
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::{CommitId, RepoPath};

const WAY_OUT: &str = "run `dart pub get` to write it anew";

/// Reads pubspec.lock.
///
/// The file says who is direct and who is for development, but has no edges. What comes with an SDK counts as a path: its
/// version is that of the SDK. A registry is never named in the result: the public one cannot be told from a mirror.
pub(super) struct PubspecLock;

impl Extractor for PubspecLock {
    fn id(&self) -> &'static str {
        "pubspec-lock"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        path.file_name() == "pubspec.lock"
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        read_whole(file, WAY_OUT, read)
    }
}

#[derive(Deserialize)]
struct Lock {
    #[serde(default)]
    packages: Option<Entries<Package>>,
}

#[derive(Deserialize)]
struct Package {
    #[serde(default)]
    dependency: Option<String>,
    #[serde(default)]
    description: Description,
    source: String,
    version: String,
}

/// What stands under `description`: text for an SDK, and for whatever the first versions of pub wrote.
#[derive(Default)]
struct Description(Vec<(String, String)>);

impl Description {
    fn field(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl<'de> Deserialize<'de> for Description {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Description;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("a description of a package")
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Description(vec![("name".to_owned(), text.to_owned()), ("url".to_owned(), text.to_owned())]))
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(key) = map.next_key::<String>()? {
                    // `relative: true` of a path is no text, but may be read as one.
                    fields.push((key, map.next_value::<String>()?));
                }
                Ok(Description(fields))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

fn read(text: &str) -> Result<Vec<Dependency>, ParseError> {
    let lock: Lock = typed_yaml::read(text)?;
    // pub writes it where it is empty, too (`LockFile.serialize`,
    // <https://github.com/dart-lang/pub/blob/master/lib/src/lock_file.dart>).
    let packages = lock.packages.ok_or_else(|| ParseError::new("find the map `packages`").at_line(1))?.0;
    check_package_count(packages.len())?;
    let mut sources = Sources::default();
    let dependencies: Result<Vec<Dependency>, ParseError> = packages
        .into_iter()
        .enumerate()
        .map(|(position, (name, package))| {
            let line = typed_yaml::line(&name);
            let mut dependency = Dependency::new(Ecosystem::Pub, name.value.as_str(), package.version.as_str(), line);
            dependency.origin = origin(&package).ok_or_else(|| {
                let source = package.source.escape_debug();
                ParseError::new(format!("read where a package comes from: `{source}` is no source of pub"))
                    .at_line(line)
            })?;
            // `direct main`, `direct dev`, `direct overridden`, `transitive`; the first versions of pub wrote none.
            let kind = package.dependency.as_deref().unwrap_or("direct main");
            dependency.direct = kind.starts_with("direct");
            dependency.scope = if kind == "direct dev" { Scope::Development } else { Scope::Runtime };
            note_source(&mut sources, position, &package, &mut dependency);
            Ok(dependency)
        })
        .collect();
    let mut dependencies = dependencies?;
    // Before Dart 2.19, pub wrote no checksums.
    sources.judge(&mut dependencies, Checksums::SameForAll);
    Ok(dependencies)
}

/// Notes the registry and the checksum of a hosted package; pub fetches the package that the description names.
fn note_source(sources: &mut Sources, position: usize, package: &Package, dependency: &mut Dependency) {
    if package.source != "hosted" {
        return;
    }
    package.description.field("url").into_iter().for_each(|url| sources.note_address(position, url));
    sources.note_checksum(position, package.description.field("sha256").is_some());
    if let Some(name) = package.description.field("name").filter(|name| *name != dependency.name) {
        let reason = format!("its description is that of {name}");
        dependency.doubts.push(Doubt::contradiction(reason, Some((name, &package.version))));
    }
}

fn origin(package: &Package) -> Option<Origin> {
    let field = |name: &str| package.description.field(name);
    Some(match package.source.as_str() {
        "hosted" => Origin::Registry { url: None },
        "path" | "sdk" => Origin::Path,
        "git" => Origin::Git {
            url: field("url").unwrap_or_default().to_owned(),
            pin: followed(None, None, field("ref")),
            commit: field("resolved-ref").and_then(|commit| CommitId::new(commit).ok()),
        },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{extract, show};
    use super::*;

    const LOCK: &str = r#"# Generated by pub
# See https://dart.dev/tools/pub/glossary#lockfile
packages:
  collection:
    dependency: transitive
    description:
      name: collection
      sha256: "00"
      url: "https://registry.example"
    source: hosted
    version: "1.15.0"
  flutter:
    dependency: "direct main"
    description: flutter
    source: sdk
    version: "0.0.0"
  lints:
    dependency: "direct dev"
    description:
      name: lints
      url: "https://registry.example"
    source: hosted
    version: "3.0.0-dev.1+2"
  loose:
    dependency: "direct overridden"
    description:
      path: "packages/loose"
      ref: main
      resolved-ref: "0123456789012345678901234567890123456789"
      url: "https://git.example/loose.git"
    source: git
    version: "1.0.0"
  own:
    dependency: "direct main"
    description:
      path: "../own"
      relative: true
    source: path
    version: "1.0"
sdks:
  dart: ">=2.12.0 <3.0.0"
"#;

    #[test]
    fn every_source_is_read() {
        insta::assert_snapshot!(show(&extract(&PubspecLock, &[("pubspec.lock", LOCK.as_bytes())]).expect("a lockfile")), @r#"
        0 collection@1.15.0 Runtime Registry { url: None } [] line 4
        1 flutter@0.0.0 Runtime direct Path [] line 12
        2 lints@3.0.0-dev.1+2 Development direct Registry { url: None } [] line 17
        3 loose@1.0.0 Runtime direct Git { url: "https://git.example/loose.git", pin: Branch("main"), commit: Some(CommitId("0123456789012345678901234567890123456789")) } [] line 24
        4 own@1.0 Runtime direct Path [] line 33
        "#);
        let empty: (&str, &[u8]) = ("pubspec.lock", b"packages: {}\nsdks:\n  dart: any\n");
        assert!(extract(&PubspecLock, &[empty]).expect("empty").is_empty());
    }

    #[test]
    fn what_is_no_lockfile_is_refused_with_a_way_out() {
        for (text, line) in [
            ("", None),
            ("name: x\n", Some(1)),
            ("packages:\n  a:\n    source: hosted\n", Some(2)),
            ("packages:\n  a: {source: odd, version: '1'}\n", Some(2)),
            ("packages:\n  a: {source: sdk, version: '1'}\n  a: {source: sdk, version: '1'}\n", Some(3)),
            ("packages:\n<<<<<<< HEAD\n", Some(2)),
        ] {
            let error = extract(&PubspecLock, &[("pubspec.lock", text.as_bytes())]).expect_err("no lockfile");
            assert!(error.line == line || (line == Some(2) && error.line.is_some()), "{error} {:?}", error.line);
            assert!(error.hint.as_deref().is_some_and(|hint| hint.contains("pub get")), "{error}");
        }
    }
}
