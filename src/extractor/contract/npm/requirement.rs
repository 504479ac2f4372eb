//! What a package manager was asked for, and where it went for it
//! (<https://docs.npmjs.com/cli/configuring-npm/package-json#dependencies>).

use crate::model::dependency::{GitPin, Origin};
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::CommitId;
use crate::version;

/// Hosts that npm knows by a short name (<https://github.com/npm/hosted-git-info>).
const HOSTED: [(&str, &str); 4] = [
    ("github:", "https://github.com/"),
    ("gitlab:", "https://gitlab.com/"),
    ("bitbucket:", "https://bitbucket.org/"),
    ("gist:", "https://gist.github.com/"),
];

/// What every registry has in the addresses of its archives: `<name>/-/<name>-<version>.tgz`.
const REGISTRY_ARCHIVE: &str = "/-/";

/// The version that the address of a package tells where its entry does not: that of its archive, else its commit.
pub(in crate::extractor) fn resolved_version<'a>(name: &str, written: &str, resolved: &'a str) -> Option<&'a str> {
    if version::parse(Ecosystem::Npm, written).is_ok() {
        return None;
    }
    let (address, fragment) = resolved.split_once('#').map_or((resolved, None), |(url, commit)| (url, Some(commit)));
    let archive = address.split('?').next().and_then(|address| address.rsplit('/').next());
    let short_name = name.rsplit('/').next().unwrap_or(name);
    archive
        .and_then(|archive| archive.strip_prefix(short_name)?.strip_prefix('-')?.strip_suffix(".tgz"))
        .filter(|version| version::parse(Ecosystem::Npm, version).is_ok())
        .or_else(|| fragment.filter(|_| written.is_empty() && git_url(address).is_some()))
}

/// Where a package comes from: `resolved` says where npm went, `asked` what it was asked for by everyone who requires it.
pub(in crate::extractor) fn origin(resolved: Option<&str>, asked: &[&str]) -> Origin {
    let Some(resolved) = resolved else {
        let local = asked.iter().any(|asked| is_local(asked));
        return if local { Origin::Path } else { Origin::Registry { url: None } };
    };
    if is_local(resolved) {
        return if stands_in(resolved, asked) { Origin::Archive { url: resolved.to_owned() } } else { Origin::Path };
    }
    if let Some((url, commit)) = hosted_archive(resolved)
        && (asked.is_empty() || asked.iter().any(|asked| requirement_pin(asked).is_some()))
    {
        return Origin::Git { url, pin: git_pin(asked), commit: CommitId::new(commit).ok() };
    }
    let (address, fragment) = resolved.split_once('#').map_or((resolved, None), |(url, commit)| (url, Some(commit)));
    let url = git_url(address).or_else(|| plain_git_url(address, fragment, asked));
    if let Some(url) = url {
        // `#<commit>`, or, written by hand, whatever a requirement may hold.
        let commit = fragment.and_then(|fragment| CommitId::new(fragment).ok());
        // Where nobody says what was asked for, a lock that names no commit says it itself.
        let by_hand = if commit.is_none() { Some(resolved) } else { None };
        let asked: Vec<&str> = asked.iter().copied().chain(by_hand).collect();
        return Origin::Git { url, pin: git_pin(&asked), commit };
    }
    // An archive from a registry is asked for by a version, any other by its address.
    let by_address = |text: &&str| text.starts_with("http://") || text.starts_with("https://");
    if by_address(&resolved) && !resolved.contains(REGISTRY_ARCHIVE) && asked.iter().any(by_address) {
        return Origin::Archive { url: resolved.to_owned() };
    }
    Origin::Registry { url: None }
}

/// Where the host of a repository gives an archive of a commit, which package managers take instead of a clone: the
/// repository and the commit (<https://github.com/npm/hosted-git-info>).
fn hosted_archive(resolved: &str) -> Option<(String, &str)> {
    let rest = resolved.strip_prefix("https://")?.split(['#', '?']).next()?;
    let mut parts = rest.split('/');
    let (host, owner, name) = (parts.next()?, parts.next()?, parts.next()?);
    let host = match host {
        "codeload.github.com" => "github.com",
        "bitbucket.org" | "gitlab.com" => host,
        _ => return None,
    };
    let last = parts.next_back()?;
    let commit = last.strip_suffix(".tar.gz").unwrap_or(last);
    CommitId::new(commit).is_ok().then(|| (format!("https://{host}/{owner}/{name}"), commit))
}

