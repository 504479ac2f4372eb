//! Pages: where reviewers can look at what changed between two versions, as far as a registry or a lockfile names it.

use serde_json::Value;
use url::Url;

use crate::model::ecosystem::Ecosystem;
use crate::model::remedy::{Bump, Remedy, Step};
use crate::model::repository::CommitId;
use crate::pipeline::pull_request::Page;
use crate::pipeline::remedy::Tools;
use crate::registry::Sources;

/// More packages are not asked for: each costs a question or two, and nobody reads as many pages.
const LIMIT: usize = 8;

/// The pages of what remedies move for its own sake. Blocking: it may ask registries, which are reached already; one that
/// says nothing costs the links and nothing else.
pub(crate) fn pages(remedies: &[Remedy], tools: &Tools) -> Vec<Page> {
    let mut pages = Vec::new();
    for remedy in remedies {
        let wanted = remedy.bumps.iter().filter(|bump| !bump.fixes.is_empty() && bump.step != Step::Pin);
        for bump in wanted.take(LIMIT.saturating_sub(pages.len())) {
            let sources = match bump.ecosystem {
                Ecosystem::Packagist => locked_sources(remedy, bump),
                ecosystem => tools
                    .registry_of_run(ecosystem)
                    .zip(bump.to.as_deref())
                    .and_then(|(registry, to)| registry.sources(&bump.package, (&bump.from, to))),
            };
            pages.extend(sources.and_then(|sources| page(bump, &sources)));
        }
    }
    pages
}

fn page(bump: &Bump, sources: &Sources) -> Option<Page> {
    let repository = Repository::parse(&sources.repository)?;
    let compare = sources.commits.as_ref().map(|(from, to)| repository.compare(from, to));
    Some(Page {
        ecosystem: bump.ecosystem,
        package: bump.package.clone(),
        to: bump.to.clone()?,
        compare,
        notes: Some(repository.releases()),
    })
}

/// What `composer.lock` says of both versions: the repository and the commits.
fn locked_sources(remedy: &Remedy, bump: &Bump) -> Option<Sources> {
    let change = remedy.changes.iter().find(|change| change.path == bump.file)?;
    let (before, after) = (locked_source(&change.before, bump)?, locked_source(&change.after, bump)?);
    let commits = CommitId::new(&before.1).ok().zip(CommitId::new(&after.1).ok());
    // A package that has moved has its commits in two repositories.
    let commits = commits.filter(|_| before.0 == after.0);
    Some(Sources { repository: after.0, commits })
}

fn locked_source(lockfile: &[u8], bump: &Bump) -> Option<(String, String)> {
    let lock: Value = serde_json::from_slice(lockfile).ok()?;
    let lists = ["packages", "packages-dev"].into_iter().filter_map(|list| lock.get(list)?.as_array());
    let source = lists.flatten().find(|it| it["name"] == bump.package.as_str())?.get("source")?;
    Some((source.get("url")?.as_str()?.to_owned(), source.get("reference")?.as_str()?.to_owned()))
}

/// A repository on a forge whose pages have known addresses.
struct Repository {
    host: &'static str,
    path: String,
}

/// The forges whose addresses are known; a registry's word about any other leads nowhere.
const HOSTS: [&str; 3] = ["github.com", "gitlab.com", "codeberg.org"];

