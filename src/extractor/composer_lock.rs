//! Composer's composer.lock (<https://getcomposer.org/doc/01-basic-usage.md#commit-your-composer-lock-file-to-version-control>).

mod source;

use foldhash::{HashMap, HashMapExt as _};

use super::contract::json::Node;
use super::contract::sources::{Checksums, Sources};
use super::contract::text::{Lines, read_whole};
use super::contract::{Extractor, ParseError, SourceFile, check_package_count};
use crate::model::dependency::{Dependency, GitPin, Origin, Scope};
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::{CommitId, RepoPath};

/// More edges are refused: every package may claim to stand in for what every other one requires. The largest lockfiles
/// in public have 3,000.
const EDGE_LIMIT: usize = 1_000_000;

const WAY_OUT: &str = "run `composer update --lock` to write it anew";

/// Reads composer.lock.
///
/// A repository is never named in the result: the file gives addresses of archives only, which for Packagist's packages
/// are those of the hosts of their sources.
pub(super) struct ComposerLock;

impl Extractor for ComposerLock {
    fn id(&self) -> &'static str {
        "composer-lock"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        path.file_name() == "composer.lock"
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        read_whole(file, WAY_OUT, |text| read(file, text))
    }
}

fn read(file: &SourceFile<'_>, text: &str) -> Result<Vec<Dependency>, ParseError> {
    let root = Node::parse(text)?;
    let lines = Lines::of(text);
    let packages = read_packages(&root, &lines)?;
    let asked = RootRequirements::read(file);
    let parents = find_parents(&packages)?;
    let mut dependencies: Vec<Dependency> = packages
        .iter()
        .zip(parents)
        .map(|(package, parents)| {
            let asked_for = asked.of(&package.key());
            let direct = match &asked {
                RootRequirements::Known(_) => asked_for.is_some(),
                // Without a manifest, what nothing requires is taken to be what the project asks for.
                RootRequirements::Unknown => parents.is_empty(),
            };
            let (parents, requirements) = parents.into_iter().unzip();
            Dependency {
                ecosystem: Ecosystem::Packagist,
                name: package.name.to_owned(),
                version: package.version.to_owned(),
                origin: origin(package, asked_for),
                scope: package.scope,
                direct,
                parents,
                requirements,
                line: package.line,
                abandoned: abandoned(package.entry),
                doubts: source::doubts(package.entry, (package.name, package.version)),
            }
        })
        .collect();
    let mut sources = Sources::default();
    for (position, package) in packages.iter().enumerate() {
        source::note(&mut sources, position, package.entry);
    }
    // The checksums of archives are empty at most hosts: the commit is what is verified.
    sources.judge(&mut dependencies, Checksums::SameForAll);
    Ok(dependencies)
}

/// What Composer names instead of a package that its makers gave up; nothing where they name nothing.
fn abandoned(entry: &Node<'_>) -> Option<String> {
    let written = entry.get("abandoned")?;
    let is_given_up = entry.is_true("abandoned") || written.text().is_some_and(|text| !text.is_empty());
    is_given_up.then(|| written.text().unwrap_or_default().to_owned())
}

/// One locked package.
struct Package<'a> {
    name: &'a str,
    version: &'a str,
    scope: Scope,
    line: u32,
    entry: &'a Node<'a>,
}

impl Package<'_> {
    /// Composer's names ignore case.
    fn key(&self) -> String {
        self.name.to_ascii_lowercase()
    }
}

fn read_packages<'a>(root: &'a Node<'a>, lines: &Lines) -> Result<Vec<Package<'a>>, ParseError> {
    let fault = |message: &str, place: &Node<'_>| ParseError::new(message).at_line(lines.at(place.offset));
    let mut packages = Vec::new();
    for (list, scope) in [("packages", Scope::Runtime), ("packages-dev", Scope::Development)] {
        let items = match root.get(list) {
            // Old versions of Composer wrote `null` for a list that was never asked for.
            Some(node) if scope == Scope::Development && node.is_absent() => continue,
            None if scope == Scope::Development => continue,
            Some(node) => node.items().ok_or_else(|| fault(&format!("find a list under `{list}`"), node))?,
            None => {
                return Err(fault("find the list `packages`, without which Composer takes nothing as locked", root));
            }
        };
        for entry in items {
            let name = entry.get("name").filter(|name| name.text().is_some());
            let name = name.ok_or_else(|| fault("find the name of a package", entry))?;
            let text = name.text().unwrap_or_default();
            let version = entry
                .get("version")
                .and_then(Node::scalar)
                .ok_or_else(|| fault(&format!("find the version of `{}`", text.escape_debug()), entry))?;
            packages.push(Package { name: text, version, scope, line: lines.at(name.offset), entry });
        }
    }
    // Composer writes both, and installs nothing for development where this one is missing (`getLockedRepository`,
    // <https://github.com/composer/composer/blob/main/src/Composer/Package/Locker.php>).
    if packages.is_empty() && root.get("packages-dev").is_none() {
        return Err(fault("find the list `packages-dev`, which Composer writes beside `packages`", root));
    }
    check_package_count(packages.len())?;
    Ok(packages)
}

