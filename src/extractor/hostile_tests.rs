//! Whatever stands in a file, an extractor answers with dependencies or an error.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::fixture_tests::{files, projects};
use super::testing::MemoryTree;
use super::{EXTRACTORS, Extractor, SourceFile};
use crate::model::repository::RepoPath;

/// A real file of a format, under the name that its extractor claims.
struct Real {
    extractor: &'static dyn Extractor,
    path: RepoPath,
    content: Vec<u8>,
}

/// Every file of the fixtures that an extractor claims.
static REAL: LazyLock<Vec<Real>> = LazyLock::new(|| {
    let mut real = Vec::new();
    for extractor in EXTRACTORS {
        for (name, content) in projects(extractor.id()).iter().flat_map(|project| files(project)) {
            let path = RepoPath::new(&name).expect("a plain path");
            // Large files only make the same lines slower.
            if extractor.claims(&path) && content.len() < 20_000 {
                real.push(Real { extractor: *extractor, path, content });
            }
        }
    }
    real
});

/// Hands the content to an extractor, also as the manifests beside the file.
fn read_as(extractor: &dyn Extractor, path: &RepoPath, content: &[u8]) {
    // Files that some extractor reads beside its own, or above it.
    let manifests = [
        ".env",
        "Cargo.toml",
        "Gemfile",
        "Package.swift",
        "Pipfile",
        "composer.json",
        "deno.json",
        "go.mod",
        "go.sum",
        "mix.exs",
        "package.json",
        "pyproject.toml",
    ];
    let above = ["etc/os-release", "usr/lib/os-release", "pom.xml", "constraints.txt"];
    let beside = manifests.iter().filter_map(|name| path.sibling(name).ok()).map(|path| path.to_string());
    let beside: Vec<String> = beside.chain(above.map(str::to_owned)).filter(|name| name != path.as_str()).collect();
    let beside: Vec<(&str, &[u8])> = beside.iter().map(|path| (path.as_str(), content)).collect();
    let tree = MemoryTree::new(&beside);
    let file = SourceFile { path, content, tree: &tree };
    drop(extractor.not_followed(&file));
    if let Ok(dependencies) = extractor.extract(&file) {
        let lines = content.split(|&byte| byte == b'\n').count();
        for dependency in &dependencies {
            assert!(dependency.parents.iter().all(|&parent| parent < dependencies.len()));
            assert!((1..=lines).contains(&(dependency.line as usize)), "{} of {lines}", dependency.line);
        }
    }
}

/// Hands the content to every extractor.
fn read_as_everything(content: &[u8]) {
    for extractor in EXTRACTORS {
        let real = REAL.iter().find(|real| real.extractor.id() == extractor.id()).expect("every format has fixtures");
        read_as(*extractor, &real.path, content);
    }
}