impl Repository {
    /// Reads an address in the forms that manifests use: `owner/name`, `github:owner/name`, `git+https://…`, `git@host:…`.
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim().trim_start_matches("git+");
        let short = text.strip_prefix("github:").unwrap_or(text);
        if !short.contains(':') && short.matches('/').count() == 1 {
            return Self::new("github.com", short);
        }
        let text = match text.strip_prefix("git@").and_then(|rest| rest.split_once(':')) {
            Some((host, path)) => format!("https://{host}/{path}"),
            None => text.to_owned(),
        };
        let url = Url::parse(&text).ok()?;
        Self::new(url.host_str()?, url.path().trim_start_matches('/'))
    }

    fn new(host: &str, path: &str) -> Option<Self> {
        let host = HOSTS.into_iter().find(|known| host.trim_start_matches("www.") == *known)?;
        let mut parts = path.split('/');
        let (owner, name) = (parts.next()?, parts.next()?);
        let name = name.split('#').next().unwrap_or_default().trim_end_matches(".git");
        let plain = |part: &str| {
            let word = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
            !part.is_empty() && part.len() <= 100 && part.chars().all(word) && !part.starts_with(['.', '-'])
        };
        (plain(owner) && plain(name)).then(|| Self { host, path: format!("{owner}/{name}") })
    }

    fn page(&self, rest: &str) -> String {
        let dash = if self.host == "gitlab.com" { "/-" } else { "" };
        format!("https://{}/{}{dash}/{rest}", self.host, self.path)
    }

    fn releases(&self) -> String {
        self.page("releases")
    }

    fn compare(&self, from: &CommitId, to: &CommitId) -> String {
        self.page(&format!("compare/{from}...{to}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_composer_lock_names_the_commits_of_both_versions() {
        use crate::model::proposal::FileChange;
        use crate::model::repository::RepoPath;
        let lock = |digit: &str| {
            let source =
                format!(r#"{{"url": "https://github.com/twigphp/Twig.git", "reference": "{}"}}"#, digit.repeat(40));
            format!(r#"{{"packages": [{{"name": "twig/twig", "source": {source}}}]}}"#).into_bytes()
        };
        let path = RepoPath::new("composer.lock").unwrap();
        let bump = Bump {
            ecosystem: Ecosystem::Packagist,
            package: "twig/twig".to_owned(),
            file: path.clone(),
            from: "3.4.1".to_owned(),
            to: Some("3.4.3".to_owned()),
            step: Step::Patch,
            direct: true,
            path: crate::model::dependency_path::DependencyPath::default(),
            fixes: vec![crate::model::advisory::AdvisoryId::new("CVE-2022-39261").unwrap()],
            reason: String::new(),
        };
        let change = FileChange { path, before: lock("a"), after: lock("b"), executable: false };
        let remedy = Remedy { bumps: vec![bump.clone()], changes: vec![change], evidence: Vec::new() };
        let page = page(&bump, &locked_sources(&remedy, &bump).unwrap()).unwrap();
        let expected = format!("https://github.com/twigphp/Twig/compare/{}...{}", "a".repeat(40), "b".repeat(40));
        assert_eq!(page.compare, Some(expected));
        assert_eq!(page.notes.as_deref(), Some("https://github.com/twigphp/Twig/releases"));
    }

    #[test]
    fn repositories_are_known_in_every_form_and_others_are_not() {
        for text in [
            "acme/tool",
            "github:acme/tool",
            "git+https://github.com/acme/tool.git",
            "git://github.com/acme/tool.git#main",
            "git@github.com:acme/tool.git",
            "git+ssh://git@github.com/acme/tool.git",
            "https://www.github.com/acme/tool/tree/main/packages/x",
        ] {
            let found = Repository::parse(text).map(|it| it.releases());
            assert_eq!(found.as_deref(), Some("https://github.com/acme/tool/releases"), "{text}");
        }
        let gitlab = Repository::parse("https://gitlab.com/acme/tool").unwrap();
        let commit = |digit: &str| CommitId::new(&digit.repeat(40)).unwrap();
        let page = gitlab.compare(&commit("a"), &commit("b"));
        assert!(page.starts_with("https://gitlab.com/acme/tool/-/compare/aaaa") && page.contains("...bbbb"), "{page}");
        for text in [
            "https://evil.example/acme/tool",
            "https://github.com.evil.example/a/b",
            "javascript:alert(1)",
            "acme",
            "https://github.com/acme",
            "https://github.com/../x",
            "acme/to ol",
            "",
        ] {
            assert!(Repository::parse(text).is_none(), "{text}");
        }
    }
}
