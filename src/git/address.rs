//! Addresses: where a repository is, without anything that git would execute or that could be printed by accident.

use std::path::PathBuf;

use crate::git::mirror::MirrorError;

/// A place to read a repository from.
///
/// `ssh://`, `git://`, `ext::` and scp-like addresses are refused: they start programs or send nothing through TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    /// Over HTTP, where the token is only sent to `https`.
    Network {
        /// The address, without user and password.
        url: gix::Url,
        /// The same, taken apart.
        parsed: Box<url::Url>,
    },
    /// A folder of this machine: read in place, no `git` process involved.
    Local(PathBuf),
}

impl Address {
    /// Takes an address apart, or says why it is refused.
    pub(super) fn parse(text: &str) -> Result<Self, MirrorError> {
        let refused = |reason| Err(MirrorError::Refused { reason });
        if text.is_empty() || text.starts_with('-') || text.contains(char::is_control) {
            return refused("it is empty, begins with a dash or has control characters");
        }
        let Some((scheme, _)) = text.split_once("://") else {
            return if is_scp_like(text) {
                refused("only https, http and local folders are supported")
            } else {
                Ok(Self::Local(PathBuf::from(text)))
            };
        };
        match scheme.to_ascii_lowercase().as_str() {
            "https" | "http" => Self::network(text),
            "file" => match url::Url::parse(text).ok().and_then(|url| url.to_file_path().ok()) {
                Some(path) => Ok(Self::Local(path)),
                None => refused("the file address names no folder of this machine"),
            },
            _ => refused("only https, http and local folders are supported"),
        }
    }

    fn network(text: &str) -> Result<Self, MirrorError> {
        let malformed = MirrorError::Refused { reason: "it is not a well-formed address" };
        let Ok(parsed) = url::Url::parse(text) else { return Err(malformed) };
        // A secret in an address ends up in messages, configuration files and redirects.
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(MirrorError::Refused { reason: "it holds a user or password: use PATCHPARTY_TOKEN" });
        }
        match gix::url::parse(gix::bstr::BStr::new(parsed.as_str())) {
            Ok(url) => Ok(Self::Network { url, parsed: Box::new(parsed) }),
            Err(_) => Err(malformed),
        }
    }
}

/// `host:path`, which git hands to ssh: a colon before the first slash. `C:\folder` is a path.
fn is_scp_like(text: &str) -> bool {
    let before_slash = text.split(['/', '\\']).next().unwrap_or_default();
    before_slash.find(':').is_some_and(|position| position > 1 || !cfg!(windows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_http_and_folders_are_accepted() {
        let scheme = |text: &str| match Address::parse(text) {
            Ok(Address::Network { parsed, .. }) => parsed.scheme().to_owned(),
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(scheme("https://git.example/a/b"), "https");
        assert_eq!(scheme("HTTP://git.example/a/b.git"), "http");
        assert_eq!(Address::parse("/srv/git/a b").expect("a path"), Address::Local("/srv/git/a b".into()));
        assert_eq!(Address::parse("file:///srv/git/a%20b").expect("a path"), Address::Local("/srv/git/a b".into()));
        assert_eq!(Address::parse("repositories/shop").expect("a path"), Address::Local("repositories/shop".into()));
        for bad in [
            "",
            "ssh://git@git.example/a",
            "git://git.example/a",
            "git@git.example:a/b",
            "ext::sh -c id",
            "--upload-pack=id",
            "https://",
            "https://git.example/a\nb",
            "https://user@git.example/a",
            "https://x-access-token:canary@git.example/a",
        ] {
            let error = Address::parse(bad).expect_err(bad);
            assert!(!error.to_string().contains("canary"), "the secret is not repeated");
        }
    }
}
