//! Gradle's build scripts: the modules that they name with a version in plain text
//! (<https://docs.gradle.org/current/userguide/dependency_configurations.html>).

use std::collections::HashMap;

use super::contract::code::{Language, without_comments};
use super::contract::text::{Lines, read_text, read_whole};
use super::contract::unusable::Unusable;
use super::contract::{Extractor, Noted, ParseError, SourceFile, check_package_count};
use crate::model::dependency::{Dependency, Scope};
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::RepoPath;

const WAY_OUT: &str = "compare it with what `gradle dependencies` says, or commit lockfiles";

/// Reads build.gradle and build.gradle.kts: programs, of which only what cannot mean anything else is read, in
/// `dependencies { … }`: `"group:name:version"`, and `group: "…", name: "…", version: "…"`.
///
/// Variables are put in where the script or gradle.properties sets them to plain text. What has no plain version after that
/// is counted and named. Where lockfiles of Gradle stand beside a script, they say it.
pub(super) struct GradleBuild;

impl Extractor for GradleBuild {
    fn id(&self) -> &'static str {
        "gradle-build"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        matches!(path.file_name(), "build.gradle" | "build.gradle.kts")
    }

    fn is_about_the_place(&self) -> bool {
        true
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        if file.content.iter().all(u8::is_ascii_whitespace) {
            return Ok(Vec::new());
        }
        read_whole(file, WAY_OUT, |text| Ok(read(file, text)?.0))
    }

    fn noted(&self, file: &SourceFile<'_>) -> Vec<Noted> {
        let read = read_text(file.content).ok().and_then(|text| read(file, text).ok());
        let lack = ("has no version here", "have no version here");
        read.and_then(|(_, open)| open.noted(("direct dependency", "direct dependencies"), lack)).into_iter().collect()
    }
}

fn read(file: &SourceFile<'_>, text: &str) -> Result<(Vec<Dependency>, Unusable), ParseError> {
    let (mut found, mut open) = (Vec::<Dependency>::new(), Unusable::default());
    let has_lock = |name: &str| file.path.sibling(name).is_ok_and(|path| file.tree.kind(&path).is_some());
    if has_lock("gradle.lockfile") || has_lock("gradle/dependency-locks") {
        return Ok((found, open));
    }
    let plain = without_comments(text, Language::Slashes);
    let lines = Lines::of(&plain);
    let variables = Variables::of(file, &plain);
    for (offset, block) in blocks(&plain) {
        let mut place = offset;
        for statement in block.split_inclusive('\n') {
            let line = lines.at(place);
            place += statement.len();
            let Some(module) = module(statement) else { continue };
            let Some((group, name, version)) = module.parts(&variables) else { continue };
            let name = format!("{group}:{name}");
            match version {
                Some(version) => {
                    let mut dependency = Dependency::new(Ecosystem::Maven, name, version, line);
                    dependency.direct = true;
                    dependency.scope = module.scope();
                    found.push(dependency);
                    check_package_count(found.len())?;
                }
                None => open.add(&name, line),
            }
        }
    }
    Ok((found, open))
}

/// The insides of every `dependencies { … }`, with their offsets.
fn blocks(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(place) = text.get(from..).and_then(|rest| rest.find("dependencies")) {
        let start = from + place + "dependencies".len();
        from = start;
        let rest = text.get(start..).unwrap_or_default();
        let Some(inside) = rest.trim_start().strip_prefix('{') else { continue };
        let start = start + (rest.len() - rest.trim_start().len()) + 1;
        let mut depth = 1_usize;
        let end = inside.bytes().position(|byte| {
            match byte {
                b'{' => depth += 1,
                b'}' => depth -= 1,
                _ => {}
            }
            depth == 0
        });
        let end = end.unwrap_or(inside.len());
        found.push((start, inside.get(..end).unwrap_or_default()));
        from = start + end;
    }
    found
}

/// A statement that asks for a module.
struct Module<'t> {
    configuration: &'t str,
    /// What stands behind the configuration.
    rest: &'t str,
}

