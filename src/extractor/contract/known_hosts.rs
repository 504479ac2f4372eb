//! Known hosts: those of the public registries, told by digests.
//!
//! A lockfile cannot vouch for itself: whoever writes it could make any host the one that most of it comes from. The hosts are
//! here as digests, because nothing here may be contacted: they are recognised, and no more.

use sha2::{Digest as _, Sha256};

use crate::model::ecosystem::Ecosystem;

/// SHA-256 of the host names that the owners' clients use unless told otherwise: npm and Yarn 1; pip's files and index;
/// RubyGems and its index.
const KNOWN: [(Ecosystem, &[&str]); 3] = [
    (
        Ecosystem::Npm,
        &[
            "0dc11026ac75c015aaa1deafff4a7a54ef6d0cf6b3c7f9b1d2c8f3502929aa9e",
            "70bb4000cd2fab03af01fed086c6bf3c2c970f8b8b8001c311028ec3b80e775a",
        ],
    ),
    (
        Ecosystem::PyPi,
        &[
            "c899567ee906851741bf7f3bde17a33777859ff9f53ff54d6f0ea54cf31ad636",
            "a4aa2ac280bb8d1a0ce7a1be5a7bfb10292b49fe9435ad5cff19f421f3c70e41",
        ],
    ),
    (
        Ecosystem::RubyGems,
        &[
            "71741fe2460a615058687c4585f665af5e825968e51a512ffb14c6f2684a397d",
            "be549aaf28b65cd0108952d562e1786d5fed5bf2c86068a09bc04a1c8f6680b2",
        ],
    ),
];

/// Names that nobody can own stand for whatever a text is about (RFC 2606, RFC 6761).
const RESERVED: [&str; 4] = ["example", "test", "invalid", "localhost"];

/// What is known of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is one of the public registry.
    Public,
    /// It is none, or nothing is known of the ecosystem's registry.
    Unknown,
    /// It is not one of the public registry.
    Foreign,
}

/// What is known of a host (in lower case, with its port where one is written) as a source of this ecosystem.
pub(super) fn standing(ecosystem: Ecosystem, host: &str) -> Standing {
    let Some((_, known)) = KNOWN.iter().find(|(known, _)| *known == ecosystem) else { return Standing::Unknown };
    let name = host.strip_suffix(":443").unwrap_or(host);
    let digest = format!("{:x}", Sha256::digest(name));
    let last = name
        .strip_prefix("http://")
        .unwrap_or(name)
        .split(':')
        .next()
        .unwrap_or_default()
        .rsplit('.')
        .next()
        .unwrap_or_default();
    if known.contains(&digest.as_str()) {
        Standing::Public
    } else if RESERVED.contains(&last) {
        Standing::Unknown
    } else {
        Standing::Foreign
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_others_are_told_from_those_of_nobody() {
        assert_eq!(standing(Ecosystem::Npm, "evil.dev"), Standing::Foreign);
        assert_eq!(standing(Ecosystem::Npm, "evil.dev:8443"), Standing::Foreign);
        assert_eq!(standing(Ecosystem::Npm, "registry.example:8443"), Standing::Unknown);
        assert_eq!(standing(Ecosystem::Npm, "localhost:4873"), Standing::Unknown);
        assert_eq!(standing(Ecosystem::Npm, "http://registry.example"), Standing::Unknown);
        assert_eq!(standing(Ecosystem::Npm, "http://evil.dev"), Standing::Foreign);
        assert_eq!(standing(Ecosystem::Hex, "evil.dev"), Standing::Unknown, "nothing is known of its registry");
    }

    #[test]
    fn digests_are_well_formed_and_stand_once() {
        let mut all: Vec<&str> = KNOWN.iter().flat_map(|(_, known)| known.iter().copied()).collect();
        assert!(all.iter().all(|digest| digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit())));
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 6);
    }
}
