//! Pins an action that follows a branch: `uses: owner/action@main` becomes `uses: owner/action@<commit> # main`.

use std::collections::BTreeMap;

use super::contract::{PinRequest, Pinner, Refusal};
use crate::model::dependency::Dependency;
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::RepoPath;

/// One line changes; quotes, comments and line ends stay.
pub(crate) struct PinWorkflow;

impl Pinner for PinWorkflow {
    fn handles(&self, lockfile: &RepoPath) -> bool {
        let name = lockfile.file_name();
        let yaml = std::path::Path::new(name)
            .extension()
            .is_some_and(|end| end.eq_ignore_ascii_case("yml") || end.eq_ignore_ascii_case("yaml"));
        yaml && (lockfile.folder().ends_with(".github/workflows") || name.starts_with("action."))
    }

    fn pin(&self, request: &PinRequest<'_>) -> Result<BTreeMap<RepoPath, Vec<u8>>, Refusal> {
        let name = &request.dependency.name;
        let refusal = || {
            let text = format!(
                "line {} of `{}` does not use `{name}` in a way that can be edited",
                request.dependency.line, request.lockfile
            );
            Refusal::new(text, format!("write `{name}@{} # {}`", request.commit, request.dependency.version))
        };
        if request.dependency.ecosystem != Ecosystem::GitHubActions {
            return Err(refusal());
        }
        let text = request.tree.read(request.lockfile).ok().and_then(|content| String::from_utf8(content).ok());
        let text = text.ok_or_else(refusal)?;
        let number = usize::try_from(request.dependency.line).unwrap_or(usize::MAX).saturating_sub(1);
        let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
        let line = lines.get_mut(number).ok_or_else(refusal)?;
        *line = pin_line(line, request.dependency, request.commit.as_str()).ok_or_else(refusal)?;
        Ok(BTreeMap::from([(request.lockfile.clone(), lines.concat().into_bytes())]))
    }
}

/// The line with the commit, and the reference as a comment.
fn pin_line(line: &str, dependency: &Dependency, commit: &str) -> Option<String> {
    let content = line.trim_end_matches(['\r', '\n']);
    let end = &line[content.len()..];
    let wanted = format!("{}@{}", dependency.name, dependency.version);
    let uses = content.find("uses")?;
    let start = uses + content[uses..].to_ascii_lowercase().find(&wanted.to_ascii_lowercase())?;
    let after = start + wanted.len();
    // The reference must end here: `@main` is also how `@main-2` begins.
    let next = content[after..].chars().next();
    if next.is_some_and(|next| !next.is_whitespace() && !"\"',}]".contains(next)) {
        return None;
    }
    let reference = start + wanted.rfind('@')? + 1;
    let rest = &content[after..];
    let (kept, comment) = match rest.find(" #") {
        Some(position) => (rest[..position].trim_end(), rest[position + 2..].trim()),
        None => (rest.trim_end(), ""),
    };
    let version = &dependency.version;
    let comment = match comment {
        "" => format!(" # {version}"),
        said if said.split_whitespace().next() == Some(version) => format!(" # {said}"),
        said => format!(" # {version} # {said}"),
    };
    Some(format!("{}{commit}{kept}{comment}{end}", &content[..reference]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::dependency::{GitPin, Origin, Scope};

    fn pin(line: &str) -> Option<String> {
        let dependency = Dependency {
            ecosystem: Ecosystem::GitHubActions,
            name: "acme/deploy/sub".to_owned(),
            version: "main".to_owned(),
            origin: Origin::Git { url: String::new(), pin: GitPin::Branch("main".to_owned()), commit: None },
            scope: Scope::Ci,
            direct: true,
            parents: Vec::new(),
            requirements: Vec::new(),
            line: 1,
            abandoned: None,
            doubts: Vec::new(),
        };
        pin_line(line, &dependency, "0a1b")
    }

    #[test]
    fn quotes_comments_and_line_ends_stay() {
        for (line, expected) in [
            ("      - uses: acme/deploy/sub@main\n", "      - uses: acme/deploy/sub@0a1b # main\n"),
            ("  uses: \"Acme/deploy/sub@main\"\r\n", "  uses: \"Acme/deploy/sub@0a1b\" # main\r\n"),
            ("  uses: acme/deploy/sub@main  # zizmor: ignore", "  uses: acme/deploy/sub@0a1b # main # zizmor: ignore"),
            ("  uses: acme/deploy/sub@main # main\n", "  uses: acme/deploy/sub@0a1b # main\n"),
            ("  - { uses: 'acme/deploy/sub@main' }\n", "  - { uses: 'acme/deploy/sub@0a1b' } # main\n"),
        ] {
            assert_eq!(pin(line).as_deref(), Some(expected), "{line:?}");
        }
        for line in ["  uses: acme/deploy/sub@main-2\n", "  uses: acme/deploy@main\n", "  run: acme/deploy/sub@main\n"]
        {
            assert_eq!(pin(line), None, "{line:?}");
        }
    }
}
