//! Where the packages of a file come from and which of them have a checksum: what differs from the rest is a doubt.
//!
//! Expected are the hosts of the public registry where they are known, else what most of the file comes from; who is allowed
//! besides is decided where the tool's own configuration and the policy are known.

use foldhash::HashMap;

use super::known_hosts::{Standing, standing};
use crate::model::dependency::Dependency;
use crate::model::doubt::Doubt;

/// How a host is written that is asked without encryption.
const OPEN: &str = "http://";

/// Whether entries of a format have checksums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::extractor) enum Checksums {
    /// Its tool writes one for each package; a file without any is as odd as one that lacks some.
    Always,
    /// Old versions of the tool wrote none: only the ones that are left out among others are odd.
    SameForAll,
}

/// The hosts and checksums of one file.
#[derive(Default)]
pub(in crate::extractor) struct Sources {
    /// Each host with its number of packages.
    hosts: Vec<(String, usize)>,
    /// The places of hosts in that list.
    numbers: HashMap<String, usize>,
    /// Which package comes from which host.
    places: Vec<(usize, usize)>,
    /// How many packages name no host, and where their tool looks for them.
    unnamed: usize,
    default: &'static str,
    /// The packages without a checksum, and how many have one.
    unchecked: Vec<usize>,
    checked: usize,
}

impl Sources {
    /// Notes the address of the archive of the package at a position; one that is no web address tells no host.
    pub(in crate::extractor) fn note_address(&mut self, position: usize, address: &str) {
        match host(address) {
            // Without encryption it is another place, whoever owns the name.
            Some(host) if is_open(address) => self.note_host(position, &format!("{OPEN}{host}")),
            Some(host) => self.note_host(position, host),
            None => {}
        }
    }

    /// Notes the host that the package at a position comes from.
    pub(in crate::extractor) fn note_host(&mut self, position: usize, host: &str) {
        // Nearly all packages come from where the one before came from.
        let last = self.places.last().map(|(_, number)| *number);
        let number = match last.filter(|&last| self.hosts.get(last).is_some_and(|(name, _)| name == host)) {
            Some(last) => last,
            None => self.number_of(host.to_ascii_lowercase()),
        };
        if let Some((_, count)) = self.hosts.get_mut(number) {
            *count += 1;
        }
        self.places.push((position, number));
    }

    /// Notes a package that names no host: its tool looks for it at `place`.
    pub(in crate::extractor) fn note_default(&mut self, place: &'static str) {
        self.unnamed += 1;
        self.default = place;
    }

    fn number_of(&mut self, host: String) -> usize {
        let next = self.hosts.len();
        let number = *self.numbers.entry(host.clone()).or_insert(next);
        if number == next {
            self.hosts.push((host, 0));
        }
        number
    }

    /// Notes whether the package at a position has a checksum.
    pub(in crate::extractor) fn note_checksum(&mut self, position: usize, has_one: bool) {
        if has_one {
            self.checked += 1;
        } else {
            self.unchecked.push(position);
        }
    }

    /// Writes the doubts: whatever does not come from where most of the file comes from, and what nothing verifies.
    pub(in crate::extractor) fn judge(self, dependencies: &mut [Dependency], checksums: Checksums) {
        let ecosystem = dependencies.first().map(|dependency| dependency.ecosystem);
        let standing_of = |host: &str| ecosystem.map_or(Standing::Unknown, |ecosystem| standing(ecosystem, host));
        let known: Vec<(&str, usize, Standing)> =
            self.hosts.iter().map(|(host, count)| (host.as_str(), *count, standing_of(host))).collect();
        // A foreign host is never the usual one, however many packages come from it.
        let candidates = || known.iter().filter(|(_, _, standing)| *standing != Standing::Foreign);
        let most = candidates().map(|(_, count, _)| *count).max().unwrap_or_default();
        let (usual, limit) = match candidates().find(|(_, count, _)| *count == most) {
            Some((name, ..)) if self.unnamed < most => (*name, most),
            _ => (self.default, usize::MAX),
        };
        let doubt = |(host, count, standing): &(&str, usize, Standing)| {
            let usual = match standing {
                Standing::Foreign => "",
                Standing::Unknown if *count < limit => usual,
                Standing::Public | Standing::Unknown => return None,
            };
            Some(Doubt::Host { host: (*host).to_owned(), usual: usual.to_owned() })
        };
        let doubts: Vec<Option<Doubt>> = known.iter().map(doubt).collect();
        if doubts.iter().any(Option::is_some) {
            for (position, number) in &self.places {
                let Some(Some(doubt)) = doubts.get(*number) else { continue };
                dependencies.get_mut(*position).into_iter().for_each(|it| it.doubts.push(doubt.clone()));
            }
        }
        if checksums == Checksums::Always || self.checked > 0 {
            for position in self.unchecked {
                dependencies.get_mut(position).into_iter().for_each(|it| it.doubts.push(Doubt::NoChecksum));
            }
        }
    }
}