/// `implementation "…"`, `implementation("…")`, `testImplementation group: '…'`, `implementation(platform("…"))`.
fn module(statement: &str) -> Option<Module<'_>> {
    let statement = statement.trim();
    let end = statement.find(|it: char| !it.is_ascii_alphanumeric() && it != '_')?;
    let (configuration, rest) = statement.split_at(end);
    let rest = rest.trim_start_matches([' ', '\t', '(']);
    let rest = ["platform", "enforcedPlatform", "testFixtures"].iter().fold(rest, |rest, wrapper| {
        rest.strip_prefix(wrapper).map_or(rest, |rest| rest.trim_start_matches([' ', '(']))
    });
    let is_one = rest.starts_with(['"', '\'']) || rest.starts_with("group:") || rest.starts_with("group =");
    // Names of tasks, exclusions and constraints look like it.
    let is_other = matches!(configuration, "exclude" | "because" | "version" | "strictly" | "prefer" | "apply" | "id");
    (is_one && !configuration.is_empty() && !is_other).then_some(Module { configuration, rest })
}

impl Module<'_> {
    /// Group, name and, where it is plain, the version; `None` for what is no module.
    fn parts(&self, variables: &Variables) -> Option<(String, String, Option<String>)> {
        if self.rest.starts_with("group") {
            let named = |key: &str| {
                let (_, value) = self.rest.split_once(key)?;
                let value = value.trim_start().strip_prefix([':', '='])?.trim_start();
                let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''));
                match quote {
                    Some(quote) => value.get(1..)?.split(quote).next().map(|text| variables.expand(text)),
                    None => Some(variables.expand(&format!("${}", value.split([',', ')', ' ']).next()?))),
                }
            };
            return Some((named("group")?, named("name")?, named("version").as_deref().and_then(exact)));
        }
        let quote = self.rest.chars().next()?;
        let text = variables.expand(self.rest.get(1..)?.split(quote).next()?);
        let mut parts = text.split('@').next()?.split(':');
        let (group, name, version) = (parts.next()?, parts.next()?, parts.next());
        let is_name = |text: &str| !text.is_empty() && !text.contains(|it: char| it.is_whitespace() || it == '/');
        // A string that is glued to another one ends in a colon.
        let version = version.and_then(exact);
        (is_name(group) && is_name(name)).then(|| (group.to_owned(), name.to_owned(), version))
    }

    fn scope(&self) -> Scope {
        let name = self.configuration.to_ascii_lowercase();
        let is_tool = ["test", "classpath", "annotationprocessor", "kapt", "ksp", "checkstyle", "pmd", "detekt"];
        if is_tool.iter().any(|word| name.contains(word)) { Scope::Development } else { Scope::Runtime }
    }
}

/// A version that stands for one release: what Gradle writes otherwise is a range, or computed.
fn exact(version: &str) -> Option<String> {
    let version = version.strip_suffix("!!").unwrap_or(version);
    let is_plain = version.starts_with(|first: char| first.is_ascii_alphanumeric())
        && version.bytes().any(|byte| byte.is_ascii_digit())
        && !version.contains(['[', ']', '(', ')', ',', '$', '+', '{', '}', '*'])
        && !version.contains(char::is_whitespace)
        && !version.starts_with("latest.");
    is_plain.then(|| version.to_owned())
}

/// Names that stand for plain text.
struct Variables(HashMap<String, String>);

impl Variables {
    /// Those of a script (`x = "…"`, `val x = "…"`, `ext.x = "…"`), above gradle.properties beside it and at the root.
    fn of(file: &SourceFile<'_>, script: &str) -> Self {
        let mut values = HashMap::new();
        let root = RepoPath::new("gradle.properties").ok().and_then(|path| file.tree.read(&path).ok());
        for content in root.into_iter().chain(file.neighbour("gradle.properties")) {
            let text = String::from_utf8_lossy(&content).into_owned();
            for (name, value) in text.lines().filter_map(|line| line.split_once('=')) {
                values.insert(name.trim().to_owned(), value.trim().to_owned());
            }
        }
        for (left, right) in script.lines().filter_map(|line| line.split_once('=')) {
            let name = left.trim().rsplit([' ', '\t', '.', '"']).find(|part| !part.is_empty()).unwrap_or_default();
            let right = right.trim();
            let quote = right.chars().next().filter(|quote| matches!(quote, '"' | '\''));
            let value = quote.and_then(|quote| right.get(1..)?.split(quote).next());
            if let Some(value) = value.filter(|value| !value.contains('$')) {
                values.insert(name.to_owned(), value.to_owned());
            }
        }
        Self(values)
    }

