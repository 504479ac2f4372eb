//! End of life: runtimes and base systems, named in files or by images, that get no fixes any more.
//!
//! Which lines there are and when they end is data: `end_of_life/table.toml`. A flaw in such a runtime stays open, and most
//! are never even written down, because nobody looks for them any more. No score says how bad that is: it is medium in the
//! year after the end, when flaws found since are few and known, and high after that.

mod named;
mod table;

use jiff::civil::Date;

use super::contract::finding::{Place, of_dependency};
use super::contract::image::last_component;
use super::contract::{Check, CheckContext};
use crate::model::dependency::{Dependency, Origin};
use crate::model::finding::{Detail, Finding, FindingKind};
use crate::model::severity::Severity;
use crate::model::tree::EntryKind;
use table::{Product, product_of};

/// Finds runtimes whose release line has ended.
pub(super) struct EndOfLife;

/// Files that name a runtime are short, manifests are not.
const SIZE_LIMIT: usize = 4 * 1024 * 1024;

const DAYS_OF_A_YEAR: i64 = 365;

impl Check for EndOfLife {
    fn id(&self) -> &'static str {
        "end-of-life"
    }

    fn inspect(&self, context: &CheckContext<'_>) -> Vec<Finding> {
        let mut findings = in_files(context);
        for lockfile in context.lockfiles {
            for (position, dependency) in lockfile.dependencies.iter().enumerate() {
                for (detail, severity) in ended_in_image(dependency, context.today) {
                    let mut finding = of_dependency(lockfile, position, dependency, (FindingKind::EndOfLife, severity));
                    finding.detail = Some(detail);
                    findings.push(finding);
                }
            }
        }
        findings
    }
}

fn in_files(context: &CheckContext<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for entry in context.tree.entries() {
        if !matches!(entry.kind, EntryKind::File { .. }) || super::contract::manifest::is_foreign(&entry.path) {
            continue;
        }
        let Some(read) = named::reader(&entry.path) else { continue };
        // What cannot be read names no runtime.
        let Ok(bytes) = context.tree.read(&entry.path) else { continue };
        let Some(text) = std::str::from_utf8(&bytes).ok().filter(|text| text.len() <= SIZE_LIMIT) else { continue };
        for named in read(text) {
            let Some(product) = product_of(named.product) else { continue };
            let Some((detail, severity)) = ended(product, &named.version, context.today) else { continue };
            let place = Place { file: &entry.path, line: named.line, ecosystem: product.ecosystem };
            let graded = (FindingKind::EndOfLife, severity);
            findings.push(place.finding(graded, (&product.name, &named.version), Some(detail)));
        }
    }
    findings
}

/// What a version's release line is, when it has ended.
fn ended(product: &Product, version: &str, today: Date) -> Option<(Detail, Severity)> {
    let cycle = product.cycle(version)?;
    let days = i64::from((today - cycle.ended).get_days());
    if days <= product.grace_days {
        return None;
    }
    let severity = if days > DAYS_OF_A_YEAR { Severity::High } else { Severity::Medium };
    let detail = Detail::EndOfLife { product: product.name.clone(), cycle: cycle.name.clone(), ended: cycle.ended };
    Some((detail, severity))
}

/// What an image brings that has ended: the runtime that it is named for, and the system that its tag says it is built on.
fn ended_in_image(dependency: &Dependency, today: Date) -> Vec<(Detail, Severity)> {
    let Origin::Image { tag: Some(tag), .. } = &dependency.origin else { return Vec::new() };
    let mut found = Vec::new();
    if let Some(product) = official(&dependency.name).and_then(product_of) {
        found.extend(ended(product, tag.split('-').next().unwrap_or_default(), today));
    }
    for part in tag.split('-') {
        let (id, version) = match part.strip_prefix("alpine") {
            Some(version) => ("alpine", version),
            None if product_of("ubuntu").is_some_and(|ubuntu| is_codename(ubuntu, part)) => ("ubuntu", part),
            None if product_of("debian").is_some_and(|debian| is_codename(debian, part)) => ("debian", part),
            None => continue,
        };
        found.extend(product_of(id).and_then(|product| ended(product, version, today)));
    }
    // The codename of a system is what its own image is tagged with.
    found.dedup();
    found
}

/// Numbers behind a version may be anything; a codename is nothing else.
fn is_codename(product: &Product, word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_alphabetic()) && product.cycle(word).is_some()
}

