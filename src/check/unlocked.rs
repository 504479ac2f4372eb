//! Unlocked: manifests that ask for dependencies which no lockfile pins.

use std::collections::HashSet;

use super::contract::finding::Place;
use super::contract::manifest::manifests;
use super::contract::{Check, CheckContext};
use crate::model::ecosystem::Ecosystem;
use crate::model::finding::{Detail, Finding, FindingKind};
use crate::model::severity::Severity;

/// Finds manifests without a lockfile beside or above them (one lockfile serves a whole workspace).
pub(super) struct Unlocked;

impl Check for Unlocked {
    fn id(&self) -> &'static str {
        "unlocked"
    }

    fn inspect(&self, context: &CheckContext<'_>) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut folders = HashSet::new();
        for manifest in manifests(context.tree, context.lockfiles) {
            // All files of a Terraform folder are one configuration.
            let is_said = manifest.format.ecosystem == Ecosystem::Terraform && !folders.insert(manifest.path.folder());
            if !manifest.is_unlocked || is_said {
                continue;
            }
            let place = Place { file: manifest.path, line: manifest.asked.line, ecosystem: manifest.format.ecosystem };
            let (severity, detail) = graded(manifest.format.ecosystem);
            findings.push(place.finding((FindingKind::Unlocked, severity), (place.name(), ""), detail));
        }
        findings
    }
}

/// How bad it is, and what there is to say where it is not the versions that are open.
fn graded(ecosystem: Ecosystem) -> (Severity, Option<Detail>) {
    if ecosystem == Ecosystem::Go {
        // Go takes the versions of go.mod and no others (<https://go.dev/ref/mod#minimal-version-selection>).
        let reason = "no go.sum has the hashes of what this asks for";
        return (Severity::Low, Some(Detail::Reason(reason.to_owned())));
    }
    // What is installed changes without anyone deciding so, as with a branch.
    (Severity::Medium, None)
}

#[cfg(test)]
mod tests {
    use super::super::contract::testing::inspect;
    use super::*;

    fn unlocked(files: &[(&str, &str)]) -> Vec<(String, String, u32)> {
        let findings = inspect(&Unlocked, files, &[]);
        assert!(findings.iter().all(|finding| finding.kind == FindingKind::Unlocked));
        findings.into_iter().map(|finding| (finding.file.to_string(), finding.package, finding.line)).collect()
    }

    const CARGO: &str = "[package]\nname = \"x\"\n\n[dependencies]\nserde = \"1\"\n";
    const NPM: &str = "{\n  \"name\": \"x\",\n  \"dependencies\": {\"left-pad\": \"^1\"}\n}\n";
    const COMPOSER: &str = "{\n  \"require\": {\"php\": \">=8\", \"acme/shop\": \"^1\"}\n}\n";

    #[test]
    fn manifests_without_a_lockfile_are_found_at_their_first_request() {
        let found = unlocked(&[("Cargo.toml", CARGO), ("apps/web/package.json", NPM), ("php/composer.json", COMPOSER)]);
        let expected =
            [("Cargo.toml", "Cargo.toml", 4), ("apps/web/package.json", "web", 3), ("php/composer.json", "php", 2)];
        assert_eq!(found, expected.map(|(file, name, line)| (file.to_owned(), name.to_owned(), line)));
    }

    #[test]
    fn a_lockfile_beside_or_above_locks_even_when_it_is_broken() {
        assert!(unlocked(&[("a/Cargo.toml", CARGO), ("a/Cargo.lock", "<<<<<<< HEAD")]).is_empty());
        assert!(unlocked(&[("a/b/c/Cargo.toml", CARGO), ("Cargo.lock", "")]).is_empty());
        assert!(unlocked(&[("a/b/package.json", NPM), ("a/yarn.lock", "")]).is_empty());
        assert!(unlocked(&[("composer.json", COMPOSER), ("composer.lock", "")]).is_empty());
        assert_eq!(unlocked(&[("a/Cargo.toml", CARGO), ("ab/Cargo.lock", "")]).len(), 1, "another folder");
        assert_eq!(unlocked(&[("Cargo.toml", CARGO), ("a/Cargo.lock", "")]).len(), 1, "a folder below");
        assert_eq!(unlocked(&[("Cargo.toml", CARGO), ("package-lock.json", "")]).len(), 1, "another ecosystem");
    }

