//! Generated look-alike locks, read here and by npm's own reader: what npm takes for installed is what is matched.
//!
//! npm is asked for names and versions (`loadVirtual` of its arborist); that it installs what stands at `resolved`, whatever
//! the entry says, was tried against a registry and is part of what is expected here.

use std::io::Write as _;
use std::process::Command;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::testing::extract;
use super::PackageLock;
use crate::model::dependency::{Dependency, Origin};
use crate::model::doubt::Doubt;
use crate::model::ecosystem::Ecosystem;
use crate::version;

/// So many locks are generated, always the same ones.
const CASES: u64 = 12_000;

const INTEGRITY: &str =
    "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==";
const NAMES: [&str; 8] = ["a", "b", "good", "bad", "@s/a", "@s/bad", "A", "c.d"];
const VERSIONS: [&str; 6] = ["1.0.0", "2.0.0", "1.0.0-rc.1", "1.0.0+build", "v3.0.0", "10.2.30"];

/// Numbers that look random and are the same in each run (`SplitMix64`).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(limit).expect("small")).expect("small")
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }
}

/// A lock, and the packages that have to be matched whatever npm's reader calls them.
struct Case {
    text: String,
    expected: Vec<(String, String)>,
}

fn archive(name: &str, version: &str) -> String {
    let short = name.rsplit('/').next().expect("a part");
    format!("https://registry.example/{name}/-/{short}-{version}.tgz")
}

/// A key that npm writes, or one that it reads as such a key.
fn key(numbers: &mut Numbers, name: &str) -> String {
    let above =
        numbers.of(&["", "", "", "node_modules/b/", "node_modules/@s/a/node_modules/good/", "packages/p/", "../q/"]);
    let plain = format!("{above}node_modules/{name}");
    if !numbers.chance(30) {
        return plain;
    }
    match numbers.below(7) {
        0 => plain.replacen("node_modules/", "node_modules//", 1),
        1 => plain.replacen("node_modules/", "node_modules/./", 1),
        2 => plain.replacen("node_modules/", "node_modules/x/../", 1),
        3 => format!("{plain}/"),
        4 => format!("./{plain}"),
        5 => format!("{plain}/."),
        _ => format!("y/../{plain}"),
    }
}

/// An entry of the new form, with the package at `resolved`.
fn entry(numbers: &mut Numbers, name: &str, expected: &mut Vec<(String, String)>) -> Value {
    let mut entry = Map::new();
    let version = numbers.of(&VERSIONS);
    if numbers.chance(92) {
        let version = if numbers.chance(4) { "<2.0.0" } else { version };
        entry.insert("version".to_owned(), json!(version));
    }
    if numbers.chance(15) {
        entry.insert("name".to_owned(), json!(numbers.of(&NAMES)));
    }
    let own = entry.get("name").and_then(Value::as_str).unwrap_or(name).to_owned();
    match numbers.below(12) {
        // npm leaves the build out of an archive's name.
        0..=5 => drop(entry.insert("resolved".to_owned(), json!(archive(&own, version.trim_start_matches('v'))))),
        6 | 7 => {
            let (name, version) = (numbers.of(&NAMES), numbers.of(&["1.0.0", "2.0.0", "1.0.0-rc.1"]));
            entry.insert("resolved".to_owned(), json!(archive(name, version)));
            expected.push((name.to_owned(), version.to_owned()));
        }
        8 => drop(entry.insert(
            "resolved".to_owned(),
            json!("git+ssh://git@git.example/x.git#0123456789abcdef0123456789abcdef01234567"),
        )),
        9 => {
            let archive = numbers.of(&["file:vendor.tgz", "file:./a/bad-1.0.0.tgz"]);
            entry.insert("resolved".to_owned(), json!(archive));
        }
        10 => drop(entry.insert("resolved".to_owned(), json!("npm:bad@1.0.0"))),
        _ => {}
    }
    if numbers.chance(10) {
        entry.insert("bundleDependencies".to_owned(), json!([numbers.of(&NAMES)]));
    }
    if numbers.chance(85) {
        entry.insert("integrity".to_owned(), json!(INTEGRITY));
    }
    for flag in ["dev", "optional", "inBundle", "hasShrinkwrap", "extraneous"] {
        if numbers.chance(8) {
            entry.insert(flag.to_owned(), json!(true));
        }
    }
    if numbers.chance(30) {
        entry.insert("dependencies".to_owned(), json!({ numbers.of(&NAMES): "*" }));
    }
    Value::Object(entry)
}

