//! Trust: before a tool starts, nothing that it is shown may lead elsewhere than the policy allows.

use std::collections::BTreeSet;

use url::Url;

use super::RemedyRequest;
use super::failure::Failure;
use crate::model::ecosystem::Ecosystem;
use crate::model::remedy::BlockCause;
use crate::model::specification::{Specification, SpecificationKind};
use crate::net::address::Authority;
use crate::sandbox::grammar;
use crate::updater::{Files, Updater};

/// The longest name that is told when it is none.
const NAME_LIMIT: usize = 60;

/// Where the organisation's policy lets requirements lead.
#[derive(Clone, Copy)]
pub(crate) struct AllowedSources<'a> {
    /// Kinds of specifications, besides ranges of the registry.
    pub(crate) kinds: &'a BTreeSet<SpecificationKind>,
    /// Hosts that may be asked.
    pub(crate) hosts: &'a [Authority],
}

impl AllowedSources<'_> {
    /// Why a specification is not allowed; `None` for one that is.
    fn objection(self, one: &Specification) -> Option<Objection> {
        let host = one.address.as_deref().and_then(|address| Url::parse(address).ok());
        let unnamed = host.filter(|address| !self.names(address));
        let unnamed = unnamed.map(|address| told(&address));
        match (one.kind, &one.address, unnamed) {
            _ if one.outside => Some(Objection::Never),
            // A registry whose host the policy names is one that is set up.
            (SpecificationKind::Registry, Some(_), None) => None,
            (SpecificationKind::Registry, _, Some(host)) => Some(Objection::Host(host)),
            (kind, _, host) if !self.kinds.contains(&kind) => {
                Some(kind.word().map_or(Objection::Never, |word| Objection::Kind(word, host)))
            }
            (_, _, Some(host)) => Some(Objection::Host(host)),
            _ => None,
        }
    }

    fn names(self, address: &Url) -> bool {
        let (Some(host), Some(port)) = (address.host_str(), address.port_or_known_default()) else { return false };
        self.hosts.iter().any(|authority| authority.admits(host, port))
    }
}

/// `host[:port]` of an address.
fn told(address: &Url) -> String {
    let port = address.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}{port}", address.host_str().unwrap_or_default())
}

/// Why a specification is not allowed.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Objection {
    /// No policy can allow it.
    Never,
    /// The policy does not have this kind, nor this host where it would be asked.
    Kind(&'static str, Option<String>),
    /// The policy does not name this host.
    Host(String),
}

/// Refuses files with a specification that the policy does not allow.
pub(super) fn judge(request: &RemedyRequest<'_>, updater: &dyn Updater, files: &Files) -> Result<(), Failure> {
    let found = updater
        .specifications(files)
        .map_err(|refusal| Failure::new(BlockCause::Refused, refusal.message).with_next_step(refusal.next_step))?;
    let mut objections: Vec<(Specification, Objection)> = found
        .into_iter()
        .filter_map(|one| request.allow_sources.objection(&one).map(|objection| (one, objection)))
        .collect();
    // What no policy can allow comes first: nobody is to widen a policy for nothing.
    objections.sort_by(|(left, why), (right, other)| (why, left).cmp(&(other, right)));
    refuse(updater.ecosystem(), &objections)
}

/// Refuses archives at a host that is not the registry's. `foreign` says which packages come from elsewhere.
pub(super) fn judge_hosts(
    request: &RemedyRequest<'_>,
    updater: &dyn Updater,
    files: &Files,
    is_foreign: impl Fn(&str) -> bool,
) -> Result<(), Failure> {
    let kind = SpecificationKind::Registry;
    let is_named = |source: &str| Url::parse(source).is_ok_and(|address| request.allow_sources.names(&address));
    if request.allow_sources.kinds.contains(&kind) {
        return Ok(());
    }
    let entries = updater.entries(files.lock()).into_iter();
    let objections: BTreeSet<Specification> = entries
        .filter(|entry| entry.source.starts_with("http") && is_foreign(&entry.package) && !is_named(&entry.source))
        .map(|entry| Specification::new(&files.lockfile, entry.package, kind))
        .collect();
    let objections: Vec<_> = objections.into_iter().map(|one| (one, Objection::Kind("registry", None))).collect();
    refuse(updater.ecosystem(), &objections)
}