/// For each package, the positions of those that require it and what they ask for, sorted.
fn find_parents(packages: &[Package<'_>]) -> Result<Vec<Vec<(usize, String)>>, ParseError> {
    let mut providers: HashMap<String, Vec<usize>> = HashMap::new();
    for list in ["replace", "provide"] {
        for (position, package) in packages.iter().enumerate() {
            for (name, _) in package.entry.texts_at(list) {
                providers.entry(name.to_ascii_lowercase()).or_default().push(position);
            }
        }
    }
    // Whoever carries the name itself comes before those that stand in for it.
    for (position, package) in packages.iter().enumerate() {
        providers.insert(package.key(), vec![position]);
    }
    let mut parents = vec![Vec::new(); packages.len()];
    let mut edges = 0;
    for (parent, package) in packages.iter().enumerate() {
        for (name, requirement) in package.entry.texts_at("require") {
            // Neither PHP nor its extensions are packages.
            let children = providers.get(&name.to_ascii_lowercase()).map_or(&[][..], Vec::as_slice);
            edges += children.len();
            if edges > EDGE_LIMIT {
                return Err(ParseError::new(format!("read it: it has more than {EDGE_LIMIT} requirements")));
            }
            for &child in children {
                if child != parent {
                    parents[child].push((parent, requirement.to_owned()));
                }
            }
        }
    }
    for list in &mut parents {
        list.sort();
        list.dedup_by_key(|(parent, _)| *parent);
    }
    Ok(parents)
}

/// What the project itself asks for.
enum RootRequirements {
    /// By lower-case name.
    Known(HashMap<String, String>),
    /// There is no manifest that could be read.
    Unknown,
}

impl RootRequirements {
    fn read(file: &SourceFile<'_>) -> Self {
        let content = file.neighbour("composer.json");
        let text = content.as_deref().and_then(|content| std::str::from_utf8(content).ok());
        let Some(manifest) = text.and_then(|text| Node::parse(text).ok()) else { return Self::Unknown };
        let lists = ["require", "require-dev"].into_iter().flat_map(|list| manifest.texts_at(list));
        Self::Known(lists.map(|(name, requirement)| (name.to_ascii_lowercase(), requirement.to_owned())).collect())
    }

    fn of(&self, key: &str) -> Option<&str> {
        match self {
            Self::Known(requirements) => requirements.get(key).map(String::as_str),
            Self::Unknown => None,
        }
    }
}

fn origin(package: &Package<'_>, asked: Option<&str>) -> Origin {
    let (source, dist) = (package.entry.get("source"), package.entry.get("dist"));
    let field = |place: Option<&Node<'_>>, key: &str| place.and_then(|place| place.text_at(key)).map(str::to_owned);
    if field(dist, "type").as_deref() == Some("path") {
        return Origin::Path;
    }
    let (version, inline) = match package.version.split_once('#') {
        Some((version, reference)) => (version, Some(reference)),
        None => (package.version, None),
    };
    let Some(branch) = branch(version) else { return Origin::Registry { url: None } };
    let reference = field(source, "reference").or_else(|| field(dist, "reference"));
    let commit = reference.or_else(|| inline.map(str::to_owned)).and_then(|commit| CommitId::new(&commit).ok());
    let pinned = inline.is_some() || asked.is_some_and(names_commit);
    Origin::Git {
        url: field(source, "url").or_else(|| field(dist, "url")).unwrap_or_default(),
        pin: if pinned { GitPin::Commit } else { GitPin::Branch(branch.to_owned()) },
        commit,
    }
}

/// The branch that a version stands for: `dev-main`, `1.x-dev`, `2.0-dev`.
fn branch(version: &str) -> Option<&str> {
    let ends_with = |suffix: &str| {
        let start = version.len().checked_sub(suffix.len())?;
        version.get(start..).filter(|end| end.eq_ignore_ascii_case(suffix)).and(version.get(..start))
    };
    match version.get(..4) {
        Some(prefix) if prefix.eq_ignore_ascii_case("dev-") => Some(&version[4..]),
        _ => ends_with("-dev").or_else(|| ends_with(".dev")).filter(|name| !name.is_empty()),
    }
}

/// Whether a requirement of the project names a commit: `dev-main#<commit>`, also with an alias behind it.
fn names_commit(requirement: &str) -> bool {
    let reference =
        requirement.split_once('#').map(|(_, rest)| rest.split([' ', '@', ',', '|']).next().unwrap_or(rest));
    reference.is_some_and(|commit| commit.len() >= 7 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{extract, show};
    use super::*;

    const LOCK: &[u8] =
        include_bytes!("../../tests/fixtures/extractor/composer-lock/projects/application/composer.lock");
    const MANIFEST: &[u8] =
        include_bytes!("../../tests/fixtures/extractor/composer-lock/projects/application/composer.json");

    #[test]
    fn what_was_given_up_says_what_to_take_instead() {
        let lock = br#"{"packages": [
            {"name": "a/a", "version": "1.0.0", "abandoned": "a/new"}, {"name": "a/b", "version": "1.0.0", "abandoned": true},
            {"name": "a/c", "version": "1.0.0", "abandoned": false}, {"name": "a/d", "version": "1.0.0"}]}"#;
        let found = extract(&ComposerLock, &[("composer.lock", lock)]).expect("a lockfile");
        let words: Vec<_> = found.iter().map(|one| one.abandoned.as_deref()).collect();
        assert_eq!(words, [Some("a/new"), Some(""), None, None]);
    }

    #[test]
    fn a_lock_that_composer_wrote_is_read() {
        let files = [("composer.lock", LOCK), ("composer.json", MANIFEST)];
        insta::assert_snapshot!(show(&extract(&ComposerLock, &files).expect("a lockfile")), @r#"
        0 acme/framework@v3.1.4 Runtime direct Registry { url: None } [] line 10
        1 acme/http@2.0.1 Runtime Registry { url: None } [0 >=1.0 <3.0, 5 ^2.0, 8 ^2.0] line 28
        2 acme/log@1.2.0-beta1 Runtime Registry { url: None } [0 1.0, 3 ^1.0@beta] line 37
        3 acme/loose@dev-main Runtime direct Git { url: "https://github.com/acme/loose.git", pin: Branch("main"), commit: Some(CommitId("2222222222222222222222222222222222222222")) } [] line 49
        4 acme/numeric@2.x-dev Runtime direct Git { url: "https://github.com/acme/numeric.git", pin: Branch("2.x"), commit: Some(CommitId("3333333333333333333333333333333333333333")) } [] line 62
        5 acme/own@1.0.0 Runtime direct Path [] line 72
        6 acme/pinned@dev-main Runtime direct Git { url: "https://github.com/acme/pinned.git", pin: Commit, commit: Some(CommitId("1111111111111111111111111111111111111111")) } [] line 88
        7 acme/mock@0.9 Development Registry { url: None } [8 *] line 100
        8 acme/testing@1.0.3 Development direct Registry { url: None } [] line 109
        "#);
    }

    #[test]
    fn without_the_manifest_only_detail_is_lost() {
        let found = extract(&ComposerLock, &[("composer.lock", LOCK)]).expect("a lockfile");
        let direct: Vec<&str> = found.iter().filter(|one| one.direct).map(|one| one.name.as_str()).collect();
        assert_eq!(direct, ["acme/framework", "acme/loose", "acme/numeric", "acme/own", "acme/pinned", "acme/testing"]);
    }

    #[test]
    fn branches_are_told_from_releases() {
        for (version, expected) in [
            ("dev-main", Some("main")),
            ("DEV-feature/x", Some("feature/x")),
            ("1.x-dev", Some("1.x")),
            ("v2.0.x-dev", Some("v2.0.x")),
            ("2.0-dev", Some("2.0")),
            ("1.0.0", None),
            ("v1.0.0-beta1", None),
            ("-dev", None),
            ("1.0.0-p1", None),
        ] {
            assert_eq!(branch(version), expected, "{version}");
        }
        assert!(names_commit("dev-main#0123456"));
        assert!(names_commit("dev-main#0123456789012345678901234567890123456789 as 1.0"));
        assert!(names_commit("dev-main#0123456@dev"));
        assert!(!names_commit("dev-main"));
        assert!(!names_commit("dev-main#feature"));
    }

    #[test]
    fn what_is_no_lockfile_is_refused_with_a_way_out() {
        let deep = format!("{{\"packages\": {}", "[".repeat(100_000));
        let member = |number| {
            format!(
                "{{\"name\": \"a/{number}\", \"version\": \"1\", \"provide\": {{\"x\": \"*\"}}, \"require\": {{\"x\": \"*\"}}}}"
            )
        };
        let crowd = format!("{{\"packages\": [{}]}}", (0..2_000).map(member).collect::<Vec<_>>().join(","));
        for (text, line) in [
            ("", None),
            ("[]", Some(1)),
            ("{}", Some(1)),
            ("{\n\"packages\": {}}", Some(2)),
            ("{\"packages\": [\n{\"version\": \"1\"}]}", Some(2)),
            ("{\"packages\": [\n{\"name\": \"a/b\"}]}", Some(2)),
            ("{\"packages\": [],\n\"packages\": []}", Some(2)),
            ("{\n=======\n>>>>>>> main\n", Some(3)),
            (deep.as_str(), Some(1)),
            (crowd.as_str(), None),
        ] {
            let error = extract(&ComposerLock, &[("composer.lock", text.as_bytes())]).expect_err("no lockfile");
            assert_eq!(error.line, line, "{error}");
            assert!(error.hint.as_deref().is_some_and(|hint| hint.contains("composer update")), "{error}");
        }
        assert!(
            extract(&ComposerLock, &[("composer.lock", b"{\"packages\": [], \"packages-dev\": []}")])
                .expect("empty")
                .is_empty()
        );
    }
}
