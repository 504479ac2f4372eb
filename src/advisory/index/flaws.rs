//! Flaws: records that share a name are about one flaw.

use std::collections::{BTreeSet, HashMap};

use crate::model::advisory::{Advisory, AdvisoryId, AdvisoryKind};

/// A flaw with the records about it.
#[derive(Debug)]
pub(super) struct Flaw {
    /// All its names, in order of preference.
    pub(super) names: Vec<AdvisoryId>,
    /// The positions of its records, ascending.
    pub(super) records: Vec<usize>,
    /// Whether something is wrong with releases, rather than something to know about the package.
    pub(super) is_weakness: bool,
}

/// Records of one matter may be about the same flaw: being an attack, being open to one and being unsound are views of
/// one thing.
///
/// What is not a flaw – nobody maintains the package, a notice – is never merged with one: RustSec lists a flaw's names
/// as aliases of such a record as well (`RUSTSEC-2020-0036`).
fn matter(kind: AdvisoryKind) -> u8 {
    match kind {
        AdvisoryKind::Vulnerability | AdvisoryKind::Malicious | AdvisoryKind::Unsound => 0,
        AdvisoryKind::Unmaintained => 1,
        AdvisoryKind::Notice => 2,
    }
}

/// Whether a record of this kind says that something is wrong with releases.
pub(super) fn is_weakness(kind: AdvisoryKind) -> bool {
    matter(kind) == 0
}

/// The flaws, in the order of their first records: records that share a name are linked, and what is linked with what
/// is linked, too.
pub(super) fn flaws(advisories: &[Advisory]) -> Vec<Flaw> {
    let mut parents: Vec<usize> = (0..advisories.len()).collect();
    let mut first_with: HashMap<(u8, &AdvisoryId), usize> = HashMap::new();
    for (position, advisory) in advisories.iter().enumerate() {
        for name in std::iter::once(&advisory.id).chain(&advisory.aliases) {
            let first = *first_with.entry((matter(advisory.kind), name)).or_insert(position);
            let (one, other) = (root(&mut parents, first), root(&mut parents, position));
            // The lower position leads, so that a flaw's number is that of its first record.
            parents[one.max(other)] = one.min(other);
        }
    }
    let mut numbers: HashMap<usize, usize> = HashMap::new();
    let mut flaws: Vec<(BTreeSet<(u8, &AdvisoryId)>, Flaw)> = Vec::new();
    for (position, advisory) in advisories.iter().enumerate() {
        let number = *numbers.entry(root(&mut parents, position)).or_insert_with(|| {
            let is_weakness = is_weakness(advisory.kind);
            flaws.push((BTreeSet::new(), Flaw { names: Vec::new(), records: Vec::new(), is_weakness }));
            flaws.len() - 1
        });
        let (names, flaw) = &mut flaws[number];
        flaw.records.push(position);
        let all = std::iter::once(&advisory.id).chain(&advisory.aliases);
        names.extend(all.map(|name| (name.preference(), name)));
    }
    let named = flaws
        .into_iter()
        .map(|(names, flaw)| Flaw { names: names.into_iter().map(|(_, name)| name.clone()).collect(), ..flaw });
    named.collect()
}

fn root(parents: &mut [usize], mut position: usize) -> usize {
    while parents[position] != position {
        parents[position] = parents[parents[position]];
        position = parents[position];
    }
    position
}
