//! GitHub's workflows and actions: every `uses:`, and the images of containers and services
//! (<https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax>).

mod document;

use serde_saphyr::Spanned;

use super::contract::actions_lock::{self, ActionsLock, LockedAction};
use super::contract::git_pin::judge;
use super::contract::image::Image;
use super::contract::text::{explain, read_text};
use super::contract::unusable::Unusable;
use super::contract::{Extractor, Noted, ParseError, SourceFile, check_package_count, typed_yaml};
use crate::model::dependency::{Dependency, GitPin, Origin, Scope};
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::{RepoPath, RepoSlug};
use crate::version;
use document::Document;

const WAY_OUT: &str = "compare it with GitHub's workflow syntax";
const LOCK_WAY_OUT: &str = "run `gh actions-lock` to bring the lockfile up to date";

/// The lockfile of actions, and the workflow that it is asked about.
struct Locking<'a> {
    lock: ActionsLock,
    workflow: &'a RepoPath,
}

impl<'a> Locking<'a> {
    /// That of a workflow's repository, where it has one.
    fn of(file: &SourceFile<'a>) -> Option<Self> {
        let is_workflow = file.path.folder() == ".github/workflows" && file.path.as_str() != actions_lock::PATH;
        let lock = is_workflow.then(|| ActionsLock::of(file)).flatten()?;
        Some(Self { lock, workflow: file.path })
    }
}

/// What an action uses, at the commit at which the lockfile has it.
fn locked(action: &LockedAction) -> Dependency {
    let url = format!("https://github.com/{}", action.name);
    Dependency {
        origin: Origin::Git { url, pin: GitPin::Commit, commit: Some(action.commit.clone()) },
        scope: Scope::Ci,
        ..Dependency::new(Ecosystem::GitHubActions, action.name.as_str(), action.reference.as_str(), action.line)
    }
}

/// Reads workflows and actions.
pub(super) struct Workflow;

impl Extractor for Workflow {
    fn id(&self) -> &'static str {
        "workflow"
    }

    fn claims(&self, path: &RepoPath) -> bool {
        let name = path.file_name();
        let yaml = name.strip_suffix(".yml").or_else(|| name.strip_suffix(".yaml"));
        path.as_str() == actions_lock::PATH
            || yaml.is_some_and(|stem| stem == "action" || path.folder() == ".github/workflows")
    }

    fn is_about_the_place(&self) -> bool {
        true
    }

    fn extract(&self, file: &SourceFile<'_>) -> Result<Vec<Dependency>, ParseError> {
        let text = read_text(file.content).map_err(|error| error.with_hint(WAY_OUT))?;
        // A list is no action but, for example, the tasks of an Ansible role.
        if file.path.folder() != ".github/workflows" && is_list(text) {
            return Ok(Vec::new());
        }
        if file.path.as_str() == actions_lock::PATH {
            let lock = ActionsLock::read(text).map_err(|error| explain(text, error, LOCK_WAY_OUT))?;
            return Ok(lock.used_by_actions().into_iter().map(locked).collect());
        }
        let read = read(text, Locking::of(file).as_ref()).map_err(|error| explain(text, error, WAY_OUT))?;
        Ok(read.found)
    }

    fn not_followed(&self, file: &SourceFile<'_>) -> Vec<ParseError> {
        let Some(locking) = Locking::of(file) else { return Vec::new() };
        let found = read_text(file.content).ok().and_then(|text| read(text, Some(&locking)).ok());
        let found = found.map(|read| read.found).unwrap_or_default();
        let is_open = |it: &Dependency| matches!(&it.origin, Origin::Git { pin, .. } if *pin != GitPin::Commit);
        let open = found.into_iter().filter(is_open);
        open.map(|it| {
            let uses = format!("{}@{}", it.name, it.version);
            let message = format!("find `{}` in `{}`", uses.escape_debug(), actions_lock::PATH);
            ParseError::new(message).at_line(it.line).with_hint(LOCK_WAY_OUT)
        })
        .collect()
    }

    fn noted(&self, file: &SourceFile<'_>) -> Vec<Noted> {
        let read = read_text(file.content).ok().and_then(|text| read(text, None).ok());
        read.and_then(|read| read.open.noted(("reference", "references"), Image::OPEN_LACK)).into_iter().collect()
    }
}

/// Whether what the text begins with is an item of a list.
fn is_list(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim_end);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with('#') && *line != "---");
    first.is_some_and(|line| line == "-" || line.starts_with("- "))
}

