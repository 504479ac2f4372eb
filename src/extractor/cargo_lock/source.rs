//! Sources as Cargo compares them: two that are written differently may be the same one.

use cargo_lock::package::{GitReference, SourceId, SourceKind};
use url::Url;

use crate::model::dependency::{GitPin, Origin};
use crate::model::doubt::Doubt;
use crate::model::ecosystem::Ecosystem;
use crate::model::repository::CommitId;
use crate::version;

/// The host of which Cargo knows that it serves every repository over TLS and under any case.
const CASELESS_HOST: &str = "github.com";

/// Where a package comes from, and what is odd about how that is written.
pub(super) fn origin(source: Option<&SourceId>) -> (Origin, Option<Doubt>) {
    let Some(source) = source else { return (Origin::Path, None) };
    let origin = match source.kind() {
        SourceKind::Git(reference) => Origin::Git {
            url: source.url().to_string(),
            pin: git_pin(reference),
            commit: source.precise().and_then(|commit| CommitId::new(commit).ok()),
        },
        SourceKind::Path | SourceKind::Directory => Origin::Path,
        _ if source.is_default_registry() => Origin::Registry { url: None },
        SourceKind::Registry | SourceKind::SparseRegistry if is_default(source.url()) => {
            let reason = format!("its source `{}` is crates.io's index in another form", source.url());
            return (Origin::Registry { url: None }, Some(Doubt::contradiction(reason, None)));
        }
        _ => Origin::Registry { url: Some(source.url().to_string()) },
    };
    (origin, None)
}

/// Whether Cargo takes an address for that of one of crates.io's indexes, or could be made to: credentials, a query, the
/// scheme, the kind and empty parts, which make it another address for Cargo, change nothing about what is served there.
fn is_default(url: &Url) -> bool {
    let plain = canonical(url);
    let is_known = |source: String| source.parse::<SourceId>().is_ok_and(|source| source.is_default_registry());
    plain == canonical(SourceId::default().url()) || is_known(format!("sparse+{}/", plain.trim_end_matches('/')))
}

/// Why a registry is a surprise: crates come from crates.io, and what another one serves under their names is other code.
pub(super) fn doubt_registry(origin: &Origin) -> Option<Doubt> {
    let Origin::Registry { url: Some(url) } = origin else { return None };
    let host = Url::parse(url).ok().and_then(|url| {
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        Some(format!("{}{port}", url.host_str()?))
    });
    Some(Doubt::Host { host: host.unwrap_or_else(|| url.clone()), usual: String::new() })
}

/// `CanonicalUrl::new` of Cargo (`src/cargo/util/canonical_url.rs`): no slash and no `.git` at the end; on GitHub, whatever
/// the case, over TLS.
fn canonical(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    // The root of all names may be written: resolvers and servers take it for the same host.
    let host = host.strip_suffix('.').unwrap_or(host);
    let parts: Vec<&str> = url.path().split('/').filter(|part| !part.is_empty()).collect();
    let path = parts.join("/");
    let is_caseless = host == CASELESS_HOST;
    let path = if is_caseless { path.to_ascii_lowercase() } else { path };
    // The ports of both schemes, over either of which the same is served.
    let port = url.port().filter(|&port| !matches!(port, 80 | 443));
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    format!("https://{host}{port}/{}", path.strip_suffix(".git").unwrap_or(&path))
}

fn git_pin(reference: &GitReference) -> GitPin {
    // Before version 4, Cargo did not encode references and `cargo-lock` reads a plus sign as a space, which no reference
    // can hold.
    let plain = |decoded: &str| decoded.replace(' ', "+");
    match reference {
        GitReference::DefaultBranch => GitPin::DefaultBranch,
        GitReference::Tag(name) => GitPin::Tag(plain(name)),
        // `rev` takes whatever git does: a commit, even shortened, but also a tag or `refs/pull/1/head`.
        GitReference::Rev(name) if name.len() >= 7 && name.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            GitPin::Commit
        }
        GitReference::Rev(name) if version::parse(Ecosystem::CratesIo, name).is_ok() => GitPin::Tag(plain(name)),
        GitReference::Rev(name) | GitReference::Branch(name) => GitPin::Branch(plain(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_in_another_form_is_the_same_index() {
        let own = SourceId::default().url().to_string();
        let with = |from: &str, to: &str| own.replacen(from, to, 1);
        for (written, is_odd) in [
            (own.clone(), false),
            (format!("{own}/"), true),
            (format!("{own}.git"), true),
            (format!("{own}.git/"), true),
            (with("https:", "http:"), true),
            (with("rust-lang", "Rust-Lang"), true),
            (with("github.com", "user@GitHub.com:443"), true),
            // The reader of addresses has made one of them.
            (with("rust-lang", "x/../rust-lang"), false),
            (format!("{own}//"), true),
            (format!("{own}?x"), true),
        ] {
            let source: SourceId = format!("registry+{written}").parse().expect("a source");
            let (origin, doubt) = origin(Some(&source));
            assert_eq!(origin, Origin::Registry { url: None }, "{written}");
            assert_eq!(doubt.is_some(), is_odd, "{written}");
        }
        let sparse = own.replacen("github.com/rust-lang/crates.io-index", &format!("index.{}", "crates.io"), 1);
        for (written, is_odd) in [
            (format!("sparse+{sparse}/"), false),
            (format!("sparse+{sparse}"), false),
            (format!("sparse+{sparse}//"), true),
            (format!("sparse+{}/", sparse.replacen("https", "HTTP", 1)), true),
            (format!("sparse+{}./", sparse.to_ascii_uppercase()), true),
            (format!("registry+{sparse}/"), true),
            (format!("sparse+{own}"), true),
        ] {
            let source: SourceId = written.parse().expect("a source");
            let (origin, doubt) = origin(Some(&source));
            assert_eq!((origin, doubt.is_some()), (Origin::Registry { url: None }, is_odd), "{written}");
        }
        for other in [with("crates.io-index", "crates.io-index-2"), with("github.com", "github.example")] {
            let source: SourceId = format!("registry+{other}").parse().expect("a source");
            assert_eq!(origin(Some(&source)), (Origin::Registry { url: Some(other) }, None));
        }
    }
}