/// The host of a web address, with its port where one is written. Schemes may have capital letters.
pub(in crate::extractor) fn host(address: &str) -> Option<&str> {
    let (scheme, rest) = address.split_once("://")?;
    let is_web = scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http");
    let authority = rest.split(['/', '?', '#', '\\']).next().filter(|_| is_web)?;
    authority.rsplit('@').next().filter(|host| !host.is_empty())
}

/// Whether whatever stands between may answer in the place of the host.
fn is_open(address: &str) -> bool {
    address.split_once("://").is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("http"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ecosystem::Ecosystem;

    fn doubts(addresses: &[&str], checksums: (&[bool], Checksums)) -> Vec<Vec<Doubt>> {
        let mut sources = Sources::default();
        addresses.iter().enumerate().for_each(|(position, address)| sources.note_address(position, address));
        checksums.0.iter().enumerate().for_each(|(position, has_one)| sources.note_checksum(position, *has_one));
        let count = addresses.len().max(checksums.0.len());
        let mut dependencies = vec![Dependency::new(Ecosystem::Npm, "a", "1.0.0", 1); count];
        sources.judge(&mut dependencies, checksums.1);
        dependencies.into_iter().map(|dependency| dependency.doubts).collect()
    }

    #[test]
    fn what_comes_from_elsewhere_than_most_is_in_doubt() {
        let none: (&[bool], Checksums) = (&[], Checksums::Always);
        let (own, other) = ("https://registry.example/a.tgz", "https://other.example:8443/a.tgz");
        let odd = Doubt::Host { host: "other.example:8443".to_owned(), usual: "registry.example".to_owned() };
        assert_eq!(doubts(&[own, other, "https://user@Registry.example/b"], none), [vec![], vec![odd], vec![]]);
        assert_eq!(doubts(&[own, own], none), [vec![], vec![]]);
        assert_eq!(doubts(&[own, other], none), [vec![], vec![]], "neither of them is the usual one");
        let foreign = || vec![Doubt::Host { host: "evil.dev".to_owned(), usual: String::new() }];
        let evil = "https://evil.dev/a.tgz";
        assert_eq!(
            doubts(&[evil, evil, own], none),
            [foreign(), foreign(), vec![]],
            "most of a file vouches for nothing"
        );
        let mut sources = Sources::default();
        (0..2).for_each(|_| sources.note_default("the registry in use"));
        sources.note_address(0, other);
        let mut dependencies = vec![Dependency::new(Ecosystem::Npm, "a", "1.0.0", 1)];
        sources.judge(&mut dependencies, Checksums::SameForAll);
        let usual = "the registry in use".to_owned();
        assert_eq!(dependencies[0].doubts, [Doubt::Host { host: "other.example:8443".to_owned(), usual }]);
        assert_eq!(doubts(&["file:a.tgz", "git+ssh://git@git.example/a"], none), [vec![], vec![]]);
    }

    #[test]
    fn a_checksum_that_others_have_is_missed() {
        let missed = || vec![Doubt::NoChecksum];
        assert_eq!(doubts(&[], (&[true, false], Checksums::SameForAll)), [vec![], missed()]);
        assert_eq!(doubts(&[], (&[false, false], Checksums::SameForAll)), [vec![], vec![]]);
        assert_eq!(doubts(&[], (&[false], Checksums::Always)), [missed()]);
    }
}