fn read(text: &str, locking: Option<&Locking<'_>>) -> Result<Reading, ParseError> {
    let document: Document = typed_yaml::read(text)?;
    let lines: Vec<&str> = text.lines().collect();
    let images = document.images();
    let uses = document.uses().into_iter().map(|uses| (place(uses), uses, false));
    let images = images.iter().map(|image| (place(image), image, true));
    let mut written: Vec<_> = uses.chain(images).collect();
    // Jobs come by name and an anchor is used in several places; the file's own order has each once.
    written.sort_by_key(|(place, ..)| *place);
    written.dedup_by_key(|(place, ..)| *place);
    check_package_count(written.len())?;
    let mut reading = Reading { found: Vec::with_capacity(written.len()), open: Unusable::default() };
    for (position, (place, value, is_image)) in written.iter().enumerate() {
        if value.value.contains("${{") {
            reading.open.add(value.value.trim(), typed_yaml::line(value));
            continue;
        }
        // A comment is about what stands last before it; a line that holds thousands is looked through once.
        let is_last = written.get(position + 1).is_none_or(|((line, _), ..)| *line != place.0);
        let behind: &[&str] = if is_last { &lines } else { &[] };
        reading.found.extend(if *is_image { image(value)? } else { dependency(value, behind, locking)? });
    }
    Ok(reading)
}

/// What a file uses.
struct Reading {
    found: Vec<Dependency>,
    /// What an expression decides when it runs.
    open: Unusable,
}

/// Where a value is written: where its anchor is, for an alias.
fn place(value: &Spanned<String>) -> (u64, u64) {
    (value.defined.line(), value.defined.column())
}

/// An image, with or without `docker://`; `None` for what is decided at run time, and for none at all.
fn image(written: &Spanned<String>) -> Result<Option<Dependency>, ParseError> {
    let text = written.value.trim();
    let text = text.strip_prefix("docker://").unwrap_or(text);
    if text.is_empty() || text.contains("${{") {
        return Ok(None);
    }
    let line = typed_yaml::line(written);
    let fault = || ParseError::new(format!("read it: `{}` names no image", text.escape_debug())).at_line(line);
    Image::parse(text).map(|image| Some(image.dependency(Scope::Ci, line))).ok_or_else(fault)
}

/// What a `uses:` pins; `None` for what is in the same repository or decided at run time. What GitHub refuses is an error of
/// the whole file, because GitHub runs nothing of such a file.
fn dependency(
    uses: &Spanned<String>,
    lines: &[&str],
    locking: Option<&Locking<'_>>,
) -> Result<Option<Dependency>, ParseError> {
    let text = uses.value.trim();
    // `$/path` is the repository of the workflow itself, as `./path` is what was checked out.
    if text.starts_with("./") || text.starts_with("$/") || text.contains("${{") {
        return Ok(None);
    }
    if text.starts_with("docker://") {
        return image(uses);
    }
    let line = typed_yaml::line(uses);
    let action = remote_action(text).ok_or_else(|| {
        ParseError::new(format!("read it: `{}` is not `owner/name@reference`", text.escape_debug())).at_line(line)
    })?;
    let (name, reference, repository) = action;
    let pinned = locking.and_then(|it| it.lock.pin(it.workflow, &format!("{repository}@{reference}")));
    if let Some(action) = pinned {
        let origin = locked(action).origin;
        let found = Dependency::new(Ecosystem::GitHubActions, name, action.reference.as_str(), line);
        return Ok(Some(Dependency { origin, scope: Scope::Ci, direct: true, ..found }));
    }
    let (pin, commit) = judge(reference);
    let noted = commit.as_ref().and_then(|_| {
        let written = lines.get(usize::try_from(line).ok()?.checked_sub(1)?)?;
        noted_version(written.get(written.find(reference)? + reference.len()..)?)
    });
    Ok(Some(Dependency {
        origin: Origin::Git { url: format!("https://github.com/{repository}"), pin, commit },
        scope: Scope::Ci,
        direct: true,
        ..Dependency::new(Ecosystem::GitHubActions, name, noted.unwrap_or(reference), line)
    }))
}

/// `owner/name[/path]@reference`, taken apart: the name with its path, the reference and the repository.
fn remote_action(text: &str) -> Option<(&str, &str, RepoSlug)> {
    let (name, reference) = text.split_once('@').filter(|(_, reference)| !reference.is_empty())?;
    // The whole name of a tag is that tag.
    let reference = reference.strip_prefix("refs/tags/").filter(|tag| !tag.is_empty()).unwrap_or(reference);
    let mut parts = name.splitn(3, '/');
    let repository = RepoSlug::new(parts.next()?, parts.next()?).ok()?;
    Some((name, reference, repository))
}

