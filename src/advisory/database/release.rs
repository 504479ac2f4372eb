//! Releases: whether an entry about one release of an operating system is about the release of a package.

use crate::model::code_names::{DEBIAN, UBUNTU, UNKNOWN_RELEASE};
use crate::model::ecosystem::Ecosystem;

/// Releases without a number.
const ROLLING: &[&str] = &["sid", "unstable", "testing", "edge", "rolling", "tumbleweed"];

/// Whether an entry about a release (`None`: all of them) is about a package of a release (`None`: not known). Where that
/// cannot be told, it is: a flaw too many is better than silence.
pub(super) fn admits(ecosystem: Ecosystem, entry: Option<&str>, package: Option<&str>) -> bool {
    let (Some(entry), Some(package)) = (entry, package) else { return true };
    if package == UNKNOWN_RELEASE {
        return false;
    }
    if entry.eq_ignore_ascii_case(package) {
        return true;
    }
    match (number(entry), number(package)) {
        // `rhel_eus:9.2::appstream`, `Linux Enterprise Server 15 SP5`: fixes come for a major release, the rest names
        // the channel.
        (Some(entry), Some(package)) if matches!(ecosystem, Ecosystem::RedHat | Ecosystem::Suse) => {
            entry.split('.').next() == package.split('.').next()
        }
        // `3.19` is `3.19.1`, and `12` is `12.5`.
        (Some(entry), Some(package)) => entry.split('.').zip(package.split('.')).all(|(one, other)| one == other),
        (Some(_), None) => !is_rolling(package),
        (None, Some(_)) => !is_rolling(entry),
        (None, None) => !is_rolling(entry) && !is_rolling(package),
    }
}

fn words(release: &str) -> impl Iterator<Item = &str> {
    release.split([':', ' ', '-', '_', '/']).filter(|word| !word.is_empty())
}

fn is_rolling(release: &str) -> bool {
    words(release).any(|word| ROLLING.iter().any(|rolling| word.eq_ignore_ascii_case(rolling)))
}

/// The number of a release: of Red Hat's products that of the system they run on (`openshift:4.12::el8`), else the first.
fn number(release: &str) -> Option<&str> {
    let digits = |word: &'_ str| word.starts_with(|first: char| first.is_ascii_digit());
    let of_system = words(release).filter_map(|word| word.strip_prefix("el")).find(|word| digits(word));
    let first = || {
        words(release).find_map(|word| {
            let word = word.strip_prefix('v').unwrap_or(word);
            let code_name = || DEBIAN.iter().chain(&UBUNTU).find(|(name, _)| word.eq_ignore_ascii_case(name));
            if digits(word) { Some(word) } else { code_name().map(|(_, number)| *number) }
        })
    };
    of_system.or_else(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_about_a_release_is_about_that_one() {
        for (ecosystem, entry, package, expected) in [
            (Ecosystem::Debian, "12", "12", true),
            (Ecosystem::Debian, "12", "12.5", true),
            (Ecosystem::Debian, "12", "debian-12", true),
            (Ecosystem::Debian, "12", "bookworm", true),
            (Ecosystem::Debian, "12", "11", false),
            (Ecosystem::Debian, "12", "1", false),
            (Ecosystem::Debian, "12", "sid", false),
            (Ecosystem::Debian, "12", "something new", true),
            (Ecosystem::Ubuntu, "22.04:LTS", "22.04", true),
            (Ecosystem::Ubuntu, "Pro:22.04:LTS", "jammy", true),
            (Ecosystem::Ubuntu, "22.04:LTS", "22.10", false),
            (Ecosystem::Alpine, "v3.19", "3.19", true),
            (Ecosystem::Alpine, "v3.19", "v3.19.1", true),
            (Ecosystem::Alpine, "v3.19", "3.1", false),
            (Ecosystem::Alpine, "v3.19", "edge", false),
            (Ecosystem::Alpine, "edge", "edge", true),
            (Ecosystem::RedHat, "enterprise_linux:8::baseos", "8.9", true),
            (Ecosystem::RedHat, "rhel_eus:9.2::appstream", "9", true),
            (Ecosystem::RedHat, "openshift:4.12::el8", "8", true),
            (Ecosystem::RedHat, "openshift:4.12::el8", "4", false),
            (Ecosystem::RedHat, "enterprise_linux:8::baseos", "9", false),
            (Ecosystem::Suse, "Linux Enterprise Server 15 SP5", "15.5", true),
            (Ecosystem::Suse, "Linux Enterprise Server 15 SP5", "12", false),
            (Ecosystem::OpenSuse, "Leap 15.5", "15.5", true),
            (Ecosystem::OpenSuse, "Leap 15.5", "15.6", false),
        ] {
            assert_eq!(admits(ecosystem, Some(entry), Some(package)), expected, "{ecosystem} {entry} {package}");
        }
    }

    #[test]
    fn what_is_not_known_matches() {
        assert!(admits(Ecosystem::Debian, None, Some("12")));
        assert!(admits(Ecosystem::Debian, Some("12"), None));
        assert!(admits(Ecosystem::Debian, None, None));
    }
}