/// The address of a repository that is written as any other: `….git`, or one that was asked for as a repository.
fn plain_git_url(address: &str, fragment: Option<&str>, asked: &[&str]) -> Option<String> {
    let http = address.starts_with("https://") || address.starts_with("http://");
    let archive = address.strip_suffix(".tgz").or_else(|| address.strip_suffix(".tar.gz")).is_some();
    let commit = fragment.is_some_and(|fragment| CommitId::new(fragment).is_ok());
    let is_git = address.strip_suffix(".git").is_some()
        || (commit && !archive && asked.iter().any(|asked| requirement_pin(asked).is_some()));
    (http && is_git).then(|| address.to_owned())
}

/// The package and the range that an alias stands for: `npm:name@range`.
pub(in crate::extractor) fn alias(requirement: &str) -> Option<(&str, &str)> {
    let target = requirement.strip_prefix("npm:")?;
    match target.get(1..)?.rfind('@') {
        Some(at) => Some((target.get(..=at)?, target.get(at + 2..)?)),
        // `npm:name` asks for any version; `npm:^1.0.0`, of Yarn, for none of another name.
        None => target.starts_with('@').then_some((target, "")),
    }
}

/// Whether what stands on disk is taken for a package of its own name and version: an archive always, a folder where a
/// release was asked for. npm 11 installs either without a word, whatever the entry is called.
fn stands_in(resolved: &str, asked: &[&str]) -> bool {
    let path = resolved.split(['#', '?']).next().unwrap_or_default().to_ascii_lowercase();
    // `npm-package-arg` takes these for archives, and anything else for a folder.
    let is_archive = [".tgz", ".tar.gz", ".tar"].iter().any(|end| path.ends_with(end));
    // Where nobody says what was asked for, a folder may be what was.
    let mut known = asked.iter().filter(|asked| !asked.is_empty()).peekable();
    is_archive || resolved.starts_with("file:") && known.peek().is_some() && !known.any(|asked| is_local(asked))
}

/// `file:`, `link:`, `portal:`, `exec:`, `workspace:` or a plain path.
pub(in crate::extractor) fn is_local(text: &str) -> bool {
    ["file:", "link:", "portal:", "exec:", "workspace:", "./", "../", "~/", "/"]
        .iter()
        .any(|prefix| text.starts_with(prefix))
}

/// The address of a git repository without npm's own prefixes; `None` for anything else.
fn git_url(text: &str) -> Option<String> {
    if let Some(url) = text.strip_prefix("git+") {
        return Some(url.to_owned());
    }
    if let Some((prefix, base)) = HOSTED.iter().find(|(prefix, _)| text.starts_with(prefix)) {
        return Some(format!("{base}{}", &text[prefix.len()..]));
    }
    let git = ["git:", "git@", "ssh:"].iter().any(|prefix| text.starts_with(prefix));
    git.then(|| text.to_owned())
}

/// What the loosest of the requirements follows: one that names a commit does not hold what another lets move.
fn git_pin(asked: &[&str]) -> GitPin {
    let looseness = |pin: &GitPin| match pin {
        GitPin::Commit => 0,
        GitPin::Tag(_) => 1,
        GitPin::Branch(_) => 2,
        GitPin::DefaultBranch => 3,
    };
    let pins = asked.iter().filter_map(|asked| requirement_pin(asked));
    // Nobody says what was asked for: then nobody says that it stays, either.
    pins.max_by_key(looseness).unwrap_or(GitPin::DefaultBranch)
}

