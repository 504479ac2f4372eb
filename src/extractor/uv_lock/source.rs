//! Where a package of uv.lock comes from.

use std::borrow::Cow;

use url::Url;

use super::super::contract::python::git::{pin_of, without_credentials};
use super::super::contract::toml::{Look as _, Table};
use crate::model::dependency::{GitPin, Origin};
use crate::model::repository::CommitId;

/// The `source` table of an entry.
#[derive(PartialEq)]
pub(super) enum Source<'t> {
    /// A registry by its address, or a folder of archives.
    Registry(&'t str),
    /// `https://host/path?branch=name#commit`
    Git(&'t str),
    /// An archive at an address.
    Url(&'t str),
    /// An archive in the project.
    Path(&'t str),
    /// A folder of the project: `directory`, `editable` or `virtual`.
    Folder(&'t str),
}

impl<'t> Source<'t> {
    /// Reads the table; `None` where uv knows no such source.
    pub(super) fn read(table: &'t Table<'t>) -> Option<Self> {
        type Constructor<'t> = fn(&'t str) -> Source<'t>;
        let kinds: [(&str, Constructor<'t>); 7] = [
            ("registry", Source::Registry),
            ("git", Source::Git),
            ("url", Source::Url),
            ("path", Source::Path),
            ("directory", Source::Folder),
            ("editable", Source::Folder),
            ("virtual", Source::Folder),
        ];
        // A registry that is a folder, or an archive in a folder of one, is a table of its own.
        let value = |key| {
            table.text_at(key).or_else(|| {
                let inner = table.table_at(key)?;
                inner.text_at("url").or_else(|| inner.text_at("path"))
            })
        };
        kinds.into_iter().find_map(|(key, kind)| value(key).map(kind))
    }

    /// The registry's address.
    pub(super) fn registry(&self) -> Option<&'t str> {
        match self {
            Self::Registry(url) => Some(url),
            Self::Git(_) | Self::Url(_) | Self::Path(_) | Self::Folder(_) => None,
        }
    }

    /// Whether it is a folder of the project.
    pub(super) fn is_local(&self) -> bool {
        matches!(self, Self::Folder(_))
    }

    /// Whether it is the folder that the lockfile stands in.
    pub(super) fn is_root(&self) -> bool {
        matches!(self, Self::Folder("." | ""))
    }

    /// The origin, with the registry left to be judged.
    pub(super) fn origin(&self) -> Origin {
        match self {
            Self::Registry(_) => Origin::Registry { url: None },
            Self::Git(url) => git(url),
            Self::Url(url) => Origin::Archive { url: without_credentials(url) },
            Self::Path(path) => Origin::Archive { url: (*path).to_owned() },
            Self::Folder(_) => Origin::Path,
        }
    }
}

fn git(text: &str) -> Origin {
    let (address, commit) = text.rsplit_once('#').map_or((text, None), |(url, commit)| (url, Some(commit)));
    let commit = commit.and_then(|commit| CommitId::new(commit).ok());
    let url = without_credentials(address.split('?').next().unwrap_or_default());
    let parsed = Url::parse(address).ok();
    let fields: Vec<(Cow<'_, str>, Cow<'_, str>)> =
        parsed.as_ref().map(|url| url.query_pairs().collect()).unwrap_or_default();
    let field = |key: &str| fields.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_ref());
    // Without a reference, uv follows the default branch.
    let pin: GitPin = pin_of(field);
    Origin::Git { url, pin, commit }
}