/// An entry of the old form.
fn old_entry(numbers: &mut Numbers, depth: usize, expected: &mut Vec<(String, String)>) -> Value {
    let version = numbers.of(&VERSIONS);
    let mut entry = match numbers.below(8) {
        0 => {
            let name = numbers.of(&NAMES);
            expected.push((name.to_owned(), version.to_owned()));
            json!({ "version": format!("npm:{name}@{version}") })
        }
        1 => {
            json!({ "version": "git+ssh://git@git.example/x.git#0123456789abcdef0123456789abcdef01234567", "from": "git+ssh://git@git.example/x.git" })
        }
        2 => {
            let (name, other) = (numbers.of(&NAMES), numbers.of(&["1.0.0", "2.0.0"]));
            expected.push((name.to_owned(), other.to_owned()));
            json!({ "version": version, "resolved": archive(name, other) })
        }
        _ => json!({ "version": version }),
    };
    let fields = entry.as_object_mut().expect("an object");
    if numbers.chance(85) && !fields.contains_key("from") {
        fields.insert("integrity".to_owned(), json!(INTEGRITY));
    }
    if numbers.chance(20) {
        fields.insert("requires".to_owned(), json!({ numbers.of(&NAMES): "*" }));
    }
    if depth > 0 && numbers.chance(30) {
        fields.insert("dependencies".to_owned(), old_tree(numbers, depth - 1, expected));
    }
    entry
}

fn old_tree(numbers: &mut Numbers, depth: usize, expected: &mut Vec<(String, String)>) -> Value {
    let mut tree = Map::new();
    for _ in 0..=numbers.below(3) {
        let name = numbers.of(&NAMES);
        let name = if numbers.chance(10) { format!("x/../{name}") } else { name.to_owned() };
        let before = expected.len();
        if tree.contains_key(&name) {
            continue;
        }
        let entry = old_entry(numbers, depth, expected);
        debug_assert!(expected.len() >= before);
        tree.insert(name, entry);
    }
    Value::Object(tree)
}

fn case(number: u64) -> Case {
    let mut numbers = Numbers(number);
    let lockfile_version = 1 + numbers.below(3);
    let mut expected = Vec::new();
    let mut lock = json!({ "name": "x", "version": "1.0.0", "lockfileVersion": lockfile_version, "requires": true });
    if lockfile_version == 1 {
        lock["dependencies"] = old_tree(&mut numbers, 2, &mut expected);
        return Case { text: lock.to_string(), expected };
    }
    let mut packages = Map::new();
    packages.insert(String::new(), json!({ "name": "x", "version": "1.0.0" }));
    for _ in 0..=numbers.below(5) {
        let name = numbers.of(&NAMES);
        let key = key(&mut numbers, name);
        if packages.contains_key(&key) {
            continue;
        }
        if numbers.chance(6) {
            packages
                .insert(key, json!({ "resolved": numbers.of(&["packages/p", "../q", "packages/gone"]), "link": true }));
        } else {
            let entry = entry(&mut numbers, name, &mut expected);
            packages.insert(key, entry);
        }
    }
    for folder in ["packages/p", "../q"] {
        packages.insert(folder.to_owned(), json!({ "name": numbers.of(&NAMES), "version": "0.1.0" }));
    }
    if lockfile_version == 2 {
        let (name, version) = (numbers.of(&["a", "bad"]), numbers.of(&["1.0.0", "2.0.0"]));
        expected.push((name.to_owned(), version.to_owned()));
        lock["dependencies"] = json!({ name: { "version": version, "integrity": INTEGRITY } });
    }
    lock["packages"] = Value::Object(packages);
    Case { text: lock.to_string(), expected }
}

/// What npm's reader says of one lock.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    installed: Option<Vec<Installed>>,
}

#[derive(Deserialize, Debug)]
struct Installed {
    name: String,
    version: String,
    /// Whether npm asks its registry what the entry means.
    anew: bool,
}

/// npm's answers; `None`, with the reason printed, where it is not here.
fn ask_npm(cases: &[Case]) -> Option<Vec<Answer>> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/lookalikes/installed.cjs");
    let lines: Vec<String> = cases.iter().map(|case| json!(case.text).to_string()).collect();
    let mut file = tempfile::NamedTempFile::new().expect("a scratch file");
    file.write_all(lines.join("\n").as_bytes()).expect("a scratch file");
    let Ok(output) = Command::new("node").arg(script).arg(file.path()).output() else {
        println!("skipped: there is no node");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    println!("{first}");
    if !first.contains("npm\":") {
        println!("skipped: npm's reader is not here");
        return None;
    }
    Some(lines.map(|line| serde_json::from_str(line).expect("an answer")).collect())
}

