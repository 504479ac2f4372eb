//! Where the manifests and the lockfile of an npm project lead, besides ranges of the registry.
//!
//! The forms are those of npm-package-arg 13 (`npa.js`), read the strict way: what is not certainly a range, a tag or a
//! path of the project leads elsewhere.

use serde_json::{Map, Value};

use super::super::contract::{Files, Refusal};
use super::manifests::workspaces;
use super::{SECTIONS, read_lock};
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::RepoPath;
use crate::model::specification::{Specification, SpecificationKind};
use crate::sandbox::grammar;
use crate::sandbox::inside;

/// Sections of a manifest, besides the requirements, that hold one specification for each name.
const OTHER_SECTIONS: [&str; 2] = ["acceptDependencies", "resolutions"];
/// How deep overrides may nest; each level is a parent in a chain.
const DEPTH_LIMIT: usize = 32;

/// Everything in the files that is no range of the registry's releases. Packages in folders of the repository are parts of
/// the project.
pub(super) fn of(files: &Files) -> Result<Vec<Specification>, Refusal> {
    let mut reader = Reader { files, found: Vec::new() };
    for (path, content) in &files.contents {
        // What was shown has been read before; anything else would not be shown.
        if let (true, Ok(manifest)) = (path.file_name() == "package.json", serde_json::from_slice(content)) {
            reader.manifest(path, &manifest);
        }
    }
    reader.lock(&read_lock(&files.lockfile, files.lock())?);
    reader.found.sort();
    reader.found.dedup();
    Ok(reader.found)
}

/// Whether a specification, from a folder, is no range of the registry's releases and no package of the project.
pub(super) fn leads_elsewhere(files: &Files, (folder, written): (&str, &str)) -> bool {
    let mut reader = Reader { files, found: Vec::new() };
    reader.specification(&files.lockfile, "", (folder, written));
    !reader.found.is_empty()
}

/// Whether a link of the lockfile leads to anything but a package of the project.
pub(super) fn link_leads_elsewhere(files: &Files, target: &str) -> bool {
    let mut reader = Reader { files, found: Vec::new() };
    reader.path(&files.lockfile, "", (files.lockfile.folder(), path_of(target).unwrap_or(target)));
    !reader.found.is_empty()
}

/// Whether an entry of the lockfile is for a folder outside of the repository.
pub(super) fn is_outside(files: &Files, path: &str) -> bool {
    let plain = !path.contains(['%', '#', '?', '~']);
    inside::resolve(files.lockfile.folder(), path).is_none() || !plain || path.contains("/../")
}

/// Where a specification leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lead<'a> {
    /// To a range of the registry's releases.
    Registry,
    /// To a path, as written.
    Path(&'a str),
    /// Anywhere else.
    Elsewhere(SpecificationKind),
}

/// Where a specification leads, as npm would take it.
fn lead(written: &str) -> Lead<'_> {
    let lower = written.to_ascii_lowercase();
    if let Some(path) = path_of(written) {
        return Lead::Path(path);
    }
    if lower.starts_with("npm:") {
        return alias(&written["npm:".len()..]);
    }
    if is_range_or_tag(written) {
        return Lead::Registry;
    }
    let trimmed = lower.trim();
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| trimmed.starts_with(prefix));
    let one_slash = trimmed.split('#').next().is_some_and(|name| name.matches('/').count() == 1);
    let kind = if starts(&["link:", "portal:", "patch:"]) || is_archive(trimmed) && !trimmed.contains("://") {
        SpecificationKind::File
    } else if starts(&["git", "ssh:", "bitbucket:", "gist:", "sourcehut:"]) || is_hosted(trimmed) {
        // `git:`, `git+…:`, `git@…`, `github:` and `gitlab:`.
        SpecificationKind::Git
    } else if starts(&["http:", "https:"]) {
        SpecificationKind::Url
    } else if !trimmed.contains(':') && one_slash || trimmed.contains('@') && trimmed.contains(':') {
        // `owner/name`, and `user@host:path`.
        SpecificationKind::Git
    } else {
        SpecificationKind::Unknown
    };
    Lead::Elsewhere(kind)
}

