//! Loose requirement: manifests that allow any version, a branch, or versions that are not stable.
//!
//! Where a lockfile pins what was chosen, the choice is reviewed with the lockfile, and a branch that was chosen is branch
//! tracking. So requests are reported only where nothing locks them, one by one, because each is mended on its own line;
//! the manifest as a whole is then unlocked as well. Settings that loosen every later choice, and sources that no lockfile
//! covers, are reported in any case.

use super::contract::finding::Place;
use super::contract::manifest::{Request, manifests};
use super::contract::{Check, CheckContext};
use crate::model::finding::{Detail, Finding, FindingKind};
use crate::model::severity::Severity;

/// Finds requests that nearly everything meets.
pub(super) struct LooseRequirement;

/// More of one manifest say nothing that these do not.
const LIMIT: usize = 200;

impl Check for LooseRequirement {
    fn id(&self) -> &'static str {
        "loose-requirement"
    }

    fn inspect(&self, context: &CheckContext<'_>) -> Vec<Finding> {
        let mut findings = Vec::new();
        for manifest in manifests(context.tree, context.lockfiles) {
            let requests = if manifest.is_locked { &[][..] } else { &manifest.asked.requests };
            let loose = manifest.asked.settings.iter().chain(requests).filter_map(|request| {
                let place = Place { file: manifest.path, line: request.line, ecosystem: manifest.format.ecosystem };
                // As grave as having no lockfile.
                let graded = (FindingKind::LooseRequirement, Severity::Medium);
                Some(place.finding(graded, (&request.name, ""), Some(Detail::reason(reason(request)?))))
            });
            findings.extend(loose.take(LIMIT));
        }
        findings
    }
}

fn reason(request: &Request) -> Option<String> {
    let reason = request.loose?.reason();
    Some(if request.requirement.is_empty() {
        reason.to_owned()
    } else {
        format!("{reason}: `{}`", request.requirement)
    })
}

#[cfg(test)]
mod tests {
    use super::super::contract::testing::inspect;
    use super::*;

    fn loose(files: &[(&str, &str)]) -> Vec<String> {
        let findings = inspect(&LooseRequirement, files, &[]);
        let all = findings.into_iter().map(|finding| {
            assert_eq!((finding.kind, finding.severity), (FindingKind::LooseRequirement, Severity::Medium));
            format!("{}:{} {}", finding.line, finding.package, finding.detail.unwrap())
        });
        all.collect()
    }

    #[test]
    fn every_format_says_which_requests_are_loose() {
        for (path, text, expected) in [
            ("Cargo.toml", "[dependencies]\na = \"*\"\nb = \"1\"\n", "2:a allows any version: `*`"),
            ("Cargo.toml", "[dependencies]\na = { git = \"https://x\" }\n", "2:a asks for a branch"),
            (
                "package.json",
                "{\"dependencies\": {\n\"a\": \"latest\",\n\"b\": \"^1\"}}",
                "2:a allows any version: `latest`",
            ),
            ("package.json", "{\"dependencies\": {\"a\": \"github:x/y\"}}", "1:a asks for a branch: `github:x/y`"),
            ("composer.json", "{\"require\": {\n\"a/b\": \"*\",\n\"c/d\": \"^1\"}}", "2:a/b allows any version: `*`"),
            ("composer.json", "{\"require\": {\"a/b\": \"dev-main\"}}", "1:a/b asks for a branch: `dev-main`"),
            ("pyproject.toml", "[project]\ndependencies = [\n  \"a\",\n  \"b>=1\"]\n", "3:a allows any version"),
            ("Pipfile", "[packages]\na = \"*\"\nb = \"==1\"\n", "2:a allows any version: `*`"),
            ("requirements.in", "a[x]>=0\nb~=1.0\n", "1:a allows any version: `>=0`"),
            ("Gemfile", "gem 'a'\ngem 'b', '~> 1'\ngem 'c', VERSION\n", "1:a allows any version"),
            ("Gemfile", "gem 'a', github: 'x/a'\ngem 'b', git: 'x', tag: 'v1'\n", "1:a asks for a branch"),
            ("mix.exs", "{:a, github: \"x/a\"},\n{:b, \"~> 1\"}\n", "1:a asks for a branch"),
            ("pubspec.yaml", "dependencies:\n  a: any\n  b: ^1.0.0\n", "2:a allows any version: `any`"),
            ("Podfile", "pod 'a'\npod 'b', '1.0'\npod 'c', :git => 'x', :tag => '1'\n", "1:a allows any version"),
            (
                "app.csproj",
                "<Project>\n<PackageReference Include=\"a\" Version=\"1.*\" />\n<PackageReference Include=\"b\" Version=\"1.0\" /></Project>",
                "2:a takes whatever version is newest: `1.*`",
            ),
            (
                "pom.xml",
                "<project><dependencies><dependency>\n<groupId>g</groupId><artifactId>a</artifactId>\n<version>LATEST</version></dependency></dependencies></project>",
                "3:g:a takes whatever version is newest: `LATEST`",
            ),
            (
                "Chart.yaml",
                "dependencies:\n- name: a\n  version: \"*\"\n  repository: https://x\n",
                "2:a allows any version: `*`",
            ),
            ("deno.json", "{\"imports\": {\"a\": \"npm:a\", \"b\": \"npm:b@1\"}}", "1:a allows any version"),
            ("conanfile.txt", "[requires]\na/[*]\nb/1.0\n", "2:a allows any version: `[*]`"),
        ] {
            assert_eq!(loose(&[(path, text)]), [expected], "{path}: {text}");
        }
    }

    #[test]
    fn a_lockfile_pins_what_is_loose_but_not_what_loosens() {
        let composer = "{\"require\": {\"a/b\": \"*\"},\n\"minimum-stability\": \"dev\"}";
        let setting = "2:minimum-stability allows versions that are not stable: `dev`";
        assert_eq!(loose(&[("composer.json", composer), ("composer.lock", "")]), [setting]);
        assert_eq!(loose(&[("composer.json", composer)]).len(), 2);
        let preferring = composer.replace("\"dev\"}", "\"dev\", \"prefer-stable\": true}");
        assert!(loose(&[("composer.json", &preferring), ("composer.lock", "")]).is_empty());
        let branch = "{\"require\": {\"a/b\": \"dev-main#0123456\"}}";
        assert!(loose(&[("composer.json", branch)]).is_empty(), "at a commit");
    }

    #[test]
    fn modules_of_terraform_are_locked_by_nothing_but_their_reference() {
        let module = |source: &str| format!("module \"net\" {{\n  source = \"{source}\"\n}}\n");
        let of = |source: &str| loose(&[("main.tf", &module(source)), (".terraform.lock.hcl", "")]).len();
        assert_eq!(of("git::https://example.org/net.git"), 1);
        assert_eq!(of("git::https://example.org/net.git?ref=main"), 1);
        assert_eq!(of("git::https://example.org/net.git?ref=v1.2.3"), 0);
        assert_eq!(of("./modules/net"), 0);
        assert_eq!(of("terraform-aws-modules/vpc/aws"), 0);
    }
}