    #[test]
    fn what_asks_for_no_package_needs_no_lock() {
        let local = "[dependencies]\nown = { path = \"../own\" }\n";
        let platform = "{\"require\": {\"php\": \">=8\", \"ext-json\": \"*\", \"composer-plugin-api\": \"^2\"}}";
        for (path, text) in [
            ("Cargo.toml", "[workspace]\nmembers = [\"a\"]\n"),
            ("Cargo.toml", local),
            ("Cargo.toml", "[dependencies"),
            ("package.json", "{\"name\": \"x\", \"dependencies\": {}}"),
            ("package.json", "{\"dependencies\": {\"own\": \"file:../own\", \"sister\": \"workspace:*\"}}"),
            ("package.json", "[]"),
            ("composer.json", platform),
            ("node_modules/x/package.json", NPM),
            ("web/vendor/acme/composer.json", COMPOSER),
            ("target/package/x/Cargo.toml", CARGO),
        ] {
            assert!(unlocked(&[(path, text)]).is_empty(), "{path}: {text}");
        }
    }

    #[test]
    fn requests_hide_in_several_tables() {
        for text in [
            "[target.'cfg(unix)'.dependencies]\nlibc = \"0.2\"\n",
            "[dev-dependencies]\nserde.workspace = true\n",
            "[build-dependencies]\nx = { git = \"https://example.org/x\" }\n",
        ] {
            assert_eq!(unlocked(&[("Cargo.toml", text)]).len(), 1, "{text}");
        }
        assert_eq!(unlocked(&[("package.json", "{\"devDependencies\": {\"x\": \"1\"}}")]).len(), 1);
        assert_eq!(unlocked(&[("composer.json", "{\"require-dev\": {\"a/b\": \"1\"}}")]).len(), 1);
        assert_eq!(
            unlocked(&[("tests/fixtures/a/package.json", NPM)]).len(),
            1,
            "fixtures are for the policy to exclude"
        );
    }

    #[test]
    fn every_package_manager_has_manifests_and_locks() {
        for (manifest, text, line, lock) in [
            ("pyproject.toml", "[project]\nname = \"x\"\ndependencies = [\"flask>=2\"]\n", 3, "uv.lock"),
            ("pyproject.toml", "[tool.poetry.dependencies]\npython = \"^3\"\nflask = \"^2\"\n", 1, "poetry.lock"),
            ("pyproject.toml", "[dependency-groups]\ndev = [\"pytest\"]\n", 1, "pdm.lock"),
            ("Pipfile", "[packages]\nflask = \"*\"\n", 2, "Pipfile.lock"),
            ("dev-requirements.in", "flask==2.0\nrequests>=2\n", 2, "dev-requirements.txt"),
            ("requirements.in", "requests\n", 1, "requirements.txt"),
            ("Gemfile", "source 'x'\n\ngem 'rails', '~> 7'\n", 3, "Gemfile.lock"),
            ("gems.rb", "gem 'rails'\n", 1, "gems.locked"),
            ("go.mod", "module x\nrequire (\n\texample.org/y v1.0.0 // indirect\n)\n", 3, "go.sum"),
            ("mix.exs", "  defp deps do\n    [\n      {:phoenix, \"~> 1.7\"},\n", 3, "mix.lock"),
            ("pubspec.yaml", "name: x\ndependencies:\n  http: ^1.0.0\n", 2, "pubspec.lock"),
            (
                "Package.swift",
                "  .package(url: \"https://example.org/nio\", from: \"2.0.0\"),\n",
                1,
                "Package.resolved",
            ),
            ("Podfile", "target 'x' do\n  pod 'AFNetworking', '~> 4.0'\nend\n", 2, "Podfile.lock"),
            (
                "Chart.yaml",
                "name: x\ndependencies:\n- name: redis\n  version: 17\n  repository: https://x\n",
                2,
                "Chart.lock",
            ),
            (
                "main.tf",
                "terraform {\n  required_providers {\n    aws = {\n      source = \"hashicorp/aws\"\n    }\n  }\n}\n",
                3,
                ".terraform.lock.hcl",
            ),
            ("flake.nix", "{\n  inputs.nixpkgs.url = \"github:NixOS/nixpkgs\";\n}\n", 2, "flake.lock"),
            ("deno.json", "{\n\"imports\": {\"x\": \"jsr:@std/path@^1\"}}\n", 2, "deno.lock"),
            ("conanfile.txt", "[requires]\nzlib/1.3\n", 2, "conan.lock"),
            ("conanfile.py", "    def requirements(self):\n        self.requires(\"zlib/1.3\")\n", 2, "conan.lock"),
        ] {
            let found = unlocked(&[(manifest, text)]);
            assert_eq!(found, [(manifest.to_owned(), manifest.to_owned(), line)], "{manifest}");
            assert!(unlocked(&[(manifest, text), (lock, "")]).is_empty(), "{manifest} with {lock}");
        }
    }

