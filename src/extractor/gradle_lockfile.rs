//! Gradle's gradle.lockfile, also of build scripts and settings, and the one file per configuration of Gradle before 7
//! (<https://docs.gradle.org/current/userguide/dependency_locking.html>).

mod configuration;

use std::collections::{HashMap, HashSet};

use super::contract::graph::roots_are_direct;
use super::contract::text::read_whole;
use super::contract::{Configured, Extractor, ParseError, SourceFile, check_package_count};
use crate::model::dependency::{Dependency, Scope};
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::RepoPath;

const WAY_OUT: &str = "run `gradle dependencies --write-locks` to write it anew";

/// Configurations of Gradle's own plugins whose modules only check or compile the project
/// (<https://docs.gradle.org/current/userguide/plugin_reference.html>).
const TOOLS: [&str; 6] = ["annotationProcessor", "checkstyle", "classpath", "jacocoAgent", "jacocoAnt", "pmd"];

/// Reads gradle.lockfile.
///
/// Scopes are those of the configurations: what is only in those of tests, of tools, or on the class path of a build
/// script is for development. The file has no edges; what the build script beside it names is direct.
pub(super) struct GradleLockfile;

impl Extractor for GradleLockfile {
    fn id(&self) -> &'static str {
        "gradle-lockfile"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        matches!(path.file_name(), "gradle.lockfile" | "buildscript-gradle.lockfile" | "settings-gradle.lockfile")
            || own_configuration(path).is_some()
    }

    fn is_about_the_place(&self) -> bool {
        true
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        read_whole(file, WAY_OUT, |text| read(file, text))
    }

    fn is_configured_by(&self, path: &RepoPath) -> bool {
        configuration::is_one(path)
    }

    fn configured(&self, configuration: &SourceFile<'_>) -> Vec<Configured> {
        configuration::read(configuration)
    }
}

/// The configuration that `gradle/dependency-locks/<configuration>.lockfile` is about.
fn own_configuration(path: &RepoPath) -> Option<&str> {
    let is_folder = path.folder().rsplit('/').next() == Some("dependency-locks");
    path.file_name().strip_suffix(".lockfile").filter(|_| is_folder)
}

fn read(file: &SourceFile<'_>, text: &str) -> Result<Vec<Dependency>, ParseError> {
    let own = own_configuration(file.path);
    let mut dependencies: Vec<Dependency> = Vec::new();
    let mut positions: HashMap<(&str, &str), usize> = HashMap::new();
    let mut has_end = false;
    for (position, line) in text.split('\n').enumerate() {
        let number = u32::try_from(position + 1).unwrap_or(u32::MAX);
        // Java ends lines at a lone `\r` as well (`BufferedReader.readLine`).
        for line in line.split('\r').map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (module, configurations) = match (line.split_once('='), own) {
                // Configurations without any module.
                (Some(("empty", _)), _) => {
                    has_end = true;
                    continue;
                }
                (Some((module, configurations)), _) => (module, configurations),
                (None, Some(own)) => (line, own),
                (None, None) => return Err(ParseError::new("find the configurations of a module").at_line(number)),
            };
            let (name, version) = split(module).ok_or_else(|| {
                ParseError::new("find the group, the name and the version of a module").at_line(number)
            })?;
            let known = *positions.entry((name, version)).or_insert(dependencies.len());
            if known == dependencies.len() {
                let mut dependency = Dependency::new(Ecosystem::Maven, name, version, number);
                dependency.scope = scope(configurations);
                dependencies.push(dependency);
            }
        }
    }
    check_package_count(dependencies.len())?;
    // Gradle ends the one file of a project with it, whatever else it locks (`LockFileReaderWriter.writeUniqueLockfile`,
    // <https://docs.gradle.org/current/userguide/dependency_locking.html>).
    if dependencies.is_empty() && own.is_none() && !has_end {
        return Err(ParseError::new("find a module or the line `empty=`, with which Gradle ends the file").at_line(1));
    }
    match named_in_build_scripts(file) {
        Some(named) => dependencies.iter_mut().for_each(|it| it.direct = named.contains(&it.name)),
        None => roots_are_direct(&mut dependencies),
    }
    Ok(dependencies)
}

/// `group:name` and the version of `group:name:version`.
fn split(module: &str) -> Option<(&str, &str)> {
    let (name, version) = module.rsplit_once(':')?;
    let (group, artifact) = name.split_once(':')?;
    let has_all = !group.is_empty() && !artifact.is_empty() && !artifact.contains(':') && !version.is_empty();
    (has_all && !module.contains(char::is_whitespace)).then_some((name, version))
}