/// What a requirement follows; `None` when it does not ask for git (an override, a range).
fn requirement_pin(text: &str) -> Option<GitPin> {
    // npm 6 writes `name@address`.
    let text = text.rsplit_once('@').filter(|(_, rest)| is_git_requirement(rest)).map_or(text, |(_, rest)| rest);
    if !is_git_requirement(text) {
        return None;
    }
    let Some((_, reference)) = text.split_once('#') else { return Some(GitPin::DefaultBranch) };
    // `#main::path:sub` and `#main&path:sub` name a folder as well, `#workspace=name` a package of several.
    let names_folder = |part: &str| ["path:", "workspace=", "cwd="].iter().any(|prefix| part.starts_with(prefix));
    let mut parts = reference.split("::").flat_map(|part| part.split('&'));
    let reference = parts.find(|part| !names_folder(part)).unwrap_or_default();
    // Yarn's own words (<https://yarnpkg.com/protocol/git>).
    for (word, pin) in [("head=", GitPin::Branch as fn(String) -> GitPin), ("tag=", GitPin::Tag)] {
        if let Some(name) = reference.strip_prefix(word) {
            return Some(pin(name.to_owned()));
        }
    }
    let reference = reference.strip_prefix("commit=").unwrap_or(reference);
    Some(match reference {
        "" | "*" => GitPin::DefaultBranch,
        // A range of versions over tags.
        range if range.starts_with("semver:") => GitPin::Tag(range.to_owned()),
        commit if commit.len() >= 7 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()) => GitPin::Commit,
        tag if version::parse(Ecosystem::Npm, tag).is_ok() => GitPin::Tag(tag.to_owned()),
        branch => GitPin::Branch(branch.to_owned()),
    })
}

/// Whether a requirement asks for git: by a scheme, a known host, `….git` or `owner/repository`.
fn is_git_requirement(text: &str) -> bool {
    let address = text.split('#').next().unwrap_or_default();
    if git_url(address).is_some() || address.strip_suffix(".git").is_some() {
        return true;
    }
    if let Some(rest) = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://")) {
        // `https://github.com/owner/repository` is git, `…/archive/x.tar.gz` is not.
        return HOSTED
            .iter()
            .filter_map(|(_, base)| rest.strip_prefix(base.strip_prefix("https://")?))
            .any(is_shorthand);
    }
    !is_local(address) && is_shorthand(address)
}