/// The version that a comment behind a commit names, in the forms that tools write: `# v1.2.3`, `# tag=v1.2.3`, `# pin@v1`,
/// `# pin @v1`, `# ratchet:owner/name@v1`, `# renovate: tag=v1.2.3`. Anything else is prose.
fn noted_version(rest: &str) -> Option<&str> {
    let comment = rest.split_once('#')?.1;
    let mut words = comment.split_whitespace();
    let first = words.next()?;
    let word = match first {
        "renovate:" => {
            let settings: Vec<&str> = words.collect();
            let tag = settings.iter().copied().find(|word| word.starts_with("tag="));
            // Without the name of a setting it is the version itself.
            tag.or_else(|| settings.iter().copied().find(|word| !word.contains('=')))?
        }
        "pin" | "pin:" | "tag:" | "version:" => words.next()?,
        first => first,
    };
    let word = word.rsplit(['=', '@']).next()?.trim_end_matches([',', ';', '.']);
    version::parse(Ecosystem::GitHubActions, word).is_ok().then_some(word)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{extract, show};
    use super::*;

    #[test]
    fn every_use_of_a_workflow_is_read_in_its_place() {
        let content = include_bytes!("../../tests/fixtures/extractor/workflow/projects/acme/.github/workflows/ci.yml");
        let found = extract(&Workflow, &[(".github/workflows/ci.yml", content)]).expect("a workflow");
        insta::assert_snapshot!(show(&found), @r#"
        0 actions/checkout@v4.1.1 Ci direct Git { url: "https://github.com/actions/checkout", pin: Commit, commit: Some(CommitId("b4ffde65f46336ab88eb53be808477a3936bae11")) } [] line 11
        1 actions/setup-node@v4 Ci direct Git { url: "https://github.com/actions/setup-node", pin: Tag("v4"), commit: None } [] line 13
        2 actions/cache@v4.2.1 Ci direct Git { url: "https://github.com/actions/cache", pin: Commit, commit: Some(CommitId("0c907a75c2c80ebcb7f088228285e798b750cf8f")) } [] line 16
        3 alpine@3.20 Ci direct Image { tag: Some("3.20"), digest: None } [] line 21
        4 octo-org/tools/deep/folder@main Ci direct Git { url: "https://github.com/octo-org/tools", pin: Branch("main"), commit: None } [] line 24
        5 github/codeql-action/init@releases/v1 Ci direct Git { url: "https://github.com/github/codeql-action", pin: Branch("releases/v1"), commit: None } [] line 25
        6 actions/upload-artifact@65462800fd760344b1a7b4382951275a0abb4808 Ci direct Git { url: "https://github.com/actions/upload-artifact", pin: Commit, commit: Some(CommitId("65462800fd760344b1a7b4382951275a0abb4808")) } [] line 27
        7 dtolnay/rust-toolchain@stable Ci direct Git { url: "https://github.com/dtolnay/rust-toolchain", pin: Branch("stable"), commit: None } [] line 29
        8 octo-org/workflows/.github/workflows/build.yml@v1.2.3-beta.1 Ci direct Git { url: "https://github.com/octo-org/workflows", pin: Tag("v1.2.3-beta.1"), commit: None } [] line 31
        "#);
    }

    #[test]
    fn composite_actions_use_actions() {
        let content = include_bytes!("../../tests/fixtures/extractor/workflow/projects/acme/action.yml");
        let found = extract(&Workflow, &[("tools/action.yml", content)]).expect("an action");
        insta::assert_snapshot!(show(&found), @r#"0 taiki-e/install-action@v2.44 Ci direct Git { url: "https://github.com/taiki-e/install-action", pin: Tag("v2.44"), commit: None } [] line 8"#);
    }

    #[test]
    fn images_of_jobs_services_steps_and_actions_are_read() {
        let content = b"jobs:\n  a:\n    container: node:20\n    services:\n      db:\n        image: docker://postgres:16\n      other: {image: ''}\n    steps:\n    - uses: docker://alpine:3.20\n  b:\n    container:\n      image: ghcr.io/acme/app@sha256:0123456789012345678901234567890123456789012345678901234567890123\n    services: ${{ fromJSON(inputs.services) }}\n  c:\n    container: ${{ matrix.image }}\n    services: {x: {image: 'x:${{ matrix.v }}'}}\n";
        let found = extract(&Workflow, &[(".github/workflows/ci.yml", content)]).expect("a workflow");
        insta::assert_snapshot!(show(&found), @r#"
        0 node@20 Ci direct Image { tag: Some("20"), digest: None } [] line 3
        1 postgres@16 Ci direct Image { tag: Some("16"), digest: None } [] line 6
        2 alpine@3.20 Ci direct Image { tag: Some("3.20"), digest: None } [] line 9
        3 ghcr.io/acme/app@sha256:0123456789012345678901234567890123456789012345678901234567890123 Ci direct Image { tag: None, digest: Some("sha256:0123456789012345678901234567890123456789012345678901234567890123") } [] line 12
        "#);
        for (action, names) in [
            (&b"runs:\n  using: docker\n  image: docker://debian:12\n"[..], &["debian"][..]),
            (b"runs:\n  using: docker\n  image: Dockerfile\n", &[]),
            (b"runs:\n  using: docker\n  image: ../Other.Dockerfile\n", &[]),
        ] {
            let found = extract(&Workflow, &[("action.yml", action)]).expect("an action");
            assert_eq!(found.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), names);
        }
    }

    #[test]
    fn comments_name_versions_in_several_ways() {
        for (rest, expected) in [
            (" # v1.2.3", Some("v1.2.3")),
            ("  #v4", Some("v4")),
            (" # tag=v1.2", Some("v1.2")),
            (" # pin@v3", Some("v3")),
            (" # pin @v4", Some("v4")),
            (" # renovate: tag=v4.2.1", Some("v4.2.1")),
            (" # renovate: datasource=github-tags depName=a/b tag=v4.2.1", Some("v4.2.1")),
            (" # renovate: v4", Some("v4")),
            (" # v35.0.0 (2023-01-01)", Some("v35.0.0")),
            (" # release 35.0.0", None),
            (" # zizmor: ignore[x] v35", None),
            (" # changed v35.0.0", None),
            (" # ratchet:actions/checkout@v4", Some("v4")),
            ("\" # 2.0.0, reviewed", Some("2.0.0")),
            (" # main", None),
            (" #", None),
            ("", None),
            (" # pinned for safety", None),
        ] {
            assert_eq!(noted_version(rest), expected, "{rest:?}");
        }
    }

    #[test]
    fn only_workflows_and_actions_are_claimed() {
        for (path, claimed) in [
            (".github/workflows/ci.yml", true),
            (".github/workflows/ci.yaml", true),
            ("action.yml", true),
            ("a/b/action.yaml", true),
            (".github/workflows/sub/ci.yml", false),
            ("sub/.github/workflows/ci.yml", false),
            ("ci.yml", false),
            (".github/workflows/ci.md", false),
        ] {
            assert_eq!(Workflow.claims(&RepoPath::new(path).expect("a plain path")), claimed, "{path}");
        }
    }

    #[test]
    fn a_list_is_no_action() {
        let tasks = b"---\n# Ansible\n- name: x\n  debug: {}\n";
        assert!(extract(&Workflow, &[("roles/x/tasks/action.yml", tasks)]).expect("something else").is_empty());
        assert!(extract(&Workflow, &[(".github/workflows/ci.yml", tasks)]).is_err());
    }

    #[test]
    fn what_is_no_workflow_is_refused_with_its_line() {
        // Each line repeats the one above it nine times.
        let levels = ('a'..='i').zip('b'..='j').map(|(previous, name)| {
            let aliases = vec![format!("*{previous}"); 9].join(", ");
            format!("{name}: &{name} [{aliases}]")
        });
        let bomb = format!("a: &a [x]\n{}\njobs: *j\n", levels.collect::<Vec<_>>().join("\n"));
        let deep = format!("jobs: {}", "[".repeat(100_000));
        for text in [
            "",
            "jobs:\n  a:\n   - [",
            "jobs: {a: {}, a: {}}",
            "jobs:\n<<<<<<< HEAD\n",
            "- 1",
            "jobs: 7",
            bomb.as_str(),
            deep.as_str(),
            "jobs:\n\ta: 1",
            "jobs:\n  a:\n    steps:\n    - uses: broken\n",
            "jobs:\n  a:\n    steps:\n    - uses: a/b\n",
            "jobs:\n  a:\n    steps:\n    - uses: docker://Upper\n",
            "jobs:\n  a:\n    container: a b\n",
        ] {
            let error = extract(&Workflow, &[(".github/workflows/x.yml", text.as_bytes())]).expect_err("no workflow");
            assert!(text.is_empty() || error.line.is_some(), "{error}");
            assert!(error.hint.is_some(), "{error}");
        }
        for empty in ["name: x\n", "jobs:\n", "runs:\n  using: node20\n", "jobs:\n  a:\n    steps:\n"] {
            assert!(extract(&Workflow, &[("action.yml", empty.as_bytes())]).expect(empty).is_empty());
        }
    }
}
