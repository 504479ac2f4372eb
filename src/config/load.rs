//! Finds, reads and judges `patchparty.toml`.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use super::complaint::{Complaints, ConfigError};
use super::document;
use super::policy::Policy;
use super::project;
use super::raw::RawPolicy;
use super::schema;
use super::validate;

/// The organisation's policy in the current folder.
const FILE_NAME: &str = "patchparty.toml";

/// A policy is written by hand; what is larger is another file.
const SIZE_LIMIT: u64 = 1024 * 1024;

/// The policy in `path`; without a path the one in the current folder, and where there is none the built-in policy.
///
/// Advisory sources that are relative paths are looked for beside the file.
pub(crate) fn load(path: Option<&Path>) -> Result<Policy, ConfigError> {
    let path = match path {
        Some(path) => path,
        None if Path::new(FILE_NAME).exists() => Path::new(FILE_NAME),
        None => return Ok(Policy::default()),
    };
    let text = read(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    let mut policy = parse(&path.display().to_string(), &text)?;
    if let Some(folder) = path.parent() {
        for source in &mut policy.advisories.sources {
            if !source.location.contains("://") {
                source.location = folder.join(&source.location).display().to_string();
            }
        }
    }
    Ok(policy)
}

/// Whether a file is the one in which a project narrows the policy: `.github/patchparty.toml` of its repository.
pub(crate) fn is_of_a_project(path: &Path) -> bool {
    let folder = path.parent().and_then(Path::file_name);
    path.file_name().is_some_and(|name| name == FILE_NAME) && folder.is_some_and(|folder| folder == ".github")
}

/// What is wrong with a project's own file, as far as that can be told without the organisation's policy.
pub(crate) fn check_project(path: &Path) -> Result<(), ConfigError> {
    let text = read(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    project::narrow(&Policy::default(), &path.display().to_string(), &text).map(drop)
}

/// The policy that `text` describes; `name` names it in complaints.
pub(crate) fn parse(name: &str, text: &str) -> Result<Policy, ConfigError> {
    parse_onto(name, text, Policy::default())
}

/// The policy that `text` describes where it says something, and `base` elsewhere.
pub(super) fn parse_onto(name: &str, text: &str, base: Policy) -> Result<Policy, ConfigError> {
    let mut complaints = Complaints::new(name, text);
    let raw = document::read::<RawPolicy>(text, &mut complaints, schema::place_of).unwrap_or_default();
    let policy = validate::policy(&raw, base, &mut complaints);
    complaints.finish(policy)
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(SIZE_LIMIT + 1).read_to_string(&mut text)?;
    if text.len() as u64 > SIZE_LIMIT {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {SIZE_LIMIT} bytes")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn sources_are_looked_for_beside_the_policy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.toml");
        let text = "[[advisories.source]]\nkind = \"osv\"\nlocation = \"advisories\"\n[[advisories.source]]\nkind = \"osv\"\nlocation = \"https://a.example/all.zip\"\n";
        fs::write(&path, text).unwrap();
        let sources = load(Some(&path)).unwrap().advisories.sources;
        assert_eq!(sources[0].location, folder.path().join("advisories").display().to_string());
        assert_eq!(sources[1].location, "https://a.example/all.zip");
    }

    #[test]
    fn a_file_that_is_named_must_be_there_and_be_text_of_a_sane_size() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.toml");
        let refused = |path: &Path| matches!(load(Some(path)), Err(ConfigError::Unreadable { .. }));
        assert!(refused(&path));
        assert!(refused(folder.path()));
        fs::write(&path, b"\xff\xfe").unwrap();
        assert!(refused(&path));
        fs::write(&path, "#".repeat(2 * 1024 * 1024)).unwrap();
        assert!(refused(&path));
    }

    #[test]
    fn a_projects_own_file_is_judged_as_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".github").join("patchparty.toml");
        fs::create_dir(path.parent().unwrap()).unwrap();
        assert!(is_of_a_project(&path) && !is_of_a_project(&folder.path().join("patchparty.toml")));
        fs::write(&path, "[audit]\nexclude = [\"legacy/**\"]\n").unwrap();
        check_project(&path).unwrap();
        fs::write(&path, "sandbox = \"off\"\n").unwrap();
        let said = check_project(&path).unwrap_err().to_string();
        assert!(said.ends_with("unknown key `sandbox`; only the organisation's policy may set it"), "{said}");
    }

    #[test]
    fn complaints_name_the_file_as_the_user_did() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.toml");
        fs::write(&path, "\n[brnches]\n").unwrap();
        let shown = load(Some(&path)).unwrap_err().to_string();
        let expected = format!("{}:2:2: unknown key `brnches`; did you mean `branches`?", path.display());
        assert_eq!(shown, expected);
    }
}
