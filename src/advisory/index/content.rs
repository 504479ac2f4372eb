//! Contents: what every record of an index says, by which two indexes are compared, wherever their bytes stand.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sha2::{Digest as _, Sha256};

use super::block::{self, Place};
use super::flaws::is_weakness;
use super::layout::Section;
use super::reader::Index;
use super::table::Rows;
use super::wire::Entry;
use super::{IndexError, Text};

/// The content of an index, apart from how its records were brought together: which of them share a flaw depends on all sources
/// that it was made of.
#[derive(Debug, Default)]
pub(in crate::advisory) struct Contents {
    /// The sources that it was made of.
    pub(in crate::advisory) sources: BTreeSet<String>,
    /// A digest of what each record says, by its source and name. Several records of one name count together.
    pub(in crate::advisory) records: BTreeMap<(String, String), Vec<[u8; 32]>>,
    /// All names of flaws that a source without records can say something about.
    pub(in crate::advisory) names: BTreeSet<String>,
    /// The claims of sources that have no records of their own.
    pub(in crate::advisory) ratings: Vec<Rating>,
}

/// The claims about one flaw of sources that have no records of their own.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::advisory) struct Rating {
    /// The names of the flaw, at least one.
    pub(in crate::advisory) names: Vec<String>,
    /// Whether it is exploited in the wild.
    pub(in crate::advisory) exploited: bool,
    /// How likely it is exploited.
    pub(in crate::advisory) likelihood: Option<f64>,
}

/// What records say about packages, by the record's flaw and number.
type Claims = HashMap<(Place, u32), Vec<[u8; 32]>>;

impl Index {
    /// Reads everything. A damaged part is an error.
    pub(in crate::advisory) fn contents(&self) -> Result<Contents, IndexError> {
        let mut flaws = BTreeSet::new();
        let mut claims = Claims::new();
        for place in self.packages.places() {
            self.add_claims(place, &mut flaws, &mut claims)?;
        }
        for place in self.names()?.places() {
            let damage = || self.layout.damage(Section::Names, place.offset);
            let block = block::read(&self.storage, &self.layout, Section::Names, place)?;
            let mut rows = Rows(block.payload());
            while let Some((_, value)) = rows.next_row().map_err(|_| damage())? {
                flaws.insert(postcard::from_bytes::<Place>(value).map_err(|_| damage())?);
            }
        }
        let named = self.metadata().sources.iter().map(|source| source.id.clone());
        let sources = named.chain(self.metadata().source_names.iter().cloned()).collect();
        let mut contents = Contents { sources, ..Contents::default() };
        for place in flaws {
            self.add_flaw(place, &mut claims, &mut contents)?;
        }
        for digests in contents.records.values_mut() {
            digests.sort_unstable();
        }
        Ok(contents)
    }

    fn add_claims(&self, place: Place, flaws: &mut BTreeSet<Place>, claims: &mut Claims) -> Result<(), IndexError> {
        let damage = || self.layout.damage(Section::Packages, place.offset);
        let block = block::read(&self.storage, &self.layout, Section::Packages, place)?;
        let mut rows = Rows(block.payload());
        while let Some((_, value)) = rows.next_row().map_err(|_| damage())? {
            let ((ecosystem, name), entries): ((u32, &str), Vec<Entry<'_>>) =
                postcard::from_bytes(value).map_err(|_| damage())?;
            let ecosystem = usize::try_from(ecosystem).ok().and_then(|number| self.metadata().ecosystems.get(number));
            let ecosystem = ecosystem.ok_or_else(damage)?;
            for entry in entries {
                let said = (ecosystem, name, entry.kind, entry.release, entry.spelling, &entry.claims);
                flaws.insert(entry.flaw);
                claims.entry((entry.flaw, entry.record)).or_default().push(digest(&said));
            }
        }
        Ok(())
    }

    fn add_flaw(&self, place: Place, claims: &mut Claims, contents: &mut Contents) -> Result<(), IndexError> {
        let bytes = self.flaw(place)?;
        let flaw = bytes.decode()?;
        for (record, number) in flaw.records.iter().zip(0..) {
            let (source, name) = bytes.identity(&flaw, record)?;
            let Text { summary, details, references, cvss, .. } = self.text(record.text, true)?;
            let mut said = claims.remove(&(place, number)).unwrap_or_default();
            said.sort_unstable();
            let cvss = cvss.map(|cvss| (cvss.vector, cvss.score));
            let aliases = bytes.aliases(&flaw, record)?;
            let content = (aliases, (record.kind, record.severity), (summary, details, references, cvss), said);
            contents.records.entry((source.to_owned(), name.to_string())).or_default().push(digest(&content));
        }
        let names = || flaw.names.iter().map(|&name| name.to_owned());
        if flaw.records.iter().any(|record| is_weakness(record.kind)) {
            contents.names.extend(names());
        }
        if flaw.exploited || flaw.likelihood.is_some() {
            let (exploited, likelihood) = (flaw.exploited, flaw.likelihood);
            contents.ratings.push(Rating { names: names().collect(), exploited, likelihood });
        }
        Ok(())
    }
}

fn digest(value: &impl serde::Serialize) -> [u8; 32] {
    Sha256::digest(postcard::to_stdvec(value).expect("plain values go into memory")).into()
}