/// `npm:name@range`: a package of the registry under another name. npm takes nothing else for one.
fn alias(target: &str) -> Lead<'_> {
    let at = target.char_indices().skip(1).find(|(_, character)| *character == '@').map(|(position, _)| position);
    let (name, range) = at.map_or((target, ""), |at| (&target[..at], &target[at + 1..]));
    match (grammar::package(Ecosystem::Npm, name), lead(range)) {
        (Ok(_), Lead::Registry) => Lead::Registry,
        // `npm:name@git+https://…`, or `npm:git+https://…`.
        (Ok(_), elsewhere @ Lead::Elsewhere(_)) => elsewhere,
        _ if target.to_ascii_lowercase().starts_with("npm:") => Lead::Elsewhere(SpecificationKind::Unknown),
        _ => match lead(target) {
            elsewhere @ Lead::Elsewhere(_) => elsewhere,
            Lead::Registry | Lead::Path(_) => Lead::Elsewhere(SpecificationKind::Unknown),
        },
    }
}

/// The path of a specification that npm takes for one.
pub(super) fn path_of(written: &str) -> Option<&str> {
    let bytes = written.as_bytes();
    if bytes.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"file:")) {
        return Some(&written[5..]);
    }
    let drive = bytes.get(1) == Some(&b':') && bytes[0].is_ascii_alphabetic();
    let home = written.starts_with("~/") || written.starts_with("~\\");
    (written.starts_with(['.', '/', '\\']) || home || drive).then_some(written)
}

/// Whether a specification can be nothing but a range of versions or a tag.
fn is_range_or_tag(written: &str) -> bool {
    let known = |character: char| character.is_ascii_alphanumeric() || " .*^~<>=|,+-_".contains(character);
    written.chars().all(known) && !is_archive(written)
}

fn is_archive(written: &str) -> bool {
    let lower = written.to_ascii_lowercase();
    [".tgz", ".tar.gz", ".tar"].iter().any(|end| lower.ends_with(end))
}

/// Whether an address is one of the hosts whose pages npm takes for repositories.
fn is_hosted(address: &str) -> bool {
    let Ok(address) = url::Url::parse(address) else { return false };
    let hosts = ["github.com", "gitlab.com", "bitbucket.org", "gist.github.com", "git.sr.ht"];
    let repository = !address.path().contains("/archive/") && !is_archive(address.path());
    repository && address.host_str().is_some_and(|host| hosts.contains(&host.trim_start_matches("www.")))
}

struct Reader<'a> {
    files: &'a Files,
    found: Vec<Specification>,
}