fn scope(configurations: &str) -> Scope {
    let is_development = |configuration: &str| {
        configuration.starts_with("test") || configuration.contains("Test") || TOOLS.contains(&configuration)
    };
    if configurations.split(',').map(str::trim).all(is_development) { Scope::Development } else { Scope::Runtime }
}

/// The modules that stand as text in the build scripts beside the file; `None` when there is none. One in a catalogue or
/// put together by the script is not found.
fn named_in_build_scripts(file: &SourceFile<'_>) -> Option<HashSet<String>> {
    let scripts = ["build.gradle", "build.gradle.kts"].map(|name| file.neighbour(name));
    let mut named = None;
    for script in scripts.iter().flatten().filter_map(|script| std::str::from_utf8(script).ok()) {
        let named: &mut HashSet<String> = named.get_or_insert_default();
        for text in script.lines().flat_map(|line| line.split(['"', '\'']).skip(1).step_by(2)) {
            let mut parts = text.splitn(3, ':');
            if let (Some(group), Some(name)) = (parts.next(), parts.next()) {
                named.insert(format!("{group}:{name}"));
            }
        }
    }
    named
}

#[cfg(test)]
mod tests {
    use super::super::testing::{extract, show};
    use super::*;

    const LOCK: &str = "# This is a Gradle generated file for dependency locking.
com.acme:tool:1.0=annotationProcessor,testAnnotationProcessor
com.acme:web:2.0.RELEASE=compileClasspath, runtimeClasspath,testRuntimeClasspath
com.acme:web-test:2.0=testCompileClasspath
com.acme:latest:1=latestClasspath
empty=signatures
";

    #[test]
    fn configurations_tell_the_scope() {
        let found = extract(&GradleLockfile, &[("gradle.lockfile", LOCK.as_bytes())]).expect("a lockfile");
        insta::assert_snapshot!(show(&found), @r#"
        0 com.acme:tool@1.0 Development direct Registry { url: None } [] line 2
        1 com.acme:web@2.0.RELEASE Runtime direct Registry { url: None } [] line 3
        2 com.acme:web-test@2.0 Development direct Registry { url: None } [] line 4
        3 com.acme:latest@1 Runtime direct Registry { url: None } [] line 5
        "#);
        let script =
            "dependencies {\n  implementation 'com.acme:web:2.+'\n  testImplementation(\"com.acme:web-test\")\n}";
        let files = [("a/gradle.lockfile", LOCK.as_bytes()), ("a/build.gradle", script.as_bytes())];
        let found = extract(&GradleLockfile, &files).expect("a lockfile");
        let direct: Vec<&str> = found.iter().filter(|it| it.direct).map(|it| it.name.as_str()).collect();
        assert_eq!(direct, ["com.acme:web", "com.acme:web-test"]);
    }

    #[test]
    fn a_lone_carriage_return_ends_a_line() {
        let lock = b"# x\ra:b:1=compile\rc:d:2=compile\r\n";
        let found = extract(&GradleLockfile, &[("gradle.lockfile", lock)]).expect("a lockfile");
        assert_eq!(found.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["a:b", "c:d"]);
    }

    #[test]
    fn older_files_are_named_for_their_configuration() {
        for (path, expected) in [
            ("gradle/dependency-locks/testCompile.lockfile", Scope::Development),
            ("app/gradle/dependency-locks/compile.lockfile", Scope::Runtime),
        ] {
            let found = extract(&GradleLockfile, &[(path, b"# x\na:b:1\r\n")]).expect("a lockfile");
            assert_eq!((found[0].name.as_str(), found[0].version.as_str(), found[0].scope), ("a:b", "1", expected));
        }
        assert!(!GradleLockfile.claims(&RepoPath::new("locks/compile.lockfile").expect("a plain path")));
    }

    #[test]
    fn what_is_no_lockfile_is_refused_with_a_way_out() {
        for (text, line) in [
            ("", None),
            ("a:b:1\n", Some(1)),
            ("# x\na:b=compile\n", Some(2)),
            ("a:b:c:1=compile\n", Some(1)),
            ("<<<<<<< HEAD\n", Some(1)),
        ] {
            let error = extract(&GradleLockfile, &[("gradle.lockfile", text.as_bytes())]).expect_err("no lockfile");
            assert_eq!(error.line, line, "{error}");
            assert!(error.hint.as_deref().is_some_and(|hint| hint.contains("write-locks")), "{error}");
        }
    }
}