/// `owner/repository`.
fn is_shorthand(text: &str) -> bool {
    let allowed = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    text.split_once('/').is_some_and(|(owner, name)| allowed(owner) && allowed(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_for_a_release_is_no_folder_of_the_project() {
        let archive = |resolved: &str| Origin::Archive { url: resolved.to_owned() };
        for (resolved, asked, stands_in) in [
            ("file:./vendor.tgz", vec!["^3.0.0"], true),
            ("file:vendor/A-1.0.0.TAR.GZ#0123", vec!["file:vendor/A-1.0.0.TAR.GZ"], true),
            ("file:vendor", vec!["^3.0.0"], true),
            ("file:vendor", vec!["file:vendor", "*"], false),
            ("file:vendor", vec![], false),
            ("workspace:packages/a", vec!["^1.0.0"], false),
            ("link:../a", vec!["^1.0.0"], false),
        ] {
            let expected = if stands_in { archive(resolved) } else { Origin::Path };
            assert_eq!(origin(Some(resolved), &asked), expected, "{resolved}");
        }
    }

    #[test]
    fn an_address_tells_the_version_that_an_entry_does_not() {
        let archive = "https://registry.example/@a/b/-/b-1.4.1.tgz";
        for (name, written, resolved, expected) in [
            ("@a/b", "", archive, Some("1.4.1")),
            ("@a/b", archive, archive, Some("1.4.1")),
            ("@a/b", ">=1", archive, Some("1.4.1")),
            ("@a/b", "1.0.0", archive, None),
            ("c", "", archive, None),
            ("b", "", "file:vendor/b-2.0.0.tgz", Some("2.0.0")),
            ("b", "", "https://downloads.example/b-latest.tgz", None),
            ("b", "", "git+ssh://git@git.example/b.git#0123456", Some("0123456")),
        ] {
            assert_eq!(resolved_version(name, written, resolved), expected, "{name} {written} {resolved}");
        }
    }

    #[test]
    fn the_loosest_requirement_decides_what_is_followed() {
        let branch = |name: &str| GitPin::Branch(name.to_owned());
        let tag = |name: &str| GitPin::Tag(name.to_owned());
        let commit = "0123456789012345678901234567890123456789";
        for (asked, expected) in [
            (vec!["acme/a"], GitPin::DefaultBranch),
            (vec!["acme/a#"], GitPin::DefaultBranch),
            (vec!["acme/a#main"], branch("main")),
            (vec!["acme/a#feature/x"], branch("feature/x")),
            (vec!["acme/a#v1.0.0"], tag("v1.0.0")),
            (vec!["acme/a#semver:^1"], tag("semver:^1")),
            (vec!["git+https://git.example/a.git#0123456"], GitPin::Commit),
            (vec!["https://github.com/acme/a#main"], branch("main")),
            (vec!["https://git.example/a.git"], GitPin::DefaultBranch),
            (vec!["git@git.example:acme/a.git#main"], branch("main")),
            (vec!["name@git+https://git.example/a.git#main"], branch("main")),
            (vec!["acme/a#main::path:sub"], branch("main")),
            (vec!["acme/a#main&path:/sub"], branch("main")),
            (vec!["acme/a#path:/sub"], GitPin::DefaultBranch),
            (vec!["acme/a.git#head=main"], branch("main")),
            (vec!["acme/a.git#workspace=a&tag=v1"], tag("v1")),
            (vec!["https://git.example/a.git#commit=0123456"], GitPin::Commit),
            (vec![commit, "acme/a#0123456", "acme/a#main"], branch("main")),
            (vec!["^1.0.0", "acme/a#v1"], tag("v1")),
            (vec!["^1.0.0"], GitPin::DefaultBranch),
            (vec![], GitPin::DefaultBranch),
        ] {
            assert_eq!(git_pin(&asked), expected, "{asked:?}");
        }
    }

    #[test]
    fn what_is_asked_for_decides_what_an_archive_is() {
        let (registry, other) = ("https://registry.example/a/-/a-1.0.0.tgz", "https://downloads.example/a.tgz");
        assert_eq!(origin(Some(registry), &["^1.0.0"]), Origin::Registry { url: None });
        assert_eq!(origin(Some(registry), &[registry]), Origin::Registry { url: None });
        assert_eq!(origin(Some(other), &[other]), Origin::Archive { url: other.to_owned() });
        assert_eq!(origin(Some("file:vendor/a"), &[]), Origin::Path);
        assert_eq!(origin(None, &["file:../a"]), Origin::Path);
        assert_eq!(origin(None, &["^1.0.0"]), Origin::Registry { url: None });
    }

    #[test]
    fn an_archive_of_a_commit_is_the_repository() {
        let commit = "0123456789012345678901234567890123456789";
        let git = |url: &str, pin| Origin::Git { url: url.to_owned(), pin, commit: CommitId::new(commit).ok() };
        let archive = format!("https://codeload.github.com/acme/a/tar.gz/{commit}");
        let branch = GitPin::Branch("main".to_owned());
        assert_eq!(origin(Some(&archive), &["acme/a#main"]), git("https://github.com/acme/a", branch));
        assert_eq!(origin(Some(&archive), &[&archive]), Origin::Archive { url: archive.clone() });
        let plain = format!("https://git.example/acme/a.git#{commit}");
        assert_eq!(
            origin(Some(&plain), &["https://git.example/acme/a.git"]),
            git("https://git.example/acme/a.git", GitPin::DefaultBranch)
        );
        let hosted = format!("https://github.com/acme/a#{commit}");
        assert_eq!(
            origin(Some(&hosted), &["https://github.com/acme/a#v1.0.0"]),
            git("https://github.com/acme/a", GitPin::Tag("v1.0.0".to_owned()))
        );
        let hash = format!("https://registry.example/a/-/a-1.0.0.tgz#{commit}");
        assert_eq!(origin(Some(&hash), &["^1.0.0", "acme/a"]), Origin::Registry { url: None });
    }

    #[test]
    fn an_alias_names_the_package_it_stands_for() {
        for (text, expected) in [
            ("npm:a@^1", Some(("a", "^1"))),
            ("npm:@s/a@^1", Some(("@s/a", "^1"))),
            ("npm:@s/a", Some(("@s/a", ""))),
            ("npm:^1.0.0", None),
            ("npm:", None),
            ("^1.0.0", None),
        ] {
            assert_eq!(alias(text), expected, "{text}");
        }
    }
}