    #[test]
    fn what_is_pinned_or_only_looks_like_a_request_needs_no_lock() {
        for (path, text) in [
            ("requirements.txt", "flask==2.0 \\\n  --hash=sha256:ab\n-r other.txt\nhttps://example.org/x.whl\n"),
            ("requirements.txt", "-c constraints.txt\nflask\n"),
            ("requirements-dev.txt", "flask\n"),
            ("pyproject.toml", "[tool.black]\nline-length = 100\n"),
            ("pyproject.toml", "[project\n"),
            ("Gemfile", "gem name\n# gem 'x'\ngem 'own', path: '../own'\n"),
            ("go.mod", "module x\n\ngo 1.24\n"),
            ("go.mod", "module x\nrequire a.example/b v0.0.0\nreplace a.example/b => ./b\n"),
            (
                "go.mod",
                "module x\nrequire (\n\ta.example/b v0.0.0\n)\nreplace (\n\ta.example/b v0.0.0 => ../b // here\n)\n",
            ),
            (
                "pyproject.toml",
                "[project]\ndependencies = [\"own_lib\"]\n[tool.uv.sources]\nOwn-Lib = { path = \"../own\" }\n",
            ),
            ("pyproject.toml", "[project]\ndependencies = [\"own\"]\n[tool.uv.sources]\nown = { workspace = true }\n"),
            (
                "pyproject.toml",
                "[project]\ndependencies = [\"own\"]\n[tool.uv.sources]\nown = [{ path = \"a\", marker = \"x\" }, { path = \"b\" }]\n",
            ),
            ("mix.exs", "{:own, in_umbrella: true}\n{:phoenix, path: \"x\"}\n"),
            ("pubspec.yaml", "dependencies:\n  flutter:\n    sdk: flutter\n"),
            ("Chart.yaml", "dependencies:\n- name: own\n  repository: file://../own\n"),
            ("main.tf", "module \"x\" {\n  source = \"./x\"\n}\n"),
            ("flake.nix", "{ outputs = x; }\n"),
            ("app.csproj", "<Project><PackageReference Include=\"x\" Version=\"1.0\" /></Project>"),
            (
                "pom.xml",
                "<project><dependencies><dependency><version>1</version></dependency></dependencies></project>",
            ),
        ] {
            assert!(unlocked(&[(path, text)]).is_empty(), "{path}: {text}");
        }
    }

    #[test]
    fn one_module_that_no_folder_replaces_has_to_be_locked() {
        let replaced = "module x\nrequire a.example/b v0.0.0\nrequire c.example/d v1.0.0\nreplace a.example/b => ./b\n";
        assert_eq!(unlocked(&[("go.mod", replaced)]).len(), 1);
        let other_version = "module x\nrequire a.example/b v1.0.0\nreplace a.example/b v0.9.0 => ./b\n";
        assert_eq!(unlocked(&[("go.mod", other_version)]).len(), 1);
        let another_module = "module x\nrequire a.example/b v1.0.0\nreplace a.example/b => c.example/d v1.0.0\n";
        assert_eq!(unlocked(&[("go.mod", another_module)]).len(), 1);
    }

    #[test]
    fn go_without_hashes_is_not_without_versions() {
        let files = [("go.mod", "module x\nrequire example.org/y v1.0.0\n"), ("Cargo.toml", CARGO)];
        let findings = inspect(&Unlocked, &files, &[]);
        let said: Vec<_> =
            findings.iter().map(|it| (it.severity, it.detail.as_ref().map(ToString::to_string))).collect();
        let go = (Severity::Low, Some("no go.sum has the hashes of what this asks for".to_owned()));
        assert_eq!(said, [(Severity::Medium, None), go]);
    }

    #[test]
    fn a_terraform_folder_is_said_once_and_a_module_is_locked_by_its_user() {
        let text = "required_providers {\n  aws = \"~> 5\"\n}\n";
        assert_eq!(unlocked(&[("a/main.tf", text), ("a/versions.tf", text), ("b/main.tf", text)]).len(), 2);
        assert!(unlocked(&[("modules/a/main.tf", text), ("prod/.terraform.lock.hcl", "")]).is_empty());
    }
}
