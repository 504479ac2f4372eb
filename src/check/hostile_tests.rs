//! Checks read what strangers write: no bytes make one panic.

use proptest::prelude::*;

use super::CHECKS;
use super::contract::testing::inspect;

/// Every file name that some check reads.
const NAMES: [&str; 38] = [
    ".go-version",
    ".nvmrc",
    ".php-version",
    ".python-version",
    ".ruby-version",
    ".tool-versions",
    "Cargo.lock",
    "Cargo.toml",
    "Chart.yaml",
    "Gemfile",
    "Gemfile.lock",
    "Package.swift",
    "Pipfile",
    "Pipfile.lock",
    "Podfile",
    "a.csproj",
    "composer.json",
    "composer.lock",
    "conanfile.py",
    "conanfile.txt",
    "deno.json",
    "flake.nix",
    "go.mod",
    "go.sum",
    "main.tf",
    "mise.toml",
    "mix.exs",
    "package-lock.json",
    "package.json",
    "pnpm-lock.yaml",
    "pom.xml",
    "pubspec.yaml",
    "pyproject.toml",
    "requirements.txt",
    "runtime.txt",
    "rust-toolchain.toml",
    "uv.lock",
    "yarn.lock",
];

/// Pieces that mean something to some format, and such that mean nothing anywhere.
fn piece() -> impl Strategy<Value = String> {
    let words = [
        "gem '",
        "\"",
        "'",
        "\n",
        "ü",
        "{:",
        "require (",
        "require a v1",
        ")",
        "[project]\n",
        "dependencies = [\"",
        "]",
        "[packages]\n",
        "a = \"*\"\n",
        "{\"require\": {\"a/b\": \"dev-",
        "}}",
        "<dependency>",
        "<version>LATEST",
        "</",
        "<PackageReference Include=\"x\" Version=\"*\"/>",
        "required_providers {",
        "module \"x\" {",
        "source = \"git::",
        "inputs.x.url = \"",
        ".package(url: \"",
        "pod '",
        "\\",
        "-",
        "@",
        "ruby \"",
        "toolchain go",
        "lts/",
        "\u{202e}",
        "DEPENDENCIES\n  ",
        "importers:\n  .:\n",
        "  - ",
        "a@^1:\n",
        "self.requires(\"",
        "[requires]\n",
        "/[",
        "\r\n",
    ];
    prop_oneof![4 => proptest::sample::select(words.to_vec()).prop_map(str::to_owned), 1 => any::<String>()]
}

proptest! {
    #[test]
    fn no_check_panics(
        text in proptest::collection::vec(piece(), 0..24).prop_map(|pieces| pieces.concat()),
        other in proptest::collection::vec(piece(), 0..8).prop_map(|pieces| pieces.concat()),
        position in 0..NAMES.len(),
    ) {
        let name = NAMES[position];
        // The same text stands for the manifest beside a lockfile and the other way round.
        let mut files: Vec<(&str, &str)> = NAMES.iter().map(|file| (*file, other.as_str())).collect();
        files[position] = (name, &text);
        for check in CHECKS {
            for finding in inspect(*check, &files, &[]) {
                prop_assert!(finding.line > 0, "{}", check.id());
            }
        }
    }
}