    /// Puts values in for `$name` and `${name}`; a name that nobody sets stays.
    fn expand(&self, text: &str) -> String {
        let (mut expanded, mut rest) = (String::new(), text);
        while let Some((before, behind)) = rest.split_once('$') {
            expanded.push_str(before);
            let is_part = |it: char| it.is_ascii_alphanumeric() || matches!(it, '_' | '.');
            let (name, after) = match behind.strip_prefix('{').and_then(|inside| inside.split_once('}')) {
                Some((name, after)) => (name.trim(), after),
                None => behind.split_at(behind.find(|it| !is_part(it)).unwrap_or(behind.len())),
            };
            let last = name.rsplit('.').next().unwrap_or_default();
            match self.0.get(last) {
                Some(value) => expanded.push_str(value),
                None => expanded.extend(["${", name, "}"]),
            }
            rest = after;
        }
        expanded.push_str(rest);
        expanded
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{MemoryTree, extract, show};
    use super::*;

    const SCRIPT: &str = "plugins { id 'java' version '1' }\next.jackson = '2.9.0'\ndef own = \"1.1\"\n// dependencies { implementation 'no:no:1' }\ndependencies {\n  implementation 'a:a:1.0' // x\n  testImplementation(\"b:b:2.0@jar\")\n  implementation(platform(\"c:bom:3.0\"))\n  api group: 'd', name: 'd', version: '4.0'\n  api \"e:e:$jackson\"\n  api \"f:f:${own}.2\"\n  api \"g:g:${nobody}\"\n  api 'h:h:1.+'\n  api 'i:i'\n  api(libs.junit)\n  implementation(project(':own'))\n  implementation('j:j:5.0') {\n    exclude group: 'x', module: 'y'\n  }\n  api \"k:k:$fromProperties\"\n}\n";

    #[test]
    fn plain_versions_are_read_and_the_rest_is_named() {
        let files = [("app/build.gradle", SCRIPT.as_bytes()), ("gradle.properties", b"fromProperties=7.0\n")];
        insta::assert_snapshot!(show(&extract(&GradleBuild, &files).expect("a script")), @r"
        0 a:a@1.0 Runtime direct Registry { url: None } [] line 6
        1 b:b@2.0 Development direct Registry { url: None } [] line 7
        2 c:bom@3.0 Runtime direct Registry { url: None } [] line 8
        3 d:d@4.0 Runtime direct Registry { url: None } [] line 9
        4 e:e@2.9.0 Runtime direct Registry { url: None } [] line 10
        5 f:f@1.1.2 Runtime direct Registry { url: None } [] line 11
        6 j:j@5.0 Runtime direct Registry { url: None } [] line 17
        7 k:k@7.0 Runtime direct Registry { url: None } [] line 20
        ");
        let tree = MemoryTree::new(&files);
        let path = RepoPath::new("app/build.gradle").expect("a plain path");
        let noted = GradleBuild.noted(&SourceFile { path: &path, content: files[0].1, tree: &tree });
        let [noted] = noted.as_slice() else { panic!("{noted:?}") };
        let expected = (12, "3 direct dependencies have no version here: `g:g`, `h:h`, `i:i`");
        assert_eq!((noted.line, noted.message.as_str()), expected);
        let locked = [files[0], ("app/gradle.lockfile", b"empty=\n")];
        assert!(extract(&GradleBuild, &locked).expect("a script").is_empty(), "the lockfile says it");
    }

    #[test]
    fn a_script_of_kotlin_is_read_as_well() {
        let script =
            b"val own = \"1.0\"\ndependencies {\n    implementation(\"a:a:$own\")\n    add(\"api\", \"b:b:1\")\n}\n";
        let found = extract(&GradleBuild, &[("build.gradle.kts", script)]).expect("a script");
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].name.as_str(), found[0].version.as_str(), found[0].line), ("a:a", "1.0", 3));
        assert!(extract(&GradleBuild, &[("build.gradle", b"")]).expect("nothing").is_empty());
        assert!(extract(&GradleBuild, &[("build.gradle", b"\xff")]).is_err());
    }
}