impl Reader<'_> {
    fn add(&mut self, file: &RepoPath, package: &str, kind: SpecificationKind) {
        self.found.push(Specification::new(file, package, kind));
    }

    fn manifest(&mut self, path: &RepoPath, manifest: &Value) {
        for section in SECTIONS.iter().chain(&OTHER_SECTIONS) {
            self.section(path, section, manifest.get(section));
        }
        if let Some(overrides) = manifest.get("overrides") {
            self.overrides(path, "overrides", (overrides, 0));
        }
        let pnpm = manifest.get("pnpm");
        for (holder, setting) in [(pnpm, "overrides"), (manifest.get("workspaces"), "catalog")] {
            self.section(path, setting, holder.and_then(|holder| holder.get(setting)));
        }
        let catalogs = manifest.get("workspaces").and_then(|it| it.get("catalogs")).and_then(Value::as_object);
        for (_, catalog) in catalogs.into_iter().flatten() {
            self.section(path, "catalogs", Some(catalog));
        }
        for pattern in workspaces(manifest) {
            let stays = pattern.as_str().is_some_and(|pattern| {
                let plain = !pattern.contains("..") || !pattern.contains(['{', '(', '[', '*', '?']);
                let pattern = pattern.trim_start_matches('!').trim_start_matches("./").trim_start_matches('/');
                plain && inside::resolve(path.folder(), pattern).is_some()
            });
            if !stays {
                self.found.push(Specification::outside(path, "workspaces"));
            }
        }
    }

    /// One specification for each name.
    fn section(&mut self, path: &RepoPath, name: &str, section: Option<&Value>) {
        let Some(section) = section else { return };
        let Some(members) = section.as_object() else {
            return self.add(path, name, SpecificationKind::Unknown);
        };
        for (package, written) in members {
            match written.as_str() {
                Some(written) => self.specification(path, package, (path.folder(), written)),
                None => self.add(path, package, SpecificationKind::Unknown),
            }
        }
    }

    /// Overrides: a specification, or those of what lies below a package. The keys may have specifications, which stand
    /// for the value where there is none.
    fn overrides(&mut self, path: &RepoPath, key: &str, (value, depth): (&Value, usize)) {
        if let Some(written) = value.as_str() {
            let reference =
                written.strip_prefix('$').is_some_and(|name| grammar::package(Ecosystem::Npm, name).is_ok());
            if !reference {
                self.specification(path, key, (path.folder(), written));
            }
            return;
        }
        let Some(members) = value.as_object().filter(|_| depth < DEPTH_LIMIT) else {
            return self.add(path, key, SpecificationKind::Unknown);
        };
        for (name, value) in members {
            if name != "." && !matches!(alias(name), Lead::Registry) {
                let kind = match alias(name) {
                    Lead::Elsewhere(kind) => kind,
                    Lead::Registry | Lead::Path(_) => SpecificationKind::Unknown,
                };
                self.add(path, name, kind);
            }
            self.overrides(path, name, (value, depth + 1));
        }
    }

    /// One specification, from a folder.
    fn specification(&mut self, file: &RepoPath, package: &str, (folder, written): (&str, &str)) {
        match lead(written) {
            Lead::Registry => {}
            Lead::Elsewhere(kind) => self.add(file, package, kind),
            Lead::Path(written) => self.path(file, package, (folder, written)),
        }
    }

    /// A path: of a package of the project, of another file, or out of the repository.
    fn path(&mut self, file: &RepoPath, package: &str, (folder, written): (&str, &str)) {
        // npm decodes them as parts of an address.
        let plain = !written.contains(['%', '#', '?', '~']);
        let Some(target) = inside::resolve(folder, written).filter(|_| plain) else {
            return self.found.push(Specification::outside(file, package));
        };
        let manifest = if target.is_empty() { "package.json".to_owned() } else { format!("{target}/package.json") };
        let shown = RepoPath::new(&manifest).is_ok_and(|manifest| self.files.contents.contains_key(&manifest));
        if !shown || is_archive(&target) {
            self.add(file, package, SpecificationKind::File);
        }
    }

    fn lock(&mut self, lock: &Value) {
        let lockfile = self.files.lockfile.clone();
        for (path, entry) in lock.get("packages").and_then(Value::as_object).into_iter().flatten() {
            let name = path.rsplit("node_modules/").next().unwrap_or(path);
            let name = if name.is_empty() { "packages" } else { name };
            if is_outside(self.files, path) {
                self.found.push(Specification::outside(&lockfile, name));
            }
            // What a folder of the project asks for is relative to it.
            let folder = inside::resolve(lockfile.folder(), path).unwrap_or_default();
            self.entry(&lockfile, name, (&folder, entry));
        }
        let mut open: Vec<&Map<String, Value>> = Vec::new();
        // Version 1, and the copy of it in version 2.
        open.extend(lock.get("dependencies").and_then(Value::as_object));
        while let Some(level) = open.pop() {
            for (name, entry) in level {
                for key in ["version", "from"] {
                    // `from` is `name@specification`, and the name may begin with an `@`.
                    let written = entry.get(key).and_then(Value::as_str).unwrap_or_default();
                    let at = written.char_indices().skip(1).find(|(_, it)| *it == '@').map(|(at, _)| at + 1);
                    let written = if key == "from" { at.map_or("", |at| &written[at..]) } else { written };
                    self.specification(&lockfile, name, (lockfile.folder(), written));
                }
                let folder = lockfile.folder().to_owned();
                self.entry(&lockfile, name, (&folder, entry));
                open.extend(entry.get("dependencies").and_then(Value::as_object));
            }
        }
    }

    /// One entry of a lockfile: where it comes from, and what it asks for.
    fn entry(&mut self, lockfile: &RepoPath, name: &str, (folder, entry): (&str, &Value)) {
        let link = entry.get("link").and_then(Value::as_bool) == Some(true);
        match entry.get("resolved") {
            Some(Value::String(resolved)) if link => {
                self.path(lockfile, name, (lockfile.folder(), path_of(resolved).unwrap_or(resolved)));
            }
            // The host of an archive is compared with the registry's by the pipeline.
            Some(Value::String(resolved)) => {
                let archive = url::Url::parse(resolved).is_ok_and(|it| matches!(it.scheme(), "http" | "https"));
                match lead(resolved) {
                    Lead::Elsewhere(SpecificationKind::Url) if archive => {}
                    _ => self.specification(lockfile, name, (lockfile.folder(), resolved)),
                }
            }
            // What is bundled has `false` in old lockfiles.
            Some(Value::Bool(_) | Value::Null) | None => {}
            Some(_) => self.add(lockfile, name, SpecificationKind::Unknown),
        }
        for section in SECTIONS {
            let members = entry.get(section).and_then(Value::as_object).into_iter().flatten();
            for (package, written) in members.filter_map(|(package, written)| Some((package, written.as_str()?))) {
                self.specification(lockfile, package, (folder, written));
            }
        }
        let requires = entry.get("requires").and_then(Value::as_object).into_iter().flatten();
        for (package, written) in requires.filter_map(|(package, written)| Some((package, written.as_str()?))) {
            self.specification(lockfile, package, (folder, written));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn path(text: &str) -> RepoPath {
        RepoPath::new(text).unwrap()
    }

    fn told(manifest: &str, lock: &str) -> Vec<String> {
        let contents = BTreeMap::from([
            (path("app/package.json"), manifest.as_bytes().to_vec()),
            (path("app/near/package.json"), b"{}".to_vec()),
            (path("app/package-lock.json"), lock.as_bytes().to_vec()),
        ]);
        let found = of(&Files::new(path("app/package-lock.json"), contents)).unwrap();
        let tell =
            |it: &Specification| format!("{} {:?}{}", it.package, it.kind, if it.outside { " outside" } else { "" });
        found.iter().map(tell).collect()
    }

    /// Specifications, and what is found in them.
    const FORMS: [(&str, &str); 64] = [
        ("^1.2.3", ""),
        ("", ""),
        ("*", ""),
        ("latest", ""),
        ("1.x || >=2.5.0 || 5.0.0 - 7.2.3", ""),
        (">=1.0.0-rc.1+build <2", ""),
        ("~1", ""),
        ("npm:other@^1", ""),
        ("npm:@scope/other@1.0.0", ""),
        ("NPM:other", ""),
        ("file:near", ""),
        ("./near", ""),
        ("file:./near/", ""),
        ("file:other/../near", ""),
        ("git+https://git.example/x.git", "x Git"),
        ("GIT+SSH://git@git.example/x", "x Git"),
        ("git://git.example/x#semver:^1", "x Git"),
        ("git+file:///etc/x", "x Git"),
        ("git@git.example:owner/x.git", "x Git"),
        ("user@git.example:owner/x", "x Git"),
        ("ssh://git@git.example/x", "x Git"),
        ("owner/name", "x Git"),
        ("owner/name#main", "x Git"),
        ("github:owner/name", "x Git"),
        ("gitlab:owner/group/name", "x Git"),
        ("bitbucket:owner/name", "x Git"),
        ("gist:0a1b2c3d", "x Git"),
        ("https://github.com/owner/name", "x Git"),
        ("https://github.com/owner/name/archive/main.tar.gz", "x Url"),
        ("https://archive.example/x.tgz", "x Url"),
        ("http://127.0.0.1/x", "x Url"),
        ("npm:git+https://git.example/x", "x Git"),
        ("npm:other@git+https://git.example/x", "x Git"),
        ("npm:other@https://archive.example/x.tgz", "x Url"),
        ("npm:owner/name", "x Git"),
        ("npm:npm:other", "x Unknown"),
        ("npm:../near", "x Unknown"),
        ("link:../near", "x File"),
        ("portal:./near", "x File"),
        ("patch:x@npm%3A1#x.patch", "x File"),
        ("workspace:*", "x Unknown"),
        ("catalog:", "x Unknown"),
        ("jsr:1", "x Unknown"),
        ("ftp://archive.example/x", "x Unknown"),
        (" file:/etc", "x Unknown"),
        ("1.0.0\n", "x Unknown"),
        ("archive.tgz", "x File"),
        ("file:near.tgz", "x File"),
        ("file:gone", "x File"),
        ("file:../../x", "x File outside"),
        ("file:./a/../../../x", "x File outside"),
        ("file:/etc", "x File outside"),
        ("FILE:///etc", "x File outside"),
        ("file://etc", "x File outside"),
        ("file:/../x", "x File outside"),
        ("file:~/x", "x File outside"),
        ("~/x", "x File outside"),
        ("/etc", "x File outside"),
        ("file:%2e%2e/%2e%2e/x", "x File outside"),
        ("file:..\\..\\x", "x File outside"),
        ("\\x", "x File outside"),
        ("C:/x", "x File outside"),
        ("c:x", "x File outside"),
        ("file:near#/../../..", "x File outside"),
    ];

    #[test]
    fn every_form_leads_where_npm_would_go() {
        for (written, expected) in FORMS {
            let manifest = serde_json::json!({"dependencies": {"x": written}}).to_string();
            let expected: Vec<&str> = Some(expected).filter(|text| !text.is_empty()).into_iter().collect();
            assert_eq!(told(&manifest, "{}"), expected, "{written:?}");
        }
    }

    #[test]
    fn every_place_of_a_manifest_is_looked_at() {
        let git = "git+https://git.example/x";
        for manifest in [
            serde_json::json!({"devDependencies": {"x": git}}),
            serde_json::json!({"optionalDependencies": {"x": git}}),
            serde_json::json!({"peerDependencies": {"x": git}}),
            serde_json::json!({"acceptDependencies": {"x": git}}),
            serde_json::json!({"resolutions": {"x": git}}),
            serde_json::json!({"overrides": {"x": git}}),
            serde_json::json!({"overrides": {"y": {"x": git}}}),
            serde_json::json!({"overrides": {"y@^1": {"z": {"x": {".": git, "w": "1"}}}}}),
            serde_json::json!({"pnpm": {"overrides": {"x": git}}}),
            serde_json::json!({"workspaces": {"catalog": {"x": git}}}),
            serde_json::json!({"workspaces": {"catalogs": {"one": {"x": git}}}}),
        ] {
            let found = told(&manifest.to_string(), "{}");
            assert!(matches!(found.as_slice(), [one] if one.ends_with(" Git")), "{manifest}: {found:?}");
        }
        for (manifest, expected) in [
            (serde_json::json!({"overrides": {"x@git+https://git.example/x": {"y": "1"}}}), "Git"),
            (serde_json::json!({"overrides": {"x": "$y"}}), ""),
            (serde_json::json!({"overrides": {"x": "$(id)"}}), "Unknown"),
            (serde_json::json!({"overrides": {"@scope/x@^1": "2", "y": {".": "3"}}}), ""),
            (serde_json::json!({"overrides": ["x"]}), "Unknown"),
            (serde_json::json!({"dependencies": "x@git+https://git.example/x"}), "Unknown"),
            (serde_json::json!({"dependencies": {"x": {"git": "y"}}}), "Unknown"),
            (serde_json::json!({"workspaces": ["packages/*", "./near", "/near", "!packages/x"]}), ""),
            (serde_json::json!({"workspaces": ["../../*"]}), "outside"),
            (serde_json::json!({"workspaces": {"packages": ["{a,../../b}"]}}), "outside"),
            (serde_json::json!({"workspaces": ["a\\..\\..\\b"]}), "outside"),
            (serde_json::json!({"bundleDependencies": ["x"], "dependencies": {"x": "1"}}), ""),
        ] {
            let found = told(&manifest.to_string(), "{}");
            assert!(found.iter().all(|it| it.ends_with(expected)), "{manifest}: {found:?}");
            assert_eq!(found.is_empty(), expected.is_empty(), "{manifest}: {found:?}");
        }
    }

    #[test]
    fn every_place_of_a_lockfile_is_looked_at() {
        let git = "git+ssh://git@git.example/x.git#0a1b";
        for (lock, expected) in [
            (serde_json::json!({"packages": {"node_modules/x": {"resolved": git}}}), "x Git"),
            (serde_json::json!({"packages": {"node_modules/x": {"resolved": "https://a.example/x.tgz"}}}), ""),
            (serde_json::json!({"packages": {"node_modules/x": {"resolved": "file:../../x"}}}), "x File outside"),
            (serde_json::json!({"packages": {"node_modules/x": {"resolved": "file:near.tgz"}}}), "x File"),
            (serde_json::json!({"packages": {"node_modules/x": {"resolved": "near", "link": true}}}), ""),
            (
                serde_json::json!({"packages": {"node_modules/x": {"resolved": "../../x", "link": true}}}),
                "x File outside",
            ),
            (serde_json::json!({"packages": {"node_modules/x": {"resolved": "/etc", "link": true}}}), "x File outside"),
            (serde_json::json!({"packages": {"../../x": {"version": "1.0.0"}}}), "../../x File outside"),
            (serde_json::json!({"packages": {"near": {"dependencies": {"x": git}}}}), "x Git"),
            (serde_json::json!({"packages": {"near": {"dependencies": {"x": "file:../near"}}}}), ""),
            (serde_json::json!({"packages": {"": {"optionalDependencies": {"x": "owner/x"}}}}), "x Git"),
            (serde_json::json!({"dependencies": {"x": {"version": git, "from": "x@owner/x"}}}), "x Git"),
            (serde_json::json!({"dependencies": {"x": {"version": "1.0.0", "from": "x@owner/x"}}}), "x Git"),
            (serde_json::json!({"dependencies": {"@s/x": {"version": "1.0.0", "from": "@s/x@^1"}}}), ""),
            (serde_json::json!({"dependencies": {"y": {"version": "1.0.0", "requires": {"x": git}}}}), "x Git"),
            (
                serde_json::json!({"dependencies": {"y": {"version": "npm:z@1.0.0", "dependencies": {"x": {"version": "file:/etc"}}}}}),
                "x File outside",
            ),
        ] {
            let expected: Vec<&str> = Some(expected).filter(|text| !text.is_empty()).into_iter().collect();
            assert_eq!(told("{}", &lock.to_string()), expected, "{lock}");
        }
        assert!(of(&Files::new(path("package-lock.json"), BTreeMap::new())).is_err());
    }
}
