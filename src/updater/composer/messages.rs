//! What Composer says, by the forms of its messages (2.5 to 2.9):
//!
//! ```text
//! Your requirements could not be resolved to an installable set of packages.
//!   Problem 1
//!     - Root composer.json requires acme/x ^9, found acme/x[1.0.0] but it does not match the constraint.
//!     - Root composer.json requires acme/gone, it could not be found in any version, there may be a typo …
//!     - acme/pin 1.0.0 requires acme/core 1.0.0 -> found acme/core[1.0.0] but it conflicts with …
//! Package "acme/x" listed for update is not locked.
//! "./composer.json" does not contain valid JSON | does not match the expected JSON schema
//! ```

use super::super::contract::{Reason, Said, between, package, requirement};
use crate::model::ecosystem::Ecosystem;
use crate::sandbox::words;

const ECOSYSTEM: Ecosystem = Ecosystem::Packagist;

/// Reads the messages of a run that failed.
pub(super) fn read(messages: &str) -> Said {
    if words::say_unreachable(messages) {
        return Said::because(Reason::Unreachable);
    }
    let mut said = Said { reason: reason(messages), ..Said::default() };
    for line in messages.lines() {
        let Some((left, right)) = line.trim().trim_start_matches("- ").split_once(" requires ") else { continue };
        let mut words = left.split_whitespace();
        let (Some(name), Some(version)) = (words.next(), words.next()) else { continue };
        let wanted = right.split(" -> ").next().unwrap_or(right);
        let wanted = wanted.split_once(' ').map_or(wanted, |(_, wanted)| wanted);
        said.link(ECOSYSTEM, (name, version, wanted));
    }
    said
}

fn reason(messages: &str) -> Option<Reason> {
    if messages.contains("could not be resolved to an installable set of packages") {
        let of_root = messages.lines().find_map(|line| {
            let asked = line.split_once("Root composer.json requires ")?.1;
            let name = asked.split([' ', ',']).next().and_then(|name| package(ECOSYSTEM, name))?;
            if asked.contains("could not be found in any version") {
                return Some(Reason::NoPackage(name));
            }
            let (_, wanted) = asked.split_once(", found ")?.0.split_once(' ')?;
            Some(Reason::NoRelease(name, requirement(ECOSYSTEM, wanted)?))
        });
        return of_root.or(Some(Reason::Conflict(None)));
    }
    messages.lines().find_map(|line| {
        if line.contains("is not locked") {
            let name = between(line, "Package \"", "\"").or_else(|| between(line, "Package ", " "))?;
            return package(ECOSYSTEM, name).map(Reason::NotLocked);
        }
        let manifest = ["does not contain valid JSON", "does not match the expected JSON schema", "JsonValidation"];
        let manifest = manifest.iter().any(|words| line.contains(words));
        (manifest || line.contains("Could not parse version constraint")).then_some(Reason::Manifest)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNRESOLVED: &str =
        "Your requirements could not be resolved to an installable set of packages.\n\n  Problem 1\n";

    #[test]
    fn parents_are_read_from_what_composer_says() {
        let said = read(&format!(
            "{UNRESOLVED}    - Root composer.json requires acme/pin ^1 -> satisfiable by acme/pin[1.0.0].\n    \
            - acme/pin 1.0.0 requires acme/core 1.0.0 -> found acme/core[1.0.0] but it conflicts\n"
        ));
        let lines: Vec<String> =
            said.chain.iter().map(|link| format!("{} {}", link.parent, link.requirement)).collect();
        assert_eq!((said.reason, lines), (Some(Reason::Conflict(None)), vec!["acme/pin@1.0.0 1.0.0".to_owned()]));
    }

    #[test]
    fn every_known_form_has_its_reason() {
        let name = || "acme/x".to_owned();
        for (messages, expected) in [
            (
                format!(
                    "{UNRESOLVED}    - Root composer.json requires acme/x ^9, found acme/x[1.0.0] but it does not match\n"
                ),
                Reason::NoRelease(name(), "^9".to_owned()),
            ),
            (
                format!("{UNRESOLVED}    - Root composer.json requires acme/x, it could not be found in any version\n"),
                Reason::NoPackage(name()),
            ),
            ("Package \"acme/x\" listed for update is not locked.".to_owned(), Reason::NotLocked(name())),
            ("\"./composer.json\" does not match the expected JSON schema:".to_owned(), Reason::Manifest),
            ("curl error 6 while downloading https://registry.example/".to_owned(), Reason::Unreachable),
        ] {
            assert_eq!(read(&messages).reason, Some(expected), "{messages}");
        }
    }

    #[test]
    fn what_has_no_known_form_is_not_told() {
        for messages in
            ["root:x:0:0:SECRET", "- <img src=x> 1.0.0 requires @octocat ::error::", "Package \"$(id)\" is not locked"]
        {
            assert_eq!(read(messages), Said::default(), "{messages}");
        }
    }
}
