//! Unmaintained: packages of which the lockfile itself says that their makers have given them up.
//!
//! Composer locks `abandoned` (<https://getcomposer.org/doc/04-schema.md#abandoned>), npm and pnpm `deprecated`
//! (<https://docs.npmjs.com/cli/commands/npm-deprecate>). RustSec's advisories say the same of crates, and are found with the
//! flaws. Of npm's packages only those are told that the project itself asks for: nobody can replace what stands somewhere below
//! them, and there is always some of that.

use super::contract::finding::of_each;
use super::contract::{Check, CheckContext};
use crate::model::dependency::Dependency;
use crate::model::ecosystem::Ecosystem;
use crate::model::finding::{Finding, FindingKind};

/// The makers' words are cut after so many characters: some write a letter.
const WORDS_LIMIT: usize = 160;

/// Finds what was given up.
pub(super) struct Unmaintained;

impl Check for Unmaintained {
    fn id(&self) -> &'static str {
        "unmaintained"
    }

    fn inspect(&self, context: &CheckContext<'_>) -> Vec<Finding> {
        of_each(context.lockfiles, FindingKind::Unmaintained, reason)
    }
}

/// What there is to say about a package that was given up.
fn reason(dependency: &Dependency) -> Option<String> {
    let words = dependency.abandoned.as_deref()?.trim();
    if dependency.ecosystem == Ecosystem::Npm && !dependency.direct {
        return None;
    }
    let mut said: String = words.chars().take(WORDS_LIMIT).collect();
    if said.len() < words.len() {
        said.push('…');
    }
    Some(match dependency.ecosystem {
        _ if said.is_empty() => "given up by its makers".to_owned(),
        Ecosystem::Packagist => format!("given up by its makers for {said}"),
        _ => format!("given up by its makers: {said}"),
    })
}

#[cfg(test)]
mod tests {
    use super::super::contract::testing::{inspect, lockfile};
    use super::*;

    fn reasons(dependencies: Vec<Dependency>) -> Vec<String> {
        let findings = inspect(&Unmaintained, &[], &[lockfile("some.lock", dependencies)]);
        assert!(findings.iter().all(|finding| finding.kind == FindingKind::Unmaintained && finding.advisory.is_none()));
        let reason = |finding: Finding| format!("{} {}", finding.package, finding.detail.expect("a reason"));
        findings.into_iter().map(reason).collect()
    }

    #[test]
    fn what_was_given_up_is_found_with_what_its_makers_say() {
        let of = |ecosystem, words: Option<&str>, direct| Dependency {
            abandoned: words.map(str::to_owned),
            direct,
            ..Dependency::new(ecosystem, "a/b", "1.0.0", 3)
        };
        assert_eq!(
            reasons(vec![
                of(Ecosystem::Packagist, None, true),
                of(Ecosystem::Packagist, Some(""), false),
                of(Ecosystem::Packagist, Some("c/d"), true),
                of(Ecosystem::Npm, Some("take another one"), true),
                of(Ecosystem::Npm, Some("take another one"), false),
            ]),
            [
                "a/b given up by its makers",
                "a/b given up by its makers for c/d",
                "a/b given up by its makers: take another one",
            ]
        );
        let letter = "long ".repeat(100);
        let [reason] = &reasons(vec![of(Ecosystem::Npm, Some(&letter), true)])[..] else { panic!("one finding") };
        assert!(reason.ends_with('…') && reason.chars().count() < 220, "{reason}");
    }
}
