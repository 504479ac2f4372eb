//! What npm says, by the forms of its messages (11.10 to 12); each line has `npm error` in front:
//!
//! ```text
//! code ETARGET
//! notarget No matching version found for x@^9.
//! code E404
//! 404  'x@^9' is not in this registry.
//! code ERESOLVE
//! peer react@"^16" from enzyme@3.0.0
//! code EOVERRIDE
//! Override for x@^1 conflicts with direct dependency
//! code EUSAGE | EALLOWGIT | EALLOWREMOTE | EALLOWFILE | EALLOWDIRECTORY | EJSONPARSE | …
//! ```

use super::super::contract::{Reason, Said, between, package, requirement};
use crate::model::ecosystem::Ecosystem;
use crate::model::specification::SpecificationKind;
use crate::sandbox::words;

const ECOSYSTEM: Ecosystem = Ecosystem::Npm;

/// Reads the messages of a run that failed.
pub(super) fn read(messages: &str) -> Said {
    let lines = || messages.lines().map(|line| line.trim_start_matches("npm error").trim());
    let code = lines().find_map(|line| line.strip_prefix("code ")).unwrap_or_default();
    let mut said = Said { reason: reason(code, lines()), ..Said::default() };
    if said.reason.is_none() && words::say_unreachable(messages) {
        said.reason = Some(Reason::Unreachable);
    }
    if matches!(said.reason, None | Some(Reason::Conflict(_))) {
        for line in lines() {
            let Some((left, right)) = line.split_once(" from ") else { continue };
            let wanted = left.rsplit_once("@\"").and_then(|(_, rest)| rest.strip_suffix('"'));
            let parent = right.split_whitespace().next().and_then(|text| text.rsplit_once('@'));
            if let (Some(wanted), Some((name, version))) = (wanted, parent) {
                said.link(ECOSYSTEM, (name, version, wanted));
            }
        }
    }
    said
}

fn reason<'a>(code: &str, mut lines: impl Iterator<Item = &'a str>) -> Option<Reason> {
    match code {
        "EUSAGE" => Some(Reason::Stale),
        "ETARGET" => lines.find_map(|line| {
            let asked = line.split_once("No matching version found for ")?.1;
            let asked = asked.split(" with a date").next().unwrap_or(asked).trim_end_matches('.');
            let (name, wanted) = specified(asked)?;
            Some(Reason::NoRelease(name, wanted))
        }),
        "E404" => lines.find_map(|line| {
            let asked = between(line, "'", "'").filter(|_| line.contains("not in this registry"));
            let asked = asked.or_else(|| between(line, "The requested resource '", "'"))?;
            specified(asked).map(|(name, _)| name).or_else(|| package(ECOSYSTEM, asked)).map(Reason::NoPackage)
        }),
        "ERESOLVE" => Some(Reason::Conflict(None)),
        "EOVERRIDE" => {
            let asked = lines.find_map(|line| between(line, "Override for ", " conflicts"))?;
            Some(Reason::Conflict(specified(asked).map(|(name, _)| name)))
        }
        "EALLOWGIT" => Some(Reason::NotAllowed(SpecificationKind::Git)),
        "EALLOWREMOTE" => Some(Reason::NotAllowed(SpecificationKind::Url)),
        "EALLOWFILE" | "EALLOWDIRECTORY" => Some(Reason::NotAllowed(SpecificationKind::File)),
        "EUNSUPPORTEDPROTOCOL" => Some(Reason::NotAllowed(SpecificationKind::Unknown)),
        "EJSONPARSE" | "EINVALIDPACKAGENAME" | "EINVALIDTAGNAME" | "EDUPLICATEWORKSPACE" | "EWORKSPACESCONFIG" => {
            Some(Reason::Manifest)
        }
        "ENOTCACHED" | "EAI_AGAIN" | "ENOTFOUND" | "ECONNREFUSED" | "ECONNRESET" | "ETIMEDOUT" | "E502" | "E503"
        | "E504" => Some(Reason::Unreachable),
        _ => None,
    }
}

/// `name@requirement` in two.
fn specified(text: &str) -> Option<(String, String)> {
    let (name, wanted) = text.rsplit_once('@').filter(|(name, _)| !name.is_empty())?;
    package(ECOSYSTEM, name).zip(requirement(ECOSYSTEM, wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_form_has_its_reason() {
        let name = || "left-pad".to_owned();
        for (messages, expected) in [
            (
                "npm error code ETARGET\nnpm error notarget No matching version found for left-pad@^9.\n",
                Reason::NoRelease(name(), "^9".to_owned()),
            ),
            (
                "npm error code E404\nnpm error 404 Not Found - GET https://registry.example/left-pad\n\
                npm error 404  'left-pad@^9' is not in this registry.\n",
                Reason::NoPackage(name()),
            ),
            (
                "npm error code E404\nnpm error 404  The requested resource 'left-pad@*' could not be found\n",
                Reason::NoPackage(name()),
            ),
            ("npm error code EUSAGE\nnpm error\nnpm error `npm ci` can only install packages when …", Reason::Stale),
            (
                "npm error code EOVERRIDE\nnpm error Override for left-pad@^1 conflicts with direct dependency\n",
                Reason::Conflict(Some(name())),
            ),
            ("npm error code EALLOWGIT\nnpm error x", Reason::NotAllowed(SpecificationKind::Git)),
            ("npm error code EJSONPARSE\nnpm error JSON.parse …", Reason::Manifest),
            ("npm error code ENOTFOUND\nnpm error network request to …", Reason::Unreachable),
            ("npm error request failed, reason: getaddrinfo x", Reason::Unreachable),
        ] {
            assert_eq!(read(messages).reason, Some(expected), "{messages}");
        }
    }

    #[test]
    fn parents_are_read_from_what_npm_says() {
        let said = read(
            "npm error code ERESOLVE\nnpm error ERESOLVE could not resolve\nnpm error Found: react@17.0.0\n\
            npm error Could not resolve dependency:\nnpm error peer react@\"^16\" from enzyme@3.0.0\n\
            npm error   enzyme@\"3\" from the root project\n",
        );
        let lines: Vec<String> =
            said.chain.iter().map(|link| format!("{} {}", link.parent, link.requirement)).collect();
        assert_eq!((said.reason, lines), (Some(Reason::Conflict(None)), vec!["enzyme@3.0.0 ^16".to_owned()]));
    }

    #[test]
    fn what_has_no_known_form_is_not_told() {
        for messages in [
            "npm error code EWHATEVER\nnpm error root:x:0:0:SECRET\n",
            "npm error code ETARGET\nnpm error notarget No matching version found for <img src=x>@::error::y.\n",
            "peer x@\"$(id)\" from @octocat@fixes#1",
        ] {
            assert_eq!(read(messages), Said::default(), "{messages}");
        }
    }
}
