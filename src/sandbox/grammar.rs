//! Grammars: what may reach a command line as a package name or a version.

use crate::model::ecosystem::Ecosystem;

/// Text that must not reach a command line.
#[derive(Debug, Clone, thiserror::Error)]
#[error("pass `{}` to a package manager: it is not a {what} of {ecosystem}", .text.escape_default())]
pub(crate) struct InvalidToken {
    /// The ecosystem.
    pub(crate) ecosystem: Ecosystem,
    /// What it should have been: "package name", "version" or "requirement".
    pub(crate) what: &'static str,
    /// The text.
    pub(crate) text: String,
}

/// Longer names and versions are nobody's: npm's limit for names is 214, crates.io's 64.
const LENGTH_LIMIT: usize = 214;

/// Accepts a package name in the ecosystem's grammar.
pub(crate) fn package(ecosystem: Ecosystem, text: &str) -> Result<&str, InvalidToken> {
    let well_formed = text.len() <= LENGTH_LIMIT
        && match ecosystem {
            Ecosystem::CratesIo => part(text, "-_"),
            Ecosystem::Npm => match text.strip_prefix('@').map(|scoped| scoped.split_once('/')) {
                Some(Some((scope, name))) => part(scope, "-_.~") && part(name, "-_.~"),
                Some(None) => false,
                None => part(text, "-_.~"),
            },
            Ecosystem::Packagist | Ecosystem::GitHubActions => {
                let mut parts = text.split('/');
                let two = matches!((parts.next(), parts.next()), (Some(vendor), Some(name))
                    if part(vendor, "-_.") && part(name, "-_."));
                two && parts.all(|rest| part(rest, "-_."))
                    && (ecosystem == Ecosystem::GitHubActions || text.matches('/').count() == 1)
            }
            // No package manager is started for the others yet: what no argument needs is not let through.
            _ => part(text, "-_."),
        };
    if well_formed { Ok(text) } else { Err(invalid(ecosystem, "package name", text)) }
}

/// Accepts a version in the ecosystem's grammar.
pub(crate) fn version(ecosystem: Ecosystem, text: &str) -> Result<&str, InvalidToken> {
    let well_formed = text.len() <= LENGTH_LIMIT
        && match ecosystem {
            // npm's registry and Cargo's index hold nothing but Semantic Versioning.
            Ecosystem::CratesIo | Ecosystem::Npm => semver::Version::parse(text).is_ok(),
            Ecosystem::Packagist | Ecosystem::GitHubActions => {
                part(text, ".-_+") && text.contains(|character: char| character.is_ascii_digit())
            }
            _ => part(text, ".-_+"),
        };
    if well_formed { Ok(text) } else { Err(invalid(ecosystem, "version", text)) }
}

/// Accepts a requirement: a range, a tag, or alternatives of these, in every ecosystem's notation. It never reaches a
/// command line; what is in no such form is not told.
pub(crate) fn requirement(ecosystem: Ecosystem, text: &str) -> Result<&str, InvalidToken> {
    let known = |character: char| character.is_ascii_alphanumeric() || " .*^~<>=!|,+-_@".contains(character);
    let well_formed = !text.is_empty() && text.len() <= LENGTH_LIMIT && text.chars().all(known);
    if well_formed { Ok(text) } else { Err(invalid(ecosystem, "requirement", text)) }
}

/// Letters and digits with a few other characters in between; never first, so that nothing looks like an option.
fn part(text: &str, others: &str) -> bool {
    let first = text.chars().next();
    // npm has packages such as `_` and `-`; only the first of these is unmistakably no option.
    first.is_some_and(|first| first.is_ascii_alphanumeric() || first == '_')
        && text.chars().all(|character| character.is_ascii_alphanumeric() || others.contains(character))
        && !text.contains("..")
}

fn invalid(ecosystem: Ecosystem, what: &'static str, text: &str) -> InvalidToken {
    InvalidToken { ecosystem, what, text: text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_substitutions_and_newlines_never_reach_a_command() {
        for bad in
            ["-p", "--upload-pack=x", "$(id)", "a\nb", "", "a b", "a;b", "../x", "a/../b", "`id`", "a@b", "@x", "a%b"]
        {
            for ecosystem in Ecosystem::ALL {
                assert!(package(ecosystem, bad).is_err(), "{ecosystem}: {bad:?}");
                assert!(version(ecosystem, bad).is_err(), "{ecosystem}: {bad:?}");
            }
        }
        assert!(package(Ecosystem::Packagist, "vendor/name/more").is_err());
        for bad in ["", "a\nb", "git+https://x", "file:/etc", "`id`", "a/b", "<img src=x>\u{202e}", "$(id)"] {
            assert!(requirement(Ecosystem::Npm, bad).is_err(), "{bad:?}");
        }
        for good in ["^1.2", ">=1, <2", "1.x || 2.0.0 - 3", "~1.0|dev-main", "=1.0.0-rc.1+b", "latest", "1.0.*@dev"] {
            assert!(requirement(Ecosystem::Npm, good).is_ok(), "{good:?}");
        }
        assert!(package(Ecosystem::Npm, "@scope/--x").is_err());
    }

    #[test]
    fn real_names_and_versions_pass() {
        for (ecosystem, name, number) in [
            (Ecosystem::CratesIo, "serde_json", "1.0.0-rc.1+wasi-0.2"),
            (Ecosystem::Npm, "@babel/core", "7.0.0-beta.3"),
            (Ecosystem::Npm, "lodash.merge", "4.6.2"),
            (Ecosystem::Packagist, "symfony/http-kernel", "v5.4.20"),
            (Ecosystem::GitHubActions, "github/codeql-action/init", "v3"),
        ] {
            assert!(package(ecosystem, name).is_ok(), "{name}");
            assert!(version(ecosystem, number).is_ok(), "{number}");
        }
    }
}
