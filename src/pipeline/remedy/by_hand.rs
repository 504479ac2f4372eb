//! By hand: what follows a branch and nothing here can pin, with the step that a person can take instead.

use crate::model::dependency::Origin;
use crate::model::finding::{Finding, FindingKind};
use crate::model::remedy::{BlockCause, Blocked};
use crate::updater::PINNERS;

/// What stands in the way of pinning a finding's dependency, when it is its format that does: the same every night, whatever
/// registries and repositories answer. `None` for what can be pinned, and for other findings.
pub(crate) fn by_hand(finding: &Finding) -> Option<Blocked> {
    if finding.kind != FindingKind::BranchTracking {
        return None;
    }
    let file = &finding.file;
    let (explanation, next_step) = match &finding.origin {
        Origin::Image { tag, .. } => {
            let image = reference(&finding.package, tag.as_deref().unwrap_or("latest"));
            let explanation = "patchparty cannot pin images yet: only the image's registry knows the digest of its tag";
            let step = format!(
                "run `docker buildx imagetools inspect {image}`, and write the digest that it shows behind the tag in \
                 `{file}`: `@sha256:…`"
            );
            (explanation.to_owned(), step)
        }
        Origin::Git { commit, .. } if PINNERS.iter().all(|pinner| !pinner.handles(file)) => {
            let commit = commit.as_ref().map_or("<commit>", |commit| commit.as_str());
            let explanation = format!("patchparty cannot pin what `{}` names yet", file.file_name());
            (explanation, step(file.file_name(), &finding.package, commit))
        }
        Origin::Git { .. }
        | Origin::Registry { .. }
        | Origin::Path
        | Origin::Archive { .. }
        | Origin::System { .. } => return None,
    };
    Some(Blocked {
        ecosystem: finding.ecosystem,
        package: finding.package.clone(),
        from: finding.version.clone(),
        target: None,
        file: file.clone(),
        advisories: Vec::new(),
        cause: BlockCause::Unsupported,
        chain: Vec::new(),
        chain_left_out: 0,
        explanation,
        next_step,
    })
}

/// The reference of an image as people give it to a command. It comes from a file of the repository: what a shell could
/// take for more than a word is left to the reader.
fn reference(image: &str, tag: &str) -> String {
    let reference = format!("{image}:{tag}");
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "._-/:".contains(character);
    let starts_well = reference.starts_with(|first: char| first.is_ascii_alphanumeric());
    if starts_well && reference.chars().all(is_plain) { reference } else { "<image>".to_owned() }
}

/// Where a commit is written in the manifest of a lockfile, and what writes the lockfile anew.
fn step(file: &str, package: &str, commit: &str) -> String {
    let instead = |manifest: &str, written: String, command: &str| {
        format!("in {manifest}, write `{written}` instead of the branch, and run `{command}`")
    };
    match file {
        "Gemfile.lock" => instead("the Gemfile", format!("ref: \"{commit}\""), "bundle lock"),
        "gems.locked" => instead("gems.rb", format!("ref: \"{commit}\""), "bundle lock"),
        "poetry.lock" => instead("pyproject.toml", format!("rev = \"{commit}\""), "poetry lock"),
        "uv.lock" => instead("pyproject.toml", format!("rev = \"{commit}\""), "uv lock"),
        "pdm.lock" => instead("pyproject.toml", format!("@{commit}"), "pdm lock"),
        "Pipfile.lock" => instead("the Pipfile", format!("ref = \"{commit}\""), "pipenv lock"),
        "pnpm-lock.yaml" => instead("package.json", format!("#{commit}"), "pnpm install --lockfile-only"),
        "yarn.lock" => instead("package.json", format!("#{commit}"), "yarn install"),
        "bun.lock" => instead("package.json", format!("#{commit}"), "bun install --lockfile-only"),
        "mix.lock" => instead("mix.exs", format!("ref: \"{commit}\""), "mix deps.get"),
        "pubspec.lock" => instead("pubspec.yaml", format!("ref: {commit}"), "dart pub get"),
        "Package.resolved" => instead("Package.swift", format!("revision: \"{commit}\""), "swift package resolve"),
        "Podfile.lock" => instead("the Podfile", format!(":commit => '{commit}'"), "pod install"),
        "flake.lock" => {
            format!("in flake.nix, end the address of the input with `/{commit}`, and run `nix flake lock`")
        }
        ".gitmodules" => {
            "take the line `branch =` out of `.gitmodules`: the commit of the submodule is in the tree already"
                .to_owned()
        }
        _ => format!("where `{package}` is asked for, write the commit {commit} instead of the branch, and lock again"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::dependency::{GitPin, Scope};
    use crate::model::ecosystem::Ecosystem;
    use crate::model::repository::{CommitId, RepoPath};
    use crate::model::severity::Severity;

    fn finding(file: &str, origin: Origin) -> Finding {
        Finding {
            kind: FindingKind::BranchTracking,
            severity: Severity::Medium,
            ecosystem: Ecosystem::Git,
            package: "tool".to_owned(),
            version: "main".to_owned(),
            file: RepoPath::new(file).unwrap(),
            line: 1,
            direct: true,
            scope: Scope::Runtime,
            path: crate::model::dependency_path::DependencyPath::default(),
            origin,
            advisory: None,
            detail: None,
        }
    }

    fn git(commit: Option<&str>) -> Origin {
        let commit = commit.map(|commit| CommitId::new(commit).unwrap());
        Origin::Git { url: "https://git.example/tool".to_owned(), pin: GitPin::DefaultBranch, commit }
    }

    #[test]
    fn what_has_a_pinner_is_left_to_it() {
        for file in ["Cargo.lock", "package-lock.json", "composer.lock", ".github/workflows/ci.yml"] {
            assert_eq!(by_hand(&finding(file, git(None))), None, "{file}");
        }
        let flaw = Finding { kind: FindingKind::Vulnerability, ..finding("Gemfile.lock", git(None)) };
        assert_eq!(by_hand(&flaw), None);
    }

    #[test]
    fn every_other_format_has_a_step() {
        let commit = "b".repeat(40);
        for (file, expected) in [
            ("a/poetry.lock", format!("in pyproject.toml, write `rev = \"{commit}\"` instead")),
            ("flake.lock", format!("end the address of the input with `/{commit}`")),
            (".gitmodules", "take the line `branch =` out".to_owned()),
            ("renv.lock", format!("where `tool` is asked for, write the commit {commit} instead")),
        ] {
            let blocked = by_hand(&finding(file, git(Some(&commit)))).expect(file);
            assert!(blocked.next_step.contains(&expected), "{}", blocked.next_step);
            assert!(blocked.explanation.starts_with("patchparty cannot pin"), "{}", blocked.explanation);
        }
        let unknown = by_hand(&finding("requirements.txt", git(None))).unwrap();
        assert!(unknown.next_step.contains("the commit <commit>"), "{}", unknown.next_step);
    }

    #[test]
    fn no_image_becomes_a_part_of_a_command_that_is_none() {
        let step = |name: &str, tag: Option<&str>| {
            let origin = Origin::Image { tag: tag.map(str::to_owned), digest: None };
            by_hand(&Finding { package: name.to_owned(), ..finding(".github/workflows/ci.yml", origin) })
                .unwrap()
                .next_step
        };
        assert!(step("nginx", None).starts_with("run `docker buildx imagetools inspect nginx:latest`"));
        for name in ["nginx; rm -rf /", "$(id)", "a`b", "--help", "a b"] {
            assert!(step(name, Some("latest")).starts_with("run `docker buildx imagetools inspect <image>`"), "{name}");
        }
    }
}