fn same_version(ours: &str, other: &str) -> bool {
    let (ours, other) = (ours.trim(), other.trim());
    ours == other
        || version::parse(Ecosystem::Npm, other).is_err()
        || version::compare(Ecosystem::Npm, ours, other).is_ok_and(std::cmp::Ordering::is_eq)
}

/// Whether a package is matched: as an entry, or as what an entry may be instead.
fn is_matched(ours: &[Dependency], name: &str, version: &str) -> bool {
    ours.iter().any(|dependency| {
        (dependency.name == name && same_version(&dependency.version, version))
            || dependency.doubts.iter().any(|doubt| match doubt {
                Doubt::Contradiction { other: Some(other), .. } => {
                    other.name == name && same_version(&other.version, version)
                }
                _ => false,
            })
    })
}

/// What is wrong about what is read here, next to what npm says.
fn difference(case: &Case, ours: &[Dependency], npm: &[Installed]) -> Option<String> {
    for installed in npm {
        // A key of the old form that is no name: npm makes a folder of it, and has nothing to put there.
        if installed.version.is_empty() && case.text.contains("\"x/../") {
            continue;
        }
        // A version of the old form that npm takes over as it is.
        let alias = installed.version.strip_prefix("npm:").and_then(|alias| alias.rsplit_once('@'));
        let (name, version) = alias.unwrap_or((&installed.name, &installed.version));
        if !is_matched(ours, name, version) {
            return Some(format!("npm installs {name} {version}, which is not matched"));
        }
        let is_told = |it: &&Dependency| {
            let contradicts = it.doubts.iter().any(|doubt| matches!(doubt, Doubt::Contradiction { .. }));
            it.name == name && same_version(&it.version, version) && contradicts
        };
        if installed.anew && alias.is_none() && !ours.iter().any(|it| is_told(&it)) {
            return Some(format!("npm asks its registry anew about {name} {version}, which is not told"));
        }
    }
    for (name, version) in &case.expected {
        if !is_matched(ours, name, version) {
            return Some(format!("{name} {version} stands in the lock, and is not matched"));
        }
    }
    // What is below the entry that npm drops of two for one folder is dropped with it, and matched here all the same.
    let is_dropped =
        |doubt: &Doubt| matches!(doubt, Doubt::Contradiction { reason, .. } if reason.contains("same folder"));
    // So is what stands below a link instead of in the folder that it leads to.
    let has_link = case.text.contains("\"link\":true");
    if has_link || ours.iter().any(|dependency| dependency.doubts.iter().any(is_dropped)) {
        return None;
    }
    for dependency in ours.iter().filter(|dependency| dependency.origin != Origin::Path) {
        let in_doubt = dependency.doubts.iter().any(|doubt| matches!(doubt, Doubt::Contradiction { .. }));
        let known = npm.iter().any(|it| it.name == dependency.name || it.version.contains(&dependency.name));
        if !in_doubt && !known {
            return Some(format!(
                "{} {} is matched without a doubt, and npm does not know it",
                dependency.name, dependency.version
            ));
        }
    }
    None
}

#[test]
fn what_npm_takes_for_installed_is_what_is_matched() {
    let cases: Vec<Case> = (0..CASES).map(case).collect();
    let Some(answers) = ask_npm(&cases) else { return };
    assert_eq!(answers.len(), cases.len());
    let (mut refused, mut unread, mut doubted) = (0, 0, 0);
    let mut differences = Vec::new();
    for (case, answer) in cases.iter().zip(&answers) {
        let Ok(ours) = extract(&PackageLock, &[("package-lock.json", case.text.as_bytes())]) else {
            unread += 1;
            continue;
        };
        doubted += usize::from(ours.iter().any(|dependency| !dependency.doubts.is_empty()));
        let Some(npm) = &answer.installed else {
            refused += 1;
            continue;
        };
        differences
            .extend(difference(case, &ours, npm).map(|difference| format!("{difference}\n{}\n{npm:?}", case.text)));
    }
    println!("{CASES} locks: npm refuses {refused}, {unread} are not read here, {doubted} are in doubt");
    assert!(
        differences.is_empty(),
        "{} differences, the first:\n{}",
        differences.len(),
        differences[..differences.len().min(8)].join("\n\n")
    );
    assert!(refused + unread < cases.len() / 4, "most are to be read by both");
}