#[derive(Debug, Clone)]
enum Mutation {
    Replace(prop::sample::Index, u8),
    Insert(prop::sample::Index, &'static str),
    Truncate(prop::sample::Index),
    DropLine(prop::sample::Index),
    RepeatLine(prop::sample::Index),
    SwapLines(prop::sample::Index, prop::sample::Index),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let place = || any::<prop::sample::Index>();
    let text = prop::sample::select(vec![
        "\"",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "#",
        "@",
        "*a",
        "&a ",
        "\\ud800",
        "null",
        "é",
        "\u{202e}",
        "\r\n",
        "<<<<<<< x\n",
        "0",
        "npm:",
        "/",
        "%00",
        "${{",
    ]);
    prop_oneof![
        (place(), any::<u8>()).prop_map(|(at, byte)| Mutation::Replace(at, byte)),
        (place(), text).prop_map(|(at, text)| Mutation::Insert(at, text)),
        place().prop_map(Mutation::Truncate),
        place().prop_map(Mutation::DropLine),
        place().prop_map(Mutation::RepeatLine),
        (place(), place()).prop_map(|(left, right)| Mutation::SwapLines(left, right)),
    ]
}

fn mutate(content: &[u8], mutations: &[Mutation]) -> Vec<u8> {
    let mut content = content.to_vec();
    for mutation in mutations {
        if content.is_empty() {
            break;
        }
        let mut lines: Vec<Vec<u8>> = content.split(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
        let count = lines.len();
        match mutation {
            Mutation::Replace(at, byte) => {
                let at = at.index(content.len());
                content[at] = *byte;
                continue;
            }
            Mutation::Insert(at, text) => {
                let at = at.index(content.len());
                content.splice(at..at, text.bytes());
                continue;
            }
            Mutation::Truncate(at) => {
                content.truncate(at.index(content.len()));
                continue;
            }
            Mutation::DropLine(at) => drop(lines.remove(at.index(count))),
            Mutation::RepeatLine(at) => {
                let line = lines[at.index(count)].clone();
                lines.insert(at.index(count), line);
            }
            Mutation::SwapLines(left, right) => lines.swap(left.index(count), right.index(count)),
        }
        content = lines.join(&b'\n');
    }
    content
}

proptest! {
    #[test]
    fn no_bytes_make_an_extractor_panic(content in prop::collection::vec(any::<u8>(), 0..200)) {
        read_as_everything(&content);
    }

    #[test]
    fn no_text_makes_an_extractor_panic(content in "[\\[\\]{}\":,#@&*!|>a-c0-2=. \n'-]{0,80}") {
        read_as_everything(content.as_bytes());
    }

    #[test]
    fn no_mutation_of_a_real_file_makes_an_extractor_panic(real in any::<prop::sample::Index>(), mutations in prop::collection::vec(mutation(), 1..6)) {
        let real = &REAL[real.index(REAL.len())];
        read_as(real.extractor, &real.path, &mutate(&real.content, &mutations));
    }
}

#[test]
fn a_large_file_is_read_in_linear_time() {
    let entries: Vec<String> = (0..20_000)
        .map(|number| {
            format!(
                "\"node_modules/p{number}\": {{\"version\": \"1.0.{number}\", \"dependencies\": {{\"p{}\": \"*\"}}}}",
                number / 2
            )
        })
        .collect();
    let content = format!("{{\"packages\": {{\n{}\n}}}}", entries.join(",\n"));
    let path = RepoPath::new("package-lock.json").expect("a plain path");
    let extractor = EXTRACTORS.iter().find(|extractor| extractor.claims(&path)).expect("an extractor");
    let started = std::time::Instant::now();
    let file = SourceFile { path: &path, content: content.as_bytes(), tree: &MemoryTree::new(&[]) };
    let dependencies = extractor.extract(&file).expect("a lockfile");
    assert_eq!(dependencies.len(), 20_000);
    assert_eq!(dependencies[19_999].line, 20_001);
    // Anything quadratic takes minutes here.
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

#[test]
fn more_packages_than_any_project_has_are_refused() {
    let many = |item: fn(usize) -> String, separator: &str| (0..60_000).map(item).collect::<Vec<_>>().join(separator);
    for (name, content) in [
        ("Cargo.lock", many(|number| format!("[[package]]\nname = \"p{number}\"\nversion = \"1.0.0\""), "\n")),
        (
            "package-lock.json",
            format!("{{\"packages\": {{{}}}}}", many(|number| format!("\"node_modules/{number}\": {{}}"), ",")),
        ),
        (
            "package-lock.json",
            format!("{{\"dependencies\": {{{}}}}}", many(|number| format!("\"{number}\": {{}}"), ",")),
        ),
        ("yarn.lock", many(|number| format!("p{number}@1:\n  version \"1.0.0\"\n"), "\n")),
        (
            "yarn.lock",
            many(|number| format!("p{number}@npm:1:\n  version: 1.0.0\n"), "\n") + "__metadata:\n  version: 8\n",
        ),
        (
            "pnpm-lock.yaml",
            format!("lockfileVersion: '9.0'\npackages:\n{}", many(|number| format!("  p{number}@1.0.0: {{}}"), "\n")),
        ),
        (
            "bun.lock",
            format!(
                "{{\"lockfileVersion\": 1, \"packages\": {{{}}}}}",
                many(|number| format!("\"{number}\": [\"a@1\"]"), ",")
            ),
        ),
        (
            "deno.lock",
            format!("{{\"version\": \"5\", \"npm\": {{{}}}}}", many(|number| format!("\"a@{number}\": {{}}"), ",")),
        ),
        (
            "composer.lock",
            format!(
                "{{\"packages\": [{}]}}",
                many(|number| format!("{{\"name\": \"a/{number}\", \"version\": \"1\"}}"), ",")
            ),
        ),
    ] {
        refuse(name, &content, "60000 packages");
    }
}

#[test]
fn a_line_with_thousands_of_uses_is_looked_through_once_for_its_comment() {
    // Looked through for each of them, this takes a quarter of an hour.
    let uses: Vec<String> = (0..49_000).map(|number| format!("{{uses: o/a{number}@{number:040x}}}")).collect();
    let content = format!("jobs:\n  a:\n    steps: [{}] # v1.2.3\n", uses.join(", "));
    let path = RepoPath::new(".github/workflows/ci.yml").expect("a plain path");
    let extractor = EXTRACTORS.iter().find(|extractor| extractor.claims(&path)).expect("an extractor");
    let file = SourceFile { path: &path, content: content.as_bytes(), tree: &MemoryTree::new(&[]) };
    let found = extractor.extract(&file).expect("a workflow");
    let noted: Vec<usize> = (0..found.len()).filter(|position| found[*position].version == "v1.2.3").collect();
    assert_eq!((found.len(), noted), (49_000, vec![48_999]), "the comment is about the last one");
}

/// Checks that a file is refused with these words and a way out.
fn refuse(name: &str, content: &str, words: &str) {
    let path = RepoPath::new(name).expect("a plain path");
    let extractor = EXTRACTORS.iter().find(|extractor| extractor.claims(&path)).expect("an extractor");
    let tree = MemoryTree::new(&[("etc/os-release", b"ID=debian\nVERSION_ID=12\n")]);
    let file = SourceFile { path: &path, content: content.as_bytes(), tree: &tree };
    let error = extractor.extract(&file).expect_err(name);
    assert!(error.message.contains(words) && error.hint.is_some(), "{name}: {error}");
}

#[test]
#[expect(clippy::too_many_lines, reason = "one entry for each format, which is all there is to it")]
fn lists_of_packages_are_refused_before_they_are_used() {
    let many = |item: fn(usize) -> String| (0..60_000).map(item).collect::<String>();
    for (name, content) in [
        (
            "Gemfile.lock",
            format!("GEM\n  remote: https://registry.example/\n  specs:\n{}", many(|n| format!("    p{n} (1.0)\n"))),
        ),
        ("go.mod", format!("module x\nrequire (\n{})\n", many(|n| format!("\ta.example/p{n} v1.0.0\n")))),
        ("go.sum", many(|n| format!("a.example/p{n} v1.0.0 h1:{}=\n", "a".repeat(43)))),
        ("gradle.lockfile", many(|n| format!("a:p{n}:1.0=runtimeClasspath\n"))),
        (
            "gradle/verification-metadata.xml",
            format!(
                "<verification-metadata><components>{}</components></verification-metadata>",
                many(|n| format!(
                    "<component group=\"a\" name=\"p{n}\" version=\"1\"><artifact name=\"a.jar\"/></component>"
                ))
            ),
        ),
        (
            "pom.xml",
            format!(
                "<project><dependencies>{}</dependencies></project>",
                many(|n| format!(
                    "<dependency><groupId>a</groupId><artifactId>p{n}</artifactId><version>1</version></dependency>"
                ))
            ),
        ),
        (
            "mix.lock",
            format!(
                "%{{{}}}",
                many(|n| format!("\"p{n}\": {{:hex, :p{n}, \"1.0.0\", \"x\", [:mix], [], \"hexpm\", \"x\"}},\n"))
            ),
        ),
        ("Podfile.lock", format!("PODS:\n{}\nCOCOAPODS: 1.15.0\n", many(|n| format!("  - P{n} (1.0)\n")))),
        ("cabal.project.freeze", format!("constraints: any.a ==1{}\n", many(|n| format!(",\n any.p{n}a ==1.0")))),
        ("poetry.lock", many(|n| format!("[[package]]\nname = \"p{n}\"\nversion = \"1\"\n"))),
        ("uv.lock", many(|n| format!("[[package]]\nname = \"p{n}\"\nversion = \"1\"\n"))),
        ("pdm.lock", many(|n| format!("[[package]]\nname = \"p{n}\"\nversion = \"1\"\n"))),
        ("pylock.toml", many(|n| format!("[[packages]]\nname = \"p{n}\"\nversion = \"1\"\n"))),
        ("requirements.txt", many(|n| format!("p{n}==1\n"))),
        (
            "packages.config",
            format!("<packages>{}</packages>", many(|n| format!("<package id=\"p{n}\" version=\"1\"/>"))),
        ),
        (".gitmodules", many(|n| format!("[submodule \"m{n}\"]\n\tpath = m{n}\n\turl = https://git.example/m{n}\n"))),
        (
            ".terraform.lock.hcl",
            many(|n| format!("provider \"registry.example/a/p{n}\" {{\n version = \"1.0.0\"\n}}\n")),
        ),
        ("var/lib/dpkg/status", many(|n| format!("Package: p{n}\nStatus: install ok installed\nVersion: 1\n\n"))),
        ("lib/apk/db/installed", many(|n| format!("P:p{n}\nV:1-r0\n\n"))),
        ("Dockerfile", many(|n| format!("FROM a{n}:1\n"))),
        (
            "bom.json",
            format!(
                "{{\"bomFormat\": \"CycloneDX\", \"specVersion\": \"1.5\", \"components\": [{}{{}}]}}",
                many(|n| format!("{{\"purl\": \"pkg:npm/p{n}@1\"}},"))
            ),
        ),
        (
            "a.spdx.json",
            format!(
                "{{\"spdxVersion\": \"SPDX-2.3\", \"packages\": [{}{{}}]}}",
                many(|n| format!("{{\"SPDXID\": \"{n}\"}},"))
            ),
        ),
        (
            "Pipfile.lock",
            format!(
                "{{\"_meta\": {{\"pipfile-spec\": 6}}, \"default\": {{{}\"z\": {{\"version\": \"==1\"}}}}}}",
                many(|n| format!("\"p{n}\": {{\"version\": \"==1\"}},"))
            ),
        ),
        (
            "conan.lock",
            format!("{{\"version\": \"0.5\", \"requires\": [{}\"z/1\"]}}", many(|n| format!("\"p{n}/1.0\","))),
        ),
        (
            "renv.lock",
            format!(
                "{{\"R\": {{\"Version\": \"4.3.0\"}}, \"Packages\": {{{}\"z\": {{\"Package\": \"z\", \"Version\": \"1\"}}}}}}",
                many(|n| format!(
                    "\"p{n}\": {{\"Package\": \"p{n}\", \"Version\": \"1\", \"Source\": \"Repository\"}},"
                ))
            ),
        ),
        (
            "packages.lock.json",
            format!(
                "{{\"version\": 1, \"dependencies\": {{\"net8.0\": {{{}\"z\": {{\"type\": \"Direct\", \"resolved\": \"1.0.0\"}}}}}}}}",
                many(|n| format!("\"p{n}\": {{\"type\": \"Direct\", \"resolved\": \"1.0.0\"}},"))
            ),
        ),
    ] {
        refuse(name, &content, "packages, the limit is");
    }
}