/// The product of an official image, from its own registry or a mirror: `php`, `docker.io/library/php`.
fn official(image: &str) -> Option<&'static str> {
    let name = last_component(image);
    let owner = image.strip_suffix(name).unwrap_or_default().trim_end_matches('/');
    if !matches!(owner, "" | "library" | "docker.io") && !owner.ends_with("/library") {
        return None;
    }
    match name {
        "php" => Some("php"),
        "node" => Some("node"),
        "python" => Some("python"),
        "ruby" => Some("ruby"),
        "golang" => Some("go"),
        "rust" => Some("rust"),
        "debian" => Some("debian"),
        "ubuntu" => Some("ubuntu"),
        "alpine" => Some("alpine"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::contract::testing::{image, inspect, lockfile};
    use super::*;

    fn in_file(path: &str, text: &str) -> Vec<(String, Severity, u32)> {
        let findings = inspect(&EndOfLife, &[(path, text)], &[]);
        findings
            .into_iter()
            .map(|finding| (finding.detail.unwrap().to_string(), finding.severity, finding.line))
            .collect()
    }

    #[test]
    fn every_file_that_names_a_runtime_is_read() {
        for (path, text, expected, line) in [
            (".php-version", "8.1.3\n", "PHP 8.1 ended on 2025-12-31", 1),
            (".nvmrc", "lts/hydrogen\n", "Node.js 18 ended on 2025-04-30", 1),
            ("web/.node-version", "v16.20.0", "Node.js 16 ended on 2023-09-11", 1),
            (".python-version", "3.14\n3.8.1\n", "Python 3.8 ended on 2024-10-07", 2),
            ("runtime.txt", "python-3.9.18", "Python 3.9 ended on 2025-10-31", 1),
            (".ruby-version", "ruby-2.7.8\n", "Ruby 2.7 ended on 2023-03-31", 1),
            (".tool-versions", "# x\nnodejs 14.1.0\n", "Node.js 14 ended on 2023-04-30", 2),
            ("mise.toml", "[tools]\nnode = [\"16\", \"24\"]\n", "Node.js 16 ended on 2023-09-11", 2),
            ("rust-toolchain", "1.70.0\n", "Rust 1.70 ended on 2023-07-13", 1),
            ("rust-toolchain.toml", "[toolchain]\nchannel = \"1.70\"\n", "Rust 1.70 ended on 2023-07-13", 2),
            ("go.mod", "module x\ngo 1.20\ntoolchain go1.22.1\n", "Go 1.22 ended on 2025-02-11", 3),
            ("Gemfile", "source 'x'\nruby '2.6.3'\n", "Ruby 2.6 ended on 2022-04-12", 2),
            ("Pipfile", "[requires]\npython_version = \"3.7\"\n", "Python 3.7 ended on 2023-06-27", 2),
            (
                "composer.json",
                "{\"require\": {\"php\": \">=7\"},\n\"config\": {\"platform\": {\"php\": \"7.4\"}}}",
                "PHP 7.4 ended on 2022-11-28",
                2,
            ),
            ("package.json", "{\n\"volta\": {\"node\": \"12.1.0\"}}", "Node.js 12 ended on 2022-04-30", 2),
        ] {
            let found = in_file(path, text);
            let [(detail, _, at)] = found.as_slice() else { panic!("{path}: one finding, not {found:?}") };
            assert_eq!((detail.as_str(), *at), (expected, line), "{path}");
        }
    }

    #[test]
    fn what_is_supported_unknown_or_no_version_is_not_judged() {
        for (path, text) in [
            (".php-version", "8.4"),
            (".nvmrc", "node"),
            (".nvmrc", ""),
            (".python-version", "pypy3.9"),
            (".node-version", "99"),
            ("rust-toolchain.toml", "[toolchain]\nchannel = \"stable\"\n"),
            ("rust-toolchain", "1.93"),
            ("Gemfile", "ruby file: '.ruby-version'\nruby '~> 2.7'\n"),
            ("composer.json", "{"),
            ("package.json", "{\"engines\": {\"node\": \">=12\"}}"),
            ("mise.toml", "[tools"),
            ("go.mod", "module x\n"),
            // The oldest Go that will do; what builds it is any newer one.
            ("go.mod", "module x\n\ngo 1.20\n"),
            ("go.mod", "module x\n\ngo 1.20\ntoolchain default\n"),
            ("node_modules/x/.nvmrc", "8"),
        ] {
            assert!(in_file(path, text).is_empty(), "{path}: {text}");
        }
    }

    #[test]
    fn long_ended_lines_are_worse() {
        assert_eq!(in_file(".php-version", "8.1")[0].1, Severity::Medium);
        assert_eq!(in_file(".php-version", "5.6")[0].1, Severity::High);
    }

    #[test]
    fn images_bring_a_runtime_and_a_system() {
        let of = |reference: &str| -> Vec<String> {
            let findings = inspect(&EndOfLife, &[], &[lockfile("Dockerfile", vec![image(reference)])]);
            findings.into_iter().map(|finding| finding.detail.unwrap().to_string()).collect()
        };
        assert_eq!(of("php:7.4-fpm-buster"), ["PHP 7.4 ended on 2022-11-28", "Debian 10 ended on 2024-06-30"]);
        assert_eq!(of("node:24-alpine3.15"), ["Alpine Linux 3.15 ended on 2023-11-01"]);
        assert_eq!(of("mirror.example/library/golang:1.20.1"), ["Go 1.20 ended on 2024-02-06"]);
        assert_eq!(of("debian:stretch-slim"), ["Debian 9 ended on 2022-06-30"]);
        assert_eq!(of("nginx:buster"), ["Debian 10 ended on 2024-06-30"]);
        assert_eq!(of("ubuntu:18.04"), ["Ubuntu 18.04 ended on 2023-05-31"]);
        for fine in ["php:8.4-fpm", "ghcr.io/acme/php:5.6", "nginx:1.27-alpine", "node:lts", "acme/x:1-10", "node"] {
            assert!(of(fine).is_empty(), "{fine}");
        }
    }
}
