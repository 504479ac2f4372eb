//! Locations: where a source is read from, as people write it.

use std::path::PathBuf;

use url::{Host, Url};

use crate::advisory::contract::has_extension;
use crate::config::policy::SourceKind;

/// Where a source is read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Location {
    /// A folder, a zip or a file of this machine.
    Local(PathBuf),
    /// A git repository of this machine.
    Repository(Url),
    /// An address.
    Remote(Remote),
}

/// What stands at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Remote {
    /// A zip, a JSON file or a table.
    Download(Url),
    /// A git repository.
    Repository(Url),
}

impl Remote {
    /// The address.
    pub(super) fn url(&self) -> &Url {
        match self {
            Self::Download(url) | Self::Repository(url) => url,
        }
    }
}

impl Location {
    /// Understands a path, an `https` address of a zip, JSON or CSV file, and the address of a git repository (`https` or
    /// `file`). Plain `http` is taken from this very machine only.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if !text.contains("://") {
            return (!text.is_empty()).then(|| Self::Local(PathBuf::from(text)));
        }
        let url = Url::parse(text).ok()?;
        match url.scheme() {
            "file" => Some(Self::Repository(url)),
            _ if !is_protected(&url) => None,
            _ if is_file(&url) => Some(Self::Remote(Remote::Download(url))),
            _ => Some(Self::Remote(Remote::Repository(url))),
        }
    }
}

/// Whether nobody on the way can change what the address gives.
pub(super) fn is_protected(url: &Url) -> bool {
    match url.scheme() {
        "https" => true,
        "http" => match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        },
        _ => false,
    }
}

/// Whether the address names a zip.
pub(super) fn is_zip(url: &Url) -> bool {
    has_extension(url.path(), "zip")
}

/// Whether the address names a CSV file, also a compressed one.
pub(super) fn is_table(url: &Url) -> bool {
    let path = url.path();
    has_extension(path.strip_suffix(".gz").unwrap_or(path), "csv")
}

/// The format of a file that is downloaded, as far as its address tells.
pub(super) fn kind_of_file(url: &Url) -> SourceKind {
    if is_table(url) {
        SourceKind::Epss
    } else if url.path().ends_with("/known_exploited_vulnerabilities.json") {
        SourceKind::Kev
    } else {
        SourceKind::Osv
    }
}

fn is_file(url: &Url) -> bool {
    is_zip(url) || has_extension(url.path(), "json") || is_table(url)
}

/// The location for people: an address without user, password, query and fragment.
pub(super) fn without_credentials(text: &str) -> String {
    let Ok(mut url) = Url::parse(text) else {
        // What is no address is a path, unless it looks like an address that went wrong and may hold a secret.
        let is_address = text.contains("://");
        return if is_address { text.split("://").next().unwrap_or("").to_owned() + "://…" } else { text.to_owned() };
    };
    if !text.contains("://") {
        return text.to_owned();
    }
    // An address that cannot carry credentials refuses to lose them, which is as good.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

/// The format of a repository, as far as its address tells.
pub(super) fn kind_of_repository(url: &Url) -> Option<SourceKind> {
    let name = url.path().trim_end_matches('/').rsplit('/').next()?.trim_end_matches(".git").to_ascii_lowercase();
    match name.as_str() {
        // The names of the repositories at RustSec, FriendsOfPHP, RubySec, CISA and GitHub.
        "advisory-db" => Some(SourceKind::RustSec),
        "security-advisories" => Some(SourceKind::FriendsOfPhp),
        "ruby-advisory-db" => Some(SourceKind::RubySec),
        "kev-data" => Some(SourceKind::Kev),
        "advisory-database" => Some(SourceKind::Osv),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> &'static str {
        match Location::parse(text) {
            Some(Location::Local(_)) => "local",
            Some(Location::Repository(_)) => "local repository",
            Some(Location::Remote(Remote::Download(_))) => "download",
            Some(Location::Remote(Remote::Repository(_))) => "repository",
            None => "unknown",
        }
    }

    #[test]
    fn the_form_of_a_location_is_in_its_text() {
        for (text, expected) in [
            ("advisories", "local"),
            ("/srv/advisories.zip", "local"),
            ("https://example.org/npm/all.zip", "download"),
            ("https://example.org/OSV-1.json?alt=media", "download"),
            ("https://example.org/epss_scores-current.csv.gz", "download"),
            ("https://example.org/epss.csv", "download"),
            ("https://example.org/RustSec/advisory-db.git", "repository"),
            ("https://example.org/RustSec/advisory-db", "repository"),
            ("file:///srv/advisory-db", "local repository"),
            ("http://127.0.0.1:8080/all.zip", "download"),
            ("http://[::1]/all.zip", "download"),
            ("http://example.org/all.zip", "unknown"),
            ("ftp://example.org/all.zip", "unknown"),
            ("ext::sh -c id://x", "unknown"),
            ("https://", "unknown"),
            ("", "unknown"),
        ] {
            assert_eq!(form(text), expected, "{text:?}");
        }
    }

    #[test]
    fn no_secret_is_shown() {
        for (text, shown) in [
            ("https://user:secret@example.org/all.zip?token=secret#x", "https://example.org/all.zip"),
            ("https://secret@example.org/a.git", "https://example.org/a.git"),
            ("https://user:secret@", "https://…"),
            ("../shared/advisories", "../shared/advisories"),
        ] {
            assert_eq!(without_credentials(text), shown);
        }
    }
}