/// Why nothing is done, and what can be done about it.
fn refuse(ecosystem: Ecosystem, objections: &[(Specification, Objection)]) -> Result<(), Failure> {
    let Some(((first, objection), others)) = objections.split_first() else { return Ok(()) };
    let place = match objection {
        Objection::Never if first.kind == SpecificationKind::File => "outside of the repository".to_owned(),
        Objection::Never | Objection::Kind(..) => first.kind.to_string(),
        Objection::Host(host) => format!("{} at `{host}`", first.kind),
    };
    let more = match others.len() {
        0 => String::new(),
        1 => ", and one more".to_owned(),
        number => format!(", and {number} more"),
    };
    let name = name(ecosystem, &first.package);
    let text = format!("`{}` takes `{name}` from {place}{more}; no package manager is started with that", first.file);
    let step = match objection {
        Objection::Kind(word, host) => {
            let host = host.as_deref().map(|host| format!(", and name `{host}` under `[network] allow-hosts`"));
            let host = host.unwrap_or_default();
            format!(
                "take `{name}` from the registry, or allow `{word}` under `[updates] allow-sources`{host} in the \
                 organisation's policy"
            )
        }
        Objection::Host(host) => format!(
            "take `{name}` from the registry, or name `{host}` under `[network] allow-hosts` in the organisation's policy"
        ),
        Objection::Never => format!("take `{name}` from the registry; no policy can allow this"),
    };
    Err(Failure::new(BlockCause::UntrustedSource, text).with_next_step(step))
}

/// A name as it may be told: one that is in no known form may be anything.
fn name(ecosystem: Ecosystem, name: &str) -> String {
    match grammar::package(ecosystem, name) {
        Ok(name) => name.to_owned(),
        Err(_) => name.escape_default().filter(|character| *character != '`').take(NAME_LIMIT).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::repository::RepoPath;

    #[test]
    fn a_refusal_names_the_manifest_the_package_the_kind_and_the_policy() {
        let file = RepoPath::new("app/package.json").unwrap();
        let told = |one: Specification, others: usize| {
            let hosts = ["git.example".parse().unwrap()];
            let allowed = AllowedSources { kinds: &BTreeSet::from([SpecificationKind::Git]), hosts: &hosts };
            let Some(objection) = allowed.objection(&one) else { return "allowed".to_owned() };
            let mut all = vec![(one, objection)];
            all.extend((0..others).map(|number| (Specification::outside(&file, number.to_string()), Objection::Never)));
            let failure = refuse(Ecosystem::Npm, &all).unwrap_err();
            assert_eq!(failure.cause, BlockCause::UntrustedSource);
            format!("{} | {}", failure.explanation, failure.next_step.unwrap())
        };
        let one = |kind, address: &str| {
            let address = Some(address.to_owned()).filter(|address| !address.is_empty());
            Specification::new(&file, "left-pad", kind).at(address)
        };
        assert_eq!(
            told(one(SpecificationKind::Url, ""), 0),
            "`app/package.json` takes `left-pad` from an address; no package manager is started with that | take `left-pad` \
             from the registry, or allow `url` under `[updates] allow-sources` in the organisation's policy"
        );
        assert_eq!(
            told(one(SpecificationKind::Git, "https://other.example:8443"), 1),
            "`app/package.json` takes `left-pad` from a version control system at `other.example:8443`, and one more; no \
             package manager is started with that | take `left-pad` from the registry, or name `other.example:8443` under \
             `[network] allow-hosts` in the organisation's policy"
        );
        assert_eq!(
            told(Specification::outside(&file, "`<img>\n::error::"), 2),
            "`app/package.json` takes `<img>\\n::error::` from outside of the repository, and 2 more; no package manager is \
             started with that | take `<img>\\n::error::` from the registry; no policy can allow this"
        );
        assert_eq!(told(one(SpecificationKind::Git, ""), 0), "allowed", "nobody goes anywhere for it");
        assert_eq!(told(one(SpecificationKind::Git, "https://git.example"), 0), "allowed");
        assert_eq!(told(one(SpecificationKind::Registry, "https://git.example:8443"), 0), "allowed");
        assert!(told(one(SpecificationKind::Registry, "https://other.example"), 0).contains("allow-hosts"));
        assert!(told(one(SpecificationKind::Registry, ""), 0).contains("`registry` under"));
        let both = told(one(SpecificationKind::Url, "https://other.example/x.tgz"), 0);
        assert!(both.ends_with(
            "allow `url` under `[updates] allow-sources`, and name `other.example` under `[network] allow-hosts` in the \
             organisation's policy"
        ));
        assert!(told(one(SpecificationKind::Unknown, ""), 0).contains("no policy can allow"));
    }
}
