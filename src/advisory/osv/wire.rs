//! OSV records as they are written: tolerant, and bounded while they are read.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Entries per record: an erratum of Red Hat's kernel names some thousand packages of some dozen products.
const AFFECTED_LIMIT: usize = 50_000;
/// Ranges per entry; one database writes one range per branch of a kernel, which are hundreds.
const RANGES_LIMIT: usize = 1_000;
/// Events per range: osv.dev's longest have a few hundred.
const EVENTS_LIMIT: usize = 5_000;
/// Explicit versions per entry; the npm package with the most releases has some ten thousand.
const VERSIONS_LIMIT: usize = 50_000;
/// Names, references and ratings per record.
const NAMES_LIMIT: usize = 1_000;

/// One record. A field that is new, or null, or of a shape that one database alone uses, costs that field and not the
/// record.
#[derive(Deserialize)]
pub(super) struct Wire {
    pub(super) id: String,
    pub(super) modified: Option<String>,
    pub(super) withdrawn: Option<String>,
    #[serde(default)]
    pub(super) aliases: Capped<String, NAMES_LIMIT>,
    #[serde(default)]
    pub(super) upstream: Capped<String, NAMES_LIMIT>,
    #[serde(default)]
    pub(super) related: Capped<String, NAMES_LIMIT>,
    pub(super) summary: Option<String>,
    pub(super) details: Option<String>,
    #[serde(default)]
    pub(super) severity: Capped<WireSeverity, NAMES_LIMIT>,
    pub(super) affected: Option<Capped<WireAffected, AFFECTED_LIMIT>>,
    #[serde(default)]
    pub(super) references: Capped<WireReference, NAMES_LIMIT>,
    #[serde(default)]
    pub(super) database_specific: Specific,
}

#[derive(Deserialize)]
pub(super) struct WireSeverity {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    #[serde(default)]
    pub(super) score: Word,
}

#[derive(Deserialize)]
pub(super) struct WireAffected {
    pub(super) package: Option<WirePackage>,
    #[serde(default)]
    pub(super) ranges: Capped<WireRange, RANGES_LIMIT>,
    #[serde(default)]
    pub(super) versions: Capped<String, VERSIONS_LIMIT>,
    #[serde(default)]
    pub(super) severity: Capped<WireSeverity, NAMES_LIMIT>,
    #[serde(default)]
    pub(super) database_specific: Specific,
    #[serde(default)]
    pub(super) ecosystem_specific: Specific,
}

#[derive(Deserialize)]
pub(super) struct WirePackage {
    pub(super) ecosystem: Option<String>,
    pub(super) name: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct WireRange {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) repo: Option<String>,
    #[serde(default)]
    pub(super) events: Capped<WireEvent, EVENTS_LIMIT>,
}

#[derive(Deserialize)]
pub(super) struct WireEvent {
    pub(super) introduced: Option<String>,
    pub(super) fixed: Option<String>,
    pub(super) last_affected: Option<String>,
    pub(super) limit: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct WireReference {
    pub(super) url: Option<String>,
}

/// The first `N` elements of a list. What follows is read over, so that a record of a million events costs no more memory
/// than its text; `null` is an empty list.
pub(super) struct Capped<T, const N: usize> {
    pub(super) items: Vec<T>,
    /// Whether there were more.
    pub(super) is_cut: bool,
}

impl<T, const N: usize> Default for Capped<T, N> {
    fn default() -> Self {
        Self { items: Vec::new(), is_cut: false }
    }
}

impl<'de, T: Deserialize<'de>, const N: usize> Deserialize<'de> for Capped<T, N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListVisitor(PhantomData))
    }
}

struct ListVisitor<T, const N: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const N: usize> Visitor<'de> for ListVisitor<T, N> {
    type Value = Capped<T, N>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Capped::default())
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(Capped::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while items.len() < N {
            let Some(item) = list.next_element()? else { return Ok(Capped { items, is_cut: false }) };
            items.push(item);
        }
        let mut is_cut = false;
        while list.next_element::<IgnoredAny>()?.is_some() {
            is_cut = true;
        }
        Ok(Capped { items, is_cut })
    }
}

/// A word that a database adds on its own; everything that is neither text nor a truth value is none.
#[derive(Default, Deserialize)]
#[serde(untagged)]
pub(super) enum Word {
    Text(String),
    Flag(bool),
    Other(IgnoredAny),
    #[default]
    None,
}

impl Word {
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Flag(_) | Self::Other(_) | Self::None => None,
        }
    }

    fn is_true(&self) -> bool {
        matches!(self, Self::Flag(true))
    }
}

/// What databases add on their own, in `database_specific` and `ecosystem_specific`.
#[derive(Default)]
pub(super) struct Specific {
    /// GitHub's, Bitnami's and openEuler's severity.
    severity: Word,
    /// Debian's.
    urgency: Word,
    /// Ubuntu's, before the schema had a type for it.
    ubuntu_priority: Word,
    /// The kind of `RustSec`'s records that are no vulnerability.
    informational: Word,
    unmaintained: Word,
    /// The last version that GitHub knows to be affected, where no fix is known: `< 1.2.3` or `<= 1.2.3`.
    last_known_affected_version_range: Word,
    /// Whether the record came from `OpenSSF`'s malicious-packages database.
    pub(super) is_malicious: bool,
}

impl Specific {
    /// The words that rate the flaw.
    pub(super) fn ratings(&self) -> impl Iterator<Item = &str> {
        [&self.severity, &self.urgency, &self.ubuntu_priority].into_iter().filter_map(Word::text)
    }

    /// The kind of a record that is no vulnerability.
    pub(super) fn informational(&self) -> Option<&str> {
        self.informational.text().or_else(|| self.unmaintained.is_true().then_some("unmaintained"))
    }

    /// The last version that is known to be affected, with its operator.
    pub(super) fn last_known_affected(&self) -> Option<&str> {
        self.last_known_affected_version_range.text()
    }
}

impl<'de> Deserialize<'de> for Specific {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SpecificVisitor)
    }
}

/// By hand, because a derived reader would refuse what is no map, and one that tries several shapes would keep a copy of
/// the lists of symbols that Go's records have here.
struct SpecificVisitor;

impl<'de> Visitor<'de> for SpecificVisitor {
    type Value = Specific;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("anything")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Specific, A::Error> {
        let mut specific = Specific::default();
        while let Some(key) = map.next_key::<String>()? {
            let place = match key.as_str() {
                "severity" => &mut specific.severity,
                "urgency" => &mut specific.urgency,
                "ubuntu_priority" => &mut specific.ubuntu_priority,
                "informational" => &mut specific.informational,
                "unmaintained" => &mut specific.unmaintained,
                "last_known_affected_version_range" => &mut specific.last_known_affected_version_range,
                other => {
                    specific.is_malicious |= other == "malicious-packages-origins";
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            *place = map.next_value()?;
        }
        Ok(specific)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Specific, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Specific::default())
    }

    fn visit_unit<E>(self) -> Result<Specific, E> {
        Ok(Specific::default())
    }

    fn visit_none<E>(self) -> Result<Specific, E> {
        Ok(Specific::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Specific, E> {
        Ok(Specific::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Specific, E> {
        Ok(Specific::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Specific, E> {
        Ok(Specific::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Specific, E> {
        Ok(Specific::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<Specific, E> {
        Ok(Specific::default())
    }
}
