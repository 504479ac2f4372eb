//! Trust: before a tool starts, nothing that it is shown may lead elsewhere than the policy allows.

use super::RemedyRequest;
use super::bench::Failure;
use crate::model::ecosystem::Ecosystem;
use crate::model::remedy::BlockCause;
use crate::model::specification::{Specification, SpecificationKind};
use crate::sandbox::grammar;
use crate::updater::{Files, Updater};

/// The longest name that is told when it is none.
const NAME_LIMIT: usize = 60;

/// Refuses files with a specification that the policy does not allow.
pub(super) fn judge(request: &RemedyRequest<'_>, updater: &dyn Updater, files: &Files) -> Result<(), Failure> {
    let found = updater
        .specifications(files)
        .map_err(|refusal| Failure::new(BlockCause::Refused, refusal.message).with_next_step(refusal.next_step))?;
    let refused: Vec<&Specification> =
        found.iter().filter(|it| it.outside || !request.allow_sources.contains(&it.kind)).collect();
    match refused.split_first() {
        Some((first, others)) => Err(refusal(updater.ecosystem(), first, others.len())),
        None => Ok(()),
    }
}

/// Refuses archives at a host that is not the registry's. `foreign` says which packages come from elsewhere.
pub(super) fn judge_hosts(
    request: &RemedyRequest<'_>,
    updater: &dyn Updater,
    files: &Files,
    is_foreign: impl Fn(&str) -> bool,
) -> Result<(), Failure> {
    if request.allow_sources.contains(&SpecificationKind::Registry) {
        return Ok(());
    }
    let entries = updater.entries(files.lock()).into_iter();
    let mut refused: Vec<Specification> = entries
        .filter(|entry| entry.source.starts_with("http") && is_foreign(&entry.package))
        .map(|entry| Specification::new(&files.lockfile, entry.package, SpecificationKind::Registry))
        .collect();
    refused.sort();
    refused.dedup();
    match refused.split_first() {
        Some((first, others)) => Err(refusal(updater.ecosystem(), first, others.len())),
        None => Ok(()),
    }
}

/// Why nothing is done, and what can be done about it.
fn refusal(ecosystem: Ecosystem, first: &Specification, others: usize) -> Failure {
    let place = if first.outside && first.kind == SpecificationKind::File {
        "outside of the repository".to_owned()
    } else {
        first.kind.to_string()
    };
    let more = match others {
        0 => String::new(),
        1 => ", and one more".to_owned(),
        number => format!(", and {number} more"),
    };
    let name = name(ecosystem, &first.package);
    let text = format!("`{}` takes `{name}` from {place}{more}; no package manager is started with that", first.file);
    let step = match first.kind.word().filter(|_| !first.outside) {
        Some(word) => format!(
            "take `{name}` from the registry, or allow `{word}` under `[updates] allow-sources` in the organisation's policy"
        ),
        None => format!("take `{name}` from the registry; no policy can allow this"),
    };
    Failure::new(BlockCause::UntrustedSource, text).with_next_step(step)
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
        let told = |one: &Specification, others| {
            let failure = refusal(Ecosystem::Npm, one, others);
            assert_eq!(failure.cause, BlockCause::UntrustedSource);
            format!("{} | {}", failure.explanation, failure.next_step.unwrap())
        };
        assert_eq!(
            told(&Specification::new(&file, "left-pad", SpecificationKind::Git), 0),
            "`app/package.json` takes `left-pad` from a version control system; no package manager is started with that | \
             take `left-pad` from the registry, or allow `git` under `[updates] allow-sources` in the organisation's policy"
        );
        assert_eq!(
            told(&Specification::outside(&file, "`<img>\n::error::"), 2),
            "`app/package.json` takes `<img>\\n::error::` from outside of the repository, and 2 more; no package manager is \
             started with that | take `<img>\\n::error::` from the registry; no policy can allow this"
        );
        assert!(told(&Specification::new(&file, "x", SpecificationKind::Unknown), 1).contains("and one more"));
    }
}
